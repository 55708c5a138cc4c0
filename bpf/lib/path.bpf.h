/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Paths from the kernel's objects: components from the leaf up to the task's root, across mounts. */
#ifndef KEELWATCH_PATH_BPF_H
#define KEELWATCH_PATH_BPF_H

#include "lib/emit.bpf.h"

#define PATH_DEPTH 32	/* components and mounts walked; deeper paths carry EV_STR_CUT */
#define STR_OFF_MASK 1023	/* the fixed part of every record is shorter */
#define NAME_MAX 256	/* of one component, with its NUL */

struct path_at {
	struct dentry *dentry;
	struct vfsmount *mnt;
};

static __always_inline struct mount *mount_of(struct vfsmount *mnt)
{
	return (void *)mnt - bpf_core_field_offset(struct mount, mnt);
}

static __always_inline struct path_at path_read(const struct path *path)
{
	return (struct path_at){
		.dentry = BPF_CORE_READ(path, dentry),
		.mnt = BPF_CORE_READ(path, mnt),
	};
}

/*
 * Appends one component; false when the record is full. The length lives in the slot and in no
 * variable: read anew it is the same unknown to the verifier in every turn of the loop, so that
 * the turns' branches meet again instead of multiplying.
 */
static __always_inline int path_name(struct scratch *s, struct dentry *dentry)
{
	__u32 off = *(volatile __u32 *)&s->len;
	long n;

	if (off >= EV_RECORD_MAX - NAME_MAX)
		return 0;
	n = bpf_probe_read_kernel_str(&s->data[BOUND(off, EV_RECORD_MAX - 1)], NAME_MAX,
				      BPF_CORE_READ(dentry, d_name.name));
	if (n <= 0)
		return 0;
	*(volatile __u32 *)&s->len = off + n;
	return 1;
}

/*
 * A global function, so that the verifier looks at the loop once for each program and not at each
 * place it is called from. Global functions take scalars alone (until 5.13): pointers come as
 * numbers, the slot by its key, the string by its place in the record.
 */
__weak __noinline int ev_path_walk(__u64 dentry_addr, __u64 vfsmnt_addr, __u32 slot, __u32 str_off)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct dentry *root = BPF_CORE_READ(task, fs, root.dentry);
	struct mount *root_mnt = mount_of(BPF_CORE_READ(task, fs, root.mnt));
	struct scratch *s = bpf_map_lookup_elem(&shared_scratch, &slot);
	struct dentry *dentry = (void *)dentry_addr;
	struct mount *mnt = mount_of((void *)vfsmnt_addr);
	struct ev_str *str;
	__u32 start;
	int loose = 0, i;

	if (!s)
		return 0;
	str = (void *)&s->data[BOUND(str_off, STR_OFF_MASK)];
	start = ev_room(s, str);
	str->kind = EV_STR_PATH;
	if (!start || !dentry)
		return 0;
	for (i = 0; i < PATH_DEPTH; i++) {
		struct dentry *parent;

		if (dentry == root && mnt == root_mnt)
			break;
		parent = BPF_CORE_READ(dentry, d_parent);
		if (!loose && dentry == BPF_CORE_READ(mnt, mnt.mnt_root)) {
			struct mount *up = BPF_CORE_READ(mnt, mnt_parent);

			if (up && up != mnt) {
				dentry = BPF_CORE_READ(mnt, mnt_mountpoint);
				mnt = up;
				continue;
			}
			/* Mounted nowhere below the task's root: its place in the file system is left. */
			loose = 1;
			str->flags |= EV_STR_DETACHED;
		}
		/* The root of a file system is "/"; a root of another name is a file of no tree: a memfd. */
		if (dentry == parent && BPF_CORE_READ(dentry, d_name.len) == 1)
			break;
		if (!path_name(s, dentry)) {
			ev_cut(s, str);
			break;
		}
		if (dentry == parent)
			break;
		dentry = parent;
	}
	if (i == PATH_DEPTH)
		ev_cut(s, str);
	if (s->len == start) {
		/* The root itself: a component of no bytes, so that it is not taken for absent. */
		s->data[BOUND(start, EV_RECORD_MAX - 1)] = 0;
		s->len = start + 1;
	}
	str->off = start;
	str->len = s->len - start;
	return 0;
}

static __always_inline void ev_path_at(struct scratch *s, struct ev_str *str,
				       struct dentry *dentry, struct vfsmount *mnt)
{
	ev_path_walk((__u64)dentry, (__u64)mnt, s->key, (void *)str - (void *)s->data);
}

static __always_inline void ev_path(struct scratch *s, struct ev_str *str, const struct path *path)
{
	struct path_at at = path_read(path);

	ev_path_at(s, str, at.dentry, at.mnt);
}

#endif
