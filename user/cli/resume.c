/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/resume.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "base/log.h"
#include "base/util.h"
#include "message/head.h"
#include "store/store.h"

#define RECORDS_MAX 500000 /* looked at from the newest back; what is older is not known any more */
#define STARTS_OLDEST 50000 /* containers of which more is known than that they ended */

struct known_id {
	char id[STAMP_ID_SIZE];
	UT_hash_handle hh;
};

/* The last that was told of a container before the place. */
struct last_told {
	uint64_t cgroup_id;
	Keelwatch__Record *record; /* NULL: its end */
	UT_hash_handle hh;
};

struct resume {
	struct stamp_place from;
	const char *boot_id;
	struct known_id *ids;
	struct last_told *containers;
	bool before; /* what is read now was made of records before the place */
};

static int learn_id(struct resume *r, const char *id)
{
	struct known_id *k;

	if (strlen(id) >= sizeof(k->id))
		return 0;
	HASH_FIND_STR(r->ids, id, k);
	if (k)
		return 0;
	k = calloc(1, sizeof(*k));
	if (!k)
		return -ENOMEM;
	strcpy(k->id, id);
	HASH_ADD_STR(r->ids, id, k);
	return 0;
}

/* Takes over the record. From the newest back: what comes first is the last word. */
static int learn_container(struct resume *r, Keelwatch__Record *record)
{
	uint64_t id = record->lifecycle->container->cgroup_id;
	bool end = !strcmp(record->lifecycle->operation, "end");
	struct last_told *t;

	HASH_FIND(hh, r->containers, &id, sizeof(id), t);
	if (t || HASH_COUNT(r->containers) >= STARTS_OLDEST) {
		keelwatch__record__free_unpacked(record, NULL);
		return 0;
	}
	t = calloc(1, sizeof(*t));
	if (!t || end)
		keelwatch__record__free_unpacked(record, NULL);
	if (!t)
		return -ENOMEM;
	t->cgroup_id = id;
	t->record = end ? NULL : record;
	HASH_ADD(hh, r->containers, cgroup_id, sizeof(t->cgroup_id), t);
	return 0;
}

/* Cgroups have other numbers after each boot. */
static bool is_of_this_boot(const struct resume *r, const struct record_head *head)
{
	return head->metadata->host && !strcmp(head->metadata->host->boot_id, r->boot_id);
}

static int learn(struct resume *r, const struct stored *row)
{
	Keelwatch__Record *record = keelwatch__record__unpack(NULL, row->len, row->body);
	struct stamp_place at;
	struct record_head head;
	int err = 0;

	if (!record)
		return 0;
	if (record_head(record, &head) || !record_is_clean(record) || !head.metadata) {
		keelwatch__record__free_unpacked(record, NULL);
		return 0;
	}
	if (!is_of_this_boot(r, &head)) {
		r->before = true;
	} else if (stamp_read_place(head.metadata->id, &at)) {
		bool again = at.ring == r->from.ring && at.place >= r->from.place;

		r->before |= !again;
		if (again) { /* the start or end that it may be is told again, too */
			err = learn_id(r, head.metadata->id);
			keelwatch__record__free_unpacked(record, NULL);
			return err;
		}
	}
	if (head.kind == KIND_LIFECYCLE && head.container && is_of_this_boot(r, &head))
		return learn_container(r, record);
	keelwatch__record__free_unpacked(record, NULL);
	return 0;
}

/* All kinds down to what was made before the place, then the lives of containers alone. */
static int read_back(struct resume *r, struct store_reader *reader)
{
	struct store_query all = { .newest_first = true, .limit = RECORDS_MAX };
	struct store_query lives = { .newest_first = true,
				     .limit = STARTS_OLDEST,
				     .kinds = 1u << KIND_LIFECYCLE };
	const struct store_query *queries[] = { &all, &lives };
	int err = 0;

	for (size_t i = 0; !err && i < ARRAY_SIZE(queries); i++) {
		struct store_cursor *c;
		struct stored row;
		int more = 0;

		err = store_select(reader, queries[i], &c);
		if (err)
			break;
		while (!err && !(i == 0 && r->before) && (more = store_next(c, &row)) == 1)
			err = learn(r, &row);
		store_cursor_free(c);
		if (!err && more < 0)
			err = more;
	}
	return err;
}

int resume_read(const char *dir, const struct stamp_place *from, const char *boot_id,
		struct resume **ret)
{
	struct resume *r = calloc(1, sizeof(*r));
	struct store_reader *reader;
	int err;

	if (!r)
		return -ENOMEM;
	r->from = *from;
	r->boot_id = boot_id;
	err = store_reader_open(dir, &reader);
	if (!err) {
		err = read_back(r, reader);
		store_reader_free(reader);
	}
	if (err == -ENOMEM) {
		resume_free(r);
		return err;
	}
	if (err && err != -ENOENT)
		log_warn("%s: what a monitor before has told cannot be read: %s", dir,
			 strerror(-err));
	*ret = r;
	return 0;
}

void resume_free(struct resume *r)
{
	struct known_id *k, *next_id;
	struct last_told *t, *next;

	if (!r)
		return;
	HASH_ITER(hh, r->ids, k, next_id) {
		HASH_DEL(r->ids, k);
		free(k);
	}
	HASH_ITER(hh, r->containers, t, next) {
		HASH_DEL(r->containers, t);
		if (t->record)
			keelwatch__record__free_unpacked(t->record, NULL);
		free(t);
	}
	free(r);
}

bool resume_knows(const struct resume *r, const char *id)
{
	struct known_id *k = NULL;

	if (r)
		HASH_FIND_STR(r->ids, id, k);
	return k;
}

int resume_containers(const struct resume *r, int (*fn)(void *arg, const Keelwatch__Container *c),
		      void *arg)
{
	struct last_told *t, *next;
	int err = 0;

	HASH_ITER(hh, r->containers, t, next) {
		if (!err && t->record)
			err = fn(arg, t->record->lifecycle->container);
	}
	return err;
}
