/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The maps all domains share: declared in each, one when the domains are linked into one object. */
#ifndef KEELWATCH_MAPS_BPF_H
#define KEELWATCH_MAPS_BPF_H

#include "event.h"
#include "control.h"

#define SHARED_MAP SEC(".maps") __weak

/* Of these programs: see struct control. Set by who loads them. */
const volatile __u32 side SEC(".rodata.side") __weak = 0;

struct scratch {
	__u64 owner;	     /* pid_tgid of who builds a record here; 0: free */
	__u64 args[8];	     /* of the system call, from 0 */
	__u64 dentry, mount; /* where ev_path_walk() starts, and is */
	__u32 len;	     /* bytes used so far */
	__u16 class;
	__u16 key; /* of this slot */
	/* A string is written at an offset below EV_RECORD_MAX and is no longer than EV_STR_MAX. */
	__u8 data[EV_RECORD_MAX + EV_STR_MAX];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, RING_BYTES);
} shared_ring SHARED_MAP;

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SCRATCH_SLOTS);
	__type(key, __u32);
	__type(value, struct scratch);
} shared_scratch SHARED_MAP;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct control);
} shared_control SHARED_MAP;

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, CLASS_MAX);
	__type(key, __u32);
	__type(value, struct ev_counts);
} shared_counts SHARED_MAP;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} shared_asleep SHARED_MAP;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} shared_last_wake SHARED_MAP;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} shared_lost SHARED_MAP;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct told_losses);
} shared_told SHARED_MAP;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_CGROUPS);
	__type(key, __u64);
	__type(value, struct cgroup_entry);
} shared_cgroups SHARED_MAP;

/*
 * Made here at a container's first record, removed by userspace when its cgroup is gone and its last count
 * is on the disk.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_FLOODS);
	__type(key, __u64);
	__type(value, struct flood);
} shared_floods SHARED_MAP;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_FLOODS);
	__type(key, __u64);
	__type(value, struct told_flood);
} shared_flood_told SHARED_MAP;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_ROOTS);
	__type(key, struct root_key);
	__type(value, __u64);
} shared_roots SHARED_MAP;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_ROOTS);
	__type(key, __u32);
	__type(value, __u32);
} shared_root_devs SHARED_MAP;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_GUARDED);
	__type(key, struct guarded_key);
	__type(value, struct guarded);
} shared_guarded SHARED_MAP;

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, MAX_SEEN);
	__type(key, struct seen_key);
	__type(value, __u8);
} shared_seen SHARED_MAP;

/* What a thread's request of io_uring is, from the moment it is issued: pid_tgid -> this. */
struct uring_request {
	__u64 name; /* struct filename of the kernel, or 0 */
	__s32 dfd;  /* with name */
	__u8 opcode;
	__u8 pad[3];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, MAX_URING);
	__type(key, __u64);
	__type(value, struct uring_request);
} shared_uring SHARED_MAP;

/* For the tracepoint way, which meets a request when it is handed in and when it is done. */
struct uring_key {
	__u64 address;	 /* of the request; where its end does not name it (5.10), of the ring */
	__u64 user_data; /* there the caller's own mark, which two requests may share; else 0 */
};

struct uring_pending {
	__s32 dfd;
	__u32 open_flags;
	__u8 opcode;
	char path[URING_PATH_MAX];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, MAX_URING);
	__type(key, struct uring_key);
	__type(value, struct uring_pending);
} shared_uring_pending SHARED_MAP;

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, SYS_PROG_MAX);
	__type(key, __u32);
	__type(value, __u32);
} shared_syscalls SHARED_MAP;

#endif
