/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What the current task is doing, for programs on functions of the kernel: the system call it is
 * in, from the registers it entered with, or the request of io_uring it carries out.
 */
#ifndef KEELWATCH_CALL_BPF_H
#define KEELWATCH_CALL_BPF_H

#include "lib/syscall.bpf.h"

/* include/linux/sched.h */
#define PF_EXITING 0x4
#define PF_IO_WORKER 0x10
#define PF_DUMPCORE 0x200
#define PF_KTHREAD 0x200000

#define STACK_BYTES 16384     /* THREAD_SIZE where the kernel cannot be asked: x86-64 before 5.15 */
#define NR_IO_URING_ENTER 426 /* the same number everywhere */

/* 7.0 and later: names of requests are completed when they are issued. */
struct delayed_filename___later {
	struct filename *__incomplete_filename;
} __attribute__((preserve_access_index));

struct io_open___later {
	struct delayed_filename___later filename;
} __attribute__((preserve_access_index));

struct io_unlink___later {
	struct delayed_filename___later filename;
} __attribute__((preserve_access_index));

struct io_mkdir___later {
	struct delayed_filename___later filename;
} __attribute__((preserve_access_index));

struct io_rename___later {
	struct delayed_filename___later oldpath;
} __attribute__((preserve_access_index));

struct io_link___later {
	struct delayed_filename___later newpath;
} __attribute__((preserve_access_index));

static __always_inline struct pt_regs *task_regs(struct task_struct *task)
{
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs))
		return (void *)bpf_task_pt_regs(bpf_get_current_task_btf());
	return BPF_CORE_READ(task, stack) + STACK_BYTES - sizeof(struct pt_regs);
}

static __always_inline __u8 uring_op(__u8 opcode)
{
	switch (opcode) {
	case IORING_OP_RENAMEAT:
		return FILE_RENAME;
	case IORING_OP_UNLINKAT:
		return FILE_UNLINK;
	case IORING_OP_MKDIRAT:
		return FILE_MKDIR;
	case IORING_OP_SYMLINKAT:
		return FILE_SYMLINK;
	case IORING_OP_LINKAT:
		return FILE_LINK;
	case IORING_OP_SETXATTR:
	case IORING_OP_FSETXATTR:
		return FILE_SETXATTR;
	}
	return FILE_OTHER;
}

/* A request's own fields begin where the request does, in all kernels. */
#define URING_NAME(req, type, dfd_field, name_field, r)                                         \
	do {                                                                                    \
		struct type *own_ = (void *)(req);                                              \
		struct type##___later *later_ = (void *)(req);                                  \
		(r)->dfd = BPF_CORE_READ(own_, dfd_field);                                      \
		if (bpf_core_field_exists(later_->name_field))                                  \
			(r)->name =                                                             \
				(__u64)BPF_CORE_READ(later_, name_field.__incomplete_filename); \
		else                                                                            \
			(r)->name = (__u64)BPF_CORE_READ(own_, name_field);                     \
	} while (0)

/* The name that a request acts on, while it is there. */
static __always_inline void uring_name(struct uring_request *r, struct io_kiocb *req)
{
	switch (r->opcode) {
	case IORING_OP_OPENAT:
	case IORING_OP_OPENAT2:
		URING_NAME(req, io_open, dfd, filename, r);
		break;
	case IORING_OP_UNLINKAT:
		URING_NAME(req, io_unlink, dfd, filename, r);
		break;
	case IORING_OP_MKDIRAT:
		URING_NAME(req, io_mkdir, dfd, filename, r);
		break;
	case IORING_OP_RENAMEAT:
		URING_NAME(req, io_rename, old_dfd, oldpath, r);
		break;
	case IORING_OP_SYMLINKAT:
	case IORING_OP_LINKAT:
		if (bpf_core_type_exists(
			    struct io_link)) /* before 5.19 each had a form of its own */
			URING_NAME(req, io_link, new_dfd, newpath, r);
		break;
	}
}

static __always_inline int uring_opens(__u8 opcode)
{
	return opcode == IORING_OP_OPENAT || opcode == IORING_OP_OPENAT2;
}

/* Whether a request may be one that writes: the others leave no note. */
static __always_inline int uring_matters(__u8 opcode)
{
	return uring_opens(opcode) || uring_op(opcode);
}

static __always_inline struct sys_call uring_call(void)
{
	struct sys_call call = { .desc.prog = SYS_FILE, .nr = NR_IO_URING_ENTER, .far = 1 };
	__u64 me = bpf_get_current_pid_tgid();
	struct uring_request *r = bpf_map_lookup_elem(&shared_uring, &me);

	if (!r)
		return call;
	if (uring_opens(r->opcode))
		call.desc.prog = SYS_OPEN;
	call.desc.op = uring_op(r->opcode);
	call.name = (void *)r->name;
	call.dfd = r->dfd;
	return call;
}

/* What current acts for: nothing that a caller asked for where desc.prog is SYS_IGNORE. */
static __always_inline struct sys_call call_now(struct task_struct *task)
{
	__u32 flags = BPF_CORE_READ(task, flags);
	struct sys_call call;

	if (flags & (PF_EXITING | PF_DUMPCORE | PF_KTHREAD))
		return (struct sys_call){ .desc.prog = SYS_IGNORE, .far = 1 };
	if (flags & PF_IO_WORKER)
		return uring_call();
	call = sys_call_of(task_regs(task), 1, task);
	if (call.nr == NR_IO_URING_ENTER)
		return uring_call();
	return call;
}

static __always_inline int call_is_exec(struct sys_call call)
{
	return call.desc.prog == SYS_IGNORE && call.desc.op == SYS_IS_EXEC;
}

#endif
