/* SPDX-License-Identifier: Apache-2.0 */
/* Records in, moments out: who did it, in which container, at what point of its life. */
#include "model/model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/util.h"
#include "model/model_priv.h"

int model_new(struct facts *facts, const struct model_control *control, struct model **ret)
{
	struct model *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->facts = facts;
	m->control = control;
	if (process_table_new(PROCESS_MAX, &m->processes)) {
		free(m);
		return -ENOMEM;
	}
	*ret = m;
	return 0;
}

void model_free(struct model *m)
{
	struct cgroup_node *n, *next;

	if (!m)
		return;
	HASH_ITER(hh, m->nodes, n, next) {
		if (n->container)
			identity_ended(m, n->container);
		HASH_DEL(m->nodes, n);
		container_unref(n->container);
		free(n->path);
		free(n);
	}
	container_unref(m->ended);
	process_table_free(m->processes);
	mount_table_free(m->host_mounts);
	buf_free(&m->sockets);
	engine_roots_free(&m->engine_roots);
	free(m->cgroup_root);
	free(m);
}

uint64_t model_epoch(const struct model *m, uint64_t boot_ns)
{
	return m->realtime_ns + boot_ns;
}

/*
 * A program is the container's own when its root is: what unshares a mount namespace, or runs as a
 * hook before pivot_root(2), still stands in the host's, or where its runtime does. A container may
 * have been given that root for its own, though; then its mount namespace must do.
 */
static bool runs_inside(const struct model *m, const struct container *c, const struct ev_exec *e)
{
	bool hosts = e->root_dev == m->host_root_dev && e->root_ino == m->host_root_ino;

	if (!hosts &&
	    !(c && e->root_dev == c->runtime_root_dev && e->root_ino == c->runtime_root_ino))
		return true;
	return c && c->root_is_given && e->ns.mnt != m->host.mnt && e->ns.mnt != c->runtime_mnt_ns;
}

/* --- who --- */

static void set_comm(struct process *p, const char *comm)
{
	struct buf b = {};

	text_clean(&b, comm, strlen(comm));
	if (b.data && b.len < sizeof(p->comm))
		memcpy(p->comm, b.data, b.len + 1);
	buf_free(&b);
}

static bool is_known(const struct process *p)
{
	return p->image->exe[0] || p->image->argc;
}

static void inherit(struct process *p, const struct process *from)
{
	if (!from)
		return;
	process_set_image(p, image_ref(from->image));
	memcpy(p->comm, from->comm, sizeof(p->comm));
}

/*
 * Every exec is seen, so an ancestor that is not known executed nothing of its own: it runs what
 * its own nearest known ancestor does.
 */
static void learn_ancestors(struct model *m, const struct ev_task *chain, struct process *p)
{
	struct process *known = NULL;
	int i;

	p->parent = chain[0];
	for (i = 0; i < EV_ANCESTORS && chain[i].tgid; i++) {
		known = process_find(m->processes, chain[i].tgid, chain[i].start_ns);
		if (known && is_known(known))
			break;
		known = NULL;
	}
	while (--i >= 0) {
		struct process *a = process_get(m->processes, chain[i].tgid, chain[i].start_ns);

		if (!a)
			return;
		if (i + 1 < EV_ANCESTORS)
			a->parent = chain[i + 1];
		inherit(a, known);
		known = a;
	}
	if (!is_known(p))
		inherit(p, known);
}

/* Whose fork was held back, who had to make room in the table, who was gone when stock was taken. */
static bool may_be_forgotten(const struct model *m, const struct container *c,
			     const struct ev_head *rec)
{
	return rec->lost || process_table_dropped(m->processes) || (m->behind_ns && c->found);
}

/*
 * Where one may be unknown for such a reason, whoever is in the mount namespace of a container that has
 * started is held to be one of its own, and not hidden as its runtime's set-up would be. A session that
 * has not executed yet looks the same; as it does, it is one.
 */
static bool is_inside_already(const struct model *m, const struct container *c,
			      const struct process *p, const struct ev_head *rec)
{
	uint32_t own = c->facts.ns.mnt;

	return c->started && may_be_forgotten(m, c, rec) && rec->type != EV_EXEC && !is_known(p) &&
	       rec->mnt_ns != m->host.mnt && (!own || rec->mnt_ns == own);
}

static struct process *learn_task(struct model *m, const struct ev_head *rec)
{
	struct process *p = process_get(m->processes, rec->tgid, rec->start_ns);
	struct container *c;

	if (!p)
		return NULL;
	c = container_of_cgroup(m, rec->cgroup_id);
	/* Who joined a container's mount namespace, and not its cgroup, stays with that container. */
	if (c || !p->entered || !p->container || rec->mnt_ns != p->container->facts.ns.mnt)
		process_set_container(p, c);
	if (!p->comm[0])
		set_comm(p, rec->comm);
	if (c && is_inside_already(m, c, p, rec))
		p->presumed = true;
	p->mnt_ns = rec->mnt_ns;
	return p;
}

/* --- exec --- */

static int learn_image(const struct ev_exec *e, struct process *p)
{
	_cleanup_(buf_free) struct buf exe = {}, cwd = {};
	struct image *image;
	const char *args;
	size_t len;

	record_path(&exe, &e->head, &e->exe);
	record_path(&cwd, &e->head, &e->cwd);
	args = record_bytes(&e->head, &e->args, &len);
	image = image_new(buf_cstr(&exe), buf_cstr(&cwd), args, len, e->args.flags & EV_STR_CUT);
	if (!image)
		return -ENOMEM;
	image->root_ino = e->root_ino;
	image->root_dev = e->root_dev;
	image->mnt_ns = e->ns.mnt;
	process_set_image(p, image);
	set_comm(p, e->head.comm);
	return 0;
}

static void container_first_program(struct model *m, struct moment *mo, const struct ev_exec *e)
{
	struct container *c = mo->container;
	struct container_facts *f = &c->facts;
	struct mount_table *after;

	f->cred = e->head.cred;
	f->ns = e->ns;
	f->root_dev = e->root_dev;
	f->root_ino = e->root_ino;
	f->root_mnt_ro = e->head.flags & EVF_ROOT_MNT_RO;
	f->root_sb_ro = e->head.flags & EVF_ROOT_SB_RO;
	f->seccomp = e->seccomp;
	f->no_new_privs = e->no_new_privs;
	c->init_tgid = e->head.tgid;
	c->init_start_ns = e->head.start_ns;
	c->msg.started = model_epoch(m, e->head.time_ns);
	c->started = true;
	places_start(m, c, &after);
	places_changed_at_start(mo, after);
	container_describe(c);
	identity_started(m, c);
}

struct ns_search {
	uint32_t mnt_ns;
	struct container *found;
};

static void match_mount_ns(void *arg, struct container *c)
{
	struct ns_search *s = arg;

	if (c->started && c->facts.ns.mnt == s->mnt_ns)
		s->found = c;
}

/* A program of the host that runs in a container's mount namespace (nsenter without its cgroup). */
static struct container *joined_by_namespace(struct model *m, const struct ev_exec *e)
{
	struct ns_search s = { .mnt_ns = e->ns.mnt };

	if (e->ns.mnt != m->host.mnt)
		model_containers(m, match_mount_ns, &s);
	return s.found;
}

static void come_in(struct process *p, struct container *c)
{
	process_set_container(p, c);
	p->by_namespace = c;
}

static void feed_exec(struct model *m, struct moment *mo)
{
	const struct ev_exec *e = (const void *)mo->rec;
	struct process *p = mo->process;
	struct cgroup_node *node;

	if (!runs_inside(m, p->container, e))
		return;
	if (!p->container) {
		node = node_find(m, e->head.cgroup_id);
		if (node && node->candidate_ns)
			process_set_container(p,
					      origin_seek(m, node, p) ?: identity_derive(m, node));
		else if (!p->entered)
			come_in(p, joined_by_namespace(m, e));
	}
	if (!p->container || p->entered)
		return;
	p->entered = true;
	p->presumed = false;
	if (p->container->started) {
		mo->session = true;
		return;
	}
	mo->started = true;
	mo->container = p->container;
	container_first_program(m, mo, e);
}

/* --- what else a record says --- */

static void feed_fork(struct model *m, struct moment *mo)
{
	const struct ev_fork *e = (const void *)mo->rec;
	struct process *child = process_get(m->processes, e->child.tgid, e->child.start_ns);
	struct process *p = mo->process;

	if (!child)
		return;
	child->parent = (struct ev_task){ .tgid = e->head.tgid, .start_ns = e->head.start_ns };
	process_set_image(child, image_ref(p->image));
	memcpy(child->comm, p->comm, sizeof(child->comm));
	process_set_container(child, container_of_cgroup(m, e->child_cgroup_id));
	child->entered = p->entered && child->container == p->container;
	child->presumed = p->presumed && child->container == p->container;
	child->by_namespace = child->entered && p->by_namespace;
	creds_fork(m, p, child, e, &mo->cred);
	if (mo->cred.gained && mo->cred.explanation == EXPLAINED_BY_NONE && p->lost != e->head.lost)
		mo->cred.explanation = EXPLAINED_BY_LOSS;
}

static void feed_exit(struct model *m, struct moment *mo)
{
	struct process *p = mo->process;
	struct container *c = p->container;

	process_end(m->processes, p);
	/* What was found at the start has its time from /proc, to the clock tick. */
	if (c && c->init_tgid == p->tgid && (c->found || c->init_start_ns == p->start_ns))
		identity_ended(m, c);
}

static void feed_mount(struct model *m, struct moment *mo)
{
	const struct ev_mount *e = (const void *)mo->rec;

	if (mo->setup && mo->container)
		places_unprepared(mo->container);
	if (mo->setup && (e->op == MOUNT_PIVOT_ROOT || e->op == MOUNT_CHROOT)) {
		/* The container's own root stands from here on, though its program may be gone soon. */
		if (e->head.mnt_ns != m->host.mnt && mo->container && !mo->container->started)
			places_keep_anew(m, mo->container, &e->head);
		return;
	}
	places_mounts(m, mo);
}

/* Namespaces of the host that the task is in, and its container's first program was not. */
static unsigned int foreign_namespaces(const struct model *m, const struct container *c,
				       const struct ev_nsset *ns)
{
	const struct ev_nsset *given = &c->facts.ns, *host = &m->host;
	unsigned int bits = 0;

	/* Of a container that was only told of nobody knows what it was given: 0. */
#define IS_FOREIGN(field) \
	(ns->field && ns->field == host->field && given->field && given->field != host->field)
	bits |= IS_FOREIGN(mnt) ? NAMESPACE_MNT : 0;
	bits |= IS_FOREIGN(pid) ? NAMESPACE_PID : 0;
	if (ns->pid_for_children && ns->pid_for_children == host->pid && given->pid &&
	    given->pid != host->pid)
		bits |= NAMESPACE_PID; /* setns(CLONE_NEWPID) moves the children alone */
	bits |= IS_FOREIGN(net) ? NAMESPACE_NET : 0;
	bits |= IS_FOREIGN(ipc) ? NAMESPACE_IPC : 0;
	bits |= IS_FOREIGN(uts) ? NAMESPACE_UTS : 0;
	bits |= IS_FOREIGN(cgroup) ? NAMESPACE_CGROUP : 0;
	bits |= IS_FOREIGN(user) ? NAMESPACE_USER : 0;
#undef IS_FOREIGN
	return bits;
}

bool model_is_host_ns(const struct model *m, enum namespace_bit which, uint32_t inode)
{
	const uint32_t host[] = { m->host.mnt, m->host.pid,    m->host.net, m->host.ipc,
				  m->host.uts, m->host.cgroup, m->host.user };

	for (size_t i = 0; i < ARRAY_SIZE(host); i++)
		if (which == 1u << i)
			return host[i] == inode;
	return false;
}

static unsigned int opened_namespaces(const struct model *m, const struct container *c,
				      uint32_t inode)
{
	struct ev_nsset one = {};

	one.mnt = one.pid = one.net = one.ipc = one.uts = one.cgroup = one.user = inode;
	return foreign_namespaces(m, c, &one);
}

static void learn_namespaces(struct model *m, struct moment *mo)
{
	const struct ev_head *rec = mo->rec;
	const struct container *c = mo->container;
	struct ev_nsset ns = { .mnt = rec->mnt_ns, .pid = rec->pid_ns, .user = rec->user_ns };

	/* Who came in from the host by its namespace alone, and kept its cgroup, escapes from nothing. */
	if (!c || !c->started || mo->setup || mo->process->by_namespace)
		return;
	if (rec->type == EV_EXEC)
		ns = ((const struct ev_exec *)rec)->ns;
	if (rec->type == EV_NS)
		ns = ((const struct ev_ns *)rec)->ns;
	mo->host_namespaces = foreign_namespaces(m, c, &ns);
	if (rec->type == EV_NS && ((const struct ev_ns *)rec)->op == NS_OPEN)
		mo->host_namespaces = opened_namespaces(m, c, ((const struct ev_ns *)rec)->ino);
}

static void feed_task(struct model *m, struct moment *mo)
{
	const struct ev_head *rec = mo->rec;
	struct process *p = learn_task(m, rec);

	if (!p)
		return;
	mo->process = p;
	if (rec->type == EV_EXEC) {
		learn_ancestors(m, ((const struct ev_exec *)rec)->ancestors, p);
		if (learn_image((const void *)rec, p))
			return;
		feed_exec(m, mo);
	}
	mo->container = p->container;
	mo->setup = p->container && !p->entered && !p->presumed;
	if (rec->type == EV_FORK)
		feed_fork(m, mo);
	else if (p->container || rec->type == EV_EXEC)
		creds_learn(m, mo);
	switch (rec->type) {
	case EV_EXIT:
		feed_exit(m, mo);
		break;
	case EV_MOUNT:
		feed_mount(m, mo);
		break;
	case EV_CRED:
		/* Runtimes give up their own rights when all else is done. */
		if (mo->setup)
			places_prepared(m, mo->container);
		break;
	case EV_FILE:
		mo->owner = container_of_cgroup(m, ((const struct ev_file *)rec)->container);
		places_file(m, mo);
		break;
	}
	learn_namespaces(m, mo);
}

static void feed_attach(struct model *m, const struct ev_attach *e)
{
	struct process *target = process_get(m->processes, e->target.tgid, e->target.start_ns);

	if (!target)
		return;
	learn_ancestors(m, e->ancestors, target);
	identity_attach(m, e, target);
}

static void feed_cgroup(struct model *m, struct moment *mo)
{
	const struct ev_head *rec = mo->rec;

	mo->process = learn_task(m, rec);
	if (mo->process)
		mo->container = mo->process->container;
	mo->setup = mo->process && mo->container && !mo->process->entered && !mo->process->presumed;
	switch (rec->type) {
	case EV_CGROUP_MKDIR:
		identity_mkdir(m, (const void *)rec);
		break;
	case EV_CGROUP_RMDIR:
		identity_rmdir(m, (const void *)rec);
		break;
	case EV_CGROUP_ATTACH:
		feed_attach(m, (const void *)rec);
		break;
	}
}

static void feed_mounts_changed(struct model *m, struct moment *mo)
{
	mo->container = container_of_cgroup(m, mo->rec->cgroup_id);
	if (!mo->container || !mo->container->started || mo->container->ended)
		return;
	places_mounts(m, mo);
}

int model_feed(struct model *m, const struct ev_head *rec, moment_fn fn, void *arg)
{
	struct moment mo = { .rec = rec };

	process_table_trim(m->processes);
	m->totals.records++;
	if (rec->time_ns > m->now_ns)
		m->now_ns = rec->time_ns;
	if (rec->type == EV_RESUME) {
		m->behind_ns = rec->time_ns;
		return 0;
	}
	if (rec->type == EV_START) {
		if (m->stock_taken)
			m->behind_ns = 0; /* all of them came */
		snapshot_take(m, (const void *)rec, fn, arg);
		return 0;
	}
	mo.epoch_ns = model_epoch(m, rec->time_ns);
	switch (rec->type) {
	case EV_CGROUP_MKDIR:
	case EV_CGROUP_RMDIR:
	case EV_CGROUP_ATTACH:
		feed_cgroup(m, &mo);
		break;
	case EV_MOUNTS_CHANGED:
		feed_mounts_changed(m, &mo);
		break;
	case EV_FLOOD:
		mo.container = container_of_cgroup(m, rec->cgroup_id);
		break;
	case EV_LOSS:
	case EV_STOP:
		break;
	case EV_GUARD:
		if (rec->tgid)
			feed_task(m, &mo);
		break;
	default:
		feed_task(m, &mo);
		if (!mo.process)
			return -ENOMEM;
	}
	/* The one who listens may keep nothing, but the container may end while it does. */
	container_ref(mo.container);
	mo.ended = m->ended;
	m->ended = NULL;
	fn(arg, &mo);
	places_clear(&mo);
	container_unref(mo.ended);
	container_unref(mo.container);
	identity_sweep(m);
	return 0;
}

struct process_table *model_processes(struct model *m)
{
	return m->processes;
}

const struct mount_table *model_host_mounts(struct model *m)
{
	return m->host_mounts;
}

struct facts *model_facts(struct model *m)
{
	return m->facts;
}

bool model_is_own(const struct model *m, const struct container *c)
{
	return c && !c->ended && m->own_pid && c->init_tgid == m->own_pid;
}

bool model_is_monitor(const struct model *m, const struct process *p)
{
	return p && m->own_pid && p->tgid == m->own_pid;
}

uint64_t model_all_capabilities(const struct model *m)
{
	return m->all_capabilities;
}

const char *model_sockets(struct model *m)
{
	if (!m->sockets.data || m->sockets_ns != m->now_ns) {
		buf_reset(&m->sockets);
		facts_sockets(m->facts, &m->sockets);
		m->sockets_ns = m->now_ns;
	}
	return buf_cstr(&m->sockets);
}

struct model_totals model_totals(const struct model *m)
{
	struct model_totals totals = m->totals;

	totals.alive = m->alive;
	return totals;
}
