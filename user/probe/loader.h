/* SPDX-License-Identifier: Apache-2.0 */
/* Chooses the ways and loads their programs: by trying each hook, never by the kernel's version. */
#ifndef KEELWATCH_LOADER_H
#define KEELWATCH_LOADER_H

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "probe/features.h"
#include "probe/pins.h"

#define ROWS_MAX 64

/* Whether a map is one of those that both sides have. The table of programs is each side's own. */
bool map_is_shared(const struct bpf_map *map);

struct loaded {
	struct bpf_object *object;
	struct bpf_program *programs[ROWS_MAX]; /* of each row that was chosen; else NULL */
	struct bpf_program *call_entry;		/* or NULL: no chosen row needs it */
	char *hooks[ROWS_MAX];	 /* of each row; NULL: this build has no such program */
	char why[ROWS_MAX][160]; /* a row that cannot be had: what the kernel said; else "" */
};

struct loader_options {
	const struct btf *kernel; /* its types */
	enum way way;	   /* this one alone where it has rows for a feature; WAY_NONE: the best */
	unsigned int side; /* that the programs are of: see struct control */
	const struct pins *pins; /* whose shared maps are taken; NULL: new ones */
};

/* -ENODEV: nothing loads. What is in ret is the caller's in any case, for loader_free(). */
int loader_load(const struct loader_options *options, struct loaded *ret);
void loader_free(struct loaded *l);

#endif
