/* SPDX-License-Identifier: Apache-2.0 */
/* What a path or a mount of the host gives away. */
#ifndef KEELWATCH_EXPOSURE_H
#define KEELWATCH_EXPOSURE_H

#include <stdbool.h>

struct facts;
struct mount_line;
struct mount_table;

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
