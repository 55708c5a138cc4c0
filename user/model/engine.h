/* SPDX-License-Identifier: Apache-2.0 */
/* Who made a container, what they call it, and which image it came from. */
#ifndef KEELWATCH_ENGINE_H
#define KEELWATCH_ENGINE_H

#include <jansson.h>

struct facts;
struct spec;

/*
 * Fills engine, name, image, sandbox and the k8s_* of a spec whose id, bundle, rootfs and mounts
 * are there as far as they are known. config: what config.json holds, or NULL. namespace: the
 * containerd namespace, "" or NULL. facts may be NULL: then only the annotations speak. A name
 * that is not found is the id, an image that is not found NULL. root: as for spec_read(). 0 or
 * -ENOMEM.
 */
int engine_resolve(struct facts *facts, const char *root, struct spec *s, const json_t *config,
		   const char *namespace);

#endif
