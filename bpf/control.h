/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What userspace tells the kernel half: which cgroups to watch, and how. Types only.
 */
#ifndef KEELWATCH_CONTROL_H
#define KEELWATCH_CONTROL_H

#define RING_BYTES (4 * 1024 * 1024)
#define MAX_CGROUPS 16384	/* tracked at once; beyond it a new one is counted as lost */
#define MAX_ROOTS 4096		/* container root directories guarded against writes from outside */
#define MAX_SEEN 8192		/* least recently used "first time" marks */
#define URING_PATH_MAX 199	/* bytes of a request's path kept until it is done, with its NUL */
#define MAX_URING 1024		/* threads and requests of io_uring known at once, least recently used */

/* The one element of shared_control. */
struct control {
	__u32 v1_subsys;	/* CGROUP_V1_NONE, or the subsystem whose v1 hierarchy names containers */
	__u32 hierarchy_id;	/* of that hierarchy; 0 is v2 */
	__u32 self_tgid;	/* the monitor: its own doings are not reported */
	__u32 flags;		/* enum control_flag */
};

#define CGROUP_V1_NONE 0xffffffffu

enum control_flag {
	CONTROL_ALL = 1 << 0,	/* report every write in containers, not only what findings need */
	CONTROL_ROOTS = 1 << 1,	/* shared_roots holds something */
};

/* shared_cgroups: cgroup id -> this. The kernel adds what is created, userspace decides. */
struct cgroup_entry {
	__u64 container;	/* cgroup id of the container it belongs to; 0: not decided yet */
	__u32 flags;		/* enum cgroup_flag */
	__u32 pad;
};

enum cgroup_flag {
	CGROUP_NEW = 1 << 0,	/* seen being created; userspace has not decided */
	CGROUP_FILES = 1 << 1,	/* report successful writes too: a read-only container */
	CGROUP_STARTED = 1 << 2, /* its own program runs: what the runtime did first no longer counts */
};

/* shared_roots: a directory that is the root of a container -> cgroup id of the container. */
struct root_key {
	__u64 ino;	/* 0: the whole file system (an overlay belongs to one container alone) */
	__u32 dev;
	__u32 pad;
};

/* One per CPU and slot: where a record is built (shared_scratch). */
#define SCRATCH_SLOTS 3

/* Key of the "first time" marks (shared_seen). */
struct seen_key {
	__u64 cgroup_id;
	__u64 what;		/* a mount's address, or a capability and its answer */
};

/* Index of the programs that the one sys_exit entry calls (shared_syscalls). */
enum syscall_prog {
	SYS_NONE = 0,
	SYS_FILE,		/* write-like calls */
	SYS_OPEN,
	SYS_MOUNT,
	SYS_CRED,
	SYS_NS,
	SYS_PROG_MAX,
};

#endif
