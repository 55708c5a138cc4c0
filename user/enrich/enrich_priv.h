/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of enrich/ share. */
#ifndef KEELWATCH_ENRICH_PRIV_H
#define KEELWATCH_ENRICH_PRIV_H

#include "base/arena.h"
#include "enrich/enrich.h"

#define ANCESTORS_MAX 8
#define CAP_SETS 64 /* sets of capabilities whose names are kept at hand */

#define CAPS_MAX 64

struct cap_set {
	bool used;
	uint64_t bits;
	uint64_t all; /* what "all" meant when the names were written */
	char *names[CAPS_MAX];
	size_t count;
};

struct enrich {
	struct model *model;
	struct arena arena;
	struct cap_set caps[CAP_SETS];
	Keelwatch__Event event;
	Keelwatch__Process process;
	Keelwatch__Process ancestors[ANCESTORS_MAX];
	Keelwatch__Process *ancestor_list[ANCESTORS_MAX];
	union {
		Keelwatch__File file;
		Keelwatch__Mount mount;
		Keelwatch__Capability capability;
		Keelwatch__Cgroup cgroup;
		Keelwatch__Exit exit;
		Keelwatch__Fork fork;
		Keelwatch__Guard guard;
	} body;
	Keelwatch__Credentials credentials;
	Keelwatch__Namespaces namespaces;
	Keelwatch__Loss loss[CLASS_MAX];
	Keelwatch__Loss *loss_list[CLASS_MAX];
};

void enrich_body(struct enrich *e, const struct moment *mo);
void enrich_credentials(struct enrich *e, const struct moment *mo);

#endif
