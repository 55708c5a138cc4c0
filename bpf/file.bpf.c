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
#include "lib/guard.bpf.h"
#include "lib/call.bpf.h"
#include "lib/path.bpf.h"

char LICENSE[] SEC("license") __weak = "Dual BSD/GPL";

#define FMODE_WRITE 2
#define O_CREAT 0100
#define AT_FDCWD -100
#define AT_REMOVEDIR 0x200
#define S_IFMT 0170000
#define S_IFREG 0100000
#define S_IFDIR 0040000
#define NSFS_MAGIC 0x6e736673
#define NR_OPENAT2 437 /* the same number everywhere */
/* Directories above a file that are asked whether they are a container's root. */
#define ROOT_DEPTH 32

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

static __always_inline __u16 write_op(struct sys_call call)
{
	if (call.desc.op == FILE_UNLINK && WHERE_DIR(call.desc.where) &&
	    (sys_arg(call, 3) & AT_REMOVEDIR))
		return FILE_RMDIR;
	return call.desc.op;
}

static __always_inline struct scratch *write_begin(struct task_struct *task, struct sys_call call,
						   __u16 op, long ret, int tracked)
{
	struct scratch *s = ev_begin(EV_FILE, CLASS_FILE, sizeof(struct ev_file), task);
	struct ev_file *e;

	if (!s)
		return NULL;
	e = (struct ev_file *)s->data;
	e->head.flags |= (tracked ? EVF_TRACKED : 0) | (call.compat ? EVF_COMPAT : 0);
	e->op = op;
	e->syscall = call.nr;
	e->ret = ret < 0 ? ret : 0;
	return s;
}

/* The object itself, or what a path starts from. */
static __always_inline void write_at(struct scratch *s, struct path_at at, int is_object)
{
	struct ev_file *e = (struct ev_file *)s->data;

	if (!at.dentry)
		return;
	if (is_object)
		file_object(e, at.dentry, at.mnt);
	ev_path_at(s, &e->path, at.dentry, at.mnt);
}

/* A write-like call that named its object by path, descriptor or both, in its registers. */
static __always_inline int on_write(struct task_struct *task, struct sys_call call, long ret)
{
	__u32 dir_arg = WHERE_DIR(call.desc.where), path_arg = WHERE_PATH(call.desc.where);
	struct scratch *s = write_begin(task, call, write_op(call), ret, 1);
	const char *path = NULL;
	int fd = AT_FDCWD;

	if (!s)
		return 0;
	sys_args(s, call);
	if (path_arg)
		path = (void *)sys_arg_of(s, path_arg);
	if (dir_arg)
		fd = sys_arg_of(s, dir_arg);
	if (call.desc.op == FILE_BIND && path)
		path += sizeof(__u16); /* sockaddr_un: the family comes first */
	if (path)
		ev_text(s, &((struct ev_file *)s->data)->user_path, path, 1);
	if (dir_arg || path_arg)
		write_at(s, base_of(task, fd), !path);
	ev_end(s);
	return 0;
}

/* As above, by a copy of the path in the kernel; NULL: nothing is known of it. */
static __always_inline int on_write_named(struct task_struct *task, struct sys_call call, __u16 op,
					  long ret, const char *path)
{
	struct scratch *s = write_begin(task, call, op, ret, 1);

	if (!s)
		return 0;
	if (path) {
		ev_text(s, &((struct ev_file *)s->data)->user_path, path, 0);
		write_at(s, base_of(task, call.dfd), 0);
	}
	ev_end(s);
	return 0;
}

static __always_inline const char *text_of(struct filename *name)
{
	return name ? BPF_CORE_READ(name, name) : NULL;
}

static __always_inline int on_open_refused(struct task_struct *task, struct sys_call call, long ret)
{
	__u64 flags = 0;

	if (call.desc.where == WHERE(0, 1))
		flags = sys_arg(call, 2);
	else if (call.nr == NR_OPENAT2) /* struct open_how begins with the flags */
		bpf_probe_read_user(&flags, sizeof(flags), (void *)sys_arg(call, 3));
	else
		flags = sys_arg(call, 3);
	if (call.desc.op == FILE_OPEN && (flags & O_CREAT))
		call.desc.op = FILE_CREATE;
	return on_write(task, call, ret);
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

static __always_inline int on_object(struct task_struct *task, struct sys_call call, __u16 op,
				     struct path_at at, __u32 open_flags, __u64 container,
				     int tracked)
{
	struct scratch *s = write_begin(task, call, op, 0, tracked);
	struct ev_file *e;

	if (!s)
		return 0;
	e = (struct ev_file *)s->data;
	e->open_flags = open_flags;
	e->container = container;
	write_at(s, at, 1);
	ev_end(s);
	return 0;
}

/*
 * The container whose root directory lies at or above a file, or 0. A global function, for the reason
 * that ev_path_walk() is one.
 */
__noinline __u64 root_owner(__u64 dentry_addr)
{
	struct dentry *dentry = (void *)dentry_addr;
	struct root_key key = { .dev = BPF_CORE_READ(dentry, d_sb, s_dev) };
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

static __always_inline int roots_guarded(struct control *control)
{
	return control && (control->flags & CONTROL_ROOTS);
}

/* The container to whose root a process from outside of it reaches, or 0. */
static __always_inline __u64 outside_of(struct dentry *dentry, struct cgroup_entry *entry,
					struct control *control)
{
	__u64 owner;

	if (!roots_guarded(control) || is_self())
		return 0;
	owner = root_owner(address_of(dentry));
	return entry && entry->container == owner ? 0 : owner;
}

/* An open that succeeded. */
static __always_inline int on_open(struct task_struct *task, struct cgroup_entry *entry,
				   struct file *file, struct sys_call call)
{
	struct control *control = control_get();
	struct path_at at;
	__u64 owner;
	__u32 mode;

	if (!(BPF_CORE_READ(file, f_mode) & FMODE_WRITE)) {
		if (entry && BPF_CORE_READ(file, f_inode, i_sb, s_magic) == NSFS_MAGIC)
			return on_ns_open(task, file, call);
		return 0;
	}
	mode = BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT;
	if (mode != S_IFREG && mode != S_IFDIR)
		return 0;
	at = path_read(&file->f_path);
	owner = outside_of(at.dentry, entry, control);
	if (!owner) {
		if (!entry || !writes_matter(entry, control))
			return 0;
		if (control && !(control->flags & CONTROL_ALL) &&
		    !gate_first(entry, task, (__u64)at.mnt | !!(entry->flags & CGROUP_STARTED)))
			return 0;
	}
	return on_object(task, call, FILE_OPEN, at, BPF_CORE_READ(file, f_flags), owner, !!entry);
}

/* Something other than an open that changes a file system, and is let through. */
static __always_inline int on_change(__u16 op, struct vfsmount *mnt, struct dentry *dentry, int ret)
{
	struct task_struct *task = task_current();
	struct cgroup_entry *entry = gate(task);
	struct control *control = control_get();
	struct sys_call call;
	__u64 owner;

	if (ret || (!entry && !roots_guarded(control)))
		return 0;
	owner = outside_of(dentry, entry, control);
	if (!owner && (!entry || !writes_matter(entry, control)))
		return 0;
	call = call_now(task);
	if (call.desc.prog == SYS_OPEN || call.desc.prog == SYS_IGNORE)
		return 0; /* what an open creates or cuts off is told as that open */
	return on_object(task, call, op, (struct path_at){ .dentry = dentry, .mnt = mnt }, 0, owner,
			 !!entry);
}

/* --- the tracepoint way --- */

static __always_inline int open_may_write(struct sys_call call)
{
	if (call.desc.op == FILE_CREATE || call.nr == NR_OPENAT2)
		return 1;
	return sys_arg(call, call.desc.where == WHERE(0, 1) ? 2 : 3) & 3;
}

SEC("?tp_btf/sys_exit")
int BPF_PROG(sys__open, struct pt_regs *regs, long ret)
{
	struct task_struct *task = task_current();
	struct sys_call call = sys_call_of(regs, 0, task);
	struct cgroup_entry *entry = gate(task);
	struct file *file;

	if (ret == -EROFS)
		return entry ? on_open_refused(task, call, ret) : 0;
	file = fd_file(task, ret);
	if (!file)
		return 0;
	guard_opened(task, file);
	if (!entry && !(roots_guarded(control_get()) && open_may_write(call)))
		return 0;
	return on_open(task, entry, file, call);
}

SEC("?tp_btf/sys_exit")
int BPF_PROG(sys__file, struct pt_regs *regs, long ret)
{
	struct task_struct *task = task_current();
	struct sys_call call = sys_call_of(regs, 0, task);
	struct cgroup_entry *entry = gate(task);

	if (!entry)
		return 0;
	if (ret != -EROFS &&
	    (!writes_matter(entry, control_get()) || (call.desc.flags & SYS_REFUSED_ONLY)))
		return 0;
	return on_write(task, call, ret);
}

/* A request of io_uring is handed in: what it is, and its name while that is there. */
static __always_inline int on_uring_submit(struct io_kiocb *req, struct uring_key key)
{
	struct uring_request r = { .opcode = BPF_CORE_READ(req, opcode) };
	struct uring_pending pending = { .opcode = r.opcode };
	struct io_open *open = (void *)req;
	struct filename *name;

	if (!uring_matters(r.opcode) || !gate(task_current()))
		return 0;
	uring_name(&r, req);
	name = (void *)r.name;
	pending.dfd = r.dfd;
	if (uring_opens(r.opcode))
		pending.open_flags = BPF_CORE_READ(open, how.flags);
	if (name)
		bpf_probe_read_kernel_str(pending.path, sizeof(pending.path),
					  BPF_CORE_READ(name, name));
	bpf_map_update_elem(&shared_uring_pending, &key, &pending, BPF_ANY);
	return 0;
}

static __always_inline int on_uring_complete(struct uring_key key, int res)
{
	struct uring_pending *pending = bpf_map_lookup_elem(&shared_uring_pending, &key);
	struct sys_call call = { .nr = NR_IO_URING_ENTER, .far = 1 };
	struct task_struct *task = task_current();
	struct cgroup_entry *entry;
	struct file *file;
	__u16 op;

	if (!pending)
		return 0;
	entry = gate(task);
	if (entry && res == -EROFS) {
		op = uring_op(pending->opcode);
		if (uring_opens(pending->opcode))
			op = pending->open_flags & O_CREAT ? FILE_CREATE : FILE_OPEN;
		call.dfd = pending->dfd;
		on_write_named(task, call, op, res, pending->path);
	} else if (entry && res >= 0 && uring_opens(pending->opcode)) {
		file = fd_file(task, res);
		if (file)
			on_open(task, entry, file, call);
	}
	bpf_map_delete_elem(&shared_uring_pending, &key);
	return 0;
}

/* Its tracepoints change from kernel to kernel, in name and in arguments: one program for each form. */
SEC("?tp_btf/io_uring_submit_req")
int BPF_PROG(tp__uring_submit_1, struct io_kiocb *req)
{
	return on_uring_submit(req, (struct uring_key){ .address = address_of(req) });
}

SEC("?tp_btf/io_uring_submit_sqe")
int BPF_PROG(tp__uring_submit_2, struct io_kiocb *req, bool force_nonblock)
{
	return on_uring_submit(req, (struct uring_key){ .address = address_of(req) });
}

SEC("?tp_btf/io_uring_submit_sqe")
int BPF_PROG(tp__uring_submit_7, void *ring, struct io_kiocb *req, __u8 opcode, __u64 user_data,
	     __u32 flags, bool force_nonblock, bool sq_thread)
{
	return on_uring_submit(req, (struct uring_key){ .address = address_of(ring),
							.user_data = user_data });
}

SEC("?tp_btf/io_uring_complete")
int BPF_PROG(tp__uring_complete_3, struct io_ring_ctx *ring, void *req, struct io_uring_cqe *cqe)
{
	return on_uring_complete((struct uring_key){ .address = address_of(req) },
				 BPF_CORE_READ(cqe, res));
}

SEC("?tp_btf/io_uring_complete")
int BPF_PROG(tp__uring_complete_4, void *ring, __u64 user_data, int res, unsigned int cflags)
{
	return on_uring_complete(
		(struct uring_key){ .address = address_of(ring), .user_data = user_data }, res);
}

SEC("?tp_btf/io_uring_complete")
int BPF_PROG(tp__uring_complete_7, void *ring, void *req, __u64 user_data, int res,
	     unsigned int cflags, __u64 extra1, __u64 extra2)
{
	return on_uring_complete((struct uring_key){ .address = address_of(req) }, res);
}

/* --- the fexit way --- */

#define IS_ERR(ptr) ((__u64)(ptr) >= (__u64)-4095)

/* Opens are settled here: with O_CREAT, a mount that refuses is no error when the file is there. */
SEC("?fexit/path_openat")
int BPF_PROG(fexit__open, struct nameidata *nd, const struct open_flags *op, unsigned int flags,
	     struct file *ret)
{
	struct task_struct *task = task_current();
	struct cgroup_entry *entry = gate(task);
	struct sys_call call;

	if (IS_ERR(ret) ? !entry || (long)ret != -EROFS :
			  !entry && !(roots_guarded(control_get()) &&
				      (BPF_CORE_READ(ret, f_mode) & FMODE_WRITE)))
		return 0;
	call = call_now(task);
	if (call.desc.prog == SYS_IGNORE)
		return 0;
	if (!IS_ERR(ret))
		return on_open(task, entry, ret, call);
	call.dfd = BPF_CORE_READ(nd, dfd);
	return on_write_named(task, call,
			      BPF_CORE_READ(op, open_flag) & O_CREAT ? FILE_CREATE : FILE_OPEN,
			      -EROFS, text_of(BPF_CORE_READ(nd, name)));
}

/*
 * Whether a refusal is told at all, and now: calls that make a name are settled by filename_create(),
 * where a name that is there already is another error, and opens by path_openat().
 */
static __always_inline int refusal_counts(struct sys_call call)
{
	switch (call.desc.op) {
	case FILE_MKDIR:
	case FILE_MKNOD:
	case FILE_SYMLINK:
	case FILE_LINK:
	case FILE_BIND:
		return 0;
	}
	return call.desc.prog == SYS_FILE || call.desc.prog == SYS_NONE;
}

SEC("?fexit/mnt_want_write")
int BPF_PROG(fexit__write, struct vfsmount *mnt, int ret)
{
	struct task_struct *task = task_current();
	struct sys_call call;

	if (ret != -EROFS || !gate(task))
		return 0;
	call = call_now(task);
	if (!refusal_counts(call))
		return 0;
	if (call.nr != NR_IO_URING_ENTER)
		return on_write(task, call, ret);
	return on_write_named(task, call, call.desc.op, ret, text_of(call.name));
}

SEC("?fexit/mnt_want_write_file")
int BPF_PROG(fexit__write_file, struct file *file, int ret)
{
	struct task_struct *task = task_current();
	struct sys_call call;
	struct scratch *s;

	if (ret != -EROFS || !gate(task))
		return 0;
	call = call_now(task);
	if (!refusal_counts(call))
		return 0;
	s = write_begin(task, call, call.desc.op, ret, 1);
	if (!s)
		return 0;
	write_at(s, path_read(&file->f_path), 1);
	ev_end(s);
	return 0;
}

SEC("?fexit/filename_create")
int BPF_PROG(fexit__create, int dfd, struct filename *name, struct path *path, unsigned int flags,
	     struct dentry *ret)
{
	struct task_struct *task = task_current();
	struct sys_call call;

	if ((long)ret != -EROFS || !gate(task))
		return 0;
	call = call_now(task);
	if (call.desc.prog != SYS_FILE && call.desc.prog != SYS_NONE)
		return 0; /* op is of another domain */
	call.dfd = dfd;
	return on_write_named(task, call, call.desc.op, -EROFS, text_of(name));
}

/*
 * The hooks that security modules have on paths: they alone know mount and name, and are asked when
 * all that can be known before has been checked. (That the file system itself then refuses is rare.)
 */
SEC("?fexit/security_path_unlink")
int BPF_PROG(fexit__unlink, const struct path *dir, struct dentry *dentry, int ret)
{
	return on_change(FILE_UNLINK, BPF_CORE_READ(dir, mnt), dentry, ret);
}

SEC("?fexit/security_path_rmdir")
int BPF_PROG(fexit__rmdir, const struct path *dir, struct dentry *dentry, int ret)
{
	return on_change(FILE_RMDIR, BPF_CORE_READ(dir, mnt), dentry, ret);
}

SEC("?fexit/security_path_mkdir")
int BPF_PROG(fexit__mkdir, const struct path *dir, struct dentry *dentry, umode_t mode, int ret)
{
	return on_change(FILE_MKDIR, BPF_CORE_READ(dir, mnt), dentry, ret);
}

SEC("?fexit/security_path_mknod")
int BPF_PROG(fexit__mknod, const struct path *dir, struct dentry *dentry, umode_t mode,
	     unsigned int dev, int ret)
{
	return on_change(FILE_MKNOD, BPF_CORE_READ(dir, mnt), dentry, ret);
}

SEC("?fexit/security_path_symlink")
int BPF_PROG(fexit__symlink, const struct path *dir, struct dentry *dentry, const char *to, int ret)
{
	return on_change(FILE_SYMLINK, BPF_CORE_READ(dir, mnt), dentry, ret);
}

SEC("?fexit/security_path_link")
int BPF_PROG(fexit__link, struct dentry *old, const struct path *dir, struct dentry *dentry,
	     int ret)
{
	return on_change(FILE_LINK, BPF_CORE_READ(dir, mnt), dentry, ret);
}

SEC("?fexit/security_path_rename")
int BPF_PROG(fexit__rename, const struct path *dir, struct dentry *dentry,
	     const struct path *new_dir, struct dentry *new_dentry, unsigned int flags, int ret)
{
	return on_change(FILE_RENAME, BPF_CORE_READ(dir, mnt), dentry, ret);
}

/* These end with the result. */
SEC("?fexit/vfs_truncate")
int BPF_PROG(fexit__truncate, const struct path *path, loff_t length, int ret)
{
	return on_change(FILE_TRUNCATE, BPF_CORE_READ(path, mnt), BPF_CORE_READ(path, dentry), ret);
}

SEC("?fexit/chmod_common")
int BPF_PROG(fexit__chmod, const struct path *path, umode_t mode, int ret)
{
	return on_change(FILE_CHMOD, BPF_CORE_READ(path, mnt), BPF_CORE_READ(path, dentry), ret);
}

SEC("?fexit/chown_common")
int BPF_PROG(fexit__chown, const struct path *path, uid_t uid, gid_t gid, int ret)
{
	return on_change(FILE_CHOWN, BPF_CORE_READ(path, mnt), BPF_CORE_READ(path, dentry), ret);
}

SEC("?fexit/vfs_utimes")
int BPF_PROG(fexit__utimes, const struct path *path, struct timespec64 *times, int ret)
{
	return on_change(FILE_UTIME, BPF_CORE_READ(path, mnt), BPF_CORE_READ(path, dentry), ret);
}

SEC("?fentry/io_issue_sqe")
int BPF_PROG(fentry__uring, struct io_kiocb *req)
{
	struct uring_request r = { .opcode = BPF_CORE_READ(req, opcode) };
	__u64 me;

	if (!uring_matters(r.opcode))
		return 0;
	uring_name(&r, req);
	me = bpf_get_current_pid_tgid();
	bpf_map_update_elem(&shared_uring, &me, &r, BPF_ANY);
	return 0;
}
