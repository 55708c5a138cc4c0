/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What a task is: credentials, namespaces, cgroup, root. */
#ifndef KEELWATCH_TASK_BPF_H
#define KEELWATCH_TASK_BPF_H

#include "lib/maps.bpf.h"

#define MNT_NOSUID 0x01
#define MNT_READONLY 0x40  /* include/linux/mount.h */
#define SB_RDONLY 1	   /* include/linux/fs.h */
#define PFA_NO_NEW_PRIVS 0 /* bit of task->atomic_flags */

/* value & mask, where the verifier sees it: the compiler may not fold it into an earlier test. */
#define BOUND(value, mask)                                           \
	({                                                           \
		__u64 bound_ = (value);                              \
		asm volatile("%0 &= %1" : "+r"(bound_) : "i"(mask)); \
		bound_;                                              \
	})

static __always_inline struct control *control_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&shared_control, &zero);
}

/* Whether what these programs see is theirs to tell. */
static __always_inline int may_speak(void)
{
	struct control *control = control_get();

	return control && control->speaks >> (side & 1) & 1;
}

/* While both sides speak, what neither of them tells is one event. */
static __always_inline int counts_for_both(void)
{
	struct control *control = control_get();

	return !side || !control || !(control->speaks & 1);
}

/*
 * kernel_cap_t was two __u32 until 6.3 (f122a08b197d) and is one __u64 since: eight bytes either
 * way.
 */
#define cap_bits(cred, field)                                                               \
	({                                                                                  \
		__u64 bits_ = 0;                                                            \
		bpf_probe_read_kernel(&bits_, sizeof(bits_),                                \
				      (void *)(cred) + bpf_core_field_offset(cred->field)); \
		bits_;                                                                      \
	})

static __always_inline void cred_fill(struct ev_cred *out, const struct cred *cred)
{
	out->uid = BPF_CORE_READ(cred, uid.val);
	out->euid = BPF_CORE_READ(cred, euid.val);
	out->suid = BPF_CORE_READ(cred, suid.val);
	out->gid = BPF_CORE_READ(cred, gid.val);
	out->egid = BPF_CORE_READ(cred, egid.val);
	out->sgid = BPF_CORE_READ(cred, sgid.val);
	out->permitted = cap_bits(cred, cap_permitted);
	out->effective = cap_bits(cred, cap_effective);
	out->bounding = cap_bits(cred, cap_bset);
}

static __always_inline __u32 task_pid_ns(struct task_struct *task)
{
	/* The pid namespace a task is in is that of its pid, not nsproxy's (that is its children's). */
	struct pid *pid = BPF_CORE_READ(task, thread_pid);
	unsigned int level = BPF_CORE_READ(pid, level);
	struct upid *upid = (void *)pid + bpf_core_field_offset(pid->numbers) +
			    BOUND(level, 31) * bpf_core_type_size(struct upid);

	return BPF_CORE_READ(upid, ns, ns.inum);
}

static __always_inline void nsset_fill(struct ev_nsset *out, struct task_struct *task)
{
	struct nsproxy *ns = BPF_CORE_READ(task, nsproxy);

	out->mnt = BPF_CORE_READ(ns, mnt_ns, ns.inum);
	out->net = BPF_CORE_READ(ns, net_ns, ns.inum);
	out->ipc = BPF_CORE_READ(ns, ipc_ns, ns.inum);
	out->uts = BPF_CORE_READ(ns, uts_ns, ns.inum);
	out->cgroup = BPF_CORE_READ(ns, cgroup_ns, ns.inum);
	out->pid_for_children = BPF_CORE_READ(ns, pid_ns_for_children, ns.inum);
	out->pid = task_pid_ns(task);
	out->user = BPF_CORE_READ(task, real_cred, user_ns, ns.inum);
}

static __always_inline __u64 task_cgroup_id(struct task_struct *task)
{
	struct control *control = control_get();
	struct css_set *set = BPF_CORE_READ(task, cgroups);

	if (control && control->v1_subsys != CGROUP_V1_NONE) {
		struct cgroup_subsys_state *css = NULL;
		__u64 index = BOUND(control->v1_subsys, 31);

		bpf_probe_read_kernel(&css, sizeof(css),
				      (void *)set + bpf_core_field_offset(set->subsys) +
					      index * sizeof(css));
		return BPF_CORE_READ(css, cgroup, kn, id);
	}
	return BPF_CORE_READ(set, dfl_cgrp, kn, id);
}

static __always_inline void task_name(struct ev_task *out, struct task_struct *task)
{
	out->tgid = BPF_CORE_READ(task, tgid);
	out->start_ns = BPF_CORE_READ(task, group_leader, start_boottime);
}

/* The parent first; up to the host's first process. */
static __always_inline void ancestors_fill(struct ev_task out[EV_ANCESTORS],
					   struct task_struct *task)
{
	for (int i = 0; i < EV_ANCESTORS; i++) {
		task = BPF_CORE_READ(task, real_parent);
		task_name(&out[i], task);
		if (out[i].tgid <= 1)
			break;
	}
}

static __always_inline __u16 task_root_flags(struct task_struct *task)
{
	struct vfsmount *mnt = BPF_CORE_READ(task, fs, root.mnt);
	__u16 flags = 0;

	if (BPF_CORE_READ(mnt, mnt_flags) & MNT_READONLY)
		flags |= EVF_ROOT_MNT_RO;
	if (BPF_CORE_READ(mnt, mnt_sb, s_flags) & SB_RDONLY)
		flags |= EVF_ROOT_SB_RO;
	return flags;
}

/* All but cgroup_id and lost. */
static __always_inline void head_fill(struct ev_head *head, __u16 type, struct task_struct *task)
{
	const struct cred *cred = BPF_CORE_READ(task, real_cred);

	head->type = type;
	head->flags = task_root_flags(task);
	head->time_ns = bpf_ktime_get_boot_ns();
	head->start_ns = BPF_CORE_READ(task, group_leader, start_boottime);
	head->tgid = BPF_CORE_READ(task, tgid);
	head->tid = BPF_CORE_READ(task, pid);
	cred_fill(&head->cred, cred);
	head->mnt_ns = BPF_CORE_READ(task, nsproxy, mnt_ns, ns.inum);
	head->pid_ns = task_pid_ns(task);
	head->user_ns = BPF_CORE_READ(cred, user_ns, ns.inum);
	head->threads = BPF_CORE_READ(task, signal, nr_threads);
	bpf_probe_read_kernel_str(head->comm, sizeof(head->comm), &task->comm);
}

#endif
