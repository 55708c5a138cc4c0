/* SPDX-License-Identifier: Apache-2.0 */
/* The mounts of a specification as a mount table, for a container whose own nobody can read any more. */
#include <string.h>

#include "base/text.h"
#include "base/util.h"
#include "model/host_path.h"
#include "model/model_priv.h"

#define LINKS_MAX 40 /* as many as the kernel follows; a path with more is no place */

static void cut(struct buf *b, size_t len)
{
	b->len = len;
	if (b->data)
		b->data[len] = '\0';
}

/* The path as mount(2) came to it: without links and "..". False where it leads nowhere. */
static bool follow_links(struct facts *facts, const char *path, struct buf *out)
{
	_cleanup_free_ char *left = strdup(path);
	char *at = left;
	unsigned int links = 0;

	while (at && *(at += strspn(at, "/"))) {
		_cleanup_(buf_free) struct buf link = {};
		size_t len = strcspn(at, "/"), above = out->len;

		if (len == 2 && at[0] == '.' && at[1] == '.') {
			cut(out, above ? host_path_up(out->data, 1) : 0);
			at += len;
			continue;
		}
		buf_char(out, '/');
		buf_add(out, at, len);
		at += len;
		if (out->failed || links > LINKS_MAX)
			return false;
		if (facts_readlink(facts, out->data, &link))
			continue;
		links++;
		cut(out, *buf_cstr(&link) == '/' ? 0 : above);
		buf_fmt(&link, "/%s", at);
		free(left);
		left = at = TAKE(link.data);
	}
	if (!out->len)
		buf_char(out, '/');
	return left && !out->failed;
}

/* A field of mountinfo, escaped as the kernel does (mangle() in fs/proc_namespace.c). */
static void add_field(struct buf *text, const char *field)
{
	buf_char(text, ' ');
	for (; *field; field++) {
		if (strchr(" \t\n\\#", *field))
			buf_fmt(text, "\\%03o", *field);
		else
			buf_char(text, *field);
	}
}

struct shown {
	uint32_t dev;
	bool mnt_ro, sb_ro;
	const char *fstype;
	struct buf root;
};

/* What a bind of the path shows: the same superblock, from there on. */
static bool bind_of(struct facts *facts, const struct mount_table *host, const char *source,
		    struct shown *s)
{
	_cleanup_(buf_free) struct buf path = {};
	const struct mount_line *line;
	const char *rest;

	if (!host_path_is_exact(source) || !follow_links(facts, source, &path))
		return false;
	line = mount_table_find(host, path.data);
	if (!line)
		return false;
	rest = strcmp(line->target, "/") ? path.data + strlen(line->target) : path.data;
	buf_str(&s->root, strcmp(line->root, "/") ? line->root : "");
	buf_str(&s->root, strcmp(rest, "/") ? rest : "");
	if (!s->root.len)
		buf_char(&s->root, '/');
	s->dev = line->dev;
	s->mnt_ro = line->mnt_ro;
	s->sb_ro = line->sb_ro;
	s->fstype = line->fstype;
	return true;
}

static void add_mount(struct facts *facts, const struct mount_table *host,
		      const struct spec_mount *m, size_t id, struct buf *text)
{
	const char *source = m->source ? m->source : "none";
	struct shown s = { .fstype = m->type };

	if (!host_path_is_exact(m->destination) || !m->type || !*m->type)
		return;
	if (strcmp(m->type, "bind"))
		buf_char(&s.root, '/');
	else if (!bind_of(facts, host, source, &s))
		return;
	buf_fmt(text, "%zu 0 %u:%u", id, s.dev >> MINOR_BITS, s.dev & ((1u << MINOR_BITS) - 1));
	add_field(text, buf_cstr(&s.root));
	add_field(text, m->destination);
	add_field(text, m->read_only || s.mnt_ro ? "ro" : "rw");
	add_field(text, "-");
	add_field(text, s.fstype);
	add_field(text, source);
	add_field(text, s.sb_ro ? "ro" : "rw");
	buf_char(text, '\n');
	buf_free(&s.root);
}

struct mount_table *declared_table(struct facts *facts, const struct spec *spec,
				   const struct mount_table *host)
{
	_cleanup_(buf_free) struct buf text = {};
	struct mount_table *t = NULL;

	if (!spec || !host)
		return NULL;
	for (size_t i = 0; i < spec->mount_count; i++)
		add_mount(facts, host, &spec->mounts[i], i + 1, &text);
	if (text.len && !text.failed)
		mount_table_parse(text.data, text.len, &t, NULL);
	return t;
}
