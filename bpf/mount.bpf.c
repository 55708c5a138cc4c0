// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Mounts made, changed, moved and removed, by the old and the new interface; new roots. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "lib/gate.bpf.h"
#include "lib/path.bpf.h"
#include "lib/syscall.bpf.h"

char LICENSE[] SEC("license") __weak = "Dual BSD/GPL";

#define AT_FDCWD -100
/* include/uapi/linux/mount.h */
#define MS_REMOUNT 0x20
#define MS_BIND 0x1000
#define MS_MOVE 0x2000
#define MS_PROPAGATION (1 << 17 | 1 << 18 | 1 << 19 | 1 << 20)

struct mount_attr_user {	/* struct mount_attr */
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
				      struct task_struct *task, struct pt_regs *regs, int compat)
{
	e->flags = sys_arg(regs, compat, 4);
	e->op = mount_op(e->flags);
	ev_text(s, &e->source, (void *)sys_arg(regs, compat, 1), 1);
	ev_text(s, &e->target, (void *)sys_arg(regs, compat, 2), 1);
	ev_text(s, &e->fstype, (void *)sys_arg(regs, compat, 3), 1);
	dir_of(s, &e->target_dir, task, AT_FDCWD);
}

static __always_inline void mount_new(struct scratch *s, struct ev_mount *e,
				      struct task_struct *task, struct pt_regs *regs, int compat)
{
	struct mount_attr_user attr = {};

	switch (e->op) {
	case MOUNT_MOVE:
		e->flags = sys_arg(regs, compat, 5);
		dir_of(s, &e->source_dir, task, sys_arg(regs, compat, 1));
		ev_text(s, &e->source, (void *)sys_arg(regs, compat, 2), 1);
		dir_of(s, &e->target_dir, task, sys_arg(regs, compat, 3));
		ev_text(s, &e->target, (void *)sys_arg(regs, compat, 4), 1);
		break;
	case MOUNT_FSOPEN:
		e->flags = sys_arg(regs, compat, 2);
		ev_text(s, &e->fstype, (void *)sys_arg(regs, compat, 1), 1);
		break;
	case MOUNT_FSMOUNT:
		e->flags = sys_arg(regs, compat, 2);
		e->attr_set = sys_arg(regs, compat, 3);
		break;
	case MOUNT_SETATTR:
		e->flags = sys_arg(regs, compat, 3);
		bpf_probe_read_user(&attr, sizeof(attr), (void *)sys_arg(regs, compat, 4));
		e->attr_set = attr.attr_set;
		e->attr_clr = attr.attr_clr;
		e->propagation = attr.propagation;
		/* fallthrough: the object is named as open_tree's is */
	default: /* open_tree, fspick */
		if (e->op != MOUNT_SETATTR)
			e->flags = sys_arg(regs, compat, 3);
		dir_of(s, &e->target_dir, task, sys_arg(regs, compat, 1));
		ev_text(s, &e->target, (void *)sys_arg(regs, compat, 2), 1);
	}
}

SEC("?tp_btf/sys_exit")
int BPF_PROG(sys__mount, struct pt_regs *regs, long ret)
{
	struct task_struct *task = task_current();
	struct sys_call call = sys_call_of(regs, task);
	struct ev_mount *e;
	struct scratch *s;

	if (!gate(task))
		return 0;
	s = ev_begin(EV_MOUNT, CLASS_MOUNT, sizeof(*e), task);
	if (!s)
		return 0;
	e = (struct ev_mount *)s->data;
	e->head.flags |= EVF_TRACKED | (call.compat ? EVF_COMPAT : 0);
	e->op = call.desc.op;
	e->syscall = call.nr;
	switch (e->op) {
	case MOUNT_MOUNT:
		mount_old(s, e, task, regs, call.compat);
		break;
	case MOUNT_UMOUNT:
		e->flags = sys_arg(regs, call.compat, 2);
		ev_text(s, &e->target, (void *)sys_arg(regs, call.compat, 1), 1);
		dir_of(s, &e->target_dir, task, AT_FDCWD);
		break;
	case MOUNT_PIVOT_ROOT:
		ev_text(s, &e->source, (void *)sys_arg(regs, call.compat, 1), 1);
		ev_text(s, &e->target, (void *)sys_arg(regs, call.compat, 2), 1);
		break;
	case MOUNT_CHROOT: {
		struct fs_struct *fs = BPF_CORE_READ(task, fs);

		/* From the new root the path is "/": only the caller's words say more. */
		ev_text(s, &e->target, (void *)sys_arg(regs, call.compat, 1), 1);
		ev_path(s, &e->target_dir, &fs->pwd);
		break;
	}
	default:
		mount_new(s, e, task, regs, call.compat);
	}
	ev_end(s);
	return 0;
}
