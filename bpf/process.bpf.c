// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Processes: fork, exec, exit. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "lib/gate.bpf.h"
#include "lib/path.bpf.h"

char LICENSE[] SEC("license") __weak = "Dual BSD/GPL";

static __always_inline void exec_file(struct ev_exec *e, struct file *file)
{
	struct inode *inode = BPF_CORE_READ(file, f_inode);

	e->exe_ino = BPF_CORE_READ(inode, i_ino);
	e->exe_dev = BPF_CORE_READ(inode, i_sb, s_dev);
	e->exe_mode = BPF_CORE_READ(inode, i_mode);
	e->exe_uid = BPF_CORE_READ(inode, i_uid.val);
	e->exe_gid = BPF_CORE_READ(inode, i_gid.val);
	e->exe_nosuid = !!(BPF_CORE_READ(file, f_path.mnt, mnt_flags) & MNT_NOSUID);
}

/*
 * A program that runs in another mount namespace than its parent does is a container's first: what
 * the runtime wrote while it prepared no longer counts as the first time. Here and not in userspace,
 * which learns of it after the program's first writes.
 */
static __always_inline void note_started(struct task_struct *task)
{
	struct cgroup_entry *entry = gate(task);

	if (entry && BPF_CORE_READ(task, nsproxy, mnt_ns) !=
			     BPF_CORE_READ(task, real_parent, nsproxy, mnt_ns))
		entry->flags |= CGROUP_STARTED;
}

static __always_inline int on_exec(struct task_struct *task, struct linux_binprm *bprm)
{
	struct scratch *s = ev_begin(EV_EXEC, CLASS_PROCESS, sizeof(struct ev_exec), task);
	struct fs_struct *fs = BPF_CORE_READ(task, fs);
	const struct cred *cred = BPF_CORE_READ(task, real_cred);
	struct mm_struct *mm = BPF_CORE_READ(task, mm);
	struct file *file = BPF_CORE_READ(mm, exe_file);
	__u64 args = BPF_CORE_READ(mm, arg_start);
	struct ev_exec *e;

	note_started(task);
	if (!s)
		return 0;
	e = (struct ev_exec *)s->data;
	nsset_fill(&e->ns, task);
	ancestors_fill(e->ancestors, task);
	exec_file(e, file);
	e->root_ino = BPF_CORE_READ(fs, root.dentry, d_inode, i_ino);
	e->root_dev = BPF_CORE_READ(fs, root.mnt, mnt_sb, s_dev);
	e->seccomp = BPF_CORE_READ(task, seccomp.mode);
	e->no_new_privs = BPF_CORE_READ(task, atomic_flags) >> PFA_NO_NEW_PRIVS & 1;
	e->secureexec = BPF_CORE_READ_BITFIELD_PROBED(bprm, secureexec);
	e->loginuid = BPF_CORE_READ(task, loginuid.val);
	e->inheritable = cap_bits(cred, cap_inheritable);
	e->ambient = cap_bits(cred, cap_ambient);
	e->args_len = BPF_CORE_READ(mm, arg_end) - args;
	ev_path(s, &e->exe, &file->f_path);
	ev_args(s, &e->args, (void *)args, e->args_len);
	ev_path(s, &e->cwd, &fs->pwd);
	ev_end(s);
	return 0;
}

static __always_inline int on_fork(struct task_struct *parent, struct task_struct *child)
{
	struct scratch *s;
	struct ev_fork *e;

	if (BPF_CORE_READ(child, pid) != BPF_CORE_READ(child, tgid) || !gate(child))
		return 0;
	s = ev_begin(EV_FORK, CLASS_PROCESS, sizeof(*e), parent);
	if (!s)
		return 0;
	e = (struct ev_fork *)s->data;
	task_name(&e->child, child);
	e->child_cgroup_id = task_cgroup_id(child);
	nsset_fill(&e->child_ns, child);
	cred_fill(&e->child_cred, BPF_CORE_READ(child, real_cred));
	ev_end(s);
	return 0;
}

static __always_inline int on_exit(struct task_struct *task)
{
	struct scratch *s;
	int code;

	if (BPF_CORE_READ(task, signal, live.counter))
		return 0; /* other threads go on */
	s = ev_begin(EV_EXIT, CLASS_PROCESS, sizeof(struct ev_exit), task);
	if (!s)
		return 0;
	code = BPF_CORE_READ(task, signal, group_exit_code);
	if (!code)
		code = BPF_CORE_READ(task, exit_code);
	((struct ev_exit *)s->data)->code = code;
	ev_end(s);
	return 0;
}

SEC("?tp_btf/sched_process_exec")
int BPF_PROG(tp__exec, struct task_struct *task, pid_t old_pid, struct linux_binprm *bprm)
{
	return on_exec(task, bprm);
}

SEC("?tp_btf/sched_process_fork")
int BPF_PROG(tp__fork, struct task_struct *parent, struct task_struct *child)
{
	return on_fork(parent, child);
}

SEC("?tp_btf/sched_process_exit")
int BPF_PROG(tp__exit, struct task_struct *task)
{
	return on_exit(task);
}
