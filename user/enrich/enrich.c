/* SPDX-License-Identifier: Apache-2.0 */
/* Who and where, the same for every event. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/util.h"
#include "enrich/enrich_priv.h"

int enrich_new(struct model *model, struct enrich **ret)
{
	struct enrich *e = calloc(1, sizeof(*e));

	if (!e)
		return -ENOMEM;
	e->model = model;
	for (size_t i = 0; i < ANCESTORS_MAX; i++)
		e->ancestor_list[i] = &e->ancestors[i];
	for (size_t i = 0; i < CLASS_MAX; i++)
		e->loss_list[i] = &e->loss[i];
	*ret = e;
	return 0;
}

void enrich_free(struct enrich *e)
{
	if (!e)
		return;
	arena_free(&e->arena);
	free(e);
}

struct arena *enrich_arena(struct enrich *e)
{
	return &e->arena;
}

/* Writes the names of the bits into room for 64; how many. */
static size_t cap_names(char **names, uint64_t bits, uint64_t all)
{
	size_t n = 0;

	if (all && (bits & all) == all) {
		names[n++] = (char *)"all";
		return n;
	}
	for (unsigned int i = 0; i < CAPS_MAX; i++) {
		const char *name = bits >> i & 1 ? text_capability(i) : NULL;

		if (name)
			names[n++] = (char *)name;
	}
	return n;
}

char **enrich_capabilities(struct enrich *e, uint64_t bits, size_t *count)
{
	struct cap_set *set = &e->caps[(bits * 0x9e3779b97f4a7c15ULL) >> 58];
	uint64_t all = model_all_capabilities(e->model);
	char **names;

	if (set->used && set->bits == bits && set->all == all) {
		*count = set->count;
		return set->names;
	}
	if (!set->used) {
		*set = (struct cap_set){ .used = true, .bits = bits, .all = all };
		*count = set->count = cap_names(set->names, bits, all);
		return set->names;
	}
	/* The place is taken, perhaps by a set that this very event points to. */
	names = arena_alloc(&e->arena, CAPS_MAX * sizeof(*names));
	*count = names ? cap_names(names, bits, all) : 0;
	return names;
}

static const char *join_names(struct enrich *e, char *const *names, size_t count)
{
	_cleanup_(buf_free) struct buf b = {};

	for (size_t i = 0; i < count; i++)
		buf_fmt(&b, "%s%s", i ? ", " : "", names[i]);
	return arena_copy(&e->arena, buf_cstr(&b), b.len);
}

const char *enrich_capability_list(struct enrich *e, uint64_t bits)
{
	uint64_t all = model_all_capabilities(e->model);
	char *names[CAPS_MAX];

	if (all && (bits & all) == all)
		return "all capabilities";
	return join_names(e, names, cap_names(names, bits, 0));
}

static size_t namespace_names(unsigned int bits, char *names[7])
{
	static const char *const all[] = { "mnt", "pid", "net", "ipc", "uts", "cgroup", "user" };
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (bits >> i & 1)
			names[n++] = (char *)all[i];
	return n;
}

const char *enrich_namespace_list(struct enrich *e, unsigned int bits)
{
	char *names[7];

	return join_names(e, names, namespace_names(bits, names));
}

static void fill_cred(struct enrich *e, Keelwatch__Process *out, const struct ev_cred *cred,
		      uint32_t user_ns)
{
	out->uid = cred->uid;
	out->euid = cred->euid;
	out->gid = cred->gid;
	out->egid = cred->egid;
	out->capabilities = enrich_capabilities(e, cred->effective, &out->n_capabilities);
	out->user_namespace = !model_is_host_ns(e->model, NAMESPACE_USER, user_ns);
}

static void fill_process(struct enrich *e, Keelwatch__Process *out, const struct process *p)
{
	keelwatch__process__init(out);
	out->pid = p->tgid;
	out->tid = p->tgid;
	out->ppid = p->parent.tgid;
	out->comm = (char *)p->comm;
	out->exe = p->image->exe;
	out->args = p->image->argv;
	out->n_args = p->image->argc;
	out->args_cut = p->image->args_cut;
	out->cwd = p->image->cwd;
	out->started = p->start_ns ? model_epoch(e->model, p->start_ns) : 0;
	if (p->cred_known)
		fill_cred(e, out, &p->cred, p->user_ns);
}

static size_t fill_ancestors(struct enrich *e, const struct process *p)
{
	struct process_table *t = model_processes(e->model);
	size_t n = 0;

	while (n < ANCESTORS_MAX && p->parent.tgid) {
		p = process_find(t, p->parent.tgid, p->parent.start_ns);
		if (!p)
			break;
		fill_process(e, &e->ancestors[n++], p);
	}
	return n;
}

static void fill_task(struct enrich *e, const struct moment *mo)
{
	const struct ev_head *rec = mo->rec;

	fill_process(e, &e->process, mo->process);
	if (rec->tgid == mo->process->tgid) {
		e->process.tid = rec->tid;
		fill_cred(e, &e->process, &rec->cred, rec->user_ns);
	}
	e->event.process = &e->process;
}

void enrich_ancestors(struct enrich *e, const struct moment *mo)
{
	if (!mo->process || e->event.ancestors)
		return;
	e->event.n_ancestors = fill_ancestors(e, mo->process);
	e->event.ancestors = e->ancestor_list;
}

static void fill_namespaces(struct enrich *e, const struct moment *mo)
{
	Keelwatch__Namespaces *ns = &e->namespaces;
	static const char *const operations[] = {
		[NS_SETNS] = "setns",
		[NS_UNSHARE] = "unshare",
		[NS_OPEN] = "open",
	};
	const struct ev_ns *rec = (const void *)mo->rec;
	char **names;

	if (mo->rec->type != EV_NS && !mo->host_namespaces)
		return;
	keelwatch__namespaces__init(ns);
	ns->operation = (char *)record_type_name(mo->rec->type);
	if (mo->rec->type == EV_NS && rec->op < ARRAY_SIZE(operations) && operations[rec->op])
		ns->operation = (char *)operations[rec->op];
	names = arena_alloc(&e->arena, 7 * sizeof(*names));
	if (names)
		ns->n_host = namespace_names(mo->host_namespaces, names);
	ns->host = names;
	e->event.namespaces = ns;
}

const Keelwatch__Event *enrich_event(struct enrich *e, const struct moment *mo)
{
	arena_reset(&e->arena);
	keelwatch__event__init(&e->event);
	e->event.kind = (char *)"event";
	e->event.type = (char *)record_type_name(mo->rec->type);
	e->event.time = mo->epoch_ns;
	e->event.setup = mo->setup;
	if (mo->container)
		e->event.container = &mo->container->msg;
	if (mo->process)
		fill_task(e, mo);
	enrich_body(e, mo);
	enrich_credentials(e, mo);
	fill_namespaces(e, mo);
	return &e->event;
}
