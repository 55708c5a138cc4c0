/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CEF:0 (ArcSight Common Event Format, revision 25): seven fields of a header between bars, then pairs
 * of keys of its dictionary and values. In the header a bar and a backslash are escaped, in a value an
 * equals sign, a backslash and the ends of lines. Values are not cut to the dictionary's lengths.
 */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/util.h"
#include "ship/format_priv.h"

/* 0 to 3 is low, 4 to 6 medium, 7 and 8 high, 9 and 10 very high. */
static const uint8_t severities[] = {
	[KEELWATCH__SEVERITY__debug] = 0,  [KEELWATCH__SEVERITY__info] = 1,
	[KEELWATCH__SEVERITY__notice] = 3, [KEELWATCH__SEVERITY__warning] = 5,
	[KEELWATCH__SEVERITY__error] = 8,  [KEELWATCH__SEVERITY__critical] = 10,
};

/* Appends text with a backslash before each of some characters; ends of lines become \n and \r. */
static void escape(struct buf *b, const char *text, const char *special)
{
	for (;;) {
		size_t n = strcspn(text, special);

		buf_add(b, text, n);
		text += n;
		if (!*text)
			return;
		buf_char(b, '\\');
		buf_char(b, *text == '\n' ? 'n' : *text == '\r' ? 'r' : *text);
		text++;
	}
}

static void header(struct buf *b, const char *text)
{
	escape(b, text, "|\\");
	buf_char(b, '|');
}

/* --- the extension: a space before each pair but the first --- */

struct pairs {
	struct buf *b;
	bool begun;
};

static void begin(struct pairs *p, const char *key, const char *suffix)
{
	if (p->begun)
		buf_char(p->b, ' ');
	p->begun = true;
	buf_str(p->b, key);
	buf_str(p->b, suffix);
}

static void value(struct pairs *p, const char *text)
{
	escape(p->b, text, "=\\\n\r");
}

static void pair(struct pairs *p, const char *key, const char *text)
{
	if (!text[0])
		return;
	begin(p, key, "=");
	value(p, text);
}

static void pair_number(struct pairs *p, const char *key, uint64_t number)
{
	begin(p, key, "=");
	buf_fmt(p->b, "%" PRIu64, number < INT64_MAX ? number : INT64_MAX);
}

/* An Integer of the dictionary, which has 32 bits; Long has 64. */
static void pair_integer(struct pairs *p, const char *key, uint64_t number)
{
	pair_number(p, key, number < INT32_MAX ? number : INT32_MAX);
}

static void pair_time(struct pairs *p, const char *key, uint64_t epoch_ns)
{
	if (epoch_ns)
		pair_number(p, key, epoch_ns / NS_PER_MS);
}

/* The dictionary has fields that are the sender's to name: the name stands in one called KEYLabel. */
static void label(struct pairs *p, const char *key, const char *name)
{
	begin(p, key, "Label=");
	value(p, name);
}

static void custom(struct pairs *p, const char *key, const char *name, const char *text)
{
	if (!text[0])
		return;
	label(p, key, name);
	pair(p, key, text);
}

static void custom_number(struct pairs *p, const char *key, const char *name, uint64_t number)
{
	label(p, key, name);
	pair_number(p, key, number);
}

/* --- what a record says --- */

static void container(struct pairs *p, const struct subject *s)
{
	const Keelwatch__Container *c = s->head.container;

	custom(p, "cs1", "containerId", c->id);
	custom(p, "cs2", "containerName", c->name);
	custom(p, "cs3", "image", c->image);
	if (!s->pod || !s->pod->pod[0])
		return;
	label(p, "cs4", "pod");
	begin(p, "cs4", "=");
	value(p, s->pod->namespace_);
	buf_char(p->b, '/');
	value(p, s->pod->pod);
}

static void process(struct pairs *p, const Keelwatch__Process *process)
{
	pair(p, "sproc", process->exe[0] ? process->exe : process->comm);
	pair_integer(p, "spid", process->pid);
	pair_number(p, "suid", process->uid);
	if (!process->n_args)
		return;
	label(p, "cs6", "commandLine");
	begin(p, "cs6", "=");
	for (size_t i = 0; i < process->n_args; i++) {
		if (i)
			buf_char(p->b, ' ');
		value(p, process->args[i]);
	}
}

static void evidence(struct pairs *p, const Keelwatch__Finding *f)
{
	if (!f->n_evidence)
		return;
	label(p, "flexString1", "evidence");
	begin(p, "flexString1", "=");
	for (size_t i = 0; i < f->n_evidence; i++) {
		buf_str(p->b, i ? "; " : "");
		value(p, f->evidence[i]->name);
		buf_str(p->b, ": ");
		value(p, f->evidence[i]->value);
	}
}

static void finding(struct pairs *p, const struct subject *s)
{
	const Keelwatch__Finding *f = s->finding;

	pair_integer(p, "cnt", f->count);
	custom(p, "cs5", "technique", f->technique);
	if (f->file) {
		pair(p, "act", f->file->operation);
		pair(p, "outcome", f->file->error[0] ? f->file->error : "success");
		pair(p, "fname", path_name(f->file->path));
		pair(p, "filePath", f->file->path);
		custom(p, "flexString2", "hostPath", f->file->host_path);
	} else if (f->mount) {
		pair(p, "act", f->mount->operation);
		pair(p, "fname", path_name(f->mount->target));
		pair(p, "filePath", f->mount->target);
		pair(p, "fileType", f->mount->filesystem);
		custom(p, "flexString2", "hostPath", f->mount->host_path);
	} else if (f->credentials) {
		pair(p, "act", f->credentials->operation);
		pair_number(p, "duid", f->credentials->new_euid);
		pair(p, "reason", f->credentials->explanation);
	} else if (f->namespaces) {
		pair(p, "act", f->namespaces->operation);
	}
	evidence(p, f);
}

static void lifecycle(struct pairs *p, const struct subject *s)
{
	pair(p, "act", s->lifecycle->operation);
	pair(p, "outcome", s->lifecycle->outcome);
	if (!s->exit)
		return;
	label(p, "cn2", s->exit->signal ? "exitSignal" : "exitCode");
	begin(p, "cn2", "=");
	buf_fmt(p->b, "%" PRId32, s->exit->signal ? s->exit->signal : s->exit->code);
}

static uint64_t lost(const Keelwatch__Gap *g)
{
	uint64_t total = 0;

	for (size_t i = 0; i < g->n_loss; i++)
		total += g->loss[i]->lost + g->loss[i]->busy + g->loss[i]->limited;
	return total;
}

static void gap(struct pairs *p, const struct subject *s)
{
	const Keelwatch__Gap *g = s->gap;

	pair(p, "reason", g->reason);
	pair_time(p, "start", g->from);
	pair_time(p, "end", g->to);
	custom_number(p, "cn3", g->n_loss ? "eventsLost" : "recordsLost",
		      g->n_loss ? lost(g) : g->records);
	if (!g->n_sinks)
		return;
	label(p, "flexString1", "sinks");
	begin(p, "flexString1", "=");
	for (size_t i = 0; i < g->n_sinks; i++) {
		buf_str(p->b, i ? "; " : "");
		value(p, g->sinks[i]);
	}
}

static void monitor(struct pairs *p, const struct subject *s)
{
	const Keelwatch__Heartbeat *h = s->monitor->heartbeat;

	pair(p, "act", s->monitor->operation);
	if (!h)
		return;
	pair_time(p, "start", h->started);
	custom_number(p, "cn2", "containers", h->containers);
	custom_number(p, "cn3", "eventsLost", h->lost);
	if (!h->n_sinks)
		return;
	label(p, "flexString1", "sinks");
	begin(p, "flexString1", "=");
	for (size_t i = 0; i < h->n_sinks; i++) {
		buf_str(p->b, i ? "; " : "");
		value(p, h->sinks[i]->name);
		buf_fmt(p->b, ": %llu behind", (unsigned long long)h->sinks[i]->behind);
	}
}

/* KIND-OPERATION but for a finding, whose rule says it all; the name is the same in words. */
static void what(struct buf *b, const struct subject *s)
{
	size_t at = b->len, name;

	if (!s->finding) {
		buf_str(b, record_kind_name(s->head.kind));
		buf_char(b, '-');
	}
	header(b, s->head.what);
	name = b->len;
	if (b->failed)
		return;
	for (size_t i = at; i < name; i++)
		buf_char(b, b->data[i] == '-' ? ' ' : b->data[i]);
}

void cef_write(struct buf *b, const struct subject *s)
{
	static void (*const bodies[KIND_MAX])(struct pairs *, const struct subject *) = {
		[KIND_FINDING] = finding,
		[KIND_LIFECYCLE] = lifecycle,
		[KIND_GAP] = gap,
		[KIND_MONITOR] = monitor,
	};
	const Keelwatch__Metadata *m = s->head.metadata;
	struct pairs p = { .b = b };
	unsigned int severity = s->head.severity;

	buf_str(b, "CEF:0|keelwatch|keelwatch|");
	header(b, m->version);
	what(b, s);
	buf_fmt(b, "%u|", severity < ARRAY_SIZE(severities) ? severities[severity] : 0);
	pair_number(&p, "rt", s->head.time_ns / NS_PER_MS);
	pair(&p, "externalId", m->id);
	pair(&p, "cat", record_kind_name(s->head.kind));
	pair(&p, "msg", s->head.text);
	pair(&p, "dvchost", s->host->name);
	pair(&p, "deviceExternalId", s->host->machine_id);
	custom_number(&p, "cn1", "sequence", m->sequence);
	bodies[s->head.kind](&p, s);
	if (s->head.container)
		container(&p, s);
	if (s->head.process)
		process(&p, s->head.process);
}
