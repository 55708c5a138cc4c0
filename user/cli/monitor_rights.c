/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shipper and the exporter are begun, and begun again, with what the monitor has, and give up far
 * more: so what it keeps is what all three need. A list of what is allowed would have to hold all that
 * the libraries of those two call; this one has what none of them may ever do. Under Landlock nobody may
 * look at a process that is not (hook_ptrace_access_check in security/landlock, whatever the mode), not at
 * its /proc/PID/root, ns or exe: that is what the monitor is for.
 */
#include "cli/monitor_rights.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#include "base/buf.h"
#include "base/rights.h"
#include "base/util.h"
#include "probe/probe.h"

/* To begin the other two as a user of their own, to hand them their folders, and to end them. */
#define CAPABILITIES_TO_BEGIN                                                               \
	(1ULL << CAP_SETUID | 1ULL << CAP_SETGID | 1ULL << CAP_SETPCAP | 1ULL << CAP_KILL | \
	 1ULL << CAP_CHOWN)

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "no architecture of system calls"
#endif
#define X32_BIT 0x40000000 /* numbers of x86's third convention; no other architecture has such */

static const uint32_t deadly[] = {
	SYS_ptrace,
	SYS_process_vm_readv,
	SYS_process_vm_writev,
	SYS_init_module,
	SYS_finit_module,
	SYS_delete_module,
	SYS_kexec_load,
	SYS_kexec_file_load,
	SYS_reboot,
	SYS_mount,
	SYS_umount2,
	SYS_pivot_root,
	SYS_chroot,
	SYS_open_tree,
	SYS_move_mount,
	SYS_fsopen,
	SYS_fsmount,
	SYS_fspick,
	SYS_fsconfig,
	SYS_mount_setattr,
	SYS_unshare,
	SYS_swapon,
	SYS_swapoff,
	SYS_settimeofday,
	SYS_clock_settime,
	SYS_adjtimex,
	SYS_clock_adjtime,
	SYS_sethostname,
	SYS_setdomainname,
	SYS_acct,
	SYS_quotactl,
	SYS_add_key,
	SYS_request_key,
	SYS_keyctl,
	SYS_perf_event_open,
	SYS_userfaultfd,
	SYS_io_uring_setup,
	SYS_io_uring_enter,
	SYS_io_uring_register,
	SYS_name_to_handle_at,
	SYS_open_by_handle_at,
	SYS_personality,
	SYS_syslog,
	SYS_mknodat,
#ifdef SYS_mknod
	SYS_mknod, /* an older call, of x86 only */
#endif
	SYS_pidfd_getfd,
};

/* --- capabilities --- */

static uint64_t permitted_now(void)
{
	cap_t now = cap_get_proc();
	cap_flag_value_t on;
	uint64_t bits = 0;

	for (int cap = 0; now && cap < RIGHTS_CAPABILITIES; cap++)
		if (!cap_get_flag(now, cap, CAP_PERMITTED, &on) && on == CAP_SET)
			bits |= 1ULL << cap;
	cap_free(now);
	return bits;
}

static uint64_t needed(uint64_t permitted)
{
	const uint64_t load = 1ULL << CAP_BPF | 1ULL << CAP_PERFMON;
	uint64_t keep = CAPABILITIES_TO_WATCH | CAPABILITIES_TO_BEGIN;

	if ((permitted & load) != load)
		keep |= 1ULL << CAP_SYS_ADMIN; /* which stands for them */
	return keep & permitted;
}

static int drop_capabilities(void)
{
	uint64_t keep = needed(permitted_now());
	/* Before 5.11 maps count against this limit; once it is raised, the power to do so goes. */
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	int err;

	setrlimit(RLIMIT_MEMLOCK, &all);
	err = rights_bound(keep);
	return err ? err : rights_keep(keep);
}

/* --- system calls --- */

/* Other conventions than the architecture's first would be a way around the numbers. */
static int forbid_calls(void)
{
	enum { HEAD = 5, CALLS = ARRAY_SIZE(deadly), TAIL = 2 };
	struct sock_filter code[HEAD + CALLS + TAIL] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, CALLS + 1, 0),
	};
	struct sock_fprog program = { .len = ARRAY_SIZE(code), .filter = code };

	for (uint32_t i = 0; i < CALLS; i++)
		code[HEAD + i] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, deadly[i],
							      CALLS - i, 0);
	code[HEAD + CALLS] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	code[HEAD + CALLS + 1] =
		(struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) ? -errno : 0;
}

int monitor_rights_give_up(struct buf *what)
{
	int err = drop_capabilities();

	if (err) {
		buf_str(what, "capabilities cannot be given up");
		return err;
	}
	err = rights_close();
	if (err) {
		buf_str(what, "new rights or dumps of memory cannot be given up");
		return err;
	}
	err = forbid_calls();
	if (err)
		buf_str(what, "seccomp");
	return err;
}
