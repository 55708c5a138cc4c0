/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which cgroup is whose container. A container is known from its creation: an OCI runtime (known
 * by its command line, which the runtime specification fixes, not by its name) puts a task of its own
 * into a cgroup; the bundle on that command line says who the container is. Where no runtime
 * was seen, a program that runs in a root and mount namespace of its own makes its cgroup a
 * container of unknown origin.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "base/util.h"
#include <linux/types.h>

#include "control.h"
#include "model/model_priv.h"

#define ANCESTORS_ASKED 8	     /* between a task that is put into a cgroup and its runtime */
#define CANDIDATE_NS (60 * NS_PER_S) /* a new cgroup that is nobody's after this is let go */
#define SWEEP_NS (5 * NS_PER_S)
#define NODES_MAX 16384

struct cgroup_node *node_find(struct model *m, uint64_t id)
{
	struct cgroup_node *n;

	HASH_FIND(hh, m->nodes, &id, sizeof(id), n);
	return n;
}

static void control_cgroup(struct model *m, uint64_t id, const struct container *c)
{
	uint32_t flags = 0;

	if (!m->control || !m->control->cgroup)
		return;
	if (c && c->msg.read_only)
		flags |= CGROUP_FILES;
	if (c && c->started)
		flags |= CGROUP_STARTED;
	m->control->cgroup(m->control->self, id, c ? c->cgroup_id : 0, flags);
}

static void arm_if_needed(struct model *m)
{
	bool wanted = m->alive || m->candidates;

	if (wanted == m->armed)
		return;
	m->armed = wanted;
	if (m->control && m->control->arm)
		m->control->arm(m->control->self, wanted);
}

static void candidate_end(struct model *m, struct cgroup_node *n)
{
	if (!n->candidate_ns)
		return;
	n->candidate_ns = 0;
	m->candidates--;
}

void node_drop(struct model *m, struct cgroup_node *n)
{
	candidate_end(m, n);
	if (n->container && n->container->cgroup_id == n->id)
		identity_ended(m, n->container);
	HASH_DEL(m->nodes, n);
	container_unref(n->container);
	free(n->path);
	free(n);
}

static bool is_own_node(const struct cgroup_node *n)
{
	return n->container && n->container->cgroup_id == n->id && !n->container->ended;
}

/* The oldest, but never a live container's own: it could push itself out from within. */
static void drop_some_node(struct model *m)
{
	struct cgroup_node *n, *next;

	HASH_ITER(hh, m->nodes, n, next) {
		if (is_own_node(n))
			continue;
		node_drop(m, n);
		return;
	}
}

struct cgroup_node *node_get(struct model *m, uint64_t id, uint64_t parent_id, const char *path)
{
	struct cgroup_node *n = node_find(m, id);

	if (n)
		return n;
	if (HASH_COUNT(m->nodes) >= NODES_MAX)
		drop_some_node(m);
	n = calloc(1, sizeof(*n));
	if (!n)
		return NULL;
	n->id = id;
	n->parent_id = parent_id;
	n->path = strdup(path);
	if (!n->path) {
		free(n);
		return NULL;
	}
	HASH_ADD(hh, m->nodes, id, sizeof(n->id), n);
	return n;
}

struct container *container_of_cgroup(struct model *m, uint64_t cgroup_id)
{
	struct cgroup_node *n = node_find(m, cgroup_id);

	return n ? n->container : NULL;
}

/* systemd's own kinds of unit never are a container's cgroup: engines ask it for scopes. */
bool identity_may_be_container(const char *path)
{
	static const char *const units[] = { ".service", ".slice",     ".mount",  ".socket",
					     ".swap",	 ".automount", ".device", ".timer" };

	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (text_ends(path, units[i]))
			return false;
	return strcmp(path, "/"); /* the root is everybody's */
}

static char *clean_path(const struct ev_head *rec, const struct ev_str *str)
{
	struct buf b = {};
	size_t len;
	const char *bytes = record_bytes(rec, str, &len);

	text_clean(&b, bytes, len);
	return b.data ? b.data : strdup("");
}

void node_give(struct model *m, struct cgroup_node *n, struct container *c)
{
	candidate_end(m, n);
	container_unref(n->container);
	n->container = container_ref(c);
	control_cgroup(m, n->id, c);
}

void identity_mkdir(struct model *m, const struct ev_cgroup *e)
{
	_cleanup_free_ char *path = clean_path(&e->head, &e->path);
	struct container *outer = container_of_cgroup(m, e->parent_id);
	struct cgroup_node *n = path ? node_get(m, e->id, e->parent_id, path) : NULL;

	if (!n)
		return;
	if (outer) {
		node_give(m, n, outer);
		return;
	}
	if (!identity_may_be_container(path)) {
		if (m->control && m->control->cgroup_forget)
			m->control->cgroup_forget(m->control->self, e->id);
		return;
	}
	if (!n->candidate_ns) {
		n->candidate_ns = e->head.time_ns ? e->head.time_ns : 1;
		m->candidates++;
	}
	arm_if_needed(m);
}

void identity_rmdir(struct model *m, const struct ev_cgroup *e)
{
	struct cgroup_node *n = node_find(m, e->id);

	if (!n)
		return;
	node_drop(m, n);
	arm_if_needed(m);
}

/* Cgroups that were made within a container's before it was known as one. */
static void adopt_inner(struct model *m, struct cgroup_node *outer)
{
	size_t len = strlen(outer->path);
	struct cgroup_node *n, *next;

	HASH_ITER(hh, m->nodes, n, next)
		if (n != outer && !n->container && text_starts(n->path, outer->path) &&
		    n->path[len] == '/')
			node_give(m, n, outer->container);
}

struct container *identity_bind(struct model *m, struct cgroup_node *node, struct spec *spec,
				const char *oci_runtime, Keelwatch__Attribution attribution)
{
	struct container *c = container_new(node->id, node->path, spec, oci_runtime, attribution);

	if (!c) {
		spec_free(spec);
		return NULL;
	}
	m->alive++;
	m->totals.containers++;
	node_give(m, node, c);
	adopt_inner(m, node);
	arm_if_needed(m);
	container_unref(c);
	return node->container;
}

static char *engine_hint(const char *bundle)
{
	static const char task[] = "/io.containerd.runtime.v2.task/";
	const char *at = strstr(bundle, task);
	const char *end;

	if (!at)
		return NULL;
	at += strlen(task);
	end = strchr(at, '/');
	return end ? strndup(at, end - at) : NULL;
}

struct container *identity_read(struct model *m, struct cgroup_node *node, const struct view *view,
				const char *bundle, const char *id, const char *oci_runtime,
				Keelwatch__Attribution attribution)
{
	_cleanup_free_ char *hint = engine_hint(bundle);
	const struct engine_view from = {
		/* What the host has by that name is another's. */
		.facts = view_is_blind(m, view) ? NULL : m->facts,
		.root = view->prefix,
		.roots = &m->engine_roots,
	};
	struct container *c;
	struct spec *spec;
	bool given;

	if (spec_read(&from, bundle, id, hint, &spec))
		return NULL;
	given = spec->rootfs && !strcmp(spec->rootfs, "/");
	view_name_spec(m, view, spec);
	given |= spec->rootfs && !strcmp(spec->rootfs, "/");
	c = identity_bind(m, node, spec, oci_runtime, attribution);
	if (!c)
		return NULL;
	c->root_is_given = given;
	c->runtime_root_ino = view->root_ino;
	c->runtime_root_dev = view->root_dev;
	c->runtime_mnt_ns = view->mnt_ns;
	return c;
}

/* The nearest ancestor that runs an OCI runtime's create or run. */
static struct process *runtime_of(struct model *m, struct process *p)
{
	for (int i = 0; p && i < ANCESTORS_ASKED; i++) {
		if (p->image->bundle)
			return p;
		if (!p->parent.tgid)
			return NULL;
		p = process_find(m->processes, p->parent.tgid, p->parent.start_ns);
	}
	return NULL;
}

struct runtime_search {
	const char *id;
	struct process *found; /* the youngest */
};

static void match_id(struct process *p, void *arg)
{
	struct runtime_search *s = arg;

	if (p->image->container_id && !strcmp(p->image->container_id, s->id) &&
	    (!s->found || p->start_ns > s->found->start_ns))
		s->found = p;
}

/*
 * A runtime that detaches leaves its children to the host's first process before it makes the
 * cgroup (crun run --detach): then the container's id, which the runtime specification makes
 * unique, names both.
 */
static struct process *runtime_by_id(struct model *m, const struct cgroup_node *node)
{
	_cleanup_free_ char *id = container_id_of_cgroup(node->path);
	struct runtime_search s = { .id = id };

	if (id)
		process_each(m->processes, match_id, &s);
	return s.found;
}

static bool is_named(const struct cgroup_node *node, const char *id)
{
	_cleanup_free_ char *name = container_id_of_cgroup(node->path);

	return name && !strcmp(name, id);
}

/*
 * Other programs have a "run ID" too: what makes it a runtime's is the bundle it names, or, where that
 * was removed before anybody looked, a cgroup named after that id.
 */
static void claim(struct model *m, struct cgroup_node *node, struct process *runtime)
{
	const struct image *image = runtime->image;
	struct view view;
	bool seen = view_of_bundle(m, runtime, image->bundle, &view);

	if (!seen && !is_named(node, image->container_id))
		return;
	identity_read(m, node, &view, image->bundle, image->container_id, image_program(image),
		      seen ? KEELWATCH__ATTRIBUTION__exact : KEELWATCH__ATTRIBUTION__derived);
}

void identity_attach(struct model *m, const struct ev_attach *e, struct process *target)
{
	_cleanup_free_ char *path = clean_path(&e->head, &e->path);
	struct cgroup_node *node = path ? node_get(m, e->id, 0, path) : NULL;
	struct process *runtime;

	if (!node)
		return;
	if (!node->container && identity_may_be_container(node->path)) {
		runtime = runtime_of(m, target);
		if (!runtime)
			runtime = runtime_of(m, process_find(m->processes, e->head.tgid,
							     e->head.start_ns));
		if (!runtime && node->candidate_ns)
			runtime = runtime_by_id(m, node);
		if (runtime)
			claim(m, node, runtime);
	}
	/* One that moves itself out of its container's cgroup is still in it by its namespaces. */
	if (node->container || !target->entered)
		process_set_container(target, node->container);
}

static struct spec *spec_of_unseen(const char *cgroup_path)
{
	struct spec *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->id = container_id_of_cgroup(cgroup_path);
	s->partial = true;
	s->why = strdup("no runtime was seen creating it");
	return s;
}

struct container *identity_derive(struct model *m, struct cgroup_node *node)
{
	if (!identity_may_be_container(node->path))
		return NULL;
	return identity_bind(m, node, spec_of_unseen(node->path), NULL,
			     KEELWATCH__ATTRIBUTION__derived);
}

/* A container's own superblock as a whole where it has one, else its root directory. */
static void guard_root(struct model *m, struct container *c)
{
	const struct mount_line *root = c->mounts ? mount_table_root(c->mounts) : NULL;
	bool own = root && !strcmp(root->fstype, "overlay");

	if (!m->control || !m->control->root || !c->facts.root_dev || c->guarded)
		return;
	c->guarded = true;
	c->guarded_ino = own ? 0 : c->facts.root_ino;
	m->control->root(m->control->self, c->facts.root_dev, c->guarded_ino, c->cgroup_id, true);
}

/* By the same key, whatever the container has made of its root since. */
static void unguard_root(struct model *m, struct container *c)
{
	if (c->guarded)
		m->control->root(m->control->self, c->facts.root_dev, c->guarded_ino, c->cgroup_id,
				 false);
	c->guarded = false;
}

void identity_started(struct model *m, struct container *c)
{
	struct cgroup_node *n, *next;

	HASH_ITER(hh, m->nodes, n, next)
		if (n->container == c)
			control_cgroup(m, n->id, c);
	if (c->msg.read_only)
		guard_root(m, c);
}

void identity_ended(struct model *m, struct container *c)
{
	if (c->ended)
		return;
	c->ended = true;
	m->alive--;
	if (c->started && !m->ended)
		m->ended = container_ref(c);
	unguard_root(m, c);
	places_let_go(m, c);
	arm_if_needed(m);
}

void identity_sweep(struct model *m)
{
	struct cgroup_node *n, *next;

	if (!m->candidates || m->now_ns - m->swept_ns < SWEEP_NS)
		return;
	m->swept_ns = m->now_ns;
	HASH_ITER(hh, m->nodes, n, next) {
		if (!n->candidate_ns || m->now_ns - n->candidate_ns < CANDIDATE_NS)
			continue;
		candidate_end(m, n);
		if (m->control && m->control->cgroup_forget)
			m->control->cgroup_forget(m->control->self, n->id);
	}
	arm_if_needed(m);
}

void model_containers(struct model *m, void (*fn)(void *arg, struct container *c), void *arg)
{
	struct cgroup_node *n, *next;

	HASH_ITER(hh, m->nodes, n, next)
		if (n->container && !n->container->ended && n->container->cgroup_id == n->id)
			fn(arg, n->container);
}
