/* SPDX-License-Identifier: Apache-2.0 */
/* What of the host a container's mount shows, and what kind of mount that makes it. */
#ifndef KEELWATCH_MOUNT_CLASS_H
#define KEELWATCH_MOUNT_CLASS_H

#include <stdbool.h>
#include <stdint.h>

struct buf;
struct mount_line;
struct mount_table;

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

#endif
