/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a runtime stands: what it calls /run may be another place than the host's, as its root or its
 * mounts are its own (in a chroot, in an image of its own, in a service with private mounts). Its paths
 * are looked up from its root, and named as the host would.
 */
#ifndef KEELWATCH_VIEW_H
#define KEELWATCH_VIEW_H

#include <stdbool.h>
#include <stdint.h>

struct model;
struct process;
struct spec;

struct view {
	uint64_t root_ino;
	uint32_t root_dev;
	uint32_t mnt_ns;
	uint32_t tgid;	 /* who stands there and is looked through; 0: the host's own view */
	char prefix[32]; /* goes before an absolute path: "" or "/proc/TGID/root" */
};

/* Where the process stands, as of its last exec. False when nobody is left to look through. */
bool view_of_process(struct model *m, const struct process *p, struct view *ret);
/*
 * The same for one who named a bundle, from where its config.json is to be seen. False when nobody
 * sees one; ret is then from where the rest of the runtime's files are to be seen, or blind.
 */
bool view_of_bundle(struct model *m, const struct process *p, const char *bundle, struct view *ret);
/* Nobody is left to look through. */
bool view_is_blind(const struct model *m, const struct view *v);
/* The host's own root, though maybe with mounts of its own. */
bool view_is_hosts(const struct model *m, const struct view *v);
bool view_is_same(const struct view *a, const struct view *b);

/*
 * Gives the paths that a specification holds the names they have on the host, by the runtime's mount
 * table. What the host has no name for goes.
 */
void view_name_spec(struct model *m, const struct view *v, struct spec *s);

#endif
