/* SPDX-License-Identifier: Apache-2.0 */
/* Where the specification of a container lies that was there before the monitor, and so whose it is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/text.h"
#include "base/util.h"
#include "model/procfs.h"

#define STATE_MAX (1024 * 1024) /* of a runtime's state file */
#define PARENTS 8		/* between a container's first process and its shim */
#define ELSEWHERE 8 /* roots of the host's own processes looked into beside the host's */

/*
 * A bundle, from where it is seen, the id that the runtime knows the container by, and the program that
 * made it, where that is known.
 */
struct origin {
	struct view view;
	char *bundle;
	char *id;
	const char *runtime;
};

/* A shim serves all containers of a pod: its own directory, or one beside it. */
static char *bundle_of_shim(struct model *m, const struct process *shim, const char *id,
			    struct view *view)
{
	const char *cwd = shim->image->cwd;
	const char *slash = strrchr(cwd, '/');
	struct buf beside = {};

	if (!slash)
		return NULL;
	buf_fmt(&beside, "%.*s/%s", (int)(slash - cwd), cwd, id);
	if (beside.data && view_of_bundle(m, shim, beside.data, view))
		return beside.data;
	buf_free(&beside);
	return view_of_bundle(m, shim, cwd, view) ? strdup(cwd) : NULL;
}

/* conmon (podman, CRI-O): -c ID -b BUNDLE. */
static char *bundle_of_conmon(const struct process *p, const char *id)
{
	const char *bundle = NULL;
	bool mine = false;

	for (size_t i = 0; i + 1 < p->image->argc; i++) {
		if (!strcmp(p->image->argv[i], "-b") || !strcmp(p->image->argv[i], "--bundle"))
			bundle = p->image->argv[i + 1];
		if (!strcmp(p->image->argv[i], "-c") || !strcmp(p->image->argv[i], "--cid"))
			mine = !strcmp(p->image->argv[i + 1], id);
	}
	return mine && bundle ? strdup(bundle) : NULL;
}

/* Where the bundle is gone by now the container is known all the same. */
static bool origin_by_parents(struct model *m, const struct process *p, const char *id,
			      struct origin *o)
{
	for (int i = 0; i < PARENTS && p && p->parent.tgid; i++) {
		p = process_find(m->processes, p->parent.tgid, 0);
		if (!p)
			return false;
		if (p->image->bundle) {
			o->runtime = image_program(p->image);
			o->bundle = strdup(p->image->bundle);
			if (p->image->container_id)
				o->id = strdup(p->image->container_id);
		} else {
			o->bundle = bundle_of_conmon(p, id);
		}
		if (o->bundle) {
			view_of_bundle(m, p, o->bundle, &o->view);
			return true;
		}
		if (strstr(p->image->cwd, "/io.containerd.runtime.v2.task/"))
			o->bundle = bundle_of_shim(m, p, id, &o->view);
		if (o->bundle)
			return true;
	}
	return false;
}

/* runc's state.json: config.labels "bundle=PATH", init_process_pid; crun's status: bundle, pid. */
static char *bundle_in_state(const char *text, size_t len, uint32_t pid)
{
	json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	json_t *labels = json_object_get(json_object_get(root, "config"), "labels");
	const char *bundle = json_string_value(json_object_get(root, "bundle"));
	json_t *number = json_object_get(root, "init_process_pid");
	json_t *label;
	size_t i;
	char *ret;

	if (!number)
		number = json_object_get(root, "pid");
	json_array_foreach(labels, i, label) {
		const char *s = json_string_value(label);

		if (s && text_starts(s, "bundle="))
			bundle = s + strlen("bundle=");
	}
	ret = bundle && json_integer_value(number) == pid ? strdup(bundle) : NULL;
	json_decref(root);
	return ret;
}

static bool origin_by_state(struct model *m, uint32_t pid, struct origin *o)
{
	static const struct {
		const char *dir, *file, *runtime;
	} states[] = {
		{ "/run/runc", "state.json", "runc" },
		{ "/run/crun", "status", "crun" },
		{ "/run/youki", "state.json", "youki" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		_cleanup_(buf_free) struct buf names = {}, dir = {};

		buf_fmt(&dir, "%s%s", o->view.prefix, states[i].dir);
		if (facts_list(m->facts, buf_cstr(&dir), &names))
			continue;
		for (size_t at = 0; at < names.len; at += strlen(names.data + at) + 1) {
			_cleanup_(buf_free) struct buf path = {}, text = {};

			buf_fmt(&path, "%s/%s/%s", buf_cstr(&dir), names.data + at, states[i].file);
			if (facts_read(m->facts, buf_cstr(&path), STATE_MAX, &text))
				continue;
			o->bundle = bundle_in_state(text.data, text.len, pid);
			o->runtime = states[i].runtime;
			if (!o->bundle)
				continue;
			o->id = strdup(names.data + at); /* runtimes name the folder by it */
			return true;
		}
	}
	return false;
}

struct elsewhere {
	struct model *m;
	struct view views[ELSEWHERE];
	size_t count;
};

static void mark_hosts(struct process *p, void *arg)
{
	struct model *m = arg;
	struct cgroup_node *node;

	if (p->image->mnt_ns != m->host.mnt || p->image->root_ino != m->host_root_ino)
		return;
	node = proc_node(m, p->tgid);
	if (node)
		node->hosts = true;
}

/*
 * Whether the cgroup is the host's: a container's holds nothing else, but a program in a root of its
 * own (a chroot, a sandbox, a runtime) may share the cgroup of the session or service it came from.
 */
static bool is_of_host(struct model *m, const struct cgroup_node *node)
{
	if (!m->hosts_asked)
		process_each(m->processes, mark_hosts, m);
	m->hosts_asked = true;
	return node->hosts || !identity_may_be_container(node->path);
}

/* Only who is as free as the host's root is believed: a container writes to its /run what it likes. */
static void find_elsewhere(struct process *p, void *arg)
{
	struct elsewhere *e = arg;
	struct model *m = e->m;
	struct cgroup_node *node;
	struct view view;

	if (e->count == ELSEWHERE || p->container || !p->image->root_ino ||
	    p->image->mnt_ns == m->host.mnt || p->user_ns != m->host.user)
		return;
	if (!view_of_process(m, p, &view) || !view.tgid)
		return;
	for (size_t i = 0; i < e->count; i++)
		if (view_is_same(&e->views[i], &view))
			return;
	node = proc_node(m, p->tgid);
	if (node && is_of_host(m, node))
		e->views[e->count++] = view;
}

/*
 * A runtime that has detached left nobody behind: its state, here or where runtimes may stand, names
 * the process.
 */
static bool find_state(struct model *m, uint32_t pid, struct origin *o)
{
	struct elsewhere e = { .m = m };

	o->view = (struct view){ .root_ino = m->host_root_ino,
				 .root_dev = m->host_root_dev,
				 .mnt_ns = m->host.mnt };
	if (origin_by_state(m, pid, o))
		return true;
	process_each(m->processes, find_elsewhere, &e);
	for (size_t i = 0; i < e.count; i++) {
		o->view = e.views[i];
		if (origin_by_state(m, pid, o))
			return true;
	}
	return false;
}

struct container *origin_seek(struct model *m, struct cgroup_node *node, const struct process *p)
{
	_cleanup_free_ char *id = container_id_of_cgroup(node->path);
	struct origin o = {};
	struct container *c;

	if (!id || (!origin_by_parents(m, p, id, &o) && !find_state(m, p->tgid, &o)))
		return NULL;
	c = identity_read(m, node, &o.view, o.bundle, o.id, o.runtime,
			  KEELWATCH__ATTRIBUTION__cached);
	free(o.bundle);
	free(o.id);
	return c;
}

struct container *origin_find(struct model *m, struct cgroup_node *node, const struct process *p)
{
	struct container *c = origin_seek(m, node, p);

	return c || is_of_host(m, node) ? c : identity_derive(m, node);
}
