// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Mounts made, changed, moved and removed, by the old and the new interface; new roots. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "lib/gate.bpf.h"
#include "lib/call.bpf.h"
#include "lib/path.bpf.h"

char LICENSE[] SEC("license") __weak = "Dual BSD/GPL";

#define AT_FDCWD -100
/* include/uapi/linux/mount.h */
#define MS_REMOUNT 0x20
#define MS_BIND 0x1000
#define MS_MOVE 0x2000
#define MS_PROPAGATION (1 << 17 | 1 << 18 | 1 << 19 | 1 << 20)

struct mount_attr_user { /* struct mount_attr */
	__u64 attr_set, attr_clr, propagation, userns_fd;
};

static __always_inline __u16 mount_op(__u64 flags)
{
	if (flags & MS_REMOUNT)
		return MOUNT_REMOUNT;
	if (flags & MS_BIND)
		return MOUNT_BIND;
	if (flags & MS_PROPAGATION)
		return MOUNT_PROPAGATION;
	if (flags & MS_MOVE)
		return MOUNT_MOVE;
	return MOUNT_MOUNT;
}

static __always_inline void dir_of(struct scratch *s, struct ev_str *str, struct task_struct *task,
				   int fd)
{
	struct fs_struct *fs = BPF_CORE_READ(task, fs);
	struct file *file;

	if (fd == AT_FDCWD) {
		ev_path(s, str, &fs->pwd);
		return;
	}
	file = fd_file(task, fd);
	if (file)
		ev_path(s, str, &file->f_path);
}

/* The old interface: paths are the caller's, relative to its working directory. */
static __always_inline void mount_old(struct scratch *s, struct ev_mount *e,
				      struct task_struct *task, struct sys_call call)
{
	e->flags = sys_arg(call, 4);
	e->op = mount_op(e->flags);
	ev_text(s, &e->source, (void *)sys_arg(call, 1), 1);
	ev_text(s, &e->target, (void *)sys_arg(call, 2), 1);
	ev_text(s, &e->fstype, (void *)sys_arg(call, 3), 1);
	dir_of(s, &e->target_dir, task, AT_FDCWD);
}

static __always_inline void mount_new(struct scratch *s, struct ev_mount *e,
				      struct task_struct *task, struct sys_call call, __u16 op)
{
	struct mount_attr_user attr = {};

	switch (op) {
	case MOUNT_MOVE:
		e->flags = sys_arg(call, 5);
		dir_of(s, &e->source_dir, task, sys_arg(call, 1));
		ev_text(s, &e->source, (void *)sys_arg(call, 2), 1);
		dir_of(s, &e->target_dir, task, sys_arg(call, 3));
		ev_text(s, &e->target, (void *)sys_arg(call, 4), 1);
		break;
	case MOUNT_FSOPEN:
		e->flags = sys_arg(call, 2);
		ev_text(s, &e->fstype, (void *)sys_arg(call, 1), 1);
		break;
	case MOUNT_FSMOUNT:
		e->flags = sys_arg(call, 2);
		e->attr_set = sys_arg(call, 3);
		break;
	case MOUNT_SETATTR:
		e->flags = sys_arg(call, 3);
		bpf_probe_read_user(&attr, sizeof(attr), (void *)sys_arg(call, 4));
		e->attr_set = attr.attr_set;
		e->attr_clr = attr.attr_clr;
		e->propagation = attr.propagation;
		/* fallthrough: the object is named as open_tree's is */
	default: /* open_tree, fspick */
		if (op != MOUNT_SETATTR)
			e->flags = sys_arg(call, 3);
		dir_of(s, &e->target_dir, task, sys_arg(call, 1));
		ev_text(s, &e->target, (void *)sys_arg(call, 2), 1);
	}
}

static __always_inline struct scratch *mount_begin(struct task_struct *task, struct sys_call call)
{
	struct scratch *s = ev_begin(EV_MOUNT, CLASS_MOUNT, sizeof(struct ev_mount), task);
	struct ev_mount *e;

	if (!s)
		return NULL;
	e = (struct ev_mount *)s->data;
	e->head.flags |= EVF_TRACKED | (call.compat ? EVF_COMPAT : 0);
	e->op = call.desc.op;
	e->syscall = call.nr;
	return s;
}

/*
 * A call that succeeded, told by its registers. Where the operation is known beforehand, the compiler
 * leaves out the others'.
 */
static __always_inline int on_mount_call(struct task_struct *task, struct sys_call call, __u16 op)
{
	struct ev_mount *e;
	struct scratch *s;

	if (!gate(task))
		return 0;
	s = mount_begin(task, call);
	if (!s)
		return 0;
	e = (struct ev_mount *)s->data;
	switch (op) {
	case MOUNT_MOUNT:
		mount_old(s, e, task, call);
		break;
	case MOUNT_UMOUNT:
		e->flags = sys_arg(call, 2);
		ev_text(s, &e->target, (void *)sys_arg(call, 1), 1);
		dir_of(s, &e->target_dir, task, AT_FDCWD);
		break;
	case MOUNT_PIVOT_ROOT:
		ev_text(s, &e->source, (void *)sys_arg(call, 1), 1);
		ev_text(s, &e->target, (void *)sys_arg(call, 2), 1);
		break;
	case MOUNT_CHROOT: {
		struct fs_struct *fs = BPF_CORE_READ(task, fs);

		/* From the new root the path is "/": only the caller's words say more. */
		ev_text(s, &e->target, (void *)sys_arg(call, 1), 1);
		ev_path(s, &e->target_dir, &fs->pwd);
		break;
	}
	default:
		mount_new(s, e, task, call, op);
	}
	ev_end(s);
	return 0;
}

SEC("?tp_btf/sys_exit")
int BPF_PROG(sys__mount, struct pt_regs *regs, long ret)
{
	struct task_struct *task = task_current();
	struct sys_call call = sys_call_of(regs, 0, task);

	return on_mount_call(task, call, call.desc.op);
}

/* --- the fexit way --- */

/* Whoever calls it, in whatever convention: source and type are the kernel's copies. */
SEC("?fexit/path_mount")
int BPF_PROG(fexit__mount, const char *source, struct path *path, const char *fstype,
	     unsigned long flags, void *data, int ret)
{
	struct task_struct *task = task_current();
	struct ev_mount *e;
	struct scratch *s;

	if (ret || !gate(task))
		return 0;
	s = mount_begin(task, call_now(task));
	if (!s)
		return 0;
	e = (struct ev_mount *)s->data;
	e->flags = flags;
	e->op = mount_op(flags);
	ev_text(s, &e->source, source, 0);
	ev_text(s, &e->fstype, fstype, 0);
	ev_path(s, &e->target_dir, path);
	ev_end(s);
	return 0;
}

/* The operation of the call that current is in: a function may have other callers. */
static __always_inline int on_mount_of(__u16 op)
{
	struct task_struct *task = task_current();
	struct sys_call call;

	if (!gate(task))
		return 0;
	call = call_now(task);
	if (call.desc.prog != SYS_MOUNT || call.desc.op != op)
		return 0;
	return on_mount_call(task, call, op);
}

SEC("?fexit/path_umount")
int BPF_PROG(fexit__umount, struct path *path, int flags, int ret)
{
	return ret ? 0 : on_mount_of(MOUNT_UMOUNT);
}

SEC("?fexit/chroot_fs_refs")
int BPF_PROG(fexit__pivot_root, const struct path *old_root, const struct path *new_root)
{
	return on_mount_of(MOUNT_PIVOT_ROOT);
}

SEC("?fexit/set_fs_root")
int BPF_PROG(fexit__chroot, struct fs_struct *fs, const struct path *path)
{
	return on_mount_of(MOUNT_CHROOT);
}

/*
 * The new interface has no function of its own that all kernels have and that is called when the mount
 * is there: the calls themselves.
 */
#define NEW_CALL(program, function, op)                                                   \
	SEC("?fexit/" function)                                                           \
	int BPF_PROG(fexit__##program, struct pt_regs *regs, long ret)                    \
	{                                                                                 \
		struct task_struct *task = task_current();                                \
                                                                                          \
		return ret < 0 ? 0 : on_mount_call(task, sys_call_of(regs, 0, task), op); \
	}

NEW_CALL(move_mount, SYSCALL_FN(move_mount), MOUNT_MOVE)
NEW_CALL(mount_setattr, SYSCALL_FN(mount_setattr), MOUNT_SETATTR)
NEW_CALL(open_tree, SYSCALL_FN(open_tree), MOUNT_OPEN_TREE)
NEW_CALL(open_tree_attr, SYSCALL_FN(open_tree_attr), MOUNT_OPEN_TREE)
NEW_CALL(fsopen, SYSCALL_FN(fsopen), MOUNT_FSOPEN)
NEW_CALL(fsmount, SYSCALL_FN(fsmount), MOUNT_FSMOUNT)
NEW_CALL(fspick, SYSCALL_FN(fspick), MOUNT_FSPICK)

#ifdef SYSCALL_COMPAT_FN
NEW_CALL(compat_move_mount, SYSCALL_COMPAT_FN(move_mount), MOUNT_MOVE)
NEW_CALL(compat_mount_setattr, SYSCALL_COMPAT_FN(mount_setattr), MOUNT_SETATTR)
NEW_CALL(compat_open_tree, SYSCALL_COMPAT_FN(open_tree), MOUNT_OPEN_TREE)
NEW_CALL(compat_open_tree_attr, SYSCALL_COMPAT_FN(open_tree_attr), MOUNT_OPEN_TREE)
NEW_CALL(compat_fsopen, SYSCALL_COMPAT_FN(fsopen), MOUNT_FSOPEN)
NEW_CALL(compat_fsmount, SYSCALL_COMPAT_FN(fsmount), MOUNT_FSMOUNT)
NEW_CALL(compat_fspick, SYSCALL_COMPAT_FN(fspick), MOUNT_FSPICK)
#endif
