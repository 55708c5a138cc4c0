/* SPDX-License-Identifier: Apache-2.0 */
/* The account of keelwatch doctor. */
#include "cli/coverage.h"

#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "base/util.h"
#include "cli/cli.h"
#include "detect/detect.h"

#define BETWEEN_RULES ", "
#define BETWEEN_BLIND_SPOTS "; "

/* A part of a list in words; what is left of it is in at. */
struct part {
	const char *text;
	size_t len;
	const char *at;
};

static bool part_next(struct part *p, const char *separator)
{
	const char *end;

	if (!p->at || !*p->at)
		return false;
	end = strstr(p->at, separator);
	p->text = p->at;
	p->len = end ? (size_t)(end - p->at) : strlen(p->at);
	p->at = end ? end + strlen(separator) : NULL;
	return true;
}

static bool has_part(const char *list, const char *separator, const struct part *wanted)
{
	struct part p = { .at = list };

	while (part_next(&p, separator))
		if (p.len == wanted->len && !memcmp(p.text, wanted->text, p.len))
			return true;
	return false;
}

size_t coverage_missing(const struct coverage *c)
{
	size_t missing = 0;

	for (size_t i = 0; i < c->feature_count; i++)
		missing += c->features[i].way == WAY_NONE;
	return missing;
}

/* --- JSON --- */

static void key(struct buf *b, const char *name)
{
	buf_fmt(b, ",\"%s\":", name);
}

static void text_member(struct buf *b, const char *name, const char *text)
{
	key(b, name);
	text_json(b, text);
}

static void list_item(struct buf *b, size_t *count, const char *text, size_t len)
{
	_cleanup_(buf_free) struct buf item = {};

	buf_add(&item, text, len);
	if ((*count)++)
		buf_char(b, ',');
	text_json(b, buf_cstr(&item));
}

/* "all", or rules by their ids; whatever else is said in words is no rule. */
static void rules_member(struct buf *b, const char *carries)
{
	const bool all = !strcmp(carries, "all");
	size_t count = 0;

	key(b, "rules");
	buf_char(b, '[');
	for (size_t i = 0; i < RULE_MAX; i++) {
		const struct part rule = { .text = rules[i].id, .len = strlen(rules[i].id) };

		if (all || has_part(carries, BETWEEN_RULES, &rule))
			list_item(b, &count, rule.text, rule.len);
	}
	buf_char(b, ']');
}

static void blind_member(struct buf *b, const struct feature_state *f)
{
	struct part p = { .at = f->way == WAY_NONE ? NULL : f->blind };
	size_t count = 0;

	key(b, "blind");
	buf_char(b, '[');
	while (part_next(&p, BETWEEN_BLIND_SPOTS))
		list_item(b, &count, p.text, p.len);
	buf_char(b, ']');
}

static void feature_object(struct buf *b, const struct feature_state *f)
{
	buf_str(b, "{\"name\":");
	text_json(b, f->name);
	text_member(b, "domain", f->domain);
	text_member(b, "way", way_name(f->way));
	text_member(b, "hook", f->hook);
	text_member(b, "program", f->program);
	text_member(b, "attached", f->when);
	rules_member(b, f->carries);
	blind_member(b, f);
	text_member(b, "why_missing", f->way == WAY_NONE ? f->why : "");
	text_member(b, "fell_back", f->way == WAY_NONE ? "" : f->why);
	buf_fmt(b, ",\"instructions\":%u}", f->instructions);
}

void coverage_json(struct buf *b, const struct coverage *c)
{
	buf_str(b, "{\"kind\":\"coverage\",\"keelwatch\":\"" KEELWATCH_VERSION "\"");
	text_member(b, "kernel", c->kernel);
	text_member(b, "architecture", c->architecture);
	buf_fmt(b, ",\"btf\":%s", c->btf ? "true" : "false");
	text_member(b, "cgroups", c->cgroups);
	text_member(b, "cgroup_root", c->cgroup_root);
	text_member(b, "obstacle", c->obstacle);
	buf_fmt(b, ",\"missing\":%zu", coverage_missing(c));
	key(b, "features");
	buf_char(b, '[');
	for (size_t i = 0; i < c->feature_count; i++) {
		if (i)
			buf_char(b, ',');
		feature_object(b, &c->features[i]);
	}
	buf_str(b, "]}");
}

/* --- for people --- */

static void machine_lines(struct buf *b, const struct coverage *c)
{
	buf_fmt(b, "kernel      %s %s\n", c->kernel, c->architecture);
	buf_fmt(b, "BTF         %s\n", c->btf ? "there" : "missing");
	if (c->cgroup_root[0])
		buf_fmt(b, "cgroups     %s at %s\n", c->cgroups, c->cgroup_root);
	else
		buf_fmt(b, "cgroups     %s\n", c->cgroups);
}

static void feature_table(struct buf *b, const struct coverage *c)
{
	buf_fmt(b, "\n%-15s %-11s %-20s %-24s %s\n", "FEATURE", "WAY", "HOOK", "ATTACHED",
		"CARRIES");
	for (size_t i = 0; i < c->feature_count; i++) {
		const struct feature_state *f = &c->features[i];

		buf_fmt(b, "%-15s %-11s %-20s %-24s %s\n", f->name, way_name(f->way), f->hook,
			f->when, f->carries);
	}
}

/* Features for which the kernel said something: they are off, or not by the way preferred. */
static void why_lines(struct buf *b, const struct coverage *c)
{
	bool any = false;

	for (size_t i = 0; i < c->feature_count; i++) {
		const struct feature_state *f = &c->features[i];

		if (!f->why[0])
			continue;
		buf_fmt(b, "%s%s %s: %s\n", any ? "" : "\n",
			f->way == WAY_NONE ? "missing    " : "fallen back", f->name, f->why);
		any = true;
	}
}

static bool is_blind_to(const struct feature_state *f, const struct part *spot)
{
	return f->way != WAY_NONE && has_part(f->blind, BETWEEN_BLIND_SPOTS, spot);
}

/* True where a feature before this one has the same blind spot, and so the sentence is said. */
static bool is_said(const struct coverage *c, size_t i, const struct part *spot)
{
	for (size_t k = 0; k < i; k++)
		if (is_blind_to(&c->features[k], spot))
			return true;
	return false;
}

/* "write and open do not see the same done by io_uring." */
static void blind_sentence(struct buf *b, const struct coverage *c, size_t first,
			   const struct part *spot)
{
	size_t total = 0, n = 0;

	for (size_t i = first; i < c->feature_count; i++)
		total += is_blind_to(&c->features[i], spot);
	for (size_t i = first; i < c->feature_count; i++) {
		if (!is_blind_to(&c->features[i], spot))
			continue;
		buf_str(b, !n ? "" : n + 1 < total ? ", " : " and ");
		buf_str(b, c->features[i].name);
		n++;
	}
	buf_fmt(b, " %s not see ", total > 1 ? "do" : "does");
	buf_add(b, spot->text, spot->len);
	buf_str(b, ".\n");
}

static void blind_sentences(struct buf *b, const struct coverage *c)
{
	bool any = false;

	for (size_t i = 0; i < c->feature_count; i++) {
		struct part p = { .at = c->features[i].blind };

		while (part_next(&p, BETWEEN_BLIND_SPOTS)) {
			if (!is_blind_to(&c->features[i], &p) || is_said(c, i, &p))
				continue;
			if (!any)
				buf_char(b, '\n');
			any = true;
			blind_sentence(b, c, i, &p);
		}
	}
}

void coverage_people(struct buf *b, const struct coverage *c)
{
	machine_lines(b, c);
	if (c->obstacle[0]) {
		buf_fmt(b, "\nnothing works here: %s\n", c->obstacle);
		return;
	}
	feature_table(b, c);
	why_lines(b, c);
	blind_sentences(b, c);
	buf_fmt(b, "\n%zu features, %zu missing\n", c->feature_count, coverage_missing(c));
}
