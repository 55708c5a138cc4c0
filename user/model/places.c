/* SPDX-License-Identifier: Apache-2.0 */
/* Where things are: mount tables of the host and of containers, and the mount a path lies on. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "base/util.h"
#include "model/model_priv.h"

#define ANCESTORS_ASKED 8	    /* for the mount table of a task that is gone */
#define HOST_MOUNTS_AGE_NS NS_PER_S /* the host's table is read anew when older and asked for */

static struct mount_table *table_of(struct buf *text)
{
	struct mount_table *t = NULL;

	if (text->len)
		mount_table_parse(text->data, text->len, &t, NULL);
	return t;
}

void places_refresh_host(struct model *m)
{
	_cleanup_(buf_free) struct buf text = {};
	struct mount_table *t;
	char path[64];

	m->host_mounts_ns = m->now_ns;
	snprintf(path, sizeof(path), "/proc/%u/mountinfo", m->host_pid);
	if (facts_read(m->facts, path, FACT_MAX, &text))
		return;
	t = table_of(&text);
	if (!t)
		return;
	mount_table_free(m->host_mounts);
	m->host_mounts = t;
}

static void host_mounts_fresh(struct model *m)
{
	if (!m->host_mounts || m->now_ns - m->host_mounts_ns > HOST_MOUNTS_AGE_NS)
		places_refresh_host(m);
}

/* Its pid may be another's by now: then the namespace is another, too. */
static bool is_in(struct model *m, uint32_t tid, uint32_t mnt_ns)
{
	uint32_t now = proc_ns(m, tid, "mnt");

	return !now || now == mnt_ns;
}

void places_keep(struct model *m, struct container *c, uint32_t tid, uint32_t mnt_ns)
{
	char path[64];

	if (c->mounts_kept >= 0 || c->ended)
		return;
	snprintf(path, sizeof(path), "/proc/%u/mountinfo", tid);
	c->mounts_kept = facts_keep(m->facts, path);
	if (c->mounts_kept >= 0 && !is_in(m, tid, mnt_ns))
		places_let_go(m, c);
}

/* The covers that runtimes put over parts of /proc (runtime-spec: maskedPaths). */
static bool is_mask(const struct mount_line *line)
{
	return text_starts(line->target, "/proc/") &&
	       (!strcmp(line->fstype, "tmpfs") || text_ends(line->root, "/null"));
}

static void take_table(struct container *c, struct mount_table *t)
{
	mount_table_free(c->mounts);
	c->mounts = t;
	c->masked = false;
	for (size_t i = 0; i < t->count; i++)
		c->masked |= is_mask(&t->lines[i]);
}

static void watch_kept(struct model *m, const struct container *c, bool on)
{
	if (c->mounts_kept >= 0 && m->control && m->control->watch)
		m->control->watch(m->control->self, c->mounts_kept, c->cgroup_id, on);
}

void places_let_go(struct model *m, struct container *c)
{
	if (c->mounts_kept < 0)
		return;
	watch_kept(m, c, false);
	facts_release(m->facts, c->mounts_kept);
	c->mounts_kept = -1;
}

/* By whoever changed the root, or by the first program: the new root is everybody's there. */
void places_keep_anew(struct model *m, struct container *c, const struct ev_head *rec)
{
	places_let_go(m, c);
	places_keep(m, c, rec->tid, rec->mnt_ns);
	if (c->mounts_kept < 0 && c->init_tgid)
		places_keep(m, c, c->init_tgid, c->facts.ns.mnt);
	if (c->started)
		watch_kept(m, c, true);
}

static struct mount_table *read_kept(struct model *m, struct container *c)
{
	_cleanup_(buf_free) struct buf text = {};

	if (c->mounts_kept < 0 || facts_reread(m->facts, c->mounts_kept, FACT_MAX, &text))
		return NULL;
	return table_of(&text);
}

static struct mount_table *read_of_task(struct model *m, uint32_t tid)
{
	_cleanup_(buf_free) struct buf text = {};
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/mountinfo", tid);
	if (facts_read(m->facts, path, FACT_MAX, &text))
		return NULL;
	return table_of(&text);
}

/* The table of the mount namespace a task was in: by itself, or by an ancestor that shares it. */
static struct mount_table *read_of_namespace(struct model *m, const struct moment *mo)
{
	struct mount_table *t = read_of_task(m, mo->rec->tid);
	const struct process *p = mo->process;

	for (int i = 0; i < ANCESTORS_ASKED && !t && p->parent.tgid; i++) {
		p = process_find(m->processes, p->parent.tgid, p->parent.start_ns);
		if (!p || p->mnt_ns != mo->rec->mnt_ns)
			return NULL;
		t = read_of_task(m, p->tgid);
	}
	return t;
}

void places_prepared(struct model *m, struct container *c)
{
	if (c->mounts_kept >= 0 && !c->prepared && !c->started)
		c->prepared = read_kept(m, c);
}

void places_unprepared(struct container *c)
{
	mount_table_free(c->prepared);
	c->prepared = NULL;
}

void places_start(struct model *m, struct container *c, struct mount_table **after)
{
	struct mount_table *now;

	*after = NULL;
	places_keep(m, c, c->init_tgid, c->facts.ns.mnt);
	now = read_kept(m, c);
	if (!now) {
		/* What was kept saw from a root that is gone. */
		places_let_go(m, c);
		places_keep(m, c, c->init_tgid, c->facts.ns.mnt);
		now = read_kept(m, c);
	}
	places_refresh_host(m);
	if (!now && !c->prepared) {
		c->declared = declared_table(m->facts, c->spec, m->host_mounts);
		return;
	}
	if (c->prepared)
		*after = now;
	take_table(c, c->prepared ? TAKE(c->prepared) : now);
	watch_kept(m, c, true);
}

/*
 * The first program was gone before its table could be read: whoever else lives in its mount namespace
 * shows the same, but for one that changed its root.
 */
static void learn_later(struct model *m, struct container *c, const struct ev_head *rec)
{
	struct mount_table *now;

	if (c->mounts || !c->started || c->ended || rec->mnt_ns != c->facts.ns.mnt ||
	    rec->tgid == c->mounts_asked)
		return;
	c->mounts_asked = rec->tgid;
	places_let_go(m, c);
	places_keep(m, c, rec->tgid, rec->mnt_ns);
	now = read_kept(m, c);
	if (!now || !mount_table_root(now)) {
		mount_table_free(now);
		places_let_go(m, c);
		return;
	}
	take_table(c, now);
	watch_kept(m, c, true);
}

/* Lexically: "." and ".." and repeated slashes go. What the caller meant, not what was reached. */
static void path_normalize(struct buf *b)
{
	char *out, *in, *end;

	if (!b->data || b->data[0] != '/')
		return;
	out = b->data;
	in = b->data;
	end = b->data + b->len;
	while (in < end) {
		char *next;
		size_t len;

		while (in < end && *in == '/')
			in++;
		next = memchr(in, '/', end - in);
		len = (next ? next : end) - in;
		if (len == 2 && in[0] == '.' && in[1] == '.') {
			while (out > b->data && *--out != '/')
				;
		} else if (len && !(len == 1 && in[0] == '.')) {
			*out++ = '/';
			memmove(out, in, len);
			out += len;
		}
		in += len;
	}
	if (out == b->data)
		*out++ = '/';
	*out = '\0';
	b->len = out - b->data;
}

/* The path of an object, or of a caller's word from where it starts. */
static void full_path(struct buf *out, const struct ev_head *rec, const struct ev_str *dir,
		      const struct ev_str *word)
{
	size_t len;
	const char *bytes = record_bytes(rec, word, &len);

	if (!bytes || bytes[0] != '/') {
		record_path(out, rec, dir);
		if (bytes && len)
			buf_char(out, '/');
	}
	buf_add(out, bytes, len);
	path_normalize(out);
}

static void join(struct buf *out, const char *dir, const char *rest)
{
	buf_str(out, dir);
	while (out->len && out->data[out->len - 1] == '/')
		out->data[--out->len] = '\0';
	if (rest[0] != '/')
		buf_char(out, '/');
	buf_str(out, rest);
}

/* The part of path below the target of the mount it lies on. */
static const char *below(const struct mount_line *line, const char *path)
{
	size_t len = strlen(line->target);

	return len == 1 ? path : path + len;
}

static void locate_on(struct model *m, const struct mount_line *line, enum located_by by,
		      struct located *at)
{
	_cleanup_(buf_free) struct buf dir = {};

	at->by = by;
	at->mount = line;
	if (!m->host_mounts)
		return;
	at->class = mount_classify(m->host_mounts, line);
	if (mount_host_path(m->host_mounts, line, &dir))
		join(&at->host_path, buf_cstr(&dir), below(line, buf_cstr(&at->path)));
}

/* Whether the file's superblock can be that of the mount it was declared to lie on. */
static bool bears_out(const struct model *m, const struct container *c, const struct ev_file *e,
		      const struct located *at)
{
	const struct mount_line *line = at->mount, *there;

	if (!e->dev || e->dev == line->dev)
		return true;
	/* What has no device has a number that another superblock of the host may have by now. */
	if (!line->dev)
		return e->dev != c->facts.root_dev && !(e->dev >> MINOR_BITS);
	/* A recursive bind has what was mounted below as well. */
	there = mount_table_find(m->host_mounts, buf_cstr(&at->host_path));
	return there && there->dev == e->dev;
}

/* The root is read-only, and this was let through: it lies elsewhere. */
static bool is_off_root(const struct ev_file *e)
{
	return !e->ret && !e->mnt_ro && !e->sb_ro &&
	       (e->head.flags & (EVF_ROOT_MNT_RO | EVF_ROOT_SB_RO));
}

/* Without a table: by the specification where the record bears it out, else by the record alone. */
static void locate_without(struct model *m, const struct container *c, const struct ev_file *e,
			   struct located *at)
{
	const char *path = buf_cstr(&at->path);
	const struct mount_line *line = c->declared ? mount_table_find(c->declared, path) : NULL;

	if (!m->host_mounts)
		return;
	if (line) {
		locate_on(m, line, LOCATED_BY_SPEC, at);
		if (bears_out(m, c, e, at))
			return;
		buf_reset(&at->host_path);
		at->mount = NULL;
		at->class = MOUNT_CLASS_UNKNOWN;
		at->by = LOCATED_NOT;
	}
	if (!is_off_root(e))
		return;
	at->by = LOCATED_BY_RECORD;
	at->class = mount_classify_file(m->host_mounts, e->dev, path, &at->shown);
}

static void locate(struct model *m, struct container *c, const struct ev_file *e,
		   struct located *at)
{
	const char *path = buf_cstr(&at->path);
	const struct mount_line *line;

	if (path[0] != '/' || !c->started)
		return;
	host_mounts_fresh(m);
	learn_later(m, c, &e->head);
	if (!c->mounts) {
		locate_without(m, c, e, at);
		return;
	}
	line = mount_table_find(c->mounts, path);
	if (line)
		locate_on(m, line, LOCATED_BY_TABLE, at);
}

void places_file(struct model *m, struct moment *mo)
{
	const struct ev_file *e = (const void *)mo->rec;
	struct container *c = mo->owner ? mo->owner : mo->container;

	full_path(&mo->file.path, mo->rec, &e->path, &e->user_path);
	/* From outside the path is the host's already. */
	if (mo->owner)
		buf_add(&mo->file.host_path, mo->file.path.data, mo->file.path.len);
	else if (c)
		locate(m, c, e, &mo->file);
}

/*
 * The kernel's table after a mount call. In another mount namespace than the container's (it made one
 * for itself) mount ids differ all over: there only the table itself is of use.
 */
static void mounts_of_call(struct model *m, struct moment *mo)
{
	const struct ev_mount *e = (const void *)mo->rec;
	struct container *c = mo->container;
	struct mount_table *now;

	mo->mounts_before = c->mounts;
	if (mo->rec->mnt_ns == m->host.mnt)
		return; /* it escaped, which is said elsewhere; the host's mounts are not its own */
	if (mo->rec->type == EV_MOUNT && mo->rec->mnt_ns != c->facts.ns.mnt) {
		mo->mounts_after = read_of_namespace(m, mo);
		mo->mounts_foreign = true;
		return;
	}
	/* A table kept open shows what lies below the root of whoever was asked: that root is another now. */
	if (mo->rec->type == EV_MOUNT && e->op == MOUNT_PIVOT_ROOT)
		places_keep_anew(m, c, mo->rec);
	now = read_kept(m, c);
	if (!now)
		return;
	mo->mounts_after = now;
	if (mo->mounts_before)
		mount_table_diff(mo->mounts_before, now, &mo->changes, &mo->change_count);
}

void places_changed_at_start(struct moment *mo, struct mount_table *after)
{
	if (!after)
		return;
	mo->mounts_before = mo->container->mounts;
	mo->mounts_after = after;
	mount_table_diff(mo->mounts_before, after, &mo->changes, &mo->change_count);
}

void places_mounts(struct model *m, struct moment *mo)
{
	if (!mo->container || mo->setup || !mo->container->started)
		return;
	host_mounts_fresh(m);
	mounts_of_call(m, mo);
}

void places_clear(struct moment *mo)
{
	free(mo->changes);
	if (mo->mounts_foreign) {
		mount_table_free((struct mount_table *)mo->mounts_after);
	} else if (mo->mounts_after) {
		/* What was learned becomes what is known. */
		mount_table_free(mo->container->mounts);
		mo->container->mounts = (struct mount_table *)mo->mounts_after;
	}
	buf_free(&mo->file.path);
	buf_free(&mo->file.host_path);
}
