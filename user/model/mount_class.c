/* SPDX-License-Identifier: Apache-2.0 */
/* What of the host a container's mount shows, and what kind of mount that makes it. */
#include "model/mount_class.h"

#include <ctype.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "base/util.h"
#include "model/host_path.h"
#include "model/mounts.h"

static bool is_within(const char *path, const char *dir)
{
	return host_path_within(path, strlen(path), dir, host_path_dir_len(dir));
}

const char *mount_class_name(enum mount_class class)
{
	static const char *const names[] = {
		[MOUNT_CLASS_ROOTFS] = "rootfs",   [MOUNT_CLASS_TMPFS] = "tmpfs",
		[MOUNT_CLASS_VOLUME] = "volume",   [MOUNT_CLASS_HOST] = "host",
		[MOUNT_CLASS_KERNEL] = "kernel",   [MOUNT_CLASS_DEVICE] = "device",
		[MOUNT_CLASS_UNKNOWN] = "unknown",
	};

	return names[class];
}

/* Whether the host's mount shows the line's root at its root or below. */
static bool host_covers(const struct mount_line *host, const struct mount_line *line)
{
	return host->dev == line->dev &&
	       host_path_within(line->root, mount_root_len(line), host->root, mount_root_len(host));
}

/* Whether the line shows a parent of what the host has mounted. */
static bool host_lies_below(const struct mount_line *host, const struct mount_line *line)
{
	return host->dev == line->dev &&
	       host_path_within(host->root, mount_root_len(host), line->root, mount_root_len(line));
}

/* The path of the line's root through one mount of the host that covers it. */
static void path_through(const struct mount_line *host, const struct mount_line *line,
			 struct buf *out)
{
	size_t skip = mount_root_len(host), len = mount_root_len(line),
	       target = host_path_dir_len(host->target);

	buf_add(out, host->target, target);
	buf_add(out, line->root + skip, len - skip);
	if (!target && len == skip)
		buf_char(out, '/');
}

static bool all_hex(const char *s, size_t len)
{
	while (len && isxdigit((unsigned char)s[len - 1]))
		len--;
	return !len;
}

/* Whether path, at the start of a component, is or lies below the pattern's path. */
static bool components_match(const char *path, const char *pattern)
{
	size_t len, plen;

	for (;;) {
		len = strcspn(path, "/");
		plen = strcspn(pattern, "/");
		if (!len)
			return false;
		if (plen == 1 && *pattern == '#') {
			if (len != 64 || !all_hex(path, len))
				return false;
		} else if ((plen != 1 || *pattern != '*') &&
			   (len != plen || memcmp(path, pattern, len))) {
			return false;
		}
		if (!pattern[plen])
			return true;
		pattern += plen + 1;
		path += len + (path[len] == '/');
	}
}

/*
 * What engines keep for one container, below whatever folder they were given: a * is any name, a #
 * the 64 hexadecimal digits of an id. The rest of an engine's folder (other containers' layers, its
 * settings) is the host's.
 */
static const char *const managed_patterns[] = {
	/* docker, podman */
	"volumes/*/_data",
	"containers/#/hostname",
	"containers/#/hosts",
	"containers/#/resolv.conf",
	"containers/#/mounts/*",
	"buildkit/executor/*",
	/* podman, CRI-O: <storage driver>-containers */
	"overlay-containers/#/userdata/*",
	"vfs-containers/#/userdata/*",
	"btrfs-containers/#/userdata/*",
	"zfs-containers/#/userdata/*",
	/* kubelet */
	"kubelet/pods/*/volumes/*/*",
	"kubelet/pods/*/volume-subpaths/*/*/*",
	"kubelet/pods/*/containers/*/*",
	"kubelet/pods/*/etc-hosts",
	"kubelet/plugins/kubernetes.io/*/mounts/*",
	"kubelet/plugins/kubernetes.io/csi/*/*/globalmount",
	/* containerd's CRI plugin */
	"io.containerd.grpc.v1.cri/sandboxes/*/*",
	"io.containerd.grpc.v1.cri/containers/*/volumes/*",
	"io.containerd.cri.v1.runtime/sandboxes/*/*",
	"io.containerd.cri.v1.runtime/containers/*/volumes/*",
	/* nerdctl */
	"nerdctl/*/volumes/*/*/_data",
	"nerdctl/*/containers/*/#/hostname",
	"nerdctl/*/containers/*/#/resolv.conf",
	"nerdctl/*/etchosts/*/#/hosts",
};

/* No engine keeps volumes here; a folder that looks like one is a disguise. */
static const char *const never_managed[] = {
	"/etc",	  "/root",  "/boot",   "/usr",	"/bin", "/sbin", "/lib",
	"/lib32", "/lib64", "/libx32", "/proc", "/sys", "/dev",
};

static bool path_managed(const char *path)
{
	const char *slash;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(never_managed); i++)
		if (is_within(path, never_managed[i]))
			return false;
	for (slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/'))
		for (i = 0; i < ARRAY_SIZE(managed_patterns); i++)
			if (components_match(slash + 1, managed_patterns[i]))
				return true;
	return false;
}

/* Whether a mount of the host shows the line's root within an engine's storage. */
static bool managed_through(const struct mount_line *host, const struct mount_line *line)
{
	struct buf path = { 0 };
	bool managed;

	path_through(host, line, &path);
	managed = !path.failed && path_managed(buf_cstr(&path));
	buf_free(&path);
	return managed;
}

/*
 * Of two mounts of the host that show the line's root, the longer root has the better name for it.
 * But what an engine bound into its storage (/etc as a volume, a pod's subPath) keeps the name it
 * has outside.
 */
static bool better_name(const struct mount_line *host, const struct mount_line *than,
			const struct mount_line *line)
{
	bool managed = managed_through(host, line);

	if (managed != managed_through(than, line))
		return !managed;
	return mount_root_len(host) > mount_root_len(than);
}

/*
 * Where no mount of the host covers the root, but the container was given a parent of what the
 * host has mounted (the top of a btrfs whose subvolume is the host's /, say), the path is where
 * the host mounts the part that lies nearest to it: that is what the container can reach, though
 * the parent itself has no name on the host. A root that was deleted is named by where it was.
 */
bool mount_host_path(const struct mount_table *host, const struct mount_line *line, struct buf *out)
{
	const struct mount_line *cover = NULL, *part = NULL, *h;
	size_t i;

	for (i = 0; i < host->count; i++) {
		h = &host->lines[i];
		if (host_covers(h, line)) {
			if (!cover || better_name(h, cover, line))
				cover = h;
		} else if (host_lies_below(h, line)) {
			if (!part || mount_root_len(h) < mount_root_len(part))
				part = h;
		}
	}
	if (cover)
		path_through(cover, line, out);
	else if (part)
		buf_str(out, part->target);
	return cover || part;
}

/* File systems without storage. */
static const char *const kernel_filesystems[] = {
	"proc",	       "sysfs",	     "cgroup",	  "cgroup2", "devpts",	   "mqueue",
	"securityfs",  "bpf",	     "tracefs",	  "debugfs", "configfs",   "pstore",
	"efivarfs",    "fusectl",    "selinuxfs", "nsfs",    "hugetlbfs",  "autofs",
	"binfmt_misc", "rpc_pipefs", "resctrl",	  "cpuset",  "functionfs", "smackfs",
};

/*
 * Where a runtime mounts the container's own, even if the superblock happens to be the host's: the
 * host's network or a version 1 hierarchy do that, and a bind of /sys in a user namespace, whose
 * host's cgroups the container's then cover.
 */
static const struct {
	const char *fstype, *place;
} own_places[] = {
	{ "proc", "/proc" },	       { "sysfs", "/sys" },  { "cgroup", "/sys" },
	{ "cgroup2", "/sys" },	       { "devpts", "/dev" }, { "mqueue", "/dev" },
	{ "tmpfs", "/sys/fs/cgroup" },
};

bool mount_is_kernel_fs(const char *fstype)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kernel_filesystems); i++)
		if (!strcmp(kernel_filesystems[i], fstype))
			return true;
	return false;
}

static bool in_own_place(const struct mount_line *line)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(own_places); i++)
		if (!strcmp(own_places[i].fstype, line->fstype))
			return is_within(line->target, own_places[i].place);
	return false;
}

static bool memory_fs(const char *fstype)
{
	return !strcmp(fstype, "tmpfs") || !strcmp(fstype, "ramfs") || !strcmp(fstype, "devtmpfs");
}

/* The devices that a runtime binds from the host where it may not make nodes (user namespaces). */
static bool default_device(const char *path)
{
	static const char *const devices[] = {
		"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(devices); i++)
		if (!strcmp(path, devices[i]))
			return true;
	return false;
}

/* What hides files: /dev/null, its own or the host's; or directories: an empty tmpfs. */
static bool is_mask(const struct mount_line *line, bool on_host)
{
	if (!memory_fs(line->fstype))
		return false;
	if (!text_starts(line->target, "/proc/") && !text_starts(line->target, "/sys/"))
		return false;
	return !on_host || !strcmp(line->root, "/null");
}

/*
 * Storage is the engine's when every name that the host has for it is: "docker volume create -o
 * o=bind -o device=/etc" mounts /etc below docker's volumes, where it still is /etc.
 */
static bool storage_managed(const struct mount_table *host, const struct mount_line *line)
{
	bool managed = false;
	size_t i;

	for (i = 0; i < host->count; i++) {
		if (!host_covers(&host->lines[i], line))
			continue;
		managed = managed_through(&host->lines[i], line);
		if (!managed)
			break;
	}
	return managed;
}

/*
 * An overlay that the host has not mounted is counted as the host's: whoever made it named its
 * layers, and a runtime can name any directory.
 */
static enum mount_class classify_own(const struct mount_line *line)
{
	if (memory_fs(line->fstype))
		return MOUNT_CLASS_TMPFS;
	return !strcmp(line->fstype, "overlay") ? MOUNT_CLASS_HOST : MOUNT_CLASS_DEVICE;
}

enum mount_class mount_classify(const struct mount_table *host, const struct mount_line *line)
{
	struct buf path = { 0 };
	bool on_host, device;

	if (!strcmp(line->target, "/"))
		return MOUNT_CLASS_ROOTFS;
	on_host = mount_host_path(host, line, &path);
	device = on_host && default_device(buf_cstr(&path)) && text_starts(line->target, "/dev/");
	buf_free(&path);
	if (device || is_mask(line, on_host))
		return MOUNT_CLASS_KERNEL;
	if (in_own_place(line) || (!on_host && mount_is_kernel_fs(line->fstype)))
		return MOUNT_CLASS_KERNEL;
	if (!on_host)
		return classify_own(line);
	return storage_managed(host, line) ? MOUNT_CLASS_VOLUME : MOUNT_CLASS_HOST;
}

static const struct mount_line *line_of_dev(const struct mount_table *t, uint32_t dev)
{
	for (size_t i = 0; i < t->count; i++)
		if (t->lines[i].dev == dev)
			return &t->lines[i];
	return NULL;
}

enum mount_class mount_classify_file(const struct mount_table *host, uint32_t dev, const char *path,
				     const struct mount_line **shown)
{
	/* Where runtimes put the kernel's file systems (runtime-spec, config-linux: default filesystems). */
	static const char *const kernel_places[] = { "/proc", "/sys", "/dev/pts", "/dev/mqueue" };

	*shown = dev ? line_of_dev(host, dev) : NULL;
	if (dev >> MINOR_BITS)
		return *shown ? MOUNT_CLASS_UNKNOWN : MOUNT_CLASS_DEVICE;
	/* The number of a superblock without a device may be another's by now: the place goes first. */
	for (size_t i = 0; i < ARRAY_SIZE(kernel_places); i++)
		if (is_within(path, kernel_places[i]))
			return MOUNT_CLASS_KERNEL;
	return *shown && mount_is_kernel_fs((*shown)->fstype) ? MOUNT_CLASS_KERNEL :
								MOUNT_CLASS_UNKNOWN;
}
