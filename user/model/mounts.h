/* SPDX-License-Identifier: Apache-2.0 */
/* Mount tables as /proc/PID/mountinfo gives them, what changed between two, and what a mount shows of the host. */
#ifndef KEELWATCH_MOUNTS_H
#define KEELWATCH_MOUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct facts;
struct spec;

enum mount_propagation {
	PROPAGATION_PRIVATE,
	PROPAGATION_SHARED,
	PROPAGATION_SLAVE,
	PROPAGATION_UNBINDABLE
};

/* One line of mountinfo (proc(5)). Strings are raw bytes with the octal escapes undone, owned. */
struct mount_line {
	uint32_t id, parent;
	uint32_t dev; /* major << 20 | minor */
	char *root, *target, *fstype, *source;
	bool mnt_ro, sb_ro, nosuid, noexec, nodev;
	uint32_t shared_group;		    /* 0: not shared */
	uint32_t master_group;		    /* 0: no slave */
	enum mount_propagation propagation; /* shared wins over slave */
};

struct mount_table {
	struct mount_line *lines; /* in the kernel's order: later ones may cover earlier ones */
	size_t count;
};

#define MOUNT_TABLE_MAX 65536 /* lines; -E2BIG beyond */

/* Parses mountinfo text. Lines that do not parse are skipped and counted in *bad (may be NULL). */
int mount_table_parse(const char *text, size_t len, struct mount_table **ret, size_t *bad);
void mount_table_free(struct mount_table *t);

/* The line that a path (absolute, as the table's targets) lies on: longest target, the last of equals. */
const struct mount_line *mount_table_find(const struct mount_table *t, const char *path);
/* What it covers: where its target lay before. NULL: nothing, it is the root. */
const struct mount_line *mount_table_covered(const struct mount_table *t,
					     const struct mount_line *line);
/* The topmost mount at "/". */
const struct mount_line *mount_table_root(const struct mount_table *t);
const struct mount_line *mount_table_by_id(const struct mount_table *t, uint32_t id);

enum mount_change_kind { MOUNT_ADDED, MOUNT_REMOVED, MOUNT_CHANGED };

struct mount_change {
	enum mount_change_kind kind;
	const struct mount_line *before; /* NULL when added; borrowed from the old table */
	const struct mount_line *after;	 /* NULL when removed; borrowed from the new table */
};

/* Differences by mount id (flags, propagation, target). *ret is the caller's to free. */
int mount_table_diff(const struct mount_table *before, const struct mount_table *after,
		     struct mount_change **ret, size_t *count);

enum mount_class {
	MOUNT_CLASS_ROOTFS, /* the container's root */
	MOUNT_CLASS_TMPFS,  /* memory of its own: tmpfs, ramfs, its /dev, /dev/shm */
	MOUNT_CLASS_VOLUME, /* storage that an engine manages for it: named volumes, emptyDir, its resolv.conf */
	MOUNT_CLASS_HOST,    /* a path of the host */
	MOUNT_CLASS_KERNEL,  /* proc, sysfs, cgroup, devpts, mqueue, ... of its own */
	MOUNT_CLASS_DEVICE,  /* a block device's file system of its own */
	MOUNT_CLASS_UNKNOWN, /* not the root; no table was to be had that says more */
};

const char *mount_class_name(enum mount_class class);

/*
 * The path of the host that a mount shows, by superblock and root: the host's mount of the same dev
 * whose root is the longest prefix of the line's root. Appends raw bytes; false when the superblock
 * is mounted nowhere on the host (then it is the container's own).
 */
bool mount_host_path(const struct mount_table *host, const struct mount_line *line,
		     struct buf *out);

enum mount_class mount_classify(const struct mount_table *host, const struct mount_line *line);

bool mount_is_kernel_fs(const char *fstype); /* a file system without storage: proc, sysfs, ... */

/*
 * A file that does not lie on the root of its container, by its superblock (dev 0: not known) and
 * path alone: kernel, device or unknown. *shown: a mount of the host with that superblock, or NULL.
 */
enum mount_class mount_classify_file(const struct mount_table *host, uint32_t dev, const char *path,
				     const struct mount_line **shown);

/* How much a mount gives away. */
enum exposure { EXPOSURE_NONE, EXPOSURE_LOW, EXPOSURE_MEDIUM, EXPOSURE_HIGH, EXPOSURE_CRITICAL };

struct exposure_verdict {
	enum exposure level;
	const char *what; /* static text: "the host's root directory", "a runtime's socket", ... */
};

/*
 * Judges a path of the host (raw bytes, absolute). sockets: what facts_sockets() gave, or NULL.
 * A path is sensitive when it is one of the table's, lies below one that matters as a tree, or is
 * a parent of one or of a runtime's socket. The engine's own per-container files and volumes, and
 * harmless ones (/etc/localtime, /etc/resolv.conf, /etc/hosts, /etc/ssl/certs, ...) are not.
 */
struct exposure_verdict exposure_of_path(struct facts *facts, const char *path, bool read_only,
					 const char *sockets);

/* Judges a mount of a container: its host path, block devices, the host's procfs, sysfs, devtmpfs, cgroup. */
struct exposure_verdict exposure_of_mount(struct facts *facts, const struct mount_table *host,
					  const struct mount_line *line, const char *sockets);

#endif
