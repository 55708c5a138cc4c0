/* SPDX-License-Identifier: Apache-2.0 */
/* What runs when the monitor starts: processes from /proc, containers from their runtimes' state on disk. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/text.h"
#include "base/util.h"
#include "model/model_priv.h"

#define TICK_NS 10000000ULL	/* USER_HZ is 100 on every architecture we run on */
#define SMALL (64 * 1024)	/* of a /proc file */
#define STATE_MAX (1024 * 1024)	/* of a runtime's state file */
#define PARENTS 8		/* between a container's first process and its shim */
#define ELSEWHERE 8		/* roots of the host's own processes looked into beside the host's */

/* What /proc says of one process. */
struct seen {
	uint32_t pid, ppid;
	uint64_t start_ns;
	struct ev_cred cred;
	struct ev_nsset ns;
	uint8_t seccomp;
	bool no_new_privs;
	uint32_t root_dev;
	uint64_t root_ino;
};

static int proc_read(struct model *m, uint32_t pid, const char *what, struct buf *out)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/%s", pid, what);
	return facts_read(m->facts, path, SMALL, out);
}

static int proc_link(struct model *m, uint32_t pid, const char *what, struct buf *out)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/%s", pid, what);
	return facts_readlink(m->facts, path, out);
}

uint32_t proc_ns(struct model *m, uint32_t pid, const char *kind)
{
	_cleanup_(buf_free) struct buf link = {};
	char what[32];
	const char *bracket;

	snprintf(what, sizeof(what), "ns/%s", kind);
	if (proc_link(m, pid, what, &link))
		return 0;
	bracket = strchr(buf_cstr(&link), '[');
	return bracket ? strtoul(bracket + 1, NULL, 10) : 0;
}

/* proc(5), stat: the name may hold anything, so what follows counts from the last ")". */
static int read_stat(struct model *m, struct seen *s)
{
	_cleanup_(buf_free) struct buf text = {};
	const char *at;
	uint64_t ticks;
	int err;

	err = proc_read(m, s->pid, "stat", &text);
	if (err)
		return err;
	at = strrchr(buf_cstr(&text), ')');
	if (!at || sscanf(at + 1, " %*c %u %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d"
				  " %*d %*d %*d %" SCNu64, &s->ppid, &ticks) != 2)
		return -EBADMSG;
	s->start_ns = ticks * TICK_NS;
	return 0;
}

static uint64_t status_hex(const char *text, const char *key)
{
	const char *at = strstr(text, key);

	return at ? strtoull(at + strlen(key), NULL, 16) : 0;
}

static int read_status(struct model *m, struct seen *s)
{
	_cleanup_(buf_free) struct buf text = {};
	const char *t, *at;
	int err;

	err = proc_read(m, s->pid, "status", &text);
	if (err)
		return err;
	t = buf_cstr(&text);
	at = strstr(t, "\nUid:");
	if (at)
		sscanf(at, "\nUid: %u %u %u", &s->cred.uid, &s->cred.euid, &s->cred.suid);
	at = strstr(t, "\nGid:");
	if (at)
		sscanf(at, "\nGid: %u %u %u", &s->cred.gid, &s->cred.egid, &s->cred.sgid);
	s->cred.permitted = status_hex(t, "\nCapPrm:");
	s->cred.effective = status_hex(t, "\nCapEff:");
	s->cred.bounding = status_hex(t, "\nCapBnd:");
	s->no_new_privs = status_hex(t, "\nNoNewPrivs:");
	s->seccomp = status_hex(t, "\nSeccomp:");
	return 0;
}

static void read_namespaces(struct model *m, struct seen *s)
{
	s->ns.pid = proc_ns(m, s->pid, "pid");
	s->ns.net = proc_ns(m, s->pid, "net");
	s->ns.ipc = proc_ns(m, s->pid, "ipc");
	s->ns.uts = proc_ns(m, s->pid, "uts");
	s->ns.cgroup = proc_ns(m, s->pid, "cgroup");
	s->ns.pid_for_children = s->ns.pid;
}

static bool has_hosts_root(const struct model *m, const struct seen *s)
{
	return s->root_dev == m->host_root_dev && s->root_ino == m->host_root_ino;
}

/*
 * Links in /proc lead from the reader's root; a record's paths start from the root of the process
 * itself. root: what the link to that says.
 */
static const char *from_own_root(const struct buf *link, const struct buf *root)
{
	const char *path = buf_cstr(link);

	if (root->len > 1 && text_starts(path, root->data) && path[root->len] == '/')
		return path + root->len;
	return root->len > 1 && !strcmp(path, root->data) ? "/" : path;
}

static struct image *read_image(struct model *m, const struct seen *s)
{
	_cleanup_(buf_free) struct buf exe = {}, cwd = {}, args = {}, root = {};
	struct image *image;

	proc_link(m, s->pid, "exe", &exe);
	proc_link(m, s->pid, "cwd", &cwd);
	proc_read(m, s->pid, "cmdline", &args);
	if (s->root_ino && !has_hosts_root(m, s))
		proc_link(m, s->pid, "root", &root);
	image = image_new(from_own_root(&exe, &root), from_own_root(&cwd, &root), args.data,
			  args.len, false);
	if (!image)
		return NULL;
	image->root_ino = s->root_ino;
	image->root_dev = s->root_dev;
	image->mnt_ns = s->ns.mnt;
	return image;
}

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
	image = read_image(m, s);
	if (image)
		process_set_image(p, image);
	if (!proc_read(m, s->pid, "comm", &comm) && comm.len) {
		_cleanup_(buf_free) struct buf clean = {};

		text_clean(&clean, comm.data, comm.len - 1);
		snprintf(p->comm, sizeof(p->comm), "%s", buf_cstr(&clean));
	}
	return p;
}

/* The path of the process's cgroup in the hierarchy that names containers. Raw bytes. */
static int cgroup_of(struct model *m, uint32_t pid, struct buf *out)
{
	_cleanup_(buf_free) struct buf text = {};
	char *line, *rest = NULL;
	int err;

	err = proc_read(m, pid, "cgroup", &text);
	if (err)
		return err;
	for (line = strtok_r(text.data, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		const char *controllers = strchr(line, ':');
		const char *path = controllers ? strchr(controllers + 1, ':') : NULL;
		const char *base = strrchr(m->cgroup_root, '/');
		size_t len;

		if (!path)
			continue;
		controllers++;
		len = path - controllers;
		if (m->v1 ? !base || strlen(base + 1) != len || strncmp(base + 1, controllers, len) :
			    !!strncmp(line, "0:", 2))
			continue;
		buf_str(out, path + 1);
		return 0;
	}
	return -ENOENT;
}

static struct cgroup_node *node_of(struct model *m, uint32_t pid)
{
	_cleanup_(buf_free) struct buf path = {}, full = {}, clean = {};
	struct fact_stat st;

	if (cgroup_of(m, pid, &path))
		return NULL;
	buf_str(&full, m->cgroup_root);
	buf_str(&full, buf_cstr(&path));
	if (facts_stat(m->facts, buf_cstr(&full), &st))
		return NULL;
	text_clean(&clean, path.data, path.len);
	/* On 64-bit machines a cgroup directory's inode number is its id (kernfs_ino). */
	return node_get(m, st.ino, 0, buf_cstr(&clean));
}

/* --- where the specification is --- */

/* A bundle, from where it is seen, and the program that made the container, where that is known. */
struct origin {
	struct view view;
	char *bundle;
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
			if (o->bundle)
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
	node = node_of(m, p->tgid);
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
	node = node_of(m, p->tgid);
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

	o->view = (struct view){ .root_ino = m->host_root_ino, .root_dev = m->host_root_dev,
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

static struct container *find_container(struct model *m, struct cgroup_node *node,
					const struct process *p)
{
	_cleanup_free_ char *id = container_id_of_cgroup(node->path);
	struct origin o = {};
	struct container *c;

	if (!id)
		return NULL;
	if (!origin_by_parents(m, p, id, &o) && !find_state(m, p->tgid, &o))
		return is_of_host(m, node) ? NULL : identity_derive(m, node);
	c = identity_read(m, node, &o.view, o.bundle, NULL, o.runtime,
			  KEELWATCH__ATTRIBUTION__cached);
	free(o.bundle);
	return c;
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

/* Gives the process to its container; true when that container is new. */
static bool place_process(struct model *m, struct process *p, const struct seen *s)
{
	struct cgroup_node *node = node_of(m, s->pid);
	struct container *c;

	if (!node)
		return false;
	c = node->container ? node->container : outer_container(m, node);
	if (c && !node->container)
		node_give(m, node, c);
	if (c) {
		process_set_container(p, c);
		p->entered = true;
		return false;
	}
	c = find_container(m, node, p);
	if (!c)
		return false;
	process_set_container(p, c);
	p->entered = true;
	facts_of_found(m, c, s);
	return true;
}

static void read_root(struct model *m, struct seen *s)
{
	struct fact_stat st;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/root", s->pid);
	if (facts_stat(m->facts, path, &st))
		return;
	s->root_dev = st.dev;
	s->root_ino = st.ino;
}

static bool in_own_root(const struct model *m, const struct seen *s)
{
	return s->ns.mnt && s->ns.mnt != m->host.mnt && s->root_ino && !has_hosts_root(m, s);
}

static void learn_process(struct model *m, struct seen *s)
{
	struct process *p;

	if (read_stat(m, s))
		return;
	s->ns.mnt = proc_ns(m, s->pid, "mnt");
	if (!s->ns.mnt)
		return; /* a kernel thread, or gone */
	read_root(m, s);
	p = add_process(m, s);
	if (!p || read_status(m, s))
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

	if (!p || !in_own_root(m, s))
		return;
	read_namespaces(m, s);
	if (!place_process(m, p, s))
		return;
	mo.epoch_ns = model_epoch(m, e->head.time_ns);
	mo.process = p;
	mo.container = p->container;
	fn(arg, &mo);
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = ((const struct seen *)a)->pid, y = ((const struct seen *)b)->pid;

	return x < y ? -1 : x > y;
}

static struct seen *list_processes(struct model *m, size_t *count)
{
	_cleanup_(buf_free) struct buf names = {};
	struct seen *seen = NULL;
	size_t n = 0, cap = 0;

	*count = 0;
	if (facts_list(m->facts, "/proc", &names))
		return NULL;
	for (size_t at = 0; at < names.len; at += strlen(names.data + at) + 1) {
		uint64_t pid;

		if (text_u64(names.data + at, &pid) || pid > UINT32_MAX)
			continue;
		if (n == cap) {
			struct seen *more = reallocarray(seen, cap ? cap * 2 : 256, sizeof(*seen));

			if (!more)
				break;
			seen = more;
			cap = cap ? cap * 2 : 256;
		}
		seen[n++] = (struct seen){ .pid = pid };
	}
	if (n)
		qsort(seen, n, sizeof(*seen), by_number);
	*count = n;
	return seen;
}

void snapshot_take(struct model *m, const struct ev_start *e, moment_fn fn, void *arg)
{
	_cleanup_(buf_free) struct buf root = {};
	struct seen first = { .pid = e->host_pid };
	_cleanup_free_ struct seen *seen = NULL;
	size_t count;

	m->host = e->host;
	m->host_pid = e->host_pid;
	m->host_root_dev = e->root_dev;
	m->host_root_ino = e->root_ino;
	m->realtime_ns = e->realtime_ns;
	m->v1 = e->v1;
	record_path(&root, &e->head, &e->cgroup_root);
	free(m->cgroup_root);
	m->cgroup_root = strdup(buf_cstr(&root));
	if (!m->cgroup_root)
		return;
	read_status(m, &first);
	m->all_capabilities = first.cred.bounding;
	places_refresh_host(m);
	seen = list_processes(m, &count);
	for (size_t i = 0; i < count; i++)
		learn_process(m, &seen[i]);
	/* A container's first process, which names it, comes before its children as far as numbers tell. */
	for (size_t i = 0; i < count; i++)
		learn_place(m, &seen[i], e, fn, arg);
}
