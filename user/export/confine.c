/* SPDX-License-Identifier: Apache-2.0 */
#include "export/confine.h"

#include <errno.h>
#include <seccomp.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/rights.h"
#include "base/util.h"

/* Neither open() nor socket() nor connect(): it has all the descriptors it will ever need. */
static const int allowed[] = {
	/* memory */
	SCMP_SYS(brk),
	SCMP_SYS(mmap),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(futex),
	/* those who ask */
	SCMP_SYS(accept4),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(recvfrom),
	SCMP_SYS(sendto),
	SCMP_SYS(shutdown),
	SCMP_SYS(close),
	/* what it says on standard error */
	SCMP_SYS(write),
	/* itself */
	SCMP_SYS(clock_gettime),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
};

static int restrict_calls(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int err = filter ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < ARRAY_SIZE(allowed); i++)
		err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
	if (!err)
		err = seccomp_load(filter);
	if (filter)
		seccomp_release(filter);
	return err;
}

int confine(uid_t uid, gid_t gid, struct buf *what)
{
	static const uint16_t none;
	const struct rights rights = { .uid = uid, .gid = gid, .ports = &none };
	int err = rights_give_up(&rights, what);

	if (err)
		return err;
	err = restrict_calls();
	if (err)
		buf_str(what, "seccomp");
	return err;
}
