/* SPDX-License-Identifier: Apache-2.0 */
/* What keelwatch can see on a machine, and what not: one account, for people or as JSON. */
#ifndef KEELWATCH_COVERAGE_H
#define KEELWATCH_COVERAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "probe/probe.h"

struct buf;

/* All borrowed, all clean text. */
struct coverage {
	const char *kernel;	  /* uname -r */
	const char *architecture; /* uname -m */
	bool btf;
	const char *cgroups;	 /* "v1", "v2", or "none" */
	const char *cgroup_root; /* where they are mounted; "" for none */
	const char *obstacle;	 /* why nothing works; "" where something does */
	const struct feature_state *features;
	size_t feature_count;
};

size_t coverage_missing(const struct coverage *c);

/* One object with every key in it, without a newline: keelwatch-doctor(1) describes it. */
void coverage_json(struct buf *b, const struct coverage *c);
/* Lines: the machine, a table of features, what is missing and why, what cannot be seen. */
void coverage_people(struct buf *b, const struct coverage *c);

#endif
