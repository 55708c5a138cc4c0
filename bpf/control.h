/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What userspace tells the kernel half: which cgroups to watch, and how. Types only.
 */
#ifndef KEELWATCH_CONTROL_H
#define KEELWATCH_CONTROL_H

#include "event.h"

#define RING_BYTES (4 * 1024 * 1024)
#define MAX_CGROUPS 16384  /* tracked at once; beyond it a new one is counted as lost */
#define MAX_FLOODS 4096	   /* containers heard at once; beyond it one has no share of its own */
#define MAX_ROOTS 4096	   /* container root directories guarded against writes from outside */
#define MAX_SEEN 8192	   /* least recently used "first time" marks */
#define URING_PATH_MAX 199 /* bytes of a request's path kept until it is done, with its NUL */
#define MAX_URING 1024	   /* threads and requests of io_uring known at once, least recently used */

/* The one element of shared_control. */
struct control {
	__u32 v1_subsys; /* CGROUP_V1_NONE, or the subsystem whose v1 hierarchy names containers */
	__u32 hierarchy_id; /* of that hierarchy; 0 is v2 */
	__u32 self_tgid;    /* the monitor: its own doings are not reported */
	__u32 flags;	    /* enum control_flag */
	__u64 ring_id; /* of the ring, by chance: with a record's place in it, a name for the record */
	__u32 speaks; /* bit 0, bit 1: whether programs of that side send records */
	__u32 pad;
};

/*
 * Whoever takes over attaches its programs beside those of the monitor before it, to the same maps. They
 * are of the other side (`side` in lib/maps.bpf.h): first one side speaks, for a moment both do, then
 * the other alone, so that no event falls between them.
 */
#define SIDES 2

#define CGROUP_V1_NONE 0xffffffffu

enum control_flag {
	CONTROL_ALL = 1 << 0,	/* report every write in containers, not only what findings need */
	CONTROL_ROOTS = 1 << 1, /* shared_roots holds something */
	CONTROL_UNLIMITED = 1 << 2, /* containers have no shares: one may say all that it does */
};

/* The one element of shared_told: the losses that a monitor has told, for the one after it. */
struct told_losses {
	struct ev_counts counts[CLASS_MAX];
	__u64 epoch_ns; /* when; 0: nothing yet */
};

/* shared_cgroups: cgroup id -> this. The kernel adds what is created, userspace decides. */
struct cgroup_entry {
	__u64 container; /* cgroup id of the container it belongs to; 0: not decided yet */
	__u32 flags;	 /* enum cgroup_flag */
	__u32 pad;
};

enum cgroup_flag {
	CGROUP_NEW = 1 << 0,   /* seen being created; userspace has not decided */
	CGROUP_FILES = 1 << 1, /* report successful writes too: a read-only container */
	CGROUP_STARTED =
		1 << 2, /* its own program runs: what the runtime did first no longer counts */
};

#define FLOOD_CLASSES 8 /* CLASS_MAX, up to a power of two */

/* shared_floods: cgroup id of a container -> this. See bpf/lib/ration.bpf.h. */
struct flood {
	__u64 due_ns[FLOOD_CLASSES];  /* CLOCK_MONOTONIC: the moment up to which it has spoken */
	__u64 limited[FLOOD_CLASSES]; /* records held back since it was first heard */
};

/* shared_flood_told: cgroup id of a container -> how much of its flood is on the disk. For who comes after us. */
struct told_flood {
	__u64 limited[FLOOD_CLASSES];
	__u64 time_ns; /* CLOCK_BOOTTIME: when it was told */
};

/* shared_roots: a directory that is the root of a container -> cgroup id of the container. */
struct root_key {
	__u64 ino; /* 0: the whole file system (an overlay belongs to one container alone) */
	__u32 dev;
	__u32 pad;
};

/* shared_guarded: what is the monitor's own, in the widest sense -> this. */
struct guarded {
	__u32 tgid; /* of a thread; else 0 */
	__u32 role; /* enum guarded_role */
};

enum guarded_role {
	GUARDED_MONITOR,
	GUARDED_SHIPPER,
	GUARDED_EXPORTER,
	GUARDED_ROLE_MAX,
};

struct guarded_key {
	__u64 id;
	__u32 kind; /* enum guarded_kind */
	__u32 pad;
};

enum guarded_kind {
	GUARDED_THREAD = 1, /* of the monitor or of what it begins: its tid */
	GUARDED_CGROUP,	    /* of the v2 hierarchy */
	GUARDED_MAP,
	GUARDED_PROGRAM,
	GUARDED_LINK,
	GUARDED_KIND_MAX,
};

#define MAX_GUARDED 1024

/* One per CPU and slot: where a record is built (shared_scratch). */
#define SCRATCH_SLOTS 3

/* Key of the "first time" marks (shared_seen). */
struct seen_key {
	__u64 cgroup_id;
	__u64 what; /* a mount's address, or a capability and its answer */
};

/* Index of the programs that the one sys_exit entry calls (shared_syscalls). */
enum syscall_prog {
	SYS_NONE = 0,
	SYS_FILE, /* write-like calls */
	SYS_OPEN,
	SYS_MOUNT,
	SYS_CRED,
	SYS_NS,
	SYS_ACCESS, /* to another process */
	SYS_BPF,
	SYS_PROG_MAX,
};

#endif
