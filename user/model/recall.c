/* SPDX-License-Identifier: Apache-2.0 */
/* Containers that a monitor before told of: by what it told, until they are seen again or known to be gone. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/util.h"
#include "model/model_priv.h"

/* Text that was clean when it was told. Empty is NULL, as in a specification that does not say it. */
static bool copy(char **to, const char *text)
{
	if (!text || !text[0])
		return true;
	*to = strdup(text);
	return *to;
}

static struct spec *spec_of(const Keelwatch__Container *told)
{
	const Keelwatch__Kubernetes *k = told->kubernetes;
	struct spec *s = calloc(1, sizeof(*s));
	bool own_engine = strcmp(told->runtime, told->oci_runtime) != 0;

	if (!s)
		return NULL;
	s->read_only = told->read_only;
	s->partial = true;
	if (copy(&s->id, told->id) && copy(&s->name, told->name) && copy(&s->image, told->image) &&
	    (!own_engine || copy(&s->engine, told->runtime)) && copy(&s->rootfs, told->rootfs) &&
	    copy(&s->why, "known from before the monitor was started again") &&
	    (!k || (copy(&s->k8s_namespace, k->namespace_) && copy(&s->k8s_pod, k->pod) &&
		    copy(&s->k8s_uid, k->uid) && copy(&s->k8s_container, k->container))))
		return s;
	spec_free(s);
	return NULL;
}

int model_recall(struct model *m, const Keelwatch__Container *told)
{
	struct cgroup_node *node = node_get(m, told->cgroup_id, 0, told->cgroup);
	struct spec *spec;
	struct container *c;

	if (!node)
		return -ENOMEM;
	if (node->container)
		return 0;
	spec = spec_of(told);
	if (!spec)
		return -ENOMEM;
	c = identity_bind(m, node, spec, told->oci_runtime, KEELWATCH__ATTRIBUTION__cached);
	if (!c)
		return -ENOMEM;
	c->recalled = c->found = c->started = true;
	c->init_tgid = told->pid;
	c->facts.root_mnt_ro = told->read_only;
	c->msg.privileged = told->privileged;
	c->msg.started = told->started;
	container_describe(c);
	return 0;
}

void recall_replaced(struct model *m, struct container *told)
{
	/* Not an end: nobody is told. */
	told->ended = true;
	m->alive--;
	m->totals.containers--;
}

static bool is_there(struct model *m, const struct container *c)
{
	_cleanup_(buf_free) struct buf path = {};
	struct fact_stat st;

	buf_str(&path, m->cgroup_root);
	text_read_back(&path, c->cgroup_path);
	return !facts_stat(m->facts, buf_cstr(&path), &st) && st.ino == c->cgroup_id;
}

static void settle(struct model *m, struct cgroup_node *n, const struct ev_start *e, moment_fn fn,
		   void *arg)
{
	struct moment mo = { .rec = &e->head, .epoch_ns = model_epoch(m, e->head.time_ns) };

	if (is_there(m, n->container))
		return;
	node_drop(m, n);
	mo.ended = m->ended;
	m->ended = NULL;
	if (mo.ended)
		fn(arg, &mo);
	container_unref(mo.ended);
}

void recall_settle(struct model *m, const struct ev_start *e, moment_fn fn, void *arg)
{
	struct cgroup_node *n, *next;

	HASH_ITER(hh, m->nodes, n, next)
		if (n->container && n->container->recalled && !n->container->ended &&
		    n->container->cgroup_id == n->id)
			settle(m, n, e, fn, arg);
}

bool model_watches(struct model *m, uint64_t cgroup_id)
{
	struct cgroup_node *n = node_find(m, cgroup_id);

	return n && (n->candidate_ns || (n->container && !n->container->ended));
}
