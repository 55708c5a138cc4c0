/* SPDX-License-Identifier: Apache-2.0 */
/* The settings in force, as a file that would give the same, with where each came from. */
#include <string.h>

#include "base/text.h"
#include "base/util.h"
#include "config/config_priv.h"

#define COMMENT_COLUMN 48

struct show {
	const struct config *config;
	struct buf *out;
};

static void pad_to_comment(struct buf *out, size_t line_start)
{
	size_t width = out->len - line_start;

	do
		buf_char(out, ' ');
	while (++width < COMMENT_COLUMN);
}

static void show_origin(struct show *w, size_t line_start, int line)
{
	pad_to_comment(w->out, line_start);
	if (line) {
		buf_str(w->out, "# ");
		text_clean(w->out, w->config->path, strlen(w->config->path));
		buf_fmt(w->out, ":%d\n", line);
	} else {
		buf_str(w->out, "# default\n");
	}
}

static void show_secret(struct show *w, const struct setting *s, const struct config_secret *secret,
			int indent, int line)
{
	_cleanup_(buf_free) struct buf name = {};
	size_t start = w->out->len;

	if (!secret->file && !secret->env)
		return;
	text_json(&name, secret->file ? secret->file : secret->env);
	buf_fmt(w->out, "%*s%s%s: %s", indent, "", s->key, secret->file ? "_file" : "_env",
		buf_cstr(&name));
	show_origin(w, start, line);
}

static void show_setting(struct show *w, const struct setting *s, const void *base, int indent,
			 int line)
{
	_cleanup_(buf_free) struct buf value = {};
	size_t start = w->out->len;

	if (s->type == SETTING_SECRET) {
		show_secret(w, s, (const void *)((const char *)base + s->offset), indent, line);
		return;
	}
	value_show(s, base, &value);
	if (!value.len) {
		buf_fmt(w->out, "%*s# %s:", indent, "", s->key);
		pad_to_comment(w->out, start);
		buf_str(w->out, "# unset\n");
		return;
	}
	buf_fmt(w->out, "%*s%s: %s", indent, "", s->key, buf_cstr(&value));
	show_origin(w, start, line);
}

static bool belongs(const struct setting *s, const struct config_sink *sink)
{
	return !sink || s->sinks & SINK_BIT(sink->type);
}

/* Settings of the table, the plain ones first, then each section under its name. */
static void show_table(struct show *w, const struct setting *table, size_t count,
		       const struct config_sink *sink, const void *base, const int *lines,
		       int indent)
{
	const char *section = NULL;

	for (size_t i = 0; i < count; i++)
		if (!*table[i].section && belongs(&table[i], sink))
			show_setting(w, &table[i], base, indent, lines[i]);
	for (size_t i = 0; i < count; i++) {
		const struct setting *s = &table[i];
		bool said = section && !strcmp(section, s->section);

		if (!*s->section || !belongs(s, sink))
			continue;
		if (!said)
			buf_fmt(w->out, "%*s%s:\n", indent, "", s->section);
		section = s->section;
		show_setting(w, s, base, indent + 2, lines[i]);
	}
}

void config_show(const struct config *c, struct buf *out)
{
	struct show w = { .config = c, .out = out };

	show_table(&w, settings_top, settings_top_count, NULL, c, c->origins->top.line, 0);
	if (!c->sink_count)
		return;
	buf_str(out, "sinks:\n");
	for (size_t i = 0; i < c->sink_count; i++) {
		const struct config_sink *s = &c->sinks[i];

		buf_fmt(out, "  %s:\n    type: %s\n", s->name, config_sink_type_name(s->type));
		show_table(&w, settings_sink, settings_sink_count, s, s, c->origins->sinks[i].line,
			   4);
	}
}

/* "sinks.NAME.retry.min: 1s", and what it is for. */
static void show_default(const struct setting *s, struct buf *out)
{
	bool sink = s->sinks;

	buf_fmt(out, "%s%s%s%s%s: %s\n", sink ? "sinks.NAME." : "", s->section,
		*s->section ? "." : "", s->key, s->type == SETTING_SECRET ? "_file" : "",
		s->by_default ? s->by_default : "(unset)");
	buf_fmt(out, "    %s", s->help);
	value_show_range(s, out);
	for (int type = 0; sink && s->sinks != SINK_BIT(SINK_TYPE_MAX) - 1 && type < SINK_TYPE_MAX;
	     type++)
		if (s->sinks & SINK_BIT(type))
			buf_fmt(out, "%s%s", s->sinks & (SINK_BIT(type) - 1) ? ", " : " [",
				sink_type_names[type]);
	buf_str(out, sink && s->sinks != SINK_BIT(SINK_TYPE_MAX) - 1 ? "]\n" : "\n");
}

void config_show_defaults(struct buf *out)
{
	for (size_t i = 0; i < settings_top_count; i++)
		show_default(&settings_top[i], out);
	for (size_t i = 0; i < settings_sink_count; i++)
		show_default(&settings_sink[i], out);
}
