/* SPDX-License-Identifier: Apache-2.0 */
/* Takes stock of what runs already: processes, and the containers they are of. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "base/util.h"
#include "model/procfs.h"

#define BEGINNING_NS (60 * NS_PER_S) /* a container's start is over after this */
#define KTHREADD 2		     /* the process that kernel threads are children of */

static struct process *add_process(struct model *m, const struct seen *s)
{
	struct process *p = process_get(m->processes, s->pid, s->start_ns);
	_cleanup_(buf_free) struct buf comm = {};
	struct image *image;

	if (!p)
		return NULL;
	p->approximate = true;
	p->mnt_ns = s->ns.mnt;
	p->parent.tgid = s->ppid;
	image = seen_image(m, s);
	if (image)
		process_set_image(p, image);
	if (!proc_read(m, s->pid, "comm", &comm) && comm.len) {
		_cleanup_(buf_free) struct buf clean = {};

		text_clean(&clean, comm.data, comm.len - 1);
		snprintf(p->comm, sizeof(p->comm), "%s", buf_cstr(&clean));
	}
	return p;
}

/* --- containers --- */

/* The container that the node lies within, by path. */
static struct container *outer_container(struct model *m, const struct cgroup_node *node)
{
	struct cgroup_node *n, *next;

	HASH_ITER(hh, m->nodes, n, next) {
		size_t len = strlen(n->path);

		if (n->container && n != node && !strncmp(node->path, n->path, len) &&
		    node->path[len] == '/')
			return n->container;
	}
	return NULL;
}

static void facts_of_found(struct model *m, struct container *c, const struct seen *s)
{
	const struct mount_line *root;
	struct mount_table *after;

	c->facts.cred = s->cred;
	c->facts.ns = s->ns;
	c->facts.root_dev = s->root_dev;
	c->facts.root_ino = s->root_ino;
	c->facts.seccomp = s->seccomp;
	c->facts.no_new_privs = s->no_new_privs;
	c->init_tgid = s->pid;
	c->init_start_ns = s->start_ns;
	c->msg.started = model_epoch(m, s->start_ns);
	c->started = true;
	c->found = true;
	places_start(m, c, &after);
	root = c->mounts ? mount_table_root(c->mounts) : NULL;
	c->facts.root_mnt_ro = root && root->mnt_ro;
	c->facts.root_sb_ro = root && root->sb_ro;
	container_describe(c);
	identity_started(m, c);
}

/*
 * Whether a container that nobody told of began when its records are still to come: those tell it as it
 * was. What has run for long has none of them.
 */
static bool is_still_to_come(const struct model *m, const struct seen *s)
{
	return m->behind_ns && s->start_ns + BEGINNING_NS > m->behind_ns;
}

/* In place of what was told of it, the container as it is. */
static void see_again(struct model *m, struct cgroup_node *node, struct process *p,
		      const struct seen *s)
{
	struct container *told = container_ref(node->container);
	struct container *c = origin_find(m, node, p);

	if (c)
		recall_replaced(m, told);
	container_unref(told);
	process_set_container(p, node->container);
	p->entered = true;
	facts_of_found(m, node->container, s);
	node->container->recalled = false;
}

/* Gives the process to its container; true when that container is new. */
static bool place_process(struct model *m, struct process *p, const struct seen *s)
{
	struct cgroup_node *node = proc_node(m, s->pid);
	struct container *c;

	if (!node)
		return false;
	if (node->container && node->container->recalled) {
		see_again(m, node, p, s);
		return false;
	}
	c = node->container ? node->container : outer_container(m, node);
	if (c && !node->container)
		node_give(m, node, c);
	if (c) {
		process_set_container(p, c);
		p->entered = true;
		return false;
	}
	if (is_still_to_come(m, s))
		return false;
	c = origin_find(m, node, p);
	if (!c)
		return false;
	process_set_container(p, c);
	p->entered = true;
	facts_of_found(m, c, s);
	return true;
}

static bool in_own_root(const struct model *m, const struct seen *s)
{
	return s->ns.mnt && s->ns.mnt != m->host.mnt && s->root_ino && !seen_in_hosts_root(m, s);
}

static void learn_process(struct model *m, struct seen *s)
{
	struct process *p;

	if (seen_stat(m, s))
		return;
	/* Of one that is younger, or known since, records told more than /proc does. */
	if (m->behind_ns && s->start_ns >= m->behind_ns)
		return;
	p = m->stock_taken ? process_find(m->processes, s->pid, 0) : NULL;
	if (p && p->start_ns / NS_PER_TICK == s->start_ns / NS_PER_TICK) {
		s->ns.mnt = p->mnt_ns;
		seen_root(m, s);
		return;
	}
	s->ns.mnt = proc_ns(m, s->pid, "mnt");
	if (!s->ns.mnt)
		return; /* a kernel thread, or gone */
	seen_root(m, s);
	p = add_process(m, s);
	if (!p || seen_status(m, s))
		return;
	s->ns.user = proc_ns(m, s->pid, "user");
	p->cred = s->cred;
	p->cred_known = true;
	p->user_ns = s->ns.user;
	/* From /proc these are of one thread; the others may have had more. */
	p->permitted_seen = s->cred.permitted;
	p->root_seen = s->cred.euid == 0;
}

static void learn_place(struct model *m, struct seen *s, const struct ev_start *e, moment_fn fn,
			void *arg)
{
	struct moment mo = { .rec = &e->head, .started = true };
	struct process *p = process_find(m->processes, s->pid, 0);

	if (!p || p->container || !in_own_root(m, s))
		return;
	seen_namespaces(m, s);
	if (!place_process(m, p, s))
		return;
	mo.epoch_ns = model_epoch(m, e->head.time_ns);
	mo.process = p;
	mo.container = p->container;
	fn(arg, &mo);
}

/* Numbers begin anew from time to time, so that a child may have a lower one. */
static int by_start(const void *a, const void *b)
{
	const struct seen *x = a, *y = b;

	if (x->start_ns == y->start_ns)
		return x->pid < y->pid ? -1 : x->pid > y->pid;
	return x->start_ns < y->start_ns ? -1 : 1;
}

/*
 * Those that a runtime could give. A kernel thread has what no runtime may have been left with: where one
 * stands for the host it is what the host's processes have among them.
 */
static uint64_t all_capabilities(struct model *m, const struct seen *seen, size_t count)
{
	struct seen witness = { .pid = m->host_pid };
	uint64_t all = 0;

	seen_status(m, &witness);
	for (size_t i = 0; m->host_pid == KTHREADD && i < count; i++)
		if (seen[i].ppid != KTHREADD && seen[i].pid != KTHREADD &&
		    seen[i].ns.user == m->host.user)
			all |= seen[i].cred.bounding;
	return all ? all : witness.cred.bounding;
}

void snapshot_take(struct model *m, const struct ev_start *e, moment_fn fn, void *arg)
{
	_cleanup_(buf_free) struct buf root = {};
	_cleanup_free_ struct seen *seen = NULL;
	size_t count;

	m->host = e->host;
	m->host_pid = e->host_pid;
	m->own_pid = e->own_pid;
	m->host_root_dev = e->root_dev;
	m->host_root_ino = e->root_ino;
	m->realtime_ns = e->realtime_ns;
	m->v1 = e->v1;
	record_path(&root, &e->head, &e->cgroup_root);
	free(m->cgroup_root);
	m->cgroup_root = strdup(buf_cstr(&root));
	if (!m->cgroup_root)
		return;
	places_refresh_host(m);
	seen = seen_list(m, &count);
	for (size_t i = 0; i < count; i++)
		learn_process(m, &seen[i]);
	m->all_capabilities = all_capabilities(m, seen, count);
	/* A container's first process, which names it, comes before its children. */
	if (count)
		qsort(seen, count, sizeof(*seen), by_start);
	for (size_t i = 0; i < count; i++)
		learn_place(m, &seen[i], e, fn, arg);
	m->stock_taken = true;
	if (!m->behind_ns)
		recall_settle(m, e, fn, arg);
}
