/* SPDX-License-Identifier: Apache-2.0 */
#include "base/rights.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <linux/landlock.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/text.h"
#include "base/util.h"

#define USER_DEFAULT "keelwatch"
#define USER_FALLBACK "nobody"
#define ID_NOBODY 65534 /* where there is no /etc/passwd at all, as in an image from scratch */

/* Of newer kernels than the headers we build with: see Documentation/userspace-api/landlock.rst. */
#define ACCESS_FS_TRUNCATE (1ULL << 14)	 /* ABI 3, Linux 6.2 */
#define ACCESS_FS_IOCTL_DEV (1ULL << 15) /* ABI 5, 6.10 */
#define ACCESS_NET_BIND_TCP (1ULL << 0)	 /* ABI 4, 6.7 */
#define ACCESS_NET_CONNECT_TCP (1ULL << 1)
#define SCOPE_ABSTRACT_UNIX (1ULL << 0) /* ABI 6, 6.12 */
#define SCOPE_SIGNAL (1ULL << 1)
#define RULE_NET_PORT 2

struct ruleset_attr {
	uint64_t handled_access_fs;
	uint64_t handled_access_net;
	uint64_t scoped;
};

struct net_port_attr {
	uint64_t allowed_access;
	uint64_t port;
} __attribute__((packed));

#define FS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define FS_WRITE                                                                    \
	(FS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE | \
	 LANDLOCK_ACCESS_FS_MAKE_REG | ACCESS_FS_TRUNCATE)
#define FS_ALL_ABI1 ((1ULL << 13) - 1)

/* --- who we are --- */

static bool find_user(const char *name, uid_t *uid, gid_t *gid)
{
	_cleanup_fclose_ FILE *f = fopen("/etc/passwd", "re");
	struct passwd *p;

	while (f && (p = fgetpwent(f))) {
		if (strcmp(p->pw_name, name))
			continue;
		*uid = p->pw_uid;
		*gid = p->pw_gid;
		return true;
	}
	return false;
}

int rights_user(const char *name, uid_t *uid, gid_t *gid)
{
	uint64_t number;

	if (name && !text_u64(name, &number) && number < UINT32_MAX) {
		*uid = *gid = number;
		return 0;
	}
	if (name)
		return find_user(name, uid, gid) ? 0 : -ENOENT;
	if (!find_user(USER_DEFAULT, uid, gid) && !find_user(USER_FALLBACK, uid, gid))
		*uid = *gid = ID_NOBODY;
	return 0;
}

int rights_bound(uint64_t keep)
{
	/* EINVAL: the kernel has no more; it may have more than the headers we build with. */
	for (int cap = 0; cap < RIGHTS_CAPABILITIES; cap++)
		if (!(keep >> cap & 1) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) && errno != EPERM)
			return errno == EINVAL ? 0 : -errno;
	return 0;
}

static int drop_user(const struct rights *r)
{
	if (geteuid())
		return 0;
	if (setgroups(0, NULL) || setresgid(r->gid, r->gid, r->gid) ||
	    setresuid(r->uid, r->uid, r->uid))
		return -errno;
	return 0;
}

int rights_keep(uint64_t keep)
{
	cap_t set = cap_init();
	int err = set ? 0 : -ENOMEM;

	for (cap_value_t cap = 0; !err && cap < RIGHTS_CAPABILITIES; cap++)
		if (keep >> cap & 1 && (cap_set_flag(set, CAP_PERMITTED, 1, &cap, CAP_SET) ||
					cap_set_flag(set, CAP_EFFECTIVE, 1, &cap, CAP_SET)))
			err = -errno;
	if (!err && cap_set_proc(set))
		err = -errno;
	cap_free(set);
	return err;
}

/* --- files and ports --- */

static int allow_path(int ruleset, const char *path, uint64_t access)
{
	_cleanup_close_ int fd = open(path, O_PATH | O_CLOEXEC);
	struct landlock_path_beneath_attr rule = { .allowed_access = access, .parent_fd = fd };

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == EACCES ? 0 : -errno;
	if (!syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0))
		return 0;
	if (errno != EINVAL)
		return -errno;
	/* A file: what is for folders is refused. */
	rule.allowed_access &= LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE;
	return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) ?
		       -errno :
		       0;
}

static int allow_ports(int ruleset, const struct rights *r)
{
	for (size_t i = 0; i < r->port_count; i++) {
		struct net_port_attr rule = { ACCESS_NET_CONNECT_TCP, r->ports[i] };

		if (syscall(SYS_landlock_add_rule, ruleset, RULE_NET_PORT, &rule, 0))
			return -errno;
	}
	return 0;
}

static int allow_all(int ruleset, const struct rights *r, uint64_t fs, bool ports)
{
	int err = 0;

	for (size_t i = 0; !err && i < r->readable_count; i++)
		err = allow_path(ruleset, r->readable[i], FS_READ & fs);
	for (size_t i = 0; !err && i < r->writable_count; i++)
		err = allow_path(ruleset, r->writable[i], FS_WRITE & fs);
	for (size_t i = 0; !err && i < r->reachable_count; i++)
		err = allow_path(ruleset, r->reachable[i], FS_WRITE & fs);
	return err || !ports ? err : allow_ports(ruleset, r);
}

/* Made while we may still look everywhere. The ruleset's descriptor; -1: this kernel has no Landlock. */
static int make_ruleset(const struct rights *r, int *ret)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct ruleset_attr attr = { .handled_access_fs = FS_ALL_ABI1 };
	size_t size = abi >= 6 ? sizeof(attr) : abi >= 4 ? 16 : 8;
	bool ports = abi >= 4 && r->ports;
	_cleanup_close_ int ruleset = -1;
	int err;

	if (abi < 1) {
		log_info("this kernel has no Landlock: files are kept from %s by its user alone",
			 program_invocation_short_name);
		*ret = -1;
		return 0;
	}
	attr.handled_access_fs |= abi >= 2 ? LANDLOCK_ACCESS_FS_REFER : 0;
	attr.handled_access_fs |= abi >= 3 ? ACCESS_FS_TRUNCATE : 0;
	attr.handled_access_fs |= abi >= 5 ? ACCESS_FS_IOCTL_DEV : 0;
	attr.handled_access_net = ACCESS_NET_BIND_TCP | (ports ? ACCESS_NET_CONNECT_TCP : 0);
	attr.scoped = SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL;
	ruleset = syscall(SYS_landlock_create_ruleset, &attr, size, 0);
	if (ruleset < 0)
		return -errno;
	err = allow_all(ruleset, r, attr.handled_access_fs, ports);
	*ret = err ? -1 : TAKE_FD(ruleset);
	return err;
}

int rights_close(void)
{
	struct rlimit none = {};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || setrlimit(RLIMIT_CORE, &none) ||
			       prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) ?
		       -errno :
		       0;
}

static int drop_rest(int ruleset)
{
	int err = 0;

	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) && errno != EINVAL)
		err = -errno;
	if (!err)
		err = rights_keep(0);
	if (!err)
		err = rights_close();
	if (!err && ruleset >= 0 && syscall(SYS_landlock_restrict_self, ruleset, 0))
		err = -errno;
	return err;
}

int rights_give_up(const struct rights *r, struct buf *what)
{
	_cleanup_close_ int ruleset = -1;
	int err = make_ruleset(r, &ruleset);

	if (err) {
		buf_str(what, "Landlock");
		return err;
	}
	err = rights_bound(0); /* before the user, with whom CAP_SETPCAP goes */
	if (!err)
		err = drop_user(r);
	if (err) {
		buf_str(what, "the user cannot be changed");
		return err;
	}
	err = drop_rest(ruleset);
	if (err)
		buf_str(what, "capabilities, files or memory cannot be given up");
	return err;
}
