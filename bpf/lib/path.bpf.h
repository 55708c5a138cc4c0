/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Paths from the kernel's objects: components from the leaf up to the task's root, across mounts. */
#ifndef KEELWATCH_PATH_BPF_H
#define KEELWATCH_PATH_BPF_H

#include "lib/emit.bpf.h"

#define PATH_DEPTH 32	  /* components and mounts walked; deeper paths carry EV_STR_CUT */
#define STR_OFF_MASK 1023 /* the fixed part of every record is shorter */
#define NAME_MAX 256	  /* of one component, with its NUL */

struct path_at {
	struct dentry *dentry;
	struct vfsmount *mnt;
};

static __always_inline struct mount *mount_of(struct vfsmount *mnt)
{
	return (void *)mnt - bpf_core_field_offset(struct mount, mnt);
}

/* A pointer that the verifier knows as one, as the number that a global function takes. */
static __always_inline __u64 address_of(const void *pointer)
{
	__u64 known = (__u64)pointer, address = 0;

	bpf_probe_read_kernel(&address, sizeof(address), &known);
	return address;
}

static __always_inline struct path_at path_read(const struct path *path)
{
	return (struct path_at){
		.dentry = BPF_CORE_READ(path, dentry),
		.mnt = BPF_CORE_READ(path, mnt),
	};
}

/*
 * What a walk knows from one step to the next lives in the slot and in no variable. Read anew it is
 * the same unknown to the verifier in every turn of the loop: the turns' branches meet again instead
 * of multiplying, which makes the difference between two and twenty thousand instructions looked at.
 */
#define KEPT(field) (*(volatile __typeof__(field) *)&(field))

/* Appends one component; false when the record is full. */
static __always_inline int path_name(struct scratch *s, struct dentry *dentry)
{
	__u32 off = KEPT(s->len);
	long n;

	if (off >= EV_RECORD_MAX - NAME_MAX)
		return 0;
	n = bpf_probe_read_kernel_str(&s->data[BOUND(off, EV_RECORD_MAX - 1)], NAME_MAX,
				      BPF_CORE_READ(dentry, d_name.name));
	if (n <= 0)
		return 0;
	KEPT(s->len) = off + n;
	return 1;
}

enum step { STEP_ON, STEP_END, STEP_CUT };

/* One component, or one mount, upwards. */
static __always_inline enum step path_step(struct scratch *s, struct ev_str *str,
					   struct dentry *root, struct mount *root_mnt)
{
	struct dentry *dentry = (void *)KEPT(s->dentry), *parent;
	struct mount *mnt = (void *)KEPT(s->mount);

	if (dentry == root && mnt == root_mnt)
		return STEP_END;
	if (!(KEPT(str->flags) & EV_STR_DETACHED) && dentry == BPF_CORE_READ(mnt, mnt.mnt_root)) {
		struct mount *up = BPF_CORE_READ(mnt, mnt_parent);

		if (up && up != mnt) {
			KEPT(s->dentry) = (__u64)BPF_CORE_READ(mnt, mnt_mountpoint);
			KEPT(s->mount) = (__u64)up;
			return STEP_ON;
		}
		/* Mounted nowhere below the task's root: its place in the file system is left. */
		KEPT(str->flags) |= EV_STR_DETACHED;
	}
	parent = BPF_CORE_READ(dentry, d_parent);
	/* The root of a file system is "/"; a root of another name is a file of no tree: a memfd. */
	if (dentry == parent && BPF_CORE_READ(dentry, d_name.len) == 1)
		return STEP_END;
	if (!path_name(s, dentry))
		return STEP_CUT;
	if (dentry == parent)
		return STEP_END;
	KEPT(s->dentry) = (__u64)parent;
	return STEP_ON;
}

/*
 * A global function, so that the verifier looks at the loop once for each program and not at each
 * place it is called from. Global functions take scalars alone: the slot comes by its key, the string
 * by its place in the record, and pointers, some of which the verifier knows as such, in the slot.
 */
__weak __noinline int ev_path_walk(__u32 slot, __u32 str_off)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct dentry *root = BPF_CORE_READ(task, fs, root.dentry);
	struct mount *root_mnt = mount_of(BPF_CORE_READ(task, fs, root.mnt));
	struct scratch *s = bpf_map_lookup_elem(&shared_scratch, &slot);
	enum step step = STEP_ON;
	struct ev_str *str;
	__u32 start;

	if (!s)
		return 0;
	str = (void *)&s->data[BOUND(str_off, STR_OFF_MASK)];
	start = ev_room(s, str);
	str->kind = EV_STR_PATH;
	if (!start || !s->dentry)
		return 0;
	for (int i = 0; i < PATH_DEPTH && step == STEP_ON; i++)
		step = path_step(s, str, root, root_mnt);
	if (step != STEP_END)
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

static __always_inline void ev_path_at(struct scratch *s, struct ev_str *str, struct dentry *dentry,
				       struct vfsmount *mnt)
{
	s->dentry = (__u64)dentry;
	s->mount = (__u64)mount_of(mnt);
	ev_path_walk(s->key, (void *)str - (void *)s->data);
}

static __always_inline void ev_path(struct scratch *s, struct ev_str *str, const struct path *path)
{
	struct path_at at = path_read(path);

	ev_path_at(s, str, at.dentry, at.mnt);
}

#endif
