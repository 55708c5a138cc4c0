// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Credentials, capabilities and namespaces of the tasks of containers. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "lib/gate.bpf.h"
#include "lib/emit.bpf.h"
#include "lib/call.bpf.h"

char LICENSE[] SEC("license") __weak = "Dual BSD/GPL";

/* include/uapi/linux/prctl.h: the options that change credentials */
#define PR_CAPBSET_DROP 24
#define PR_SET_SECUREBITS 28
#define PR_CAP_AMBIENT 47
#define CAPABLE_SEEN (1ULL << 63) /* keeps these marks apart from mounts' addresses */

static __always_inline int prctl_matters(__u64 option)
{
	return option == PR_CAPBSET_DROP || option == PR_SET_SECUREBITS || option == PR_CAP_AMBIENT;
}

static __always_inline int on_cred(struct task_struct *task, struct sys_call call, __u16 op)
{
	struct ev_cred_change *e;
	struct scratch *s;

	s = ev_begin(EV_CRED, CLASS_CRED, sizeof(*e), task);
	if (!s)
		return 0;
	e = (struct ev_cred_change *)s->data;
	e->head.flags |= EVF_TRACKED | (call.compat ? EVF_COMPAT : 0);
	e->op = op;
	e->syscall = call.nr;
	if (op) {
		e->args[0] = sys_arg(call, 1);
		e->args[1] = sys_arg(call, 2);
		e->args[2] = sys_arg(call, 3);
	}
	ev_end(s);
	return 0;
}

static __always_inline int on_ns(struct task_struct *task, struct sys_call call)
{
	struct file *file;
	struct ev_ns *e;
	struct scratch *s;

	if (!gate(task))
		return 0;
	s = ev_begin(EV_NS, CLASS_CRED, sizeof(*e), task);
	if (!s)
		return 0;
	e = (struct ev_ns *)s->data;
	e->head.flags |= EVF_TRACKED | (call.compat ? EVF_COMPAT : 0);
	e->op = call.desc.op;
	e->syscall = call.nr;
	nsset_fill(&e->ns, task);
	if (call.desc.op == NS_SETNS) {
		file = fd_file(task, sys_arg(call, 1));
		if (file)
			e->ino = BPF_CORE_READ(file, f_inode, i_ino);
		e->flags = sys_arg(call, 2);
	} else {
		e->flags = sys_arg(call, 1);
	}
	ev_end(s);
	return 0;
}

static __always_inline int on_capable(struct user_namespace *target, int cap, int ret)
{
	struct task_struct *task = task_current();
	struct cgroup_entry *entry = gate(task);
	struct ev_capable *e;
	struct scratch *s;

	/* Between the new credentials and the program that they come with, they have no explanation. */
	if (!entry || call_is_exec(call_now(task)) ||
	    !gate_first(entry, task, CAPABLE_SEEN | (__u64)(__u32)cap << 1 | !ret))
		return 0;
	s = ev_begin(EV_CAPABLE, CLASS_CRED, sizeof(*e), task);
	if (!s)
		return 0;
	e = (struct ev_capable *)s->data;
	e->head.flags |= EVF_TRACKED;
	e->cap = cap;
	e->ret = ret;
	e->target_user_ns = BPF_CORE_READ(target, ns.inum);
	ev_end(s);
	return 0;
}

/* The tracepoint came in 6.14. */
SEC("?tp_btf/cap_capable")
int BPF_PROG(tp__capable, const struct cred *cred, struct user_namespace *target,
	     const struct user_namespace *capable_ns, int cap, int ret)
{
	return on_capable(target, cap, ret);
}

SEC("?tp_btf/sys_exit")
int BPF_PROG(sys__cred, struct pt_regs *regs, long ret)
{
	struct task_struct *task = task_current();
	struct sys_call call = sys_call_of(regs, 0, task);

	if (call.desc.op == CRED_PRCTL && !prctl_matters(sys_arg(call, 1)))
		return 0;
	return gate(task) ? on_cred(task, call, call.desc.op) : 0;
}

SEC("?tp_btf/sys_exit")
int BPF_PROG(sys__ns, struct pt_regs *regs, long ret)
{
	struct task_struct *task = task_current();

	return on_ns(task, sys_call_of(regs, 0, task));
}

/* --- the fexit way --- */

/*
 * All credentials of a task pass here, by whatever call: by one that has no business to change them
 * too. A new program's and a new namespace's are told by their own records.
 */
SEC("?fexit/commit_creds")
int BPF_PROG(fexit__cred, struct cred *new)
{
	struct task_struct *task = task_current();
	struct sys_call call;

	if (!gate(task))
		return 0;
	call = call_now(task);
	if (call.desc.prog == SYS_IGNORE || call.desc.prog == SYS_NS)
		return 0;
	return on_cred(task, call, call.desc.prog == SYS_CRED ? call.desc.op : 0);
}

SEC("?fexit/ksys_unshare")
int BPF_PROG(fexit__unshare, unsigned long flags, int ret)
{
	struct task_struct *task = task_current();
	struct sys_call call;

	if (ret || !gate(task))
		return 0;
	call = call_now(task);
	return call.desc.prog == SYS_NS ? on_ns(task, call) : 0;
}

/* The last step of setns(2); unshare(2) and the end of a task come here too. */
SEC("?fexit/switch_task_namespaces")
int BPF_PROG(fexit__setns, struct task_struct *p, struct nsproxy *new)
{
	struct task_struct *task = task_current();
	struct sys_call call;

	if (!new || !gate(task))
		return 0;
	call = call_now(task);
	if (call.desc.prog != SYS_NS || call.desc.op != NS_SETNS)
		return 0;
	return on_ns(task, call);
}

SEC("?fexit/cap_capable")
int BPF_PROG(fexit__capable, const struct cred *cred, struct user_namespace *target, int cap,
	     unsigned int opts, int ret)
{
	return on_capable(target, cap, ret);
}
