/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The tracepoint way sees system calls by number: which of them matter, which program looks at
 * them, and where their paths are. One table for each calling convention of the architecture.
 */
#ifndef KEELWATCH_SYSCALL_BPF_H
#define KEELWATCH_SYSCALL_BPF_H

#include "lib/maps.bpf.h"
#include "lib/task.bpf.h"

#define SYSCALLS 512	/* numbers known; a higher one can only be seen refused */
#define SYS_IGNORE 0xff /* says EROFS without having wanted to write */
#define SYS_IS_EXEC 1	/* op of an ignored call: credentials change with the program */
#define EROFS 30

struct sys_desc {
	__u8 prog;  /* enum syscall_prog */
	__u8 op;    /* of the domain */
	__u8 where; /* WHERE(): argument numbers from 1; 0: none */
	__u8 flags;
};

/* A system call, or a request of io_uring, that a task is in. */
struct sys_call {
	struct sys_desc desc;
	__u16 nr;
	__u8 compat;
	__u8 far; /* regs is an address to read from, not one that the verifier trusts; a constant */
	struct pt_regs *regs;
	struct filename *name; /* the kernel's copy of the path, where one is known; else NULL */
	__s32 dfd;	       /* with name: what a relative one starts from */
};

#define REG(from, far, name)                                                   \
	({                                                                     \
		struct pt_regs *regs_ = from;                                  \
		__u64 reg_ = (far) ? BPF_CORE_READ(regs_, name) : regs_->name; \
		reg_;                                                          \
	})

#define SYS_REFUSED_ONLY 1 /* a success is no write to a file system */

#define WHERE(dir, path) ((dir) << 4 | (path))
#define WHERE_DIR(where) ((where) >> 4)
#define WHERE_PATH(where) ((where)&15)

#define F_PATH(op_, arg)                                            \
	{                                                           \
		.prog = SYS_FILE, .op = op_, .where = WHERE(0, arg) \
	}
#define F_AT(op_, dir, path)                                           \
	{                                                              \
		.prog = SYS_FILE, .op = op_, .where = WHERE(dir, path) \
	}
#define F_FD(op_)                                                 \
	{                                                         \
		.prog = SYS_FILE, .op = op_, .where = WHERE(1, 0) \
	}
#define F_REFUSED(op_, w)                                                          \
	{                                                                          \
		.prog = SYS_FILE, .op = op_, .where = w, .flags = SYS_REFUSED_ONLY \
	}
#define OPEN(op_, w)                                    \
	{                                               \
		.prog = SYS_OPEN, .op = op_, .where = w \
	}
#define MNT(op_)                             \
	{                                    \
		.prog = SYS_MOUNT, .op = op_ \
	}
#define CRED(op_)                           \
	{                                   \
		.prog = SYS_CRED, .op = op_ \
	}
#define NS(op_)                           \
	{                                 \
		.prog = SYS_NS, .op = op_ \
	}
#define ACCESS(op_)                           \
	{                                     \
		.prog = SYS_ACCESS, .op = op_ \
	}
#define BPF_CALL                \
	{                       \
		.prog = SYS_BPF \
	}
#define IGNORED                    \
	{                          \
		.prog = SYS_IGNORE \
	}
#define EXEC                                          \
	{                                             \
		.prog = SYS_IGNORE, .op = SYS_IS_EXEC \
	}

/* The same numbers in every table from 424 on (unified in 5.1). */
#define SYSCALLS_UNIFIED                                                                         \
	[428] = MNT(MOUNT_OPEN_TREE), [429] = MNT(MOUNT_MOVE), [430] = MNT(MOUNT_FSOPEN),        \
	[432] = MNT(MOUNT_FSMOUNT), [433] = MNT(MOUNT_FSPICK),                                   \
	[437] = OPEN(FILE_OPEN, WHERE(1, 2)), [438] = ACCESS(GUARD_DESCRIPTOR), [439] = IGNORED, \
	[442] = MNT(MOUNT_SETATTR), [452] = F_AT(FILE_CHMOD, 1, 2),                              \
	[463] = F_AT(FILE_SETXATTR, 1, 2), [466] = F_AT(FILE_REMOVEXATTR, 1, 2),                 \
	[467] = MNT(MOUNT_OPEN_TREE), [469] = F_AT(FILE_SETXATTR, 1, 2)

#if defined(__TARGET_ARCH_x86)

#define TS_COMPAT 0x2 /* thread_info.status: in a 32-bit call */

/* The functions of the kernel that a call's number leads to. */
#define SYSCALL_FN(name) "__x64_sys_" #name
#define SYSCALL_COMPAT_FN(name) "__ia32_sys_" #name

static const struct sys_desc sys_native[SYSCALLS] = {
	[2] = OPEN(FILE_OPEN, WHERE(0, 1)),
	[16] = F_REFUSED(FILE_IOCTL, WHERE(1, 0)),
	[21] = IGNORED,
	[49] = F_REFUSED(FILE_BIND, WHERE(0, 2)),
	[59] = EXEC,
	[76] = F_PATH(FILE_TRUNCATE, 1),
	[82] = F_PATH(FILE_RENAME, 1),
	[83] = F_PATH(FILE_MKDIR, 1),
	[84] = F_PATH(FILE_RMDIR, 1),
	[85] = OPEN(FILE_CREATE, WHERE(0, 1)),
	[86] = F_PATH(FILE_LINK, 2),
	[87] = F_PATH(FILE_UNLINK, 1),
	[88] = F_PATH(FILE_SYMLINK, 2),
	[90] = F_PATH(FILE_CHMOD, 1),
	[91] = F_FD(FILE_CHMOD),
	[92] = F_PATH(FILE_CHOWN, 1),
	[93] = F_FD(FILE_CHOWN),
	[94] = F_PATH(FILE_CHOWN, 1),
	[101] = ACCESS(GUARD_TRACE),
	[105] = CRED(CRED_SETUID),
	[106] = CRED(CRED_SETGID),
	[113] = CRED(CRED_SETUID),
	[114] = CRED(CRED_SETGID),
	[116] = CRED(CRED_SETGID),
	[117] = CRED(CRED_SETUID),
	[119] = CRED(CRED_SETGID),
	[122] = CRED(CRED_SETUID),
	[123] = CRED(CRED_SETGID),
	[126] = CRED(CRED_CAPSET),
	[132] = F_PATH(FILE_UTIME, 1),
	[133] = F_PATH(FILE_MKNOD, 1),
	[155] = MNT(MOUNT_PIVOT_ROOT),
	[157] = CRED(CRED_PRCTL),
	[161] = MNT(MOUNT_CHROOT),
	[165] = MNT(MOUNT_MOUNT),
	[166] = MNT(MOUNT_UMOUNT),
	[188] = F_PATH(FILE_SETXATTR, 1),
	[189] = F_PATH(FILE_SETXATTR, 1),
	[190] = F_FD(FILE_SETXATTR),
	[197] = F_PATH(FILE_REMOVEXATTR, 1),
	[198] = F_PATH(FILE_REMOVEXATTR, 1),
	[199] = F_FD(FILE_REMOVEXATTR),
	[235] = F_PATH(FILE_UTIME, 1),
	[257] = OPEN(FILE_OPEN, WHERE(1, 2)),
	[258] = F_AT(FILE_MKDIR, 1, 2),
	[259] = F_AT(FILE_MKNOD, 1, 2),
	[260] = F_AT(FILE_CHOWN, 1, 2),
	[261] = F_AT(FILE_UTIME, 1, 2),
	[263] = F_AT(FILE_UNLINK, 1, 2),
	[264] = F_AT(FILE_RENAME, 1, 2),
	[265] = F_AT(FILE_LINK, 3, 4),
	[266] = F_AT(FILE_SYMLINK, 2, 3),
	[268] = F_AT(FILE_CHMOD, 1, 2),
	[269] = IGNORED,
	[272] = NS(NS_UNSHARE),
	[280] = F_AT(FILE_UTIME, 1, 2),
	[285] = F_FD(FILE_ALLOCATE),
	[304] = OPEN(FILE_OPEN, WHERE(1, 0)),
	[308] = NS(NS_SETNS),
	[310] = ACCESS(GUARD_MEMORY),
	[311] = ACCESS(GUARD_MEMORY),
	[316] = F_AT(FILE_RENAME, 1, 2),
	[321] = BPF_CALL,
	[322] = EXEC,
	SYSCALLS_UNIFIED,
};

/* int 0x80 and 32-bit programs. */
static const struct sys_desc sys_compat[SYSCALLS] = {
	[5] = OPEN(FILE_OPEN, WHERE(0, 1)),
	[8] = OPEN(FILE_CREATE, WHERE(0, 1)),
	[9] = F_PATH(FILE_LINK, 2),
	[10] = F_PATH(FILE_UNLINK, 1),
	[11] = EXEC,
	[14] = F_PATH(FILE_MKNOD, 1),
	[15] = F_PATH(FILE_CHMOD, 1),
	[16] = F_PATH(FILE_CHOWN, 1),
	[21] = MNT(MOUNT_MOUNT),
	[22] = MNT(MOUNT_UMOUNT),
	[23] = CRED(CRED_SETUID),
	[26] = ACCESS(GUARD_TRACE),
	[30] = F_PATH(FILE_UTIME, 1),
	[33] = IGNORED,
	[38] = F_PATH(FILE_RENAME, 1),
	[39] = F_PATH(FILE_MKDIR, 1),
	[40] = F_PATH(FILE_RMDIR, 1),
	[46] = CRED(CRED_SETGID),
	[52] = MNT(MOUNT_UMOUNT),
	[54] = F_REFUSED(FILE_IOCTL, WHERE(1, 0)),
	[61] = MNT(MOUNT_CHROOT),
	[70] = CRED(CRED_SETUID),
	[71] = CRED(CRED_SETGID),
	[81] = CRED(CRED_SETGID),
	[83] = F_PATH(FILE_SYMLINK, 2),
	[92] = F_PATH(FILE_TRUNCATE, 1),
	[94] = F_FD(FILE_CHMOD),
	[95] = F_FD(FILE_CHOWN),
	[138] = CRED(CRED_SETUID),
	[139] = CRED(CRED_SETGID),
	[164] = CRED(CRED_SETUID),
	[170] = CRED(CRED_SETGID),
	[172] = CRED(CRED_PRCTL),
	[182] = F_PATH(FILE_CHOWN, 1),
	[185] = CRED(CRED_CAPSET),
	[193] = F_PATH(FILE_TRUNCATE, 1),
	[198] = F_PATH(FILE_CHOWN, 1),
	[203] = CRED(CRED_SETUID),
	[204] = CRED(CRED_SETGID),
	[206] = CRED(CRED_SETGID),
	[207] = F_FD(FILE_CHOWN),
	[208] = CRED(CRED_SETUID),
	[210] = CRED(CRED_SETGID),
	[212] = F_PATH(FILE_CHOWN, 1),
	[213] = CRED(CRED_SETUID),
	[214] = CRED(CRED_SETGID),
	[215] = CRED(CRED_SETUID),
	[216] = CRED(CRED_SETGID),
	[217] = MNT(MOUNT_PIVOT_ROOT),
	[226] = F_PATH(FILE_SETXATTR, 1),
	[227] = F_PATH(FILE_SETXATTR, 1),
	[228] = F_FD(FILE_SETXATTR),
	[235] = F_PATH(FILE_REMOVEXATTR, 1),
	[236] = F_PATH(FILE_REMOVEXATTR, 1),
	[237] = F_FD(FILE_REMOVEXATTR),
	[271] = F_PATH(FILE_UTIME, 1),
	[295] = OPEN(FILE_OPEN, WHERE(1, 2)),
	[296] = F_AT(FILE_MKDIR, 1, 2),
	[297] = F_AT(FILE_MKNOD, 1, 2),
	[298] = F_AT(FILE_CHOWN, 1, 2),
	[299] = F_AT(FILE_UTIME, 1, 2),
	[301] = F_AT(FILE_UNLINK, 1, 2),
	[302] = F_AT(FILE_RENAME, 1, 2),
	[303] = F_AT(FILE_LINK, 3, 4),
	[304] = F_AT(FILE_SYMLINK, 2, 3),
	[306] = F_AT(FILE_CHMOD, 1, 2),
	[307] = IGNORED,
	[310] = NS(NS_UNSHARE),
	[320] = F_AT(FILE_UTIME, 1, 2),
	[324] = F_FD(FILE_ALLOCATE),
	[342] = OPEN(FILE_OPEN, WHERE(1, 0)),
	[346] = NS(NS_SETNS),
	[347] = ACCESS(GUARD_MEMORY),
	[348] = ACCESS(GUARD_MEMORY),
	[353] = F_AT(FILE_RENAME, 1, 2),
	[357] = BPF_CALL,
	[358] = EXEC,
	[361] = F_REFUSED(FILE_BIND, WHERE(0, 2)),
	[412] = F_AT(FILE_UTIME, 1, 2),
	SYSCALLS_UNIFIED,
};

static __always_inline __u32 sys_nr(struct pt_regs *regs, int far)
{
	return REG(regs, far, orig_ax) & ~0x40000000u; /* x32 shares the native numbers */
}

static __always_inline int sys_is_compat(struct task_struct *task)
{
	return BPF_CORE_READ(task, thread_info.status) & TS_COMPAT;
}

/* Argument n (from 1) of the call: its registers are as the caller set them. */
static __always_inline __u64 sys_arg(struct sys_call call, __u32 n)
{
	if (call.compat) {
		switch (n) {
		case 1:
			return (__u32)REG(call.regs, call.far, bx);
		case 2:
			return (__u32)REG(call.regs, call.far, cx);
		case 3:
			return (__u32)REG(call.regs, call.far, dx);
		case 4:
			return (__u32)REG(call.regs, call.far, si);
		case 5:
			return (__u32)REG(call.regs, call.far, di);
		}
		return 0;
	}
	switch (n) {
	case 1:
		return REG(call.regs, call.far, di);
	case 2:
		return REG(call.regs, call.far, si);
	case 3:
		return REG(call.regs, call.far, dx);
	case 4:
		return REG(call.regs, call.far, r10);
	case 5:
		return REG(call.regs, call.far, r8);
	}
	return 0;
}

#elif defined(__TARGET_ARCH_arm64)

/* The functions of the kernel that a call's number leads to: these serve 32-bit programs too. */
#define SYSCALL_FN(name) "__arm64_sys_" #name

#define TASK_SIZE_32 0x100000000ULL

/* include/uapi/asm-generic/unistd.h */
static const struct sys_desc sys_native[SYSCALLS] = {
	[5] = F_PATH(FILE_SETXATTR, 1),
	[6] = F_PATH(FILE_SETXATTR, 1),
	[7] = F_FD(FILE_SETXATTR),
	[14] = F_PATH(FILE_REMOVEXATTR, 1),
	[15] = F_PATH(FILE_REMOVEXATTR, 1),
	[16] = F_FD(FILE_REMOVEXATTR),
	[29] = F_REFUSED(FILE_IOCTL, WHERE(1, 0)),
	[33] = F_AT(FILE_MKNOD, 1, 2),
	[34] = F_AT(FILE_MKDIR, 1, 2),
	[35] = F_AT(FILE_UNLINK, 1, 2),
	[36] = F_AT(FILE_SYMLINK, 2, 3),
	[37] = F_AT(FILE_LINK, 3, 4),
	[38] = F_AT(FILE_RENAME, 1, 2),
	[39] = MNT(MOUNT_UMOUNT),
	[40] = MNT(MOUNT_MOUNT),
	[41] = MNT(MOUNT_PIVOT_ROOT),
	[45] = F_PATH(FILE_TRUNCATE, 1),
	[47] = F_FD(FILE_ALLOCATE),
	[48] = IGNORED,
	[51] = MNT(MOUNT_CHROOT),
	[52] = F_FD(FILE_CHMOD),
	[53] = F_AT(FILE_CHMOD, 1, 2),
	[54] = F_AT(FILE_CHOWN, 1, 2),
	[55] = F_FD(FILE_CHOWN),
	[56] = OPEN(FILE_OPEN, WHERE(1, 2)),
	[88] = F_AT(FILE_UTIME, 1, 2),
	[91] = CRED(CRED_CAPSET),
	[97] = NS(NS_UNSHARE),
	[117] = ACCESS(GUARD_TRACE),
	[143] = CRED(CRED_SETGID),
	[144] = CRED(CRED_SETGID),
	[145] = CRED(CRED_SETUID),
	[146] = CRED(CRED_SETUID),
	[147] = CRED(CRED_SETUID),
	[149] = CRED(CRED_SETGID),
	[151] = CRED(CRED_SETUID),
	[152] = CRED(CRED_SETGID),
	[159] = CRED(CRED_SETGID),
	[167] = CRED(CRED_PRCTL),
	[200] = F_REFUSED(FILE_BIND, WHERE(0, 2)),
	[221] = EXEC,
	[265] = OPEN(FILE_OPEN, WHERE(1, 0)),
	[268] = NS(NS_SETNS),
	[270] = ACCESS(GUARD_MEMORY),
	[271] = ACCESS(GUARD_MEMORY),
	[276] = F_AT(FILE_RENAME, 1, 2),
	[280] = BPF_CALL,
	[281] = EXEC,
	SYSCALLS_UNIFIED,
};

/* Programs for 32-bit Arm, by the EABI: arch/arm/tools/syscall.tbl. */
static const struct sys_desc sys_compat[SYSCALLS] = {
	[5] = OPEN(FILE_OPEN, WHERE(0, 1)),
	[8] = OPEN(FILE_CREATE, WHERE(0, 1)),
	[9] = F_PATH(FILE_LINK, 2),
	[10] = F_PATH(FILE_UNLINK, 1),
	[11] = EXEC,
	[14] = F_PATH(FILE_MKNOD, 1),
	[15] = F_PATH(FILE_CHMOD, 1),
	[16] = F_PATH(FILE_CHOWN, 1),
	[21] = MNT(MOUNT_MOUNT),
	[23] = CRED(CRED_SETUID),
	[26] = ACCESS(GUARD_TRACE),
	[33] = IGNORED,
	[38] = F_PATH(FILE_RENAME, 1),
	[39] = F_PATH(FILE_MKDIR, 1),
	[40] = F_PATH(FILE_RMDIR, 1),
	[46] = CRED(CRED_SETGID),
	[52] = MNT(MOUNT_UMOUNT),
	[54] = F_REFUSED(FILE_IOCTL, WHERE(1, 0)),
	[61] = MNT(MOUNT_CHROOT),
	[70] = CRED(CRED_SETUID),
	[71] = CRED(CRED_SETGID),
	[81] = CRED(CRED_SETGID),
	[83] = F_PATH(FILE_SYMLINK, 2),
	[92] = F_PATH(FILE_TRUNCATE, 1),
	[94] = F_FD(FILE_CHMOD),
	[95] = F_FD(FILE_CHOWN),
	[138] = CRED(CRED_SETUID),
	[139] = CRED(CRED_SETGID),
	[164] = CRED(CRED_SETUID),
	[170] = CRED(CRED_SETGID),
	[172] = CRED(CRED_PRCTL),
	[182] = F_PATH(FILE_CHOWN, 1),
	[185] = CRED(CRED_CAPSET),
	[193] = F_PATH(FILE_TRUNCATE, 1),
	[198] = F_PATH(FILE_CHOWN, 1),
	[203] = CRED(CRED_SETUID),
	[204] = CRED(CRED_SETGID),
	[206] = CRED(CRED_SETGID),
	[207] = F_FD(FILE_CHOWN),
	[208] = CRED(CRED_SETUID),
	[210] = CRED(CRED_SETGID),
	[212] = F_PATH(FILE_CHOWN, 1),
	[213] = CRED(CRED_SETUID),
	[214] = CRED(CRED_SETGID),
	[215] = CRED(CRED_SETUID),
	[216] = CRED(CRED_SETGID),
	[218] = MNT(MOUNT_PIVOT_ROOT),
	[226] = F_PATH(FILE_SETXATTR, 1),
	[227] = F_PATH(FILE_SETXATTR, 1),
	[228] = F_FD(FILE_SETXATTR),
	[235] = F_PATH(FILE_REMOVEXATTR, 1),
	[236] = F_PATH(FILE_REMOVEXATTR, 1),
	[237] = F_FD(FILE_REMOVEXATTR),
	[269] = F_PATH(FILE_UTIME, 1),
	[282] = F_REFUSED(FILE_BIND, WHERE(0, 2)),
	[322] = OPEN(FILE_OPEN, WHERE(1, 2)),
	[323] = F_AT(FILE_MKDIR, 1, 2),
	[324] = F_AT(FILE_MKNOD, 1, 2),
	[325] = F_AT(FILE_CHOWN, 1, 2),
	[326] = F_AT(FILE_UTIME, 1, 2),
	[328] = F_AT(FILE_UNLINK, 1, 2),
	[329] = F_AT(FILE_RENAME, 1, 2),
	[330] = F_AT(FILE_LINK, 3, 4),
	[331] = F_AT(FILE_SYMLINK, 2, 3),
	[333] = F_AT(FILE_CHMOD, 1, 2),
	[334] = IGNORED,
	[337] = NS(NS_UNSHARE),
	[348] = F_AT(FILE_UTIME, 1, 2),
	[352] = F_FD(FILE_ALLOCATE),
	[371] = OPEN(FILE_OPEN, WHERE(1, 0)),
	[375] = NS(NS_SETNS),
	[376] = ACCESS(GUARD_MEMORY),
	[377] = ACCESS(GUARD_MEMORY),
	[382] = F_AT(FILE_RENAME, 1, 2),
	[386] = BPF_CALL,
	[387] = EXEC,
	[412] = F_AT(FILE_UTIME, 1, 2),
	SYSCALLS_UNIFIED,
};

static __always_inline __u32 sys_nr(struct pt_regs *regs, int far)
{
	return REG(regs, far, syscallno);
}

/*
 * A program is for one mode: only exec changes it. Its address space tells, where the number of
 * TIF_32BIT would not: no BTF has it, and with the generic bits it is another one.
 */
static __always_inline int sys_is_compat(struct task_struct *task)
{
	return BPF_CORE_READ(task, mm, task_size) <= TASK_SIZE_32;
}

/* Argument n (from 1) of the call: the first one's register may have the result already. */
static __always_inline __u64 sys_arg(struct sys_call call, __u32 n)
{
	__u64 arg = 0;

	switch (n) {
	case 1:
		arg = REG(call.regs, call.far, orig_x0);
		break;
	case 2:
		arg = REG(call.regs, call.far, regs[1]);
		break;
	case 3:
		arg = REG(call.regs, call.far, regs[2]);
		break;
	case 4:
		arg = REG(call.regs, call.far, regs[3]);
		break;
	case 5:
		arg = REG(call.regs, call.far, regs[4]);
		break;
	}
	return call.compat ? (__u32)arg : arg;
}

#else
#error "no system call table for this architecture"
#endif

static __always_inline struct sys_call sys_call_of(struct pt_regs *regs, int far,
						   struct task_struct *task)
{
	struct sys_call call = { .regs = regs, .far = far, .compat = !!sys_is_compat(task) };
	__u32 nr = sys_nr(regs, far);

	call.nr = nr;
	if (nr < SYSCALLS)
		call.desc = call.compat ? sys_compat[BOUND(nr, SYSCALLS - 1)] :
					  sys_native[BOUND(nr, SYSCALLS - 1)];
	return call;
}

/*
 * All arguments into the slot, where one can be picked by a number that is known only at run time
 * without a branch for each.
 */
static __always_inline void sys_args(struct scratch *s, struct sys_call call)
{
	for (__u32 i = 1; i <= 5; i++)
		s->args[i - 1] = sys_arg(call, i);
}

/* Argument n (from 1) of those that sys_args() took. */
static __always_inline __u64 sys_arg_of(struct scratch *s, __u32 n)
{
	return s->args[BOUND(n - 1, 7)];
}

/* The file behind one of the current task's descriptors, or NULL. */
static __always_inline struct file *fd_file(struct task_struct *task, int fd)
{
	struct fdtable *fdt = BPF_CORE_READ(task, files, fdt);
	struct file **table = BPF_CORE_READ(fdt, fd);
	struct file *file = NULL;

	if (fd < 0 || (__u32)fd >= BPF_CORE_READ(fdt, max_fds))
		return NULL;
	bpf_probe_read_kernel(&file, sizeof(file), table + fd);
	return file;
}

#endif
