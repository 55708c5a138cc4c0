// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The tracepoint way's one entry on the end of system calls. It runs for every call of the machine
 * while it is attached, so it does no more than look the number up and hand the few calls that
 * matter to the program of their domain.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "lib/gate.bpf.h"
#include "lib/syscall.bpf.h"

char LICENSE[] SEC("license") __weak = "Dual BSD/GPL";

static __always_inline int error_matters(__u8 prog, long ret)
{
	return ret >= 0 || (ret == -EROFS && (prog == SYS_FILE || prog == SYS_OPEN));
}

SEC("?tp_btf/sys_exit")
int BPF_PROG(tp__sys_exit, struct pt_regs *regs, long ret)
{
	__u32 nr = sys_nr(regs, 0);
	__u64 slot = BOUND(nr, SYSCALLS - 1);
	__u8 prog = SYS_NONE;

	/*
	 * A number that neither table knows needs no look at the task. Both tables are small and hot;
	 * the mode of the call is read only when one of them says it may matter.
	 */
	if (nr < SYSCALLS && (sys_native[slot].prog || sys_compat[slot].prog))
		prog = sys_is_compat(task_current()) ? sys_compat[slot].prog :
						       sys_native[slot].prog;
	if (ret == -EROFS && prog == SYS_NONE)
		prog = SYS_FILE;
	if (prog == SYS_NONE || prog == SYS_IGNORE || !error_matters(prog, ret))
		return 0;
	bpf_tail_call(ctx, &shared_syscalls, prog);
	return 0;
}
