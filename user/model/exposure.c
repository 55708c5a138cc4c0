/* SPDX-License-Identifier: Apache-2.0 */
/* Judges how much of the host a path or a mount gives away: the table of sensitive paths. */
#include "model/exposure.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/text.h"
#include "base/util.h"
#include "source/facts.h"
#include "model/mount_class.h"
#include "model/mounts.h"

enum {
	NONE = EXPOSURE_NONE,
	LOW = EXPOSURE_LOW,
	MEDIUM = EXPOSURE_MEDIUM,
	HIGH = EXPOSURE_HIGH,
	CRITICAL = EXPOSURE_CRITICAL,
};

/*
 * Levels are for the path itself, then for what lies below it, writable and read-only each. A * is
 * any name, and a name may end in one. What lies below is judged by the row with the most
 * components, so that a row without levels below keeps its parent's row from reaching there. A
 * directory above rows takes the worst of them, unless it has a row of its own. Read-only makes no
 * difference to sockets and device nodes: both open for writing on a read-only mount.
 */
static const struct sensitive {
	const char *path;
	unsigned char at_writable, at_read_only;
	unsigned char below_writable, below_read_only;
	const char *what;
} sensitive[] = {
	{ "/", CRITICAL, HIGH, NONE, NONE, "the host's root directory" },

	{ "/etc", CRITICAL, HIGH, HIGH, LOW, "the host's configuration" },
	{ "/etc/shadow", CRITICAL, HIGH, NONE, NONE, "the host's password hashes" },
	{ "/etc/shadow-", CRITICAL, HIGH, NONE, NONE, "the host's password hashes" },
	{ "/etc/gshadow", CRITICAL, HIGH, NONE, NONE, "the host's password hashes" },
	{ "/etc/gshadow-", CRITICAL, HIGH, NONE, NONE, "the host's password hashes" },
	{ "/etc/security", CRITICAL, HIGH, CRITICAL, LOW, "the host's log-in rules" },
	{ "/etc/security/opasswd", CRITICAL, HIGH, NONE, NONE, "the host's password hashes" },
	{ "/etc/passwd", CRITICAL, LOW, NONE, NONE, "the host's users" },
	{ "/etc/group", CRITICAL, LOW, NONE, NONE, "the host's groups" },
	{ "/etc/sudoers", CRITICAL, HIGH, NONE, NONE, "who may become root on the host" },
	{ "/etc/sudoers.d", CRITICAL, HIGH, CRITICAL, HIGH, "who may become root on the host" },
	{ "/etc/pam.d", CRITICAL, LOW, CRITICAL, LOW, "the host's log-in rules" },
	{ "/etc/ssh", CRITICAL, HIGH, CRITICAL, HIGH, "the host's ssh keys and settings" },
	{ "/etc/kubernetes", CRITICAL, HIGH, CRITICAL, HIGH, "the node's Kubernetes credentials" },
	{ "/etc/rancher", CRITICAL, HIGH, CRITICAL, HIGH, "the node's Kubernetes credentials" },
	{ "/etc/cron*", CRITICAL, LOW, CRITICAL, LOW, "what the host's cron runs" },
	{ "/etc/systemd", CRITICAL, LOW, CRITICAL, LOW, "what the host's systemd runs" },
	{ "/etc/init.d", CRITICAL, LOW, CRITICAL, LOW, "what the host's init runs" },
	{ "/etc/profile*", CRITICAL, LOW, CRITICAL, LOW, "what the host's log-ins run" },
	{ "/etc/udev", CRITICAL, LOW, CRITICAL, LOW, "what the host's udev runs" },
	{ "/etc/ld.so*", CRITICAL, LOW, CRITICAL, LOW, "what the host's programs load" },
	{ "/etc/docker", CRITICAL, LOW, CRITICAL, LOW, "a runtime's configuration" },
	{ "/etc/containerd", CRITICAL, LOW, CRITICAL, LOW, "a runtime's configuration" },
	{ "/etc/containers", CRITICAL, LOW, CRITICAL, LOW, "a runtime's configuration" },
	{ "/etc/crio", CRITICAL, LOW, CRITICAL, LOW, "a runtime's configuration" },
	{ "/etc/cni", CRITICAL, LOW, CRITICAL, LOW, "a runtime's configuration" },
	{ "/etc/ssl/private", HIGH, HIGH, HIGH, HIGH, "the host's private keys" },
	{ "/etc/pki", HIGH, HIGH, HIGH, HIGH, "the host's private keys" },
	{ "/etc/wireguard", HIGH, HIGH, HIGH, HIGH, "the host's private keys" },
	{ "/etc/krb5.keytab", HIGH, HIGH, NONE, NONE, "the host's Kerberos key" },
	{ "/etc/NetworkManager/system-connections", HIGH, HIGH, HIGH, HIGH,
	  "the host's network passwords" },
	{ "/etc/machine-id", LOW, LOW, NONE, NONE, "the host's identity" },
	{ "/etc/localtime", NONE, NONE, NONE, NONE, "the time zone" },
	{ "/etc/timezone", NONE, NONE, NONE, NONE, "the time zone" },
	{ "/etc/resolv.conf", NONE, NONE, NONE, NONE, "the host's name servers" },
	{ "/etc/hosts", NONE, NONE, NONE, NONE, "the host's names" },
	{ "/etc/hostname", NONE, NONE, NONE, NONE, "the host's name" },
	{ "/etc/ssl/certs", NONE, NONE, NONE, NONE, "certificates" },
	{ "/etc/ca-certificates", NONE, NONE, NONE, NONE, "certificates" },
	{ "/etc/pki/ca-trust", NONE, NONE, NONE, NONE, "certificates" },
	{ "/etc/pki/tls/certs", NONE, NONE, NONE, NONE, "certificates" },

	/* Homes: the rest of one is its owner's business, but for home_secrets and home_scripts. */
	{ "/root", CRITICAL, HIGH, NONE, NONE, "root's home directory" },
	{ "/root/.ssh", CRITICAL, HIGH, CRITICAL, HIGH, "root's ssh keys" },
	{ "/home", HIGH, HIGH, NONE, NONE, "the host's home directories" },
	{ "/home/*", HIGH, HIGH, NONE, NONE, "a home directory of the host" },
	{ "/var/home", HIGH, HIGH, NONE, NONE, "the host's home directories" },
	{ "/var/home/*", HIGH, HIGH, NONE, NONE, "a home directory of the host" },

	{ "/boot", CRITICAL, MEDIUM, HIGH, LOW, "the host's kernel and boot loader" },

	{ "/usr", CRITICAL, LOW, HIGH, NONE, "the host's programs" },
	{ "/usr/bin", CRITICAL, LOW, HIGH, NONE, "the host's programs" },
	{ "/usr/sbin", CRITICAL, LOW, HIGH, NONE, "the host's programs" },
	{ "/usr/lib*", CRITICAL, LOW, HIGH, NONE, "the host's libraries" },
	{ "/usr/lib/modules", CRITICAL, LOW, HIGH, LOW, "the host's kernel modules" },
	{ "/usr/src", MEDIUM, LOW, LOW, LOW, "the host's kernel headers" },
	{ "/usr/local", CRITICAL, LOW, MEDIUM, NONE, "the host's programs" },
	{ "/usr/local/bin", CRITICAL, LOW, HIGH, NONE, "the host's programs" },
	{ "/usr/local/sbin", CRITICAL, LOW, HIGH, NONE, "the host's programs" },
	{ "/usr/local/lib", HIGH, LOW, MEDIUM, NONE, "the host's libraries" },
	{ "/usr/local/share", LOW, NONE, NONE, NONE, "the host's shared files" },
	{ "/usr/share", MEDIUM, NONE, LOW, NONE, "the host's shared files" },
	{ "/usr/share/zoneinfo", NONE, NONE, NONE, NONE, "the time zones" },
	{ "/usr/share/ca-certificates", NONE, NONE, NONE, NONE, "certificates" },
	{ "/usr/share/fonts", NONE, NONE, NONE, NONE, "fonts" },
	{ "/bin", CRITICAL, LOW, HIGH, NONE, "the host's programs" },
	{ "/sbin", CRITICAL, LOW, HIGH, NONE, "the host's programs" },
	{ "/lib", CRITICAL, LOW, HIGH, NONE, "the host's libraries" },
	{ "/lib32", CRITICAL, LOW, HIGH, NONE, "the host's libraries" },
	{ "/lib64", CRITICAL, LOW, HIGH, NONE, "the host's libraries" },
	{ "/libx32", CRITICAL, LOW, HIGH, NONE, "the host's libraries" },
	{ "/lib/modules", CRITICAL, LOW, HIGH, LOW, "the host's kernel modules" },

	{ "/dev", CRITICAL, CRITICAL, HIGH, HIGH, "the host's devices" },
	{ "/dev/mem", HIGH, HIGH, NONE, NONE, "the host's physical memory" },
	{ "/dev/kmem", HIGH, HIGH, NONE, NONE, "the host's kernel memory" },
	{ "/dev/port", HIGH, HIGH, NONE, NONE, "the host's I/O ports" },
	{ "/dev/kmsg", HIGH, HIGH, NONE, NONE, "the host's kernel log" },
	{ "/dev/input", MEDIUM, MEDIUM, MEDIUM, MEDIUM, "the host's keyboards and mice" },
	{ "/dev/bus", MEDIUM, MEDIUM, MEDIUM, MEDIUM, "the host's USB devices" },
	{ "/dev/pts", MEDIUM, MEDIUM, MEDIUM, MEDIUM, "the host's terminals" },
	{ "/dev/disk", LOW, LOW, LOW, LOW, "the names of the host's disks" },
	{ "/dev/shm", LOW, LOW, NONE, NONE, "the host's shared memory" },
	{ "/dev/mqueue", LOW, LOW, NONE, NONE, "the host's message queues" },
	{ "/dev/hugepages", NONE, NONE, NONE, NONE, "the host's huge pages" },
	{ "/dev/net", NONE, NONE, NONE, NONE, "the tun device" },
	{ "/dev/dri", NONE, NONE, NONE, NONE, "the host's graphics cards" },
	{ "/dev/snd", NONE, NONE, NONE, NONE, "the host's sound cards" },

	{ "/proc", CRITICAL, HIGH, HIGH, LOW, "the host's /proc" },
	{ "/proc/1", HIGH, HIGH, HIGH, HIGH, "the host's init process" },
	{ "/proc/sys", CRITICAL, LOW, CRITICAL, LOW, "the host's kernel settings" },
	{ "/proc/sysrq-trigger", CRITICAL, LOW, NONE, NONE, "the host's kernel settings" },
	{ "/proc/kcore", HIGH, HIGH, NONE, NONE, "the host's kernel memory" },
	{ "/sys", HIGH, MEDIUM, MEDIUM, LOW, "the host's sysfs" },
	{ "/sys/fs/bpf", HIGH, MEDIUM, HIGH, MEDIUM, "the host's BPF objects" },
	{ "/sys/fs/cgroup", HIGH, MEDIUM, MEDIUM, LOW, "the host's cgroup file system" },
	{ "/sys/kernel/debug", HIGH, MEDIUM, HIGH, MEDIUM, "the host's debugfs" },
	{ "/sys/kernel/tracing", HIGH, MEDIUM, HIGH, MEDIUM, "the host's tracefs" },
	{ "/sys/kernel/security", HIGH, LOW, HIGH, LOW, "the host's security modules" },

	/* /var/run is a link to /run or its equal: host_name() makes the two one. */
	{ "/run", CRITICAL, CRITICAL, NONE, NONE, "a directory that holds runtimes' sockets" },
	{ "/run/docker", CRITICAL, CRITICAL, HIGH, MEDIUM, "a runtime's state" },
	{ "/run/docker/containerd", CRITICAL, CRITICAL, HIGH, MEDIUM, "a runtime's state" },
	{ "/run/containerd", CRITICAL, CRITICAL, HIGH, MEDIUM, "a runtime's state" },
	{ "/run/k3s", CRITICAL, CRITICAL, HIGH, MEDIUM, "a runtime's state" },
	{ "/run/k3s/containerd", CRITICAL, CRITICAL, HIGH, MEDIUM, "a runtime's state" },
	{ "/run/crio", CRITICAL, CRITICAL, HIGH, MEDIUM, "a runtime's state" },
	{ "/run/podman", CRITICAL, CRITICAL, HIGH, MEDIUM, "a runtime's state" },
	{ "/run/buildkit", CRITICAL, CRITICAL, HIGH, MEDIUM, "a runtime's state" },
	{ "/run/containers", HIGH, MEDIUM, MEDIUM, LOW, "a runtime's state" },
	{ "/run/runc", HIGH, MEDIUM, MEDIUM, LOW, "a runtime's state" },
	{ "/run/crun", HIGH, MEDIUM, MEDIUM, LOW, "a runtime's state" },
	{ "/run/user/*/docker.sock", CRITICAL, CRITICAL, NONE, NONE, "a runtime's socket" },
	{ "/run/user/*/podman", CRITICAL, CRITICAL, HIGH, MEDIUM, "a runtime's state" },
	{ "/run/user/*/bus", MEDIUM, MEDIUM, NONE, NONE, "a user's message bus" },
	{ "/run/dbus", HIGH, HIGH, HIGH, HIGH, "the host's system bus" },
	{ "/run/systemd", CRITICAL, CRITICAL, MEDIUM, LOW, "the host's systemd" },
	{ "/run/systemd/private", CRITICAL, CRITICAL, NONE, NONE, "systemd's control socket" },
	{ "/run/systemd/journal", LOW, LOW, LOW, LOW, "the host's journal" },
	{ "/run/systemd/resolve", NONE, NONE, NONE, NONE, "the host's name servers" },
	{ "/run/log", LOW, LOW, NONE, NONE, "the host's journal" },
	{ "/run/udev", LOW, LOW, LOW, LOW, "the host's udev" },
	{ "/run/netns", MEDIUM, MEDIUM, MEDIUM, MEDIUM, "the host's network namespaces" },
	{ "/run/secrets", HIGH, HIGH, HIGH, HIGH, "the host's secrets" },
	{ "/run/credentials", HIGH, HIGH, HIGH, HIGH, "the host's secrets" },

	{ "/var/lib/docker", CRITICAL, HIGH, HIGH, MEDIUM, "a runtime's data" },
	{ "/var/lib/containerd", CRITICAL, HIGH, HIGH, MEDIUM, "a runtime's data" },
	{ "/var/lib/containers", CRITICAL, HIGH, HIGH, MEDIUM, "a runtime's data" },
	{ "/var/lib/kubelet", CRITICAL, HIGH, HIGH, MEDIUM, "the kubelet's data" },
	{ "/var/lib/kubelet/pki", CRITICAL, HIGH, CRITICAL, HIGH, "the kubelet's keys" },
	{ "/var/lib/etcd", CRITICAL, HIGH, CRITICAL, HIGH, "the cluster's database" },
	{ "/var/lib/rancher", CRITICAL, HIGH, HIGH, MEDIUM, "the node's Kubernetes data" },
	{ "/var/log", MEDIUM, LOW, NONE, NONE, "the host's logs" },
	{ "/var/spool/cron", CRITICAL, LOW, CRITICAL, LOW, "what the host's cron runs" },
	{ "/var/backups", HIGH, HIGH, HIGH, HIGH, "copies of the host's password hashes" },
};

/* Names of files and directories that hold a person's keys, wherever homes may be. */
static const char *const home_secrets[] = {
	".ssh", ".kube", ".docker", ".aws", ".azure", ".gnupg", ".git-credentials", ".netrc",
};

/* Names of files that a log-in runs: harmless to read. */
static const char *const home_scripts[] = {
	".bashrc", ".bash_profile", ".bash_login", ".profile", ".zshrc", ".zprofile",
};

/* What runtimes call their sockets. */
static const char *const runtime_sockets[] = {
	"docker.sock",	   "dockerd.sock",	    "docker-containerd.sock",
	"containerd.sock", "containerd.sock.ttrpc", "crio.sock",
	"podman.sock",	   "cri-dockerd.sock",	    "dockershim.sock",
	"buildkitd.sock",  "kubelet.sock",	    "isulad.sock",
};

/* Nodes of /dev that are no way to the host, for where the path can no longer be looked at. */
static const char *const harmless_devices[] = {
	"/dev/null",	"/dev/zero", "/dev/full", "/dev/random",
	"/dev/urandom", "/dev/tty",  "/dev/fuse",
};

/* File systems that show the host as such, whatever path they have there. */
static const struct host_fs {
	const char *fstype;
	bool whole;  /* only with the root of the file system */
	bool shared; /* only with a superblock that the host has mounted */
	unsigned char writable, read_only;
	const char *place; /* or NULL: where a runtime may put one itself, with these levels */
	unsigned char place_writable, place_read_only;
	const char *what;
} host_filesystems[] = {
	/*
	 * Since 5.8 every mount of proc has a superblock of its own: the host's at /proc is a bind.
	 * Before, --pid=host gives the host's, which shows the same.
	 */
	{ "proc", true, true, CRITICAL, HIGH, "/proc", HIGH, HIGH, "the host's /proc" },
	/* A fresh sysfs of a container on the host's network has the host's superblock. */
	{ "sysfs", true, true, HIGH, MEDIUM, "/sys", MEDIUM, NONE, "the host's sysfs" },
	/*
	 * A cgroup superblock is a hierarchy: its root is the host's, mounted there or not. But
	 * runtimes put it in its place too, and in user namespaces cover it with the container's.
	 */
	{ "cgroup", true, false, HIGH, MEDIUM, "/sys/fs/cgroup", NONE, NONE,
	  "the host's cgroup file system" },
	{ "cgroup2", true, false, HIGH, MEDIUM, "/sys/fs/cgroup", NONE, NONE,
	  "the host's cgroup file system" },
	{ "devtmpfs", true, false, CRITICAL, CRITICAL, NULL, NONE, NONE, "the host's devices" },
	{ "debugfs", false, false, HIGH, MEDIUM, NULL, NONE, NONE, "the host's debugfs" },
	{ "tracefs", false, false, HIGH, MEDIUM, NULL, NONE, NONE, "the host's tracefs" },
	{ "securityfs", false, false, HIGH, LOW, NULL, NONE, NONE, "the host's security modules" },
	{ "efivarfs", false, false, HIGH, LOW, NULL, NONE, NONE, "the host's firmware settings" },
	{ "binfmt_misc", false, true, HIGH, LOW, NULL, NONE, NONE, "the host's binary formats" },
	{ "nsfs", false, true, MEDIUM, MEDIUM, NULL, NONE, NONE, "a namespace of the host" },
};

static const struct exposure_verdict nothing = { EXPOSURE_NONE, "nothing sensitive" };

static enum exposure level_at(const struct sensitive *row, bool read_only)
{
	return read_only ? row->at_read_only : row->at_writable;
}

static enum exposure level_below(const struct sensitive *row, bool read_only)
{
	return read_only ? row->below_read_only : row->below_writable;
}

static enum exposure level_of_fs(const struct host_fs *fs, bool placed, bool read_only)
{
	if (placed)
		return read_only ? fs->place_read_only : fs->place_writable;
	return read_only ? fs->read_only : fs->writable;
}

enum relation { UNRELATED, EQUAL, BELOW, ABOVE };

static bool name_matches(const char *name, size_t len, const char *pattern, size_t pattern_len)
{
	if (pattern_len && pattern[pattern_len - 1] == '*')
		return len >= pattern_len - 1 && !memcmp(name, pattern, pattern_len - 1);
	return len == pattern_len && !memcmp(name, pattern, len);
}

/* How path lies to a row's; depth gets the number of components that the row has. */
static enum relation path_relation(const char *path, const char *pattern, size_t *depth)
{
	size_t len, pattern_len;

	for (*depth = 0;; (*depth)++) {
		path += strspn(path, "/");
		pattern += strspn(pattern, "/");
		if (!*pattern)
			return *path ? BELOW : EQUAL;
		if (!*path)
			return ABOVE;
		len = strcspn(path, "/");
		pattern_len = strcspn(pattern, "/");
		if (!name_matches(path, len, pattern, pattern_len))
			return UNRELATED;
		path += len;
		pattern += pattern_len;
	}
}

static void raise_to(struct exposure_verdict *v, enum exposure level, const char *what)
{
	if (level > v->level)
		*v = (struct exposure_verdict){ level, what };
}

/* The row that is the path. patterns: whether rows with a * count. */
static const struct sensitive *row_of(const char *path, bool patterns)
{
	size_t i, depth;

	for (i = 0; i < ARRAY_SIZE(sensitive); i++) {
		if (!patterns && strchr(sensitive[i].path, '*'))
			continue;
		if (path_relation(path, sensitive[i].path, &depth) == EQUAL)
			return &sensitive[i];
	}
	return NULL;
}

static struct exposure_verdict judge_above(const char *path, bool read_only)
{
	struct exposure_verdict v = nothing;
	size_t i, depth;

	for (i = 0; i < ARRAY_SIZE(sensitive); i++)
		if (path_relation(path, sensitive[i].path, &depth) == ABOVE)
			raise_to(&v, level_at(&sensitive[i], read_only),
				 "a directory above sensitive ones of the host");
	return v;
}

static struct exposure_verdict judge_below(const char *path, bool read_only)
{
	const struct sensitive *best = NULL;
	size_t i, depth, best_depth = 0;

	for (i = 0; i < ARRAY_SIZE(sensitive); i++) {
		if (path_relation(path, sensitive[i].path, &depth) != BELOW)
			continue;
		if (best && depth <= best_depth)
			continue;
		best = &sensitive[i];
		best_depth = depth;
	}
	if (!best)
		return nothing;
	return (struct exposure_verdict){ level_below(best, read_only), best->what };
}

static bool listed(const char *name, size_t len, const char *const *names, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (strlen(names[i]) == len && !memcmp(names[i], name, len))
			return true;
	return false;
}

static void judge_names(const char *path, bool read_only, struct exposure_verdict *v)
{
	size_t len;

	for (; *path; path += len) {
		path += strspn(path, "/");
		len = strcspn(path, "/");
		if (listed(path, len, home_secrets, ARRAY_SIZE(home_secrets)))
			raise_to(v, EXPOSURE_HIGH, "keys and credentials of a user of the host");
		if (!read_only && listed(path, len, home_scripts, ARRAY_SIZE(home_scripts)))
			raise_to(v, EXPOSURE_HIGH, "a script that a log-in on the host runs");
	}
}

static struct exposure_verdict judge_by_table(const char *path, bool read_only)
{
	const struct sensitive *row = row_of(path, true);
	struct exposure_verdict v, below;

	if (row)
		return (struct exposure_verdict){ level_at(row, read_only), row->what };
	v = judge_above(path, read_only);
	below = judge_below(path, read_only);
	raise_to(&v, below.level, below.what);
	judge_names(path, read_only, &v);
	return v;
}

/*
 * Where a container's root lies (below /var/lib/docker, in a home) is no exposure; but it may be
 * the host's own root or a sensitive directory as such.
 */
static struct exposure_verdict judge_root(const char *path, bool read_only)
{
	const struct sensitive *row = row_of(path, false);

	if (row)
		return (struct exposure_verdict){ level_at(row, read_only), row->what };
	return judge_above(path, read_only);
}

static bool lies_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return !strncmp(path, dir, len) && path[len] == '/';
}

/* The path under /run where the table has it. */
static const char *host_name(const char *path)
{
	const char *rest = path + strlen("/var/run");

	if (text_starts(path, "/var/run") && (!*rest || *rest == '/'))
		return path + strlen("/var");
	return path;
}

struct listening {
	uint32_t dev;
	uint64_t ino;
	char name[4096 + 1]; /* longer than sun_path ever is, also when every byte was escaped */
};

static bool runtime_name(const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

	return listed(name, strlen(name), runtime_sockets, ARRAY_SIZE(runtime_sockets));
}

/* The next line of facts_sockets() that is a runtime's, by its name. */
static bool next_runtime(const char **sockets, struct listening *s)
{
	const char *line, *end;
	char *at;

	while (*sockets && **sockets) {
		line = *sockets;
		end = line + strcspn(line, "\n");
		*sockets = *end ? end + 1 : end;
		s->dev = (uint32_t)strtoul(line, &at, 10);
		s->ino = strtoull(at, &at, 10);
		at += *at == ' ';
		if (at > end || (size_t)(end - at) >= sizeof(s->name))
			continue;
		memcpy(s->name, at, (size_t)(end - at));
		s->name[end - at] = '\0';
		if (runtime_name(s->name))
			return true;
	}
	return false;
}

static bool is_runtime(const char *sockets, const struct fact_stat *st)
{
	struct listening s;

	while (next_runtime(&sockets, &s))
		if (s.dev == st->dev && s.ino == st->ino)
			return true;
	return false;
}

/* Whether a bound name lies below the path; through /var/run only where that is no link. */
static bool name_below(struct facts *facts, const char *name, const char *path)
{
	struct buf link = { .max = 4096 };
	bool below;

	if (lies_below(host_name(name), path))
		return true;
	if (!lies_below(name, path))
		return false;
	below = facts_readlink(facts, "/var/run", &link) < 0;
	buf_free(&link);
	return below;
}

/* A runtime with a root of its own has bound a name that is another one on the host. */
static bool lies_in(struct facts *facts, const char *path, const struct listening *s)
{
	const char *slash = strrchr(s->name, '/');
	_cleanup_(buf_free) struct buf name = {};
	struct fact_stat st;

	buf_fmt(&name, "%s/%s", path, slash ? slash + 1 : s->name);
	return !name.failed && !facts_stat(facts, name.data, &st) && st.ino == s->ino &&
	       st.dev == s->dev;
}

/*
 * Whether the directory holds the socket of a runtime that listens. The kernel says what name a
 * socket was bound by, not where it is now: one that was moved is found as a file, by its inode, or
 * in its new directory itself, but not from further above. A name that is not there, or is another
 * file by now, was bound in another root, or is gone.
 */
static bool holds_runtime(struct facts *facts, const char *path, const char *sockets)
{
	struct fact_stat st;
	struct listening s;
	int ret;

	while (next_runtime(&sockets, &s)) {
		if (lies_in(facts, path, &s))
			return true;
		if (!name_below(facts, s.name, path))
			continue;
		ret = facts_stat(facts, s.name, &st);
		if (ret < 0 ? ret != -ENOENT : st.ino == s.ino)
			return true;
	}
	return false;
}

/* The classifier's word: does the path look like an engine's own storage? */
static bool engine_storage(const char *path)
{
	char all[] = "/", elsewhere[] = "/mnt", fstype[] = "";
	struct mount_line top = { .root = all, .target = all, .fstype = fstype };
	struct mount_line line = { .root = (char *)path, .target = elsewhere, .fstype = fstype };
	struct mount_table host = { &top, 1 };

	return mount_classify(&host, &line) == MOUNT_CLASS_VOLUME;
}

/* What the file is says more than where it lies. True when that settles it. */
static bool judge_file(struct facts *facts, const char *path, const char *sockets,
		       struct exposure_verdict *v)
{
	struct fact_stat st;
	bool known = facts_stat(facts, path, &st) == 0;
	const struct sensitive *row;

	if (known && S_ISBLK(st.mode)) {
		*v = (struct exposure_verdict){ EXPOSURE_CRITICAL, "a block device of the host" };
		return true;
	}
	if (known ? S_ISSOCK(st.mode) && (runtime_name(path) || is_runtime(sockets, &st)) :
		    runtime_name(path)) {
		*v = (struct exposure_verdict){ EXPOSURE_CRITICAL, "a runtime's socket" };
		return true;
	}
	if (known ? S_ISCHR(st.mode) :
		    listed(path, strlen(path), harmless_devices, ARRAY_SIZE(harmless_devices))) {
		row = row_of(path, true);
		if (row)
			*v = (struct exposure_verdict){ level_at(row, true), row->what };
		return true;
	}
	return false;
}

struct exposure_verdict exposure_of_path(struct facts *facts, const char *path, bool read_only,
					 const char *sockets)
{
	struct exposure_verdict v = nothing;

	if (*path != '/')
		return v;
	path = host_name(path);
	if (engine_storage(path) || judge_file(facts, path, sockets, &v))
		return v;
	v = judge_by_table(path, read_only);
	/* The root is above every socket there is; what it gives away is in its row. */
	if (path[strspn(path, "/")] && holds_runtime(facts, path, sockets))
		raise_to(&v, EXPOSURE_CRITICAL, "a directory that holds a runtime's socket");
	return v;
}

/* Judges file systems that are the host's whatever their path is. True when the line is one. */
static bool judge_host_fs(const struct mount_table *host, const struct mount_line *line,
			  bool read_only, struct exposure_verdict *v)
{
	struct buf path = { 0 };
	const struct host_fs *fs;
	bool on_host, placed;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(host_filesystems); i++) {
		fs = &host_filesystems[i];
		if (strcmp(fs->fstype, line->fstype) || (fs->whole && strcmp(line->root, "/")))
			continue;
		on_host = mount_host_path(host, line, &path);
		buf_free(&path);
		if (fs->shared && !on_host)
			return false;
		placed = fs->place &&
			 (!strcmp(line->target, fs->place) || lies_below(line->target, fs->place));
		v->level = level_of_fs(fs, placed, read_only);
		v->what = fs->what;
		return true;
	}
	return false;
}

/*
 * A path can have several names on the host (bind mounts; a volume that is a bind of /etc): each
 * mount of the host that shows it is asked alone, and the worst counts.
 */
static struct exposure_verdict judge_names_on_host(struct facts *facts,
						   const struct mount_table *host,
						   const struct mount_line *line, bool read_only,
						   const char *sockets)
{
	struct exposure_verdict v = nothing, one;
	bool root = !strcmp(line->target, "/");
	struct buf path = { 0 };
	size_t i;

	for (i = 0; i < host->count; i++) {
		struct mount_table alone = { &host->lines[i], 1 };

		buf_reset(&path);
		if (!mount_host_path(&alone, line, &path))
			continue;
		one = root ? judge_root(host_name(buf_cstr(&path)), read_only) :
			     exposure_of_path(facts, buf_cstr(&path), read_only, sockets);
		raise_to(&v, one.level, one.what);
	}
	buf_free(&path);
	return v;
}

/* A file system that the host has not mounted. */
static struct exposure_verdict judge_unmounted(const struct mount_line *line, bool read_only)
{
	/* btrfs has anonymous device numbers: there the source tells. */
	if (line->dev >> MINOR_BITS || text_starts(line->source, "/dev/"))
		return (struct exposure_verdict){ read_only ? EXPOSURE_MEDIUM : EXPOSURE_HIGH,
						  "a disk that the host has not mounted" };
	if (!strcmp(line->fstype, "overlay"))
		return (struct exposure_verdict){ EXPOSURE_LOW,
						  "an overlay of unknown directories" };
	return nothing;
}

struct exposure_verdict exposure_of_mount(struct facts *facts, const struct mount_table *host,
					  const struct mount_line *line, const char *sockets)
{
	struct exposure_verdict v = nothing;
	bool read_only = line->mnt_ro || line->sb_ro, on_host;
	enum mount_class class = mount_classify(host, line);
	struct buf path = { 0 };

	if (class == MOUNT_CLASS_ROOTFS)
		return judge_names_on_host(facts, host, line, read_only, sockets);
	if (judge_host_fs(host, line, read_only, &v))
		return v;
	if (class != MOUNT_CLASS_HOST && class != MOUNT_CLASS_DEVICE)
		return v;
	on_host = mount_host_path(host, line, &path);
	buf_free(&path);
	return on_host ? judge_names_on_host(facts, host, line, read_only, sockets) :
			 judge_unmounted(line, read_only);
}
