/* SPDX-License-Identifier: Apache-2.0 */
/* Chooses the ways and loads their programs: by trying each hook, never by the kernel's version. */
#ifndef KEELWATCH_LOADER_H
#define KEELWATCH_LOADER_H

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "probe/features.h"

#define ROWS_MAX 64

struct loaded {
	struct bpf_object *object;
	struct bpf_program *programs[ROWS_MAX];	/* of each row that was chosen; else NULL */
	struct bpf_program *call_entry;	/* or NULL: no chosen row needs it */
	char *hooks[ROWS_MAX];	/* of each row; NULL: this build has no such program */
	char why[ROWS_MAX][160];	/* a row that cannot be had: what the kernel said; else "" */
};

/*
 * Of way alone where it has rows for a feature; WAY_NONE: the best. -ENODEV: nothing loads. What is in
 * ret is the caller's in any case, for loader_free().
 */
int loader_load(const struct btf *kernel, enum way way, struct loaded *ret);
void loader_free(struct loaded *l);

#endif
