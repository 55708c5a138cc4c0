/* SPDX-License-Identifier: Apache-2.0 */
/* Looks from where a runtime stands, and translates what it says. */
#include "model/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/util.h"
#include "model/host_path.h"
#include "model/model_priv.h"

#define WITNESSES 8 /* processes tried, beside the one itself */

bool view_is_hosts(const struct model *m, const struct view *v)
{
	return v->root_ino == m->host_root_ino && v->root_dev == m->host_root_dev;
}

bool view_is_same(const struct view *a, const struct view *b)
{
	return a->root_ino == b->root_ino && a->root_dev == b->root_dev && a->mnt_ns == b->mnt_ns;
}

static uint32_t mount_namespace(struct model *m, uint32_t tgid)
{
	_cleanup_(buf_free) struct buf link = {};
	const char *bracket;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/ns/mnt", tgid);
	if (facts_readlink(m->facts, path, &link))
		return 0;
	bracket = strchr(buf_cstr(&link), '[');
	return bracket ? strtoul(bracket + 1, NULL, 10) : 0;
}

/* Whether the process of that number stands there now; any_ns: be it among other mounts. */
static bool stands_there(struct model *m, const struct view *v, uint32_t tgid, bool any_ns)
{
	struct fact_stat st;
	char root[32];

	snprintf(root, sizeof(root), "/proc/%u/root", tgid);
	return !facts_stat(m->facts, root, &st) && st.ino == v->root_ino && st.dev == v->root_dev &&
	       (any_ns || mount_namespace(m, tgid) == v->mnt_ns);
}

struct witnesses {
	const struct view *view;
	bool any_ns;
	const struct process *oldest[WITNESSES];
	size_t count;
};

static void take_witness(struct process *p, void *arg)
{
	struct witnesses *w = arg;
	size_t at;

	/* A runtime is gone soon, and what it forked is about to change its root. */
	if (p->ended || p->image->bundle || (!w->any_ns && p->image->mnt_ns != w->view->mnt_ns) ||
	    p->image->root_ino != w->view->root_ino || p->image->root_dev != w->view->root_dev)
		return;
	for (at = w->count; at && w->oldest[at - 1]->start_ns > p->start_ns; at--)
		if (at < WITNESSES)
			w->oldest[at] = w->oldest[at - 1];
	if (at == WITNESSES)
		return;
	w->oldest[at] = p;
	w->count += w->count < WITNESSES;
}

static uint32_t oldest_witness(struct model *m, const struct view *v, bool any_ns)
{
	struct witnesses w = { .view = v, .any_ns = any_ns };

	process_each(m->processes, take_witness, &w);
	for (size_t i = 0; i < w.count; i++)
		if (stands_there(m, v, w.oldest[i]->tgid, any_ns))
			return w.oldest[i]->tgid;
	return 0;
}

static bool sees(struct model *m, const struct view *v, const char *bundle)
{
	_cleanup_(buf_free) struct buf path = {};
	struct fact_stat st;

	buf_fmt(&path, "%s%s/config.json", v->prefix, bundle);
	return !path.failed && !facts_stat(m->facts, path.data, &st);
}

/* bundle may be NULL: then nobody has to see one. */
static bool look_through(struct model *m, struct view *v, uint32_t tgid, const char *bundle)
{
	if (!tgid)
		return false;
	v->tgid = tgid;
	snprintf(v->prefix, sizeof(v->prefix), "/proc/%u/root", tgid);
	return !bundle || sees(m, v, bundle);
}

/*
 * The oldest who stand where the process does (its shim, its daemon) stay longest. Mounts that only
 * a few of them have are the exception.
 */
static bool find_witness(struct model *m, const struct process *p, const char *bundle,
			 struct view *v)
{
	return look_through(m, v, oldest_witness(m, v, false), bundle) ||
	       look_through(m, v, oldest_witness(m, v, true), bundle) ||
	       (look_through(m, v, p->tgid, bundle) && stands_there(m, v, p->tgid, false));
}

/* For what engines keep elsewhere, when the bundle is gone. */
static void find_any_witness(struct model *m, struct view *v)
{
	uint32_t tgid = oldest_witness(m, v, false);

	if (!look_through(m, v, tgid ? tgid : oldest_witness(m, v, true), NULL)) {
		v->tgid = 0;
		v->prefix[0] = '\0';
	}
}

bool view_is_blind(const struct model *m, const struct view *v)
{
	return !v->tgid && !view_is_hosts(m, v);
}

static void learn_root(const struct model *m, const struct process *p, struct view *v)
{
	*v = (struct view){
		.root_ino = m->host_root_ino,
		.root_dev = m->host_root_dev,
		.mnt_ns = m->host.mnt,
	};
	if (p->image->root_ino) {
		v->root_ino = p->image->root_ino;
		v->root_dev = p->image->root_dev;
		v->mnt_ns = p->image->mnt_ns;
	}
}

bool view_of_process(struct model *m, const struct process *p, struct view *ret)
{
	learn_root(m, p, ret);
	return view_is_hosts(m, ret) || find_witness(m, p, NULL, ret);
}

/* With the host's root, private mounts are the exception, and the host does not go away. */
bool view_of_bundle(struct model *m, const struct process *p, const char *bundle, struct view *ret)
{
	learn_root(m, p, ret);
	if (view_is_hosts(m, ret) && sees(m, ret, bundle))
		return true;
	if (view_is_hosts(m, ret) && ret->mnt_ns == m->host.mnt)
		return false;
	if (find_witness(m, p, bundle, ret))
		return true;
	find_any_witness(m, ret);
	return false;
}

static struct mount_table *read_table(struct model *m, uint32_t tgid)
{
	_cleanup_(buf_free) struct buf text = {};
	struct mount_table *t = NULL;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/mountinfo", tgid);
	if (!facts_read(m->facts, path, FACT_MAX, &text) && text.len)
		mount_table_parse(text.data, text.len, &t, NULL);
	return t;
}

/* Frees path. Clean text, or NULL. */
static char *name_on_host(const struct model *m, const struct mount_table *seen, char *path)
{
	_cleanup_(buf_free) struct buf host = {}, clean = {};
	_cleanup_free_ char *said = path;
	const struct mount_line *line;
	const char *rest;

	line = seen && host_path_is_exact(said) ? mount_table_find(seen, said) : NULL;
	if (!line || !m->host_mounts || !mount_host_path(m->host_mounts, line, &host))
		return NULL;
	rest = said + (strcmp(line->target, "/") ? strlen(line->target) : 0);
	if (*rest && strcmp(rest, "/")) {
		if (host.len == 1)
			buf_reset(&host);
		buf_str(&host, rest);
	}
	text_clean(&clean, buf_cstr(&host), host.len);
	return clean.failed || host.failed ? NULL : TAKE(clean.data);
}

void view_name_spec(struct model *m, const struct view *v, struct spec *s)
{
	struct mount_table *seen;

	if (!v->tgid)
		return;
	seen = read_table(m, v->tgid);
	places_refresh_host(m);
	if (s->rootfs)
		s->rootfs = name_on_host(m, seen, s->rootfs);
	for (size_t i = 0; i < s->mount_count; i++) {
		struct spec_mount *mount = &s->mounts[i];

		if (mount->source && mount->type && !strcmp(mount->type, "bind"))
			mount->source = name_on_host(m, seen, mount->source);
	}
	mount_table_free(seen);
}
