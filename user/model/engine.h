/* SPDX-License-Identifier: Apache-2.0 */
/* Who made a container, what they call it, and which image it came from. */
#ifndef KEELWATCH_ENGINE_H
#define KEELWATCH_ENGINE_H

#include <stddef.h>

#include <jansson.h>

struct buf;
struct facts;
struct spec;

#define ENGINE_ROOTS 8 /* of an engine, the newest */

/*
 * The data roots in which engines' files were found, as those engines call them: asked again about
 * containers of which nothing else is left. Zeroed it is empty.
 */
struct engine_roots {
	struct engine_root_list {
		char *path[ENGINE_ROOTS];
		size_t next;
	} docker, containerd;
};

void engine_roots_free(struct engine_roots *r);

/* From where is read, and what was learned before. */
struct engine_view {
	struct facts *facts;	    /* NULL: nothing but the text at hand */
	const char *root;	    /* goes before every path that is looked at */
	struct engine_roots *roots; /* may be NULL */
};

/*
 * Fills engine, name, image, sandbox and the k8s_* of a spec whose id, bundle, rootfs and mounts
 * are there as far as they are known. config: what config.json holds, or NULL. namespace: the
 * containerd namespace, "" or NULL. Without facts only the annotations speak, and the bundle's path. A
 * name that is not found is the id, an image that is not found NULL. 0 or -ENOMEM.
 */
int engine_resolve(const struct engine_view *from, struct spec *s, const json_t *config,
		   const char *namespace);

/*
 * What containerd keeps of a config.json that its bundle does not have any more: JSON, appended to
 * config. Of s only id and bundle are looked at. 0, -ENOENT or -ENOMEM.
 */
int engine_config(const struct engine_view *from, struct spec *s, const char *namespace,
		  struct buf *config);

#endif
