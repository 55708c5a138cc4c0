/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What is the monitor's own, and the record of what others did to it. */
#ifndef KEELWATCH_GUARD_BPF_H
#define KEELWATCH_GUARD_BPF_H

#include "lib/gate.bpf.h"
#include "lib/emit.bpf.h"
#include "lib/path.bpf.h"

#define PROC_SUPER_MAGIC 0x9fa0
#define NAME_MEM 0x006d656d /* "mem" and its NUL, as a little-endian number */

/* NULL: it is none of ours. */
static __always_inline struct guarded *guarded(__u32 kind, __u64 id)
{
	struct guarded_key key = { .id = id, .kind = kind };

	return bpf_map_lookup_elem(&shared_guarded, &key);
}

/* actor: who did it, as a rule the current task. */
static __always_inline struct scratch *guard_begin(struct task_struct *actor, __u16 op, __u16 kind,
						   const struct guarded *ours)
{
	struct scratch *s = ev_begin(EV_GUARD, CLASS_GUARD, sizeof(struct ev_guard), actor);
	struct ev_guard *e;

	if (!s)
		return NULL;
	e = (struct ev_guard *)s->data;
	e->op = op;
	e->kind = kind;
	e->role = ours->role;
	e->target = ours->tgid;
	return s;
}

/* Something was done to a process of ours, by another. */
static __always_inline int guard_access(struct task_struct *actor, __u16 op,
					const struct guarded *ours, int ret)
{
	struct scratch *s;

	if (is_self() || ours->tgid == BPF_CORE_READ(actor, tgid))
		return 0;
	s = guard_begin(actor, op, GUARDED_THREAD, ours);
	if (!s)
		return 0;
	((struct ev_guard *)s->data)->ret = ret;
	ev_end(s);
	return 0;
}

/* For the way that meets opens by their system calls: /proc/PID/mem of ours. */
static __always_inline void guard_opened(struct task_struct *task, struct file *file)
{
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	struct proc_inode *proc = NULL;
	struct guarded *ours;
	__u32 name = 0;
	struct upid *upid;
	struct pid *pid = NULL;

	if (BPF_CORE_READ(inode, i_sb, s_magic) != PROC_SUPER_MAGIC)
		return;
	bpf_probe_read_kernel(&name, sizeof(name), BPF_CORE_READ(file, f_path.dentry, d_name.name));
	if (name != NAME_MEM)
		return;
	proc = (void *)inode - bpf_core_field_offset(proc->vfs_inode);
	pid = BPF_CORE_READ(proc, pid);
	/* In the initial namespace, which is the first. */
	upid = (void *)pid + bpf_core_field_offset(pid->numbers);
	ours = guarded(GUARDED_THREAD, BPF_CORE_READ(upid, nr));
	if (ours)
		guard_access(task, GUARD_MEMORY, ours, 0);
}

#endif
