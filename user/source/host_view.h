/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where we look at the host from. In a container of our own its files lie below the first process's
 * root, and the kernel tells control groups as seen from our control group namespace.
 */
#ifndef KEELWATCH_HOST_VIEW_H
#define KEELWATCH_HOST_VIEW_H

#include <stddef.h>

#include "base/buf.h"

#define HOST_CGROUP_MAX 4096

/* The self of facts_live; one that is all zero looks from the host itself. */
struct host_view {
	char root[32]; /* goes before a path of the host's where our root is not the host's; else "" */
	/* Where our namespace begins in the v2 hierarchy; "": at its root. */
	char cgroups[HOST_CGROUP_MAX];
};

/*
 * A process of the host's that can be looked at, for its namespaces, root and mounts: the first one; where
 * that is out of reach (a sandbox) kthreadd, if its root is not ours, else ourselves.
 */
int host_view_witness(void);
void host_view_init(struct host_view *v);
/* The path on which to look for what the host has by this absolute one: path itself, or room. */
const char *host_view_path(const struct host_view *v, const char *path, char *room, size_t size);
/*
 * Appends what /proc/PID/cgroup says with its v2 line as the host tells it: "/../b" in a namespace that
 * begins at "/a/c" is "/a/b".
 */
void host_view_cgroups(const struct host_view *v, const char *text, struct buf *out);
#endif
