/* SPDX-License-Identifier: Apache-2.0 */
/* Reads mountinfo, compares two tables, and says what of the host a container's mount shows. */
#include "model/mounts.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "base/util.h"

/* The kernel's dev_t: 12 bits of major, 20 of minor. */
#define MINOR_BITS 20
#define MAJOR_MAX 0xfff
#define MINOR_MAX 0xfffff

/* What d_path() adds to the name of a dentry that was unlinked; no real path has two slashes. */
#define DELETED "//deleted"

/* Takes the next field, ended by one space (the source may be empty); NULL after the last. */
static char *field_take(char **rest)
{
	char *field = *rest, *space;

	if (!field)
		return NULL;
	space = strchr(field, ' ');
	if (space)
		*space++ = '\0';
	*rest = space;
	return field;
}

static bool parse_u32(const char *s, uint32_t max, uint32_t *ret)
{
	uint64_t value = 0;

	if (!*s)
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return false;
		value = value * 10 + (uint64_t)(*s - '0');
		if (value > max)
			return false;
	}
	*ret = (uint32_t)value;
	return true;
}

static bool parse_dev(char *s, uint32_t *ret)
{
	char *colon = strchr(s, ':');
	uint32_t major, minor;

	if (!colon)
		return false;
	*colon = '\0';
	if (!parse_u32(s, MAJOR_MAX, &major) || !parse_u32(colon + 1, MINOR_MAX, &minor))
		return false;
	*ret = major << MINOR_BITS | minor;
	return true;
}

/* The byte that an escape at s stands for; 0 when there is none. */
static char escape_at(const char *s)
{
	/* mangle() and seq_dentry() escape these five, so that no other sequence is one. */
	static const struct {
		const char *code;
		char byte;
	} escapes[] = {
		{ "\\040", ' ' },  { "\\011", '\t' }, { "\\012", '\n' },
		{ "\\134", '\\' }, { "\\043", '#' },
	};
	size_t i;

	for (i = 0; *s == '\\' && i < ARRAY_SIZE(escapes); i++)
		if (text_starts(s, escapes[i].code))
			return escapes[i].byte;
	return 0;
}

static void unescape(char *s)
{
	char *out = strchr(s, '\\');
	char byte;

	if (!out)
		return;
	for (s = out; *s;) {
		byte = escape_at(s);
		*out++ = byte ? byte : *s;
		s += byte ? strlen("\\040") : 1;
	}
	*out = '\0';
}

static void parse_options(char *options, struct mount_line *line)
{
	char *option, *save = NULL;

	for (option = strtok_r(options, ",", &save); option; option = strtok_r(NULL, ",", &save)) {
		line->mnt_ro |= !strcmp(option, "ro");
		line->nosuid |= !strcmp(option, "nosuid");
		line->noexec |= !strcmp(option, "noexec");
		line->nodev |= !strcmp(option, "nodev");
	}
}

/* The optional fields up to the lone "-". False when that is missing. */
static bool parse_optional(char **rest, struct mount_line *line)
{
	bool unbindable = false;
	char *field;

	for (field = field_take(rest); field && strcmp(field, "-"); field = field_take(rest)) {
		if (text_starts(field, "shared:")) {
			if (!parse_u32(field + strlen("shared:"), UINT32_MAX, &line->shared_group))
				return false;
		} else if (text_starts(field, "master:")) {
			if (!parse_u32(field + strlen("master:"), UINT32_MAX, &line->master_group))
				return false;
		} else if (!strcmp(field, "unbindable")) {
			unbindable = true;
		}
	}
	if (line->shared_group)
		line->propagation = PROPAGATION_SHARED;
	else if (line->master_group)
		line->propagation = PROPAGATION_SLAVE;
	else if (unbindable)
		line->propagation = PROPAGATION_UNBINDABLE;
	else
		line->propagation = PROPAGATION_PRIVATE;
	return field;
}

static bool parse_line(char *text, struct mount_line *line)
{
	char *rest = text, *id, *parent, *dev, *options, *sb_options;

	memset(line, 0, sizeof(*line));
	id = field_take(&rest);
	parent = field_take(&rest);
	dev = field_take(&rest);
	line->root = field_take(&rest);
	line->target = field_take(&rest);
	options = field_take(&rest);
	if (!options || !parse_optional(&rest, line))
		return false;
	line->fstype = field_take(&rest);
	line->source = field_take(&rest);
	sb_options = rest;
	if (!sb_options || !*line->fstype || !*line->root || *line->target != '/')
		return false;
	if (!parse_u32(id, UINT32_MAX, &line->id) ||
	    !parse_u32(parent, UINT32_MAX, &line->parent) || !parse_dev(dev, &line->dev))
		return false;
	parse_options(options, line);
	/* show_sb_opts() puts ro or rw first; what follows is the file system's own text. */
	line->sb_ro = !strcmp(sb_options, "ro") || text_starts(sb_options, "ro,");
	unescape(line->root);
	unescape(line->target);
	unescape(line->fstype);
	unescape(line->source);
	return true;
}

static size_t count_lines(const char *text, size_t len)
{
	const char *end = text + len, *newline;
	size_t count = 0;

	while (text < end) {
		newline = memchr(text, '\n', (size_t)(end - text));
		count++;
		text = newline ? newline + 1 : end;
	}
	return count;
}

int mount_table_parse(const char *text, size_t len, struct mount_table **ret, size_t *bad)
{
	size_t count = count_lines(text, len), skipped = 0, used;
	struct mount_table *t;
	char *at, *end, *newline;

	if (count > MOUNT_TABLE_MAX)
		return -E2BIG;
	/* One block: the table, its lines, and a copy of the text that the strings point into. */
	t = malloc(sizeof(*t) + count * sizeof(*t->lines) + len + 1);
	if (!t)
		return -ENOMEM;
	t->lines = (struct mount_line *)(t + 1);
	t->count = 0;
	at = (char *)(t->lines + count);
	end = at + len;
	if (len)
		memcpy(at, text, len);
	*end = '\0';
	while (at < end) {
		newline = memchr(at, '\n', (size_t)(end - at));
		used = (size_t)((newline ? newline : end) - at);
		at[used] = '\0';
		if (strlen(at) == used && parse_line(at, &t->lines[t->count]))
			t->count++;
		else
			skipped++;
		at += used + (newline ? 1 : 0);
	}
	if (bad)
		*bad = skipped;
	*ret = t;
	return 0;
}

void mount_table_free(struct mount_table *t)
{
	free(t);
}

/* The length without trailing slashes, so that "/" is a prefix of length 0. */
static size_t dir_len(const char *dir)
{
	size_t len = strlen(dir);

	while (len && dir[len - 1] == '/')
		len--;
	return len;
}

/* Whether path (of path_len) is the directory or lies below it. */
static bool within(const char *path, size_t path_len, const char *dir, size_t len)
{
	if (path_len < len || memcmp(path, dir, len))
		return false;
	return path_len == len || path[len] == '/';
}

static bool path_within(const char *path, const char *dir)
{
	return within(path, strlen(path), dir, dir_len(dir));
}

/* Of the first so many. */
static const struct mount_line *find_among(const struct mount_table *t, size_t count,
					   const char *path)
{
	const struct mount_line *best = NULL;
	size_t i, len, best_len = 0;

	if (*path != '/')
		return NULL;
	for (i = 0; i < count; i++) {
		len = dir_len(t->lines[i].target);
		if ((best && len < best_len) ||
		    !within(path, strlen(path), t->lines[i].target, len))
			continue;
		best = &t->lines[i];
		best_len = len;
	}
	return best;
}

const struct mount_line *mount_table_find(const struct mount_table *t, const char *path)
{
	return find_among(t, t->count, path);
}

const struct mount_line *mount_table_covered(const struct mount_table *t,
					     const struct mount_line *line)
{
	return find_among(t, line - t->lines, line->target);
}

const struct mount_line *mount_table_root(const struct mount_table *t)
{
	size_t i;

	for (i = t->count; i > 0; i--)
		if (!strcmp(t->lines[i - 1].target, "/"))
			return &t->lines[i - 1];
	return NULL;
}

const struct mount_line *mount_table_by_id(const struct mount_table *t, uint32_t id)
{
	size_t i;

	for (i = 0; i < t->count; i++)
		if (t->lines[i].id == id)
			return &t->lines[i];
	return NULL;
}

/* By id; lines of one id (which only a forged table has) in the table's order. */
static int compare_ids(const void *a, const void *b)
{
	const struct mount_line *x = *(const struct mount_line *const *)a;
	const struct mount_line *y = *(const struct mount_line *const *)b;

	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return x < y ? -1 : x > y;
}

static void sort_lines(const struct mount_table *t, const struct mount_line **sorted)
{
	size_t i;

	for (i = 0; i < t->count; i++)
		sorted[i] = &t->lines[i];
	qsort(sorted, t->count, sizeof(*sorted), compare_ids);
}

/* The length of a line's root without the mark of one that was deleted. */
static size_t root_len(const struct mount_line *line)
{
	size_t len = strlen(line->root);

	if (text_ends(line->root, DELETED))
		len -= strlen(DELETED);
	while (len && line->root[len - 1] == '/')
		len--;
	return len;
}

/* The kernel gives the lowest free id to the next mount: one id can be two mounts in two tables. */
static bool same_mount(const struct mount_line *a, const struct mount_line *b)
{
	size_t len = root_len(a);

	return a->dev == b->dev && !strcmp(a->fstype, b->fstype) && len == root_len(b) &&
	       !memcmp(a->root, b->root, len);
}

static bool same_settings(const struct mount_line *a, const struct mount_line *b)
{
	return a->mnt_ro == b->mnt_ro && a->sb_ro == b->sb_ro && a->nosuid == b->nosuid &&
	       a->noexec == b->noexec && a->nodev == b->nodev && a->propagation == b->propagation &&
	       a->shared_group == b->shared_group && a->master_group == b->master_group &&
	       !strcmp(a->target, b->target);
}

static void change_add(struct mount_change *changes, size_t *count, enum mount_change_kind kind,
		       const struct mount_line *before, const struct mount_line *after)
{
	changes[(*count)++] = (struct mount_change){ kind, before, after };
}

int mount_table_diff(const struct mount_table *before, const struct mount_table *after,
		     struct mount_change **ret, size_t *count)
{
	size_t total = before->count + after->count, a = 0, b = 0;
	_cleanup_free_ const struct mount_line **sorted = calloc(total + 1, sizeof(*sorted));
	_cleanup_free_ struct mount_change *changes = calloc(total + 1, sizeof(*changes));
	const struct mount_line **old = sorted, **new, *x, *y;

	if (!sorted || !changes)
		return -ENOMEM;
	new = sorted + before->count;
	sort_lines(before, old);
	sort_lines(after, new);
	*count = 0;
	while (a < before->count || b < after->count) {
		x = a < before->count ? old[a] : NULL;
		y = b < after->count ? new[b] : NULL;
		if (x && y && x->id == y->id && same_mount(x, y)) {
			if (!same_settings(x, y))
				change_add(changes, count, MOUNT_CHANGED, x, y);
			a++;
			b++;
		} else if (!y || (x && x->id <= y->id)) {
			change_add(changes, count, MOUNT_REMOVED, x, NULL);
			a++;
		} else {
			change_add(changes, count, MOUNT_ADDED, NULL, y);
			b++;
		}
	}
	*ret = TAKE(changes);
	return 0;
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
	       within(line->root, root_len(line), host->root, root_len(host));
}

/* Whether the line shows a parent of what the host has mounted. */
static bool host_lies_below(const struct mount_line *host, const struct mount_line *line)
{
	return host->dev == line->dev &&
	       within(host->root, root_len(host), line->root, root_len(line));
}

/* The path of the line's root through one mount of the host that covers it. */
static void path_through(const struct mount_line *host, const struct mount_line *line,
			 struct buf *out)
{
	size_t skip = root_len(host), len = root_len(line), target = dir_len(host->target);

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
		if (path_within(path, never_managed[i]))
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
	return root_len(host) > root_len(than);
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
			if (!part || root_len(h) < root_len(part))
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
			return path_within(line->target, own_places[i].place);
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
		if (path_within(path, kernel_places[i]))
			return MOUNT_CLASS_KERNEL;
	return *shown && mount_is_kernel_fs((*shown)->fstype) ? MOUNT_CLASS_KERNEL :
								MOUNT_CLASS_UNKNOWN;
}
