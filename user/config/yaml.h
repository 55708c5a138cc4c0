/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A YAML document as a small tree that remembers where everything stood. Anchors, aliases and tags are
 * refused: settings need none, and an alias can make a short file enormous.
 */
#ifndef KEELWATCH_YAML_H
#define KEELWATCH_YAML_H

#include <stddef.h>

struct buf;

#define YAML_DEPTH_MAX 8
#define YAML_NODES_MAX 20000

enum yaml_type { YAML_SCALAR, YAML_MAPPING, YAML_SEQUENCE };

struct yaml_node {
	enum yaml_type type;
	int line, column;      /* from 1 */
	char *text;	       /* of a scalar; NUL-terminated, without NUL inside */
	struct yaml_node *key; /* in a mapping */
	struct yaml_node *children, *next;
};

/* One document. An empty one gives NULL and 0. -EINVAL, with lines NAME:LINE:COL: what in problems. */
int yaml_parse(const char *text, size_t len, const char *name, struct buf *problems,
	       struct yaml_node **ret);
void yaml_free(struct yaml_node *node);

#endif
