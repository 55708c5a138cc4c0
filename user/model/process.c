/* SPDX-License-Identifier: Apache-2.0 */
/* The table of processes. */
#include "model/process.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/text.h"
#include "base/util.h"
#include "model/container.h"
#include "model/spec.h"

#define ARGV_MAX 1024  /* arguments kept; more are marked as cut */
#define BLOCK_MIN 24   /* of malloc(3), beside what was asked for */
#define PROCESS_PART 8 /* of the table: what a container may take of it where all of it is taken */

struct process_link {
	struct process process; /* first: a process is its link */
	uint32_t tgid;
	size_t bytes; /* its image's, though others may share that */
	uint64_t ended_at;
	struct process_table *table;
	struct process_group *group;	  /* NULL: it is out of the table */
	struct process_link *prev, *next; /* in a list of the group; of the parked, next alone */
	UT_hash_handle hh;
};

/* The oldest first. */
struct process_list {
	struct process_link *first, *last;
};

/* Those of one container, or of none: it is there as long as one of them is. */
struct process_group {
	struct container *container; /* a key, and no reference: the processes hold those */
	struct process_list alive, ended;
	size_t bytes;
	UT_hash_handle hh;
};

struct process_table {
	struct process_link *by_tgid;
	struct process_group *groups;
	struct process_link *parked; /* out of the table, and let go between records */
	struct image *nothing;
	size_t max, bytes;
	uint64_t ends;	/* so far */
	size_t dropped; /* of those that had not ended, to make room */
};

static void list_add(struct process_list *list, struct process_link *l)
{
	l->prev = list->last;
	l->next = NULL;
	if (list->last)
		list->last->next = l;
	else
		list->first = l;
	list->last = l;
}

static void list_remove(struct process_list *list, struct process_link *l)
{
	if (l->prev)
		l->prev->next = l->next;
	else
		list->first = l->next;
	if (l->next)
		l->next->prev = l->prev;
	else
		list->last = l->prev;
	l->prev = l->next = NULL;
}

static size_t link_size(const struct process_link *l)
{
	return sizeof(*l) + l->bytes;
}

static struct process_list *list_of(struct process_link *l)
{
	return l->process.ended ? &l->group->ended : &l->group->alive;
}

static void group_leave(struct process_link *l)
{
	struct process_group *g = l->group;

	list_remove(list_of(l), l);
	g->bytes -= link_size(l);
	l->table->bytes -= link_size(l);
	l->group = NULL;
	if (g->alive.first || g->ended.first)
		return;
	HASH_DEL(l->table->groups, g);
	free(g);
}

/* False without memory. */
static bool group_join(struct process_link *l, struct container *container)
{
	struct process_table *t = l->table;
	struct process_group *g;

	HASH_FIND_PTR(t->groups, &container, g);
	if (!g) {
		g = calloc(1, sizeof(*g));
		if (!g)
			return false;
		g->container = container;
		HASH_ADD_PTR(t->groups, container, g);
	}
	l->group = g;
	list_add(list_of(l), l);
	g->bytes += link_size(l);
	t->bytes += link_size(l);
	return true;
}

static void link_take_out(struct process_table *t, struct process_link *l)
{
	if (l->group)
		group_leave(l);
	HASH_DEL(t->by_tgid, l);
}

static void link_free(struct process_link *l)
{
	image_unref(l->process.image);
	container_unref(l->process.container);
	free(l);
}

static void link_drop(struct process_table *t, struct process_link *l)
{
	link_take_out(t, l);
	link_free(l);
}

static void free_parked(struct process_table *t)
{
	while (t->parked) {
		struct process_link *l = t->parked;

		t->parked = l->next;
		link_free(l);
	}
}

int process_table_new(size_t max, struct process_table **ret)
{
	struct process_table *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->max = max;
	t->nothing = image_new("", "", NULL, 0, false);
	if (!t->nothing) {
		free(t);
		return -ENOMEM;
	}
	*ret = t;
	return 0;
}

void process_table_free(struct process_table *t)
{
	struct process_link *l, *next;

	if (!t)
		return;
	free_parked(t);
	HASH_ITER(hh, t->by_tgid, l, next)
		link_drop(t, l);
	image_unref(t->nothing);
	free(t);
}

size_t process_table_count(const struct process_table *t)
{
	return HASH_COUNT(t->by_tgid);
}

static bool same_start(const struct process *p, uint64_t start_ns)
{
	if (!start_ns || p->start_ns == start_ns)
		return true;
	return p->approximate && p->start_ns / NS_PER_TICK == start_ns / NS_PER_TICK;
}

static struct process_link *link_find(struct process_table *t, uint32_t tgid)
{
	struct process_link *l;

	HASH_FIND(hh, t->by_tgid, &tgid, sizeof(tgid), l);
	return l;
}

struct process *process_find(struct process_table *t, uint32_t tgid, uint64_t start_ns)
{
	struct process_link *l = link_find(t, tgid);

	if (!l || !same_start(&l->process, start_ns))
		return NULL;
	if (l->process.approximate && start_ns) {
		l->process.start_ns = start_ns;
		l->process.approximate = false;
	}
	return &l->process;
}

static struct process_link *oldest_of(struct process_group *g)
{
	return g->ended.first ? g->ended.first : g->alive.first;
}

/*
 * A container that takes more than its part makes room from its own. Else who ended first goes; where
 * nobody has, the oldest of those that are the most.
 */
static struct process_link *who_goes(struct process_table *t)
{
	struct process_group *most = t->groups, *container = NULL, *g;
	struct process_link *ended = NULL;

	for (g = t->groups; g; g = g->hh.next) {
		if (g->bytes > most->bytes)
			most = g;
		if (g->container && (!container || g->bytes > container->bytes))
			container = g;
		if (g->ended.first && (!ended || g->ended.first->ended_at < ended->ended_at))
			ended = g->ended.first;
	}
	if (container && container->bytes > t->bytes / PROCESS_PART)
		return oldest_of(container);
	return ended ? ended : most->alive.first;
}

void process_table_trim(struct process_table *t)
{
	free_parked(t);
	while (t->groups && (HASH_COUNT(t->by_tgid) > t->max || t->bytes > PROCESS_BYTES)) {
		struct process_link *l = who_goes(t);

		t->dropped += !l->process.ended;
		link_drop(t, l);
	}
}

size_t process_table_dropped(const struct process_table *t)
{
	return t->dropped;
}

struct process *process_get(struct process_table *t, uint32_t tgid, uint64_t start_ns)
{
	struct process *p = process_find(t, tgid, start_ns);
	struct process_link *l;

	if (p)
		return p;
	l = link_find(t, tgid);
	if (l) {
		/* Its number was given to another; somebody may still hold it while the record lasts. */
		link_take_out(t, l);
		l->next = t->parked;
		t->parked = l;
	}
	l = calloc(1, sizeof(*l));
	if (!l)
		return NULL;
	l->tgid = tgid;
	l->process.tgid = tgid;
	l->process.start_ns = start_ns;
	l->process.image = image_ref(t->nothing);
	l->process.link = l;
	l->table = t;
	if (!group_join(l, NULL)) {
		link_free(l);
		return NULL;
	}
	HASH_ADD(hh, t->by_tgid, tgid, sizeof(l->tgid), l);
	return &l->process;
}

void process_set_container(struct process *p, struct container *c)
{
	struct process_link *l = p->link;
	bool listed = l->group;

	if (p->container == c)
		return;
	if (listed)
		group_leave(l);
	container_ref(c);
	container_unref(p->container);
	p->container = c;
	p->entered = p->presumed = false;
	if (listed)
		group_join(l, c); /* without memory it is in none, and stays */
}

void process_end(struct process_table *t, struct process *p)
{
	struct process_link *l = p->link;

	if (p->ended)
		return;
	if (l->group)
		list_remove(&l->group->alive, l);
	p->ended = true;
	l->ended_at = ++t->ends;
	if (l->group)
		list_add(&l->group->ended, l);
}

static char *clean_dup(const char *bytes, size_t len)
{
	struct buf b = {};

	text_clean(&b, bytes, len);
	return b.data ? b.data : strdup("");
}

static int image_args(struct image *i, const char *args, size_t len)
{
	size_t count = 0, n = 0;

	for (size_t at = 0; at < len; at += strnlen(args + at, len - at) + 1)
		count++;
	if (count > ARGV_MAX) {
		count = ARGV_MAX;
		i->args_cut = true;
	}
	i->argv = calloc(count + 1, sizeof(*i->argv));
	if (!i->argv)
		return -ENOMEM;
	for (size_t at = 0; at < len && n < count; n++) {
		size_t one = strnlen(args + at, len - at);

		i->argv[n] = clean_dup(args + at, one);
		if (!i->argv[n])
			return -ENOMEM;
		i->argc = n + 1;
		at += one + 1;
	}
	return 0;
}

/* What it takes in memory, about. */
static size_t image_size(const struct image *i)
{
	size_t size = sizeof(*i) + strlen(i->exe) + strlen(i->cwd);

	for (size_t n = 0; n < i->argc; n++)
		size += sizeof(*i->argv) + BLOCK_MIN + strlen(i->argv[n]);
	return size;
}

struct image *image_new(const char *exe, const char *cwd, const char *args, size_t args_len,
			bool args_cut)
{
	struct image *i = calloc(1, sizeof(*i));

	if (!i)
		return NULL;
	i->refs = 1;
	i->args_cut = args_cut;
	i->exe = clean_dup(exe, strlen(exe));
	i->cwd = clean_dup(cwd, strlen(cwd));
	if (!i->exe || !i->cwd || image_args(i, args, args_len)) {
		image_unref(i);
		return NULL;
	}
	i->bytes = image_size(i);
	if (!spec_runtime_args(args, args_len, cwd, &i->bundle, &i->container_id))
		i->bundle = NULL;
	return i;
}

struct image *image_ref(struct image *i)
{
	i->refs++;
	return i;
}

void image_unref(struct image *i)
{
	if (!i || --i->refs)
		return;
	for (size_t n = 0; n < i->argc; n++)
		free(i->argv[n]);
	free(i->argv);
	free(i->exe);
	free(i->cwd);
	free(i->bundle);
	free(i->container_id);
	free(i);
}

const char *image_program(const struct image *image)
{
	const char *name = image->exe;
	const char *slash;

	/* A runtime that runs from a sealed copy of itself has no name of its own there. */
	if ((text_starts(name, "/memfd:") || strlen(name) < 2) && image->argc)
		name = image->argv[0];
	slash = strrchr(name, '/');
	return slash ? slash + 1 : name;
}

void process_set_image(struct process *p, struct image *i)
{
	struct process_link *l = p->link;

	if (l->group) {
		l->group->bytes += i->bytes - l->bytes;
		l->table->bytes += i->bytes - l->bytes;
	}
	l->bytes = i->bytes;
	image_unref(p->image);
	p->image = i;
}

void process_each(struct process_table *t, void (*fn)(struct process *p, void *arg), void *arg)
{
	struct process_link *l, *next;

	HASH_ITER(hh, t->by_tgid, l, next)
		fn(&l->process, arg);
}
