/* SPDX-License-Identifier: Apache-2.0 */
/* Mount tables as /proc/PID/mountinfo gives them, and what changed between two. */
#ifndef KEELWATCH_MOUNTS_H
#define KEELWATCH_MOUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum mount_propagation {
	PROPAGATION_PRIVATE,
	PROPAGATION_SHARED,
	PROPAGATION_SLAVE,
	PROPAGATION_UNBINDABLE
};

#define MINOR_BITS 20 /* of the kernel's dev_t, above which the major number stands */

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

/* The length of a line's root without the mark of one that was deleted, and without trailing slashes. */
size_t mount_root_len(const struct mount_line *line);

enum mount_change_kind { MOUNT_ADDED, MOUNT_REMOVED, MOUNT_CHANGED };

struct mount_change {
	enum mount_change_kind kind;
	const struct mount_line *before; /* NULL when added; borrowed from the old table */
	const struct mount_line *after;	 /* NULL when removed; borrowed from the new table */
};

/* Differences by mount id (flags, propagation, target). *ret is the caller's to free. */
int mount_table_diff(const struct mount_table *before, const struct mount_table *after,
		     struct mount_change **ret, size_t *count);

#endif
