/* SPDX-License-Identifier: Apache-2.0 */
#include "ship/sandbox.h"

#include "base/buf.h"
#include "base/util.h"
#include "ship/syscalls.h"

/* Names to addresses, the system's certificates and what the C library loads for them. */
static const char *const readable[] = {
	"/etc",
	"/usr/lib",
	"/usr/lib64",
	"/lib",
	"/lib64",
	"/usr/share/ca-certificates",
	"/var/lib/ca-certificates",
	"/usr/share/zoneinfo",
	"/usr/local/share/ca-certificates",
	"/run/systemd/resolve",
	"/run/resolvconf",
	"/run/NetworkManager",
	"/dev/urandom",
};

int sandbox_enter(const struct rights *rights, struct buf *what)
{
	struct rights r = *rights;
	int err;

	r.readable = readable;
	r.readable_count = ARRAY_SIZE(readable);
	err = rights_give_up(&r, what);
	if (err)
		return err;
	err = syscalls_restrict();
	if (err)
		buf_str(what, "seccomp");
	return err;
}
