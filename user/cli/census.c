/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/census.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "base/text.h"
#include "export/families.h"

#define NAME_MAX_BYTES 64 /* of a name and of an id; what is longer is cut */
#define OTHER "other"

struct entry {
	uint64_t cgroup_id;
	bool placed; /* it has numbers of its own */
	bool runs;
	uint64_t events, findings;
	char name[NAME_MAX_BYTES + 1], id[NAME_MAX_BYTES + 1];
	UT_hash_handle hh;
};

struct census {
	size_t places, taken;
	struct entry *entries;
	struct census_totals told; /* by those with a place, ever: the rest is the others' */
};

int census_new(size_t places, struct census **ret)
{
	struct census *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->places = places;
	*ret = c;
	return 0;
}

static void drop(struct census *c, struct entry *e)
{
	c->taken -= e->placed;
	HASH_DEL(c->entries, e);
	free(e);
}

void census_free(struct census *c)
{
	struct entry *e, *next;

	if (!c)
		return;
	HASH_ITER(hh, c->entries, e, next)
		drop(c, e);
	free(c);
}

void census_begin(struct census *c)
{
	for (struct entry *e = c->entries; e; e = e->hh.next)
		e->runs = false;
}

/* Two series of the same labels would be one too many. */
static bool is_told_apart(const struct census *c, const struct entry *new)
{
	if (!strcmp(new->name, OTHER))
		return false;
	for (const struct entry *e = c->entries; e; e = e->hh.next)
		if (e->placed && !strcmp(e->name, new->name) && !strcmp(e->id, new->id))
			return false;
	return true;
}

static struct entry *add(struct census *c, const struct container *container)
{
	struct entry *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->cgroup_id = container->cgroup_id;
	text_cut(e->name, sizeof(e->name), container->msg.name);
	text_cut(e->id, sizeof(e->id), container->msg.id);
	e->placed = c->taken < c->places && is_told_apart(c, e);
	c->taken += e->placed;
	HASH_ADD(hh, c->entries, cgroup_id, sizeof(e->cgroup_id), e);
	return e;
}

void census_count(struct census *c, const struct container *container)
{
	struct entry *e;

	HASH_FIND(hh, c->entries, &container->cgroup_id, sizeof(container->cgroup_id), e);
	if (!e)
		e = add(c, container);
	if (!e)
		return;
	e->runs = true;
	if (!e->placed)
		return;
	c->told.events += container->events - e->events;
	c->told.findings += container->findings - e->findings;
	e->events = container->events;
	e->findings = container->findings;
}

void census_end(struct census *c)
{
	struct entry *e, *next;

	HASH_ITER(hh, c->entries, e, next)
		if (!e->runs)
			drop(c, e);
}

static uint64_t rest(uint64_t all, uint64_t told)
{
	return all > told ? all - told : 0;
}

void census_write(const struct census *c, struct census_totals totals, struct buf *b)
{
	family_begin(b, FAMILY_CONTAINER_EVENTS);
	for (const struct entry *e = c->entries; e; e = e->hh.next)
		if (e->placed)
			family_count(b, FAMILY_CONTAINER_EVENTS, e->events, "container", e->name,
				     "id", e->id, NULL);
	family_count(b, FAMILY_CONTAINER_EVENTS, rest(totals.events, c->told.events), "container",
		     OTHER, "id", "", NULL);
	family_begin(b, FAMILY_CONTAINER_FINDINGS);
	for (const struct entry *e = c->entries; e; e = e->hh.next)
		if (e->placed)
			family_count(b, FAMILY_CONTAINER_FINDINGS, e->findings, "container",
				     e->name, "id", e->id, NULL);
	family_count(b, FAMILY_CONTAINER_FINDINGS, rest(totals.findings, c->told.findings),
		     "container", OTHER, "id", "", NULL);
}
