// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* What others do to the monitor itself: to its processes, its BPF objects, its control group. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "lib/guard.bpf.h"
#include "lib/call.bpf.h"

char LICENSE[] SEC("license") __weak = "Dual BSD/GPL";

/* include/uapi/asm-generic/signal.h; the numbers are the same on all our architectures */
#define SIGHUP 1
#define SIGINT 2
#define SIGQUIT 3
#define SIGILL 4
#define SIGTRAP 5
#define SIGABRT 6
#define SIGBUS 7
#define SIGFPE 8
#define SIGKILL 9
#define SIGSEGV 11
#define SIGTERM 15
#define SIGCHLD 17
#define SIGSTOP 19
#define SIGTSTP 20
#define SIGTTIN 21
#define SIGTTOU 22
#define SIGSYS 31
#define SIGNAL(name) (1U << (name))
/* Those that end a process or stop it. */
#define SIGNALS_OF_INTEREST                                                                        \
	(SIGNAL(SIGHUP) | SIGNAL(SIGINT) | SIGNAL(SIGQUIT) | SIGNAL(SIGILL) | SIGNAL(SIGTRAP) |    \
	 SIGNAL(SIGABRT) | SIGNAL(SIGBUS) | SIGNAL(SIGFPE) | SIGNAL(SIGKILL) | SIGNAL(SIGSEGV) |   \
	 SIGNAL(SIGTERM) | SIGNAL(SIGSTOP) | SIGNAL(SIGTSTP) | SIGNAL(SIGTTIN) | SIGNAL(SIGTTOU) | \
	 SIGNAL(SIGSYS))

#define TRACE_SIGNAL_IGNORED 1	/* include/trace/events/signal.h */
#define SEND_SIG_PRIV 1		/* include/linux/sched/signal.h: in place of an address */
#define PTRACE_MODE_ATTACH 2	/* include/linux/ptrace.h */
#define PID_FS_MAGIC 0x50494446 /* include/uapi/linux/magic.h */
#define PTRACE_ATTACH 16
#define PTRACE_SEIZE 0x4206

/* --- signals --- */

#define TRACED_SEEN ~0ULL /* no cgroup: these marks are of tracers */

/*
 * A thread of ours stops for its tracer, and tells it. Once for each tracer: it may stop at every call
 * of ours, those that tell of it too.
 */
static __always_inline int on_trap(struct task_struct *tracer, struct kernel_siginfo *info)
{
	struct task_struct *task = task_current();
	struct guarded *ours = guarded(GUARDED_THREAD, BPF_CORE_READ(task, pid));
	struct seen_key key = { .cgroup_id = TRACED_SEEN };
	struct scratch *s;
	__u8 one = 1;

	/* Who does not tell leaves no mark, that the other side may. */
	if (!ours || !may_speak() || (__u64)info == SEND_SIG_PRIV || !BPF_CORE_READ(task, ptrace) ||
	    BPF_CORE_READ(task, parent, tgid) != BPF_CORE_READ(tracer, tgid))
		return 0;
	key.what = BPF_CORE_READ(tracer, group_leader, start_boottime);
	if (bpf_map_lookup_elem(&shared_seen, &key))
		return 0;
	bpf_map_update_elem(&shared_seen, &key, &one, BPF_ANY);
	s = guard_begin(tracer, GUARD_TRACE, GUARDED_THREAD, ours);
	if (s)
		ev_end(s);
	return 0;
}

SEC("?tp_btf/signal_generate")
int BPF_PROG(tp__guard_signal, int sig, struct kernel_siginfo *info, struct task_struct *target,
	     int group, int result)
{
	struct task_struct *task = task_current();
	struct guarded *ours;
	struct scratch *s;
	struct ev_guard *e;
	__u32 tgid;

	if (sig == SIGCHLD)
		return on_trap(target, info);
	if ((__u32)sig > SIGSYS || !(SIGNALS_OF_INTEREST >> (sig & 31) & 1) ||
	    result == TRACE_SIGNAL_IGNORED)
		return 0;
	tgid = BPF_CORE_READ(target, tgid);
	ours = guarded(GUARDED_THREAD, tgid);
	if (!ours || is_self() || tgid == bpf_get_current_pid_tgid() >> 32)
		return 0;
	s = guard_begin(task, GUARD_SIGNAL, GUARDED_THREAD, ours);
	if (!s)
		return 0;
	e = (struct ev_guard *)s->data;
	e->detail = sig;
	if ((__u64)info == SEND_SIG_PRIV)
		e->how |= GUARD_BY_KERNEL;
	else if (BPF_CORE_READ(target, real_parent, tgid) == BPF_CORE_READ(task, tgid))
		e->how |= GUARD_BY_PARENT;
	ev_end(s);
	return 0;
}

SEC("?tp_btf/cgroup_freeze")
int BPF_PROG(tp__guard_freeze, struct cgroup *cgrp, const char *path)
{
	__u64 id = BPF_CORE_READ(cgrp, kn, id);
	struct guarded *ours = guarded(GUARDED_CGROUP, id);
	struct scratch *s;
	struct ev_guard *e;

	if (!ours)
		return 0;
	s = guard_begin(task_current(), GUARD_FREEZE, GUARDED_CGROUP, ours);
	if (!s)
		return 0;
	e = (struct ev_guard *)s->data;
	e->id = id;
	ev_text(s, &e->name, path, 0);
	ev_end(s);
	return 0;
}

/* --- access to a process --- */

/* The task that a tracer attached to last. */
static __always_inline struct task_struct *last_traced(struct task_struct *task)
{
	struct list_head *first = BPF_CORE_READ(task, ptraced.next);

	return (void *)first - bpf_core_field_offset(task->ptrace_entry);
}

/* A number of the caller's is one of the initial pid namespace only where the caller is in it. */
static __always_inline struct guarded *guarded_pid(struct task_struct *task, __u32 pid)
{
	if (BPF_CORE_READ(task, thread_pid, level))
		return NULL;
	return guarded(GUARDED_THREAD, pid);
}

/* Since 6.9 (cb12fd8e0dab) a file system of its own holds it, before the file itself does. */
static __always_inline struct pid *pid_of_file(struct file *file)
{
	if (BPF_CORE_READ(file, f_inode, i_sb, s_magic) == PID_FS_MAGIC)
		return BPF_CORE_READ(file, f_inode, i_private);
	return BPF_CORE_READ(file, private_data);
}

static __always_inline struct guarded *accessed(struct task_struct *task, struct sys_call call)
{
	__u64 first = sys_arg(call, 1);
	struct task_struct *traced;
	struct file *file;
	struct pid *pid;
	struct upid *upid;

	switch (call.desc.op) {
	case GUARD_TRACE:
		if (first != PTRACE_ATTACH && first != PTRACE_SEIZE)
			return NULL;
		traced = last_traced(task);
		return guarded(GUARDED_THREAD, BPF_CORE_READ(traced, pid));
	case GUARD_MEMORY:
		return guarded_pid(task, first);
	case GUARD_DESCRIPTOR:
		file = fd_file(task, first);
		pid = file ? pid_of_file(file) : NULL;
		upid = (void *)pid + bpf_core_field_offset(pid->numbers);
		return pid ? guarded(GUARDED_THREAD, BPF_CORE_READ(upid, nr)) : NULL;
	}
	return NULL;
}

SEC("?tp_btf/sys_exit")
int BPF_PROG(sys__guard_access, struct pt_regs *regs, long ret)
{
	struct task_struct *task = task_current();
	struct sys_call call = sys_call_of(regs, 0, task);
	struct guarded *ours = accessed(task, call);

	return ours ? guard_access(task, call.desc.op, ours, 0) : 0;
}

SEC("?fexit/security_ptrace_access_check")
int BPF_PROG(fexit__guard_access, struct task_struct *child, unsigned int mode, int ret)
{
	struct task_struct *task = task_current();
	struct guarded *ours;
	struct sys_call call;

	if (!(mode & PTRACE_MODE_ATTACH))
		return 0;
	ours = guarded(GUARDED_THREAD, BPF_CORE_READ(child, tgid));
	if (!ours)
		return 0;
	call = call_now(task);
	return guard_access(task, call.desc.prog == SYS_ACCESS ? call.desc.op : GUARD_MEMORY, ours,
			    ret);
}

/* --- bpf(2) --- */

enum { ATTR_FD_FIRST = 0, ATTR_FD_BATCH = 36 }; /* offsets in union bpf_attr */

struct bpf_object_id {
	__u64 id;
	__u32 kind; /* enum guarded_kind; 0: it is none */
	const char *name;
};

/* The files of maps, programs and links are told by their names: "bpf-map", "bpf-prog", "bpf_link". */
static __always_inline struct bpf_object_id object_of(struct file *file)
{
	struct bpf_object_id o = {};
	void *object = BPF_CORE_READ(file, private_data);
	struct bpf_map *map = object;
	struct bpf_prog *prog = object;
	struct bpf_link *link = object;
	char name[8] = {};

	bpf_probe_read_kernel_str(name, sizeof(name),
				  BPF_CORE_READ(file, f_path.dentry, d_name.name));
	if (name[0] != 'b' || name[1] != 'p' || name[2] != 'f')
		return o;
	switch (name[4]) {
	case 'm':
		o.kind = GUARDED_MAP;
		o.id = BPF_CORE_READ(map, id);
		o.name = map->name;
		break;
	case 'p':
		o.kind = GUARDED_PROGRAM;
		o.id = BPF_CORE_READ(prog, aux, id);
		o.name = BPF_CORE_READ(prog, aux)->name;
		break;
	case 'l':
		o.kind = GUARDED_LINK;
		o.id = BPF_CORE_READ(link, id);
		break;
	}
	return o;
}

/* Which descriptor a command is about: the one it gave, or one it was given. */
static __always_inline struct file *bpf_subject(struct task_struct *task, struct sys_call call,
						long ret, __u16 *op)
{
	void *attr = (void *)sys_arg(call, 2);
	__u32 at = ATTR_FD_FIRST, fd = 0;

	*op = GUARD_CHANGE;
	switch ((__u32)sys_arg(call, 1)) {
	case BPF_OBJ_GET:
	case BPF_MAP_GET_FD_BY_ID:
	case BPF_PROG_GET_FD_BY_ID:
	case BPF_LINK_GET_FD_BY_ID:
		*op = GUARD_OPEN;
		return fd_file(task, ret);
	case BPF_MAP_UPDATE_BATCH:
	case BPF_MAP_DELETE_BATCH:
	case BPF_MAP_LOOKUP_AND_DELETE_BATCH:
		at = ATTR_FD_BATCH;
		break;
	case BPF_MAP_UPDATE_ELEM:
	case BPF_MAP_DELETE_ELEM:
	case BPF_MAP_LOOKUP_AND_DELETE_ELEM:
	case BPF_MAP_FREEZE:
	case BPF_LINK_UPDATE:
	case BPF_LINK_DETACH:
		break;
	default:
		return NULL;
	}
	if (bpf_probe_read_user(&fd, sizeof(fd), attr + at))
		return NULL;
	return fd_file(task, fd);
}

static __always_inline int on_bpf(struct task_struct *task, struct sys_call call, long ret)
{
	struct bpf_object_id o;
	struct guarded *ours;
	struct file *file;
	struct scratch *s;
	struct ev_guard *e;
	__u16 op;

	if (ret < 0 || is_self())
		return 0;
	file = bpf_subject(task, call, ret, &op);
	if (!file)
		return 0;
	o = object_of(file);
	ours = o.kind ? guarded(o.kind, o.id) : NULL;
	if (!ours)
		return 0;
	s = guard_begin(task, op, o.kind, ours);
	if (!s)
		return 0;
	e = (struct ev_guard *)s->data;
	e->id = o.id;
	e->detail = sys_arg(call, 1);
	if (o.name)
		ev_text(s, &e->name, o.name, 0);
	ev_end(s);
	return 0;
}

SEC("?tp_btf/sys_exit")
int BPF_PROG(sys__guard_bpf, struct pt_regs *regs, long ret)
{
	struct task_struct *task = task_current();

	return on_bpf(task, sys_call_of(regs, 0, task), ret);
}

/* Not by the call's own argument: where bpf(2) is compiled, 5.10 does not know what registers are. */
static __always_inline int on_bpf_now(long ret)
{
	struct task_struct *task = task_current();
	struct sys_call call = call_now(task);

	return call.desc.prog == SYS_BPF ? on_bpf(task, call, ret) : 0;
}

SEC("?fexit/" SYSCALL_FN(bpf))
int BPF_PROG(fexit__guard_bpf, struct pt_regs *regs, long ret)
{
	return on_bpf_now(ret);
}

#ifdef SYSCALL_COMPAT_FN
SEC("?fexit/" SYSCALL_COMPAT_FN(bpf))
int BPF_PROG(fexit__guard_compat_bpf, struct pt_regs *regs, long ret)
{
	return on_bpf_now(ret);
}
#endif
