// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Writes: those that a read-only file system refused, those that a read-only container got through
 * elsewhere, and those from outside a container to its root.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "lib/gate.bpf.h"
#include "lib/path.bpf.h"
#include "lib/syscall.bpf.h"

char LICENSE[] SEC("license") __weak = "Dual BSD/GPL";

#define FMODE_WRITE 2
#define O_CREAT 0100
#define AT_FDCWD -100
#define AT_REMOVEDIR 0x200
#define S_IFMT 0170000
#define S_IFREG 0100000
#define S_IFDIR 0040000
#define NSFS_MAGIC 0x6e736673
#define ROOT_DEPTH 32	/* directories above a file that are asked whether they are a container's root */

/* Until userspace has decided, a new cgroup may be a read-only container's. */
static __always_inline int writes_matter(struct cgroup_entry *entry, struct control *control)
{
	return (entry->flags & (CGROUP_FILES | CGROUP_NEW)) ||
	       (control && (control->flags & CONTROL_ALL));
}

static __always_inline void file_object(struct ev_file *e, struct dentry *dentry,
					struct vfsmount *mnt)
{
	struct inode *inode = BPF_CORE_READ(dentry, d_inode);

	e->ino = BPF_CORE_READ(inode, i_ino);
	e->mode = BPF_CORE_READ(inode, i_mode);
	e->dev = BPF_CORE_READ(mnt, mnt_sb, s_dev);
	e->mnt_ro = !!(BPF_CORE_READ(mnt, mnt_flags) & MNT_READONLY);
	e->sb_ro = !!(BPF_CORE_READ(mnt, mnt_sb, s_flags) & SB_RDONLY);
}

/* Where a relative path of the call starts: a descriptor's object, or the working directory. */
static __always_inline struct path_at base_of(struct task_struct *task, int fd)
{
	struct fs_struct *fs = BPF_CORE_READ(task, fs);
	struct file *file;

	if (fd == AT_FDCWD)
		return path_read(&fs->pwd);
	file = fd_file(task, fd);
	if (!file)
		return (struct path_at){};
	return path_read(&file->f_path);
}

static __always_inline void write_op(struct scratch *s, struct ev_file *e, struct sys_call call)
{
	e->op = call.desc.op;
	if (call.desc.op == FILE_UNLINK && WHERE_DIR(call.desc.where) &&
	    (sys_arg_of(s, 3) & AT_REMOVEDIR))
		e->op = FILE_RMDIR;
}

/* A write-like call that named its object by path, descriptor or both. */
static __always_inline int on_write(struct task_struct *task, struct pt_regs *regs,
				    struct sys_call call, long ret)
{
	__u32 dir_arg = WHERE_DIR(call.desc.where), path_arg = WHERE_PATH(call.desc.where);
	struct scratch *s = ev_begin(EV_FILE, CLASS_FILE, sizeof(struct ev_file), task);
	const char *path = NULL;
	struct path_at base = {};
	int fd = AT_FDCWD;
	struct ev_file *e;

	if (!s)
		return 0;
	sys_args(s, regs, call.compat);
	e = (struct ev_file *)s->data;
	e->head.flags |= EVF_TRACKED | (call.compat ? EVF_COMPAT : 0);
	e->syscall = call.nr;
	e->ret = ret < 0 ? ret : 0;
	write_op(s, e, call);
	if (path_arg)
		path = (void *)sys_arg_of(s, path_arg);
	if (dir_arg)
		fd = sys_arg_of(s, dir_arg);
	if (call.desc.op == FILE_BIND && path)
		path += sizeof(__u16); /* sockaddr_un: the family comes first */
	if (path)
		ev_text(s, &e->user_path, path, 1);
	if (dir_arg || path_arg)
		base = base_of(task, fd);
	if (base.dentry) {
		if (!path)
			file_object(e, base.dentry, base.mnt);
		ev_path_at(s, &e->path, base.dentry, base.mnt);
	}
	ev_end(s);
	return 0;
}

static __always_inline int on_open_refused(struct task_struct *task, struct pt_regs *regs,
					   struct sys_call call, long ret)
{
	__u64 flags = 0;

	if (call.desc.where == WHERE(0, 1))
		flags = sys_arg(regs, call.compat, 2);
	else if (call.nr == 437) /* openat2: struct open_how begins with the flags */
		bpf_probe_read_user(&flags, sizeof(flags), (void *)sys_arg(regs, call.compat, 3));
	else
		flags = sys_arg(regs, call.compat, 3);
	if (call.desc.op == FILE_OPEN && (flags & O_CREAT))
		call.desc.op = FILE_CREATE;
	return on_write(task, regs, call, ret);
}

/* A namespace file was opened: the first step of joining it. */
static __always_inline int on_ns_open(struct task_struct *task, struct file *file,
				      struct sys_call call)
{
	struct scratch *s = ev_begin(EV_NS, CLASS_CRED, sizeof(struct ev_ns), task);
	struct ev_ns *e;

	if (!s)
		return 0;
	e = (struct ev_ns *)s->data;
	e->head.flags |= EVF_TRACKED;
	e->op = NS_OPEN;
	e->syscall = call.nr;
	e->ino = BPF_CORE_READ(file, f_inode, i_ino);
	nsset_fill(&e->ns, task);
	ev_end(s);
	return 0;
}

static __always_inline int on_opened(struct task_struct *task, struct file *file,
				     struct sys_call call, __u64 container, int tracked)
{
	struct scratch *s = ev_begin(EV_FILE, CLASS_FILE, sizeof(struct ev_file), task);
	struct path_at at = path_read(&file->f_path);
	struct ev_file *e;

	if (!s)
		return 0;
	e = (struct ev_file *)s->data;
	if (tracked)
		e->head.flags |= EVF_TRACKED;
	if (call.compat)
		e->head.flags |= EVF_COMPAT;
	e->op = FILE_OPEN;
	e->syscall = call.nr;
	e->open_flags = BPF_CORE_READ(file, f_flags);
	e->container = container;
	file_object(e, at.dentry, at.mnt);
	ev_path_at(s, &e->path, at.dentry, at.mnt);
	ev_end(s);
	return 0;
}

/* The container whose root directory lies at or above a file, or 0. */
static __always_inline __u64 root_owner(struct file *file)
{
	struct dentry *dentry = BPF_CORE_READ(file, f_path.dentry);
	struct root_key key = { .dev = BPF_CORE_READ(file, f_inode, i_sb, s_dev) };
	__u64 *owner;

	if (!bpf_map_lookup_elem(&shared_root_devs, &key.dev))
		return 0;
	owner = bpf_map_lookup_elem(&shared_roots, &key);
	if (owner)
		return *owner;
	for (int i = 0; i < ROOT_DEPTH; i++) {
		struct dentry *parent = BPF_CORE_READ(dentry, d_parent);

		key.ino = BPF_CORE_READ(dentry, d_inode, i_ino);
		owner = bpf_map_lookup_elem(&shared_roots, &key);
		if (owner)
			return *owner;
		if (parent == dentry)
			return 0;
		dentry = parent;
	}
	return 0;
}

static __always_inline int opened_outside(struct task_struct *task, struct file *file,
					  struct sys_call call, struct cgroup_entry *entry)
{
	struct control *control = control_get();
	__u64 owner;

	if (!control || !(control->flags & CONTROL_ROOTS) || is_self())
		return 0;
	owner = root_owner(file);
	if (!owner || (entry && entry->container == owner))
		return 0;
	on_opened(task, file, call, owner, !!entry);
	return 1;
}

static __always_inline int open_may_write(struct pt_regs *regs, struct sys_call call)
{
	if (call.desc.op == FILE_CREATE || call.nr == 437)
		return 1;
	return sys_arg(regs, call.compat, call.desc.where == WHERE(0, 1) ? 2 : 3) & 3;
}

SEC("?tp_btf/sys_exit")
int BPF_PROG(sys__open, struct pt_regs *regs, long ret)
{
	struct task_struct *task = task_current();
	struct sys_call call = sys_call_of(regs, task);
	struct control *control = control_get();
	struct cgroup_entry *entry = gate(task);
	struct file *file;
	__u32 mode;

	if (ret == -EROFS)
		return entry ? on_open_refused(task, regs, call, ret) : 0;
	if (!entry && !(control && (control->flags & CONTROL_ROOTS) && open_may_write(regs, call)))
		return 0;
	file = fd_file(task, ret);
	if (!file)
		return 0;
	if (!(BPF_CORE_READ(file, f_mode) & FMODE_WRITE)) {
		if (entry && BPF_CORE_READ(file, f_inode, i_sb, s_magic) == NSFS_MAGIC)
			return on_ns_open(task, file, call);
		return 0;
	}
	mode = BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT;
	if (mode != S_IFREG && mode != S_IFDIR)
		return 0;
	if (opened_outside(task, file, call, entry))
		return 0;
	if (!entry || !writes_matter(entry, control))
		return 0;
	if (control && !(control->flags & CONTROL_ALL) &&
	    !gate_first(entry->container, (__u64)BPF_CORE_READ(file, f_path.mnt) |
						  !!(entry->flags & CGROUP_STARTED)))
		return 0;
	return on_opened(task, file, call, 0, 1);
}

SEC("?tp_btf/sys_exit")
int BPF_PROG(sys__file, struct pt_regs *regs, long ret)
{
	struct task_struct *task = task_current();
	struct sys_call call = sys_call_of(regs, task);
	struct cgroup_entry *entry = gate(task);

	if (!entry)
		return 0;
	if (ret != -EROFS && (!writes_matter(entry, control_get()) ||
			      (call.desc.flags & SYS_REFUSED_ONLY)))
		return 0;
	return on_write(task, regs, call, ret);
}
