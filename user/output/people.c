/* SPDX-License-Identifier: Apache-2.0 */
/* Findings and events as lines for people: never wrapped, never cut, one glance each. */
#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/text.h"
#include "base/util.h"
#include "output/output.h"

#define COLOUR_NONE "\033[0m"
#define COLOUR_DIM "\033[2m"
#define COLOUR_CYAN "\033[36m"

#define SEVERITY_WIDTH 8 /* "critical" */
#define TYPE_WIDTH 10	 /* "capability" */
#define DAY_WIDTH 10	 /* of 2026-01-02T... */
#define SHORT_ID 12	 /* as docker ps shows it */

#define MSEC_PER_DAY (24 * 60 * 60 * 1000ULL)

static const struct {
	const char *name, *colour;
} severities[] = {
	[KEELWATCH__SEVERITY__debug] = { "debug", COLOUR_DIM },
	[KEELWATCH__SEVERITY__info] = { "info", "\033[34m" },
	[KEELWATCH__SEVERITY__notice] = { "notice", COLOUR_CYAN },
	[KEELWATCH__SEVERITY__warning] = { "warning", "\033[33m" },
	[KEELWATCH__SEVERITY__error] = { "error", "\033[31m" },
	[KEELWATCH__SEVERITY__critical] = { "critical", "\033[1;31m" },
};

/* What an event of some kind says in its own part, in order; each written with a space before. */
struct part {
	enum {
		PART_TEXT,   /* char *, left out when empty */
		PART_LIST,   /* char **, with its count at offset2; left out when empty */
		PART_FLAG,   /* protobuf_c_boolean: the label alone, or else otherwise */
		PART_U32,    /* left out when 0 */
		PART_U64,    /* left out when 0 */
		PART_CHANGE, /* uint32_t, and what it became at offset2; or left out */
	} type;
	const char *label;
	size_t offset, offset2;
	const char *otherwise; /* NULL: nothing */
};

/* clang-format off */
#define AT(of, member) offsetof(Keelwatch__##of, member)
#define TEXT(label, of, member) { PART_TEXT, label, AT(of, member), 0, NULL }
#define FLAG(label, of, member) { PART_FLAG, label, AT(of, member), 0, NULL }
#define EITHER(label, otherwise, of, member) { PART_FLAG, label, AT(of, member), 0, otherwise }
#define U32(label, of, member) { PART_U32, label, AT(of, member), 0, NULL }
#define U64(label, of, member) { PART_U64, label, AT(of, member), 0, NULL }
#define LIST(label, of, member) { PART_LIST, label, AT(of, member), AT(of, n_##member), NULL }
#define CHANGE(label, of, from, to) { PART_CHANGE, label, AT(of, from), AT(of, to), NULL }

static const struct part file_parts[] = {
	TEXT("", File, operation),
	TEXT("", File, path),
	FLAG("(cut)", File, path_cut),
	FLAG("(as the caller named it)", File, path_from_user),
	TEXT("error=", File, error),
	TEXT("flags=", File, flags),
	TEXT("on=", File, mount_class),
	FLAG("read-only", File, mount_read_only),
	TEXT("host=", File, host_path),
};

static const struct part mount_parts[] = {
	TEXT("", Mount, operation),
	TEXT("", Mount, source),
	TEXT("-> ", Mount, target),
	FLAG("(as the caller named it)", Mount, from_user),
	TEXT("type=", Mount, filesystem),
	TEXT("flags=", Mount, flags),
	TEXT("propagation=", Mount, propagation),
	TEXT("class=", Mount, class_),
	FLAG("read-only", Mount, read_only),
	TEXT("host=", Mount, host_path),
};

static const struct part credentials_parts[] = {
	TEXT("", Credentials, operation),
	CHANGE("uid ", Credentials, old_uid, new_uid),
	CHANGE("euid ", Credentials, old_euid, new_euid),
	LIST("gained=", Credentials, gained),
	TEXT("by=", Credentials, explanation),
	FLAG("(child user namespace)", Credentials, child_user_namespace),
};

static const struct part capability_parts[] = {
	TEXT("", Capability, name),
	EITHER("granted", "denied", Capability, granted),
	FLAG("(child user namespace)", Capability, child_user_namespace),
};

static const struct part namespaces_parts[] = {
	TEXT("", Namespaces, operation),
	LIST("host=", Namespaces, host),
};

static const struct part cgroup_parts[] = {
	TEXT("", Cgroup, operation),
	TEXT("", Cgroup, path),
	U64("id=", Cgroup, id),
	U32("pid=", Cgroup, target_pid),
};

static const struct part guard_parts[] = {
	TEXT("", Guard, operation),
	TEXT("", Guard, signal),
	TEXT("-> ", Guard, target),
	TEXT("", Guard, name),
	U32("pid=", Guard, target_pid),
	U64("id=", Guard, id),
	TEXT("error=", Guard, error),
	FLAG("(by the kernel)", Guard, by_kernel),
	TEXT("", Guard, detail),
	U64("ns=", Guard, nanoseconds),
};

static const struct {
	size_t offset; /* of the pointer to the part, in an event */
	const struct part *parts;
	size_t n;
} event_parts[] = {
#define PARTS(member) \
	{ offsetof(Keelwatch__Event, member), member##_parts, ARRAY_SIZE(member##_parts) }
	PARTS(file),
	PARTS(mount),
	PARTS(credentials),
	PARTS(capability),
	PARTS(namespaces),
	PARTS(cgroup),
	PARTS(guard),
#undef PARTS
};
/* clang-format on */

static bool is_empty(const char *s)
{
	return !s || !*s;
}

/* A value; in quotes where spaces, commas or quotes in it could pass for what stands around it. */
static void add_word(struct buf *b, const char *s)
{
	if (*s && !strpbrk(s, " ,\"")) {
		buf_str(b, s);
		return;
	}
	buf_char(b, '"');
	for (;;) {
		size_t n = strcspn(s, "\"");

		buf_add(b, s, n);
		if (!s[n])
			break;
		buf_str(b, "\\\"");
		s += n + 1;
	}
	buf_char(b, '"');
}

/* UTC; the day is left to whoever keeps the lines. */
static void add_time(struct buf *b, uint64_t epoch_ns)
{
	unsigned int ms = epoch_ns / NS_PER_MS % MSEC_PER_DAY;

	buf_fmt(b, "%02u:%02u:%02u.%03u ", ms / 3600000, ms / 60000 % 60, ms / 1000 % 60,
		ms % 1000);
}

static void add_coloured(struct buf *b, const char *text, int width, const char *colour)
{
	buf_fmt(b, "%s%-*s%s ", colour ? colour : "", width, text, colour ? COLOUR_NONE : "");
}

static void add_severity(struct buf *b, unsigned int severity, bool colour)
{
	if (severity < ARRAY_SIZE(severities))
		add_coloured(b, severities[severity].name, SEVERITY_WIDTH,
			     colour ? severities[severity].colour : NULL);
	else /* stored by a newer keelwatch */
		buf_fmt(b, "%-*u ", SEVERITY_WIDTH, severity);
}

static void add_pod(struct buf *b, const Keelwatch__Kubernetes *k)
{
	const char *const names[] = { k->namespace_, k->pod, k->container };
	const char *between = "";

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (is_empty(names[i]))
			continue;
		buf_str(b, between);
		add_word(b, names[i]);
		between = "/";
	}
}

static void add_container(struct buf *b, const Keelwatch__Container *c)
{
	if (!c)
		buf_str(b, "host");
	else if (c->kubernetes && !is_empty(c->kubernetes->pod))
		add_pod(b, c->kubernetes);
	else if (!is_empty(c->name))
		add_word(b, c->name);
	else if (is_empty(c->id))
		buf_str(b, "unnamed");
	else if (strspn(c->id, "0123456789abcdef") > SHORT_ID)
		buf_add(b, c->id, SHORT_ID);
	else
		add_word(b, c->id);
}

static void add_process_name(struct buf *b, const char *name, const char *other, uint32_t pid)
{
	if (is_empty(name))
		name = is_empty(other) ? "?" : other;
	add_word(b, name);
	buf_fmt(b, "[%" PRIu32 "]", pid);
}

static void add_process(struct buf *b, const Keelwatch__Process *p)
{
	add_process_name(b, p->exe, p->comm, p->pid);
	buf_fmt(b, " uid %" PRIu32, p->uid);
	if (p->euid != p->uid)
		buf_fmt(b, " euid %" PRIu32, p->euid);
}

static void add_ancestors(struct buf *b, Keelwatch__Process *const *ancestors, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_str(b, " < ");
		add_process_name(b, ancestors[i]->comm, ancestors[i]->exe, ancestors[i]->pid);
	}
}

void people_finding(struct buf *b, const Keelwatch__Finding *f, bool colour)
{
	const char *between = ": ";

	add_time(b, f->time);
	add_severity(b, f->severity, colour);
	add_container(b, f->container);
	buf_char(b, ' ');
	buf_str(b, f->message);
	if (f->process) {
		buf_str(b, " by ");
		add_process(b, f->process);
	}
	if (f->count > 1)
		buf_fmt(b, " (x %" PRIu64 ")", f->count);

	buf_str(b, "\n  -> ");
	buf_str(b, f->rule);
	if (!is_empty(f->technique))
		buf_fmt(b, " %s", f->technique);
	if (!is_empty(f->technique_name))
		buf_fmt(b, " (%s)", f->technique_name);
	for (size_t i = 0; i < f->n_evidence; i++) {
		buf_str(b, between);
		buf_str(b, f->evidence[i]->name);
		buf_char(b, '=');
		add_word(b, f->evidence[i]->value);
		between = ", ";
	}
	if (f->n_ancestors) {
		buf_str(b, "; pid chain: ");
		add_ancestors(b, f->ancestors, f->n_ancestors);
	}
	buf_char(b, '\n');
}

static void add_list(struct buf *b, char *const *items, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_char(b, ',');
		add_word(b, items[i]);
	}
}

static void add_part(struct buf *b, const struct part *part, const char *message)
{
	const void *at = message + part->offset, *at2 = message + part->offset2;

	switch (part->type) {
	case PART_TEXT:
		if (is_empty(*(const char *const *)at))
			return;
		buf_fmt(b, " %s", part->label);
		add_word(b, *(const char *const *)at);
		return;
	case PART_LIST:
		if (!*(const size_t *)at2)
			return;
		buf_fmt(b, " %s", part->label);
		add_list(b, *(char *const *const *)at, *(const size_t *)at2);
		return;
	case PART_FLAG:
		if (*(const protobuf_c_boolean *)at)
			buf_fmt(b, " %s", part->label);
		else if (part->otherwise)
			buf_fmt(b, " %s", part->otherwise);
		return;
	case PART_U32:
		if (*(const uint32_t *)at)
			buf_fmt(b, " %s%" PRIu32, part->label, *(const uint32_t *)at);
		return;
	case PART_U64:
		if (*(const uint64_t *)at)
			buf_fmt(b, " %s%" PRIu64, part->label, *(const uint64_t *)at);
		return;
	case PART_CHANGE:
		if (*(const uint32_t *)at != *(const uint32_t *)at2)
			buf_fmt(b, " %s%" PRIu32 "->%" PRIu32, part->label, *(const uint32_t *)at,
				*(const uint32_t *)at2);
		return;
	}
}

static void add_arguments(struct buf *b, const Keelwatch__Process *p)
{
	if (p->n_args)
		buf_str(b, " args:");
	for (size_t i = 0; i < p->n_args; i++) {
		buf_char(b, ' ');
		add_word(b, p->args[i]);
	}
	if (p->args_cut)
		buf_str(b, " ...");
}

static void add_exit(struct buf *b, const Keelwatch__Exit *e)
{
	if (e->signal)
		buf_fmt(b, " signal %" PRId32, e->signal);
	else
		buf_fmt(b, " code %" PRId32, e->code);
}

static void add_loss(struct buf *b, const Keelwatch__Loss *l)
{
	buf_fmt(b,
		" %s: sent=%" PRIu64 " lost=%" PRIu64 " busy=%" PRIu64 " limited=%" PRIu64
		" truncated=%" PRIu64,
		l->class_, l->sent, l->lost, l->busy, l->limited, l->truncated);
}

void people_event(struct buf *b, const Keelwatch__Event *e, bool colour)
{
	add_time(b, e->time);
	add_coloured(b, e->type, TYPE_WIDTH, colour ? COLOUR_CYAN : NULL);
	add_container(b, e->container);
	if (e->setup)
		buf_str(b, " (setup)");
	if (e->process) {
		buf_char(b, ' ');
		add_process(b, e->process);
	}
	if (e->process && !strcmp(e->type, "exec"))
		add_arguments(b, e->process);
	if (e->process && !strcmp(e->type, "fork"))
		buf_fmt(b, " from pid %" PRIu32, e->process->ppid);

	for (size_t i = 0; i < ARRAY_SIZE(event_parts); i++) {
		const char *at = (const char *)e + event_parts[i].offset;
		const char *message = *(const char *const *)at;

		for (size_t j = 0; message && j < event_parts[i].n; j++)
			add_part(b, &event_parts[i].parts[j], message);
	}
	if (e->exit)
		add_exit(b, e->exit);
	for (size_t i = 0; i < e->n_loss; i++) {
		if (i)
			buf_char(b, ';');
		add_loss(b, e->loss[i]);
	}
	buf_char(b, '\n');
}

static void add_day(struct buf *b, uint64_t epoch_ns)
{
	_cleanup_(buf_free) struct buf time = {};

	text_time(&time, epoch_ns);
	buf_add(b, buf_cstr(&time), time.len < DAY_WIDTH ? time.len : DAY_WIDTH);
	buf_char(b, ' ');
}

static void people_line(struct buf *b, uint64_t time, Keelwatch__Severity severity,
			const Keelwatch__Container *container, const char *message, bool colour)
{
	add_time(b, time);
	add_severity(b, severity, colour);
	add_container(b, container);
	buf_fmt(b, " %s\n", message);
}

static void people_lifecycle(struct buf *b, const Keelwatch__Lifecycle *l, bool colour)
{
	people_line(b, l->time, l->severity, l->container, l->message, colour);
}

static void people_gap(struct buf *b, const Keelwatch__Gap *g, bool colour)
{
	people_line(b, g->time, g->severity, g->container, g->message, colour);
	buf_fmt(b, "  -> gap %s, %s", g->reason, g->exact ? "exact" : "at least");
	if (g->first_sequence)
		buf_fmt(b, ", records %" PRIu64 " to %" PRIu64, g->first_sequence,
			g->last_sequence);
	for (size_t i = 0; i < g->n_sinks; i++)
		buf_fmt(b, "%s%s", i ? " " : ", not sent to ", g->sinks[i]);
	for (size_t i = 0; i < g->n_loss; i++) {
		buf_char(b, ';');
		add_loss(b, g->loss[i]);
	}
	buf_char(b, '\n');
}

static void add_names(struct buf *b, const char *title, char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		buf_fmt(b, "%s%s", i ? ", " : title, names[i]);
}

static void people_monitor(struct buf *b, const Keelwatch__Monitor *m, bool colour)
{
	const Keelwatch__Heartbeat *h = m->heartbeat;

	people_line(b, m->time, m->severity, NULL, m->message, colour);
	if (!h)
		return;
	buf_fmt(b, "  -> heartbeat, after %" PRIu64 " s, the next in %" PRIu64 " s", h->uptime,
		h->interval);
	add_names(b, "; watched: ", h->features, h->n_features);
	add_names(b, "; missing: ", h->missing, h->n_missing);
	for (size_t i = 0; i < h->n_sinks; i++)
		buf_fmt(b, "; sink %s: %s, %" PRIu64 " behind", h->sinks[i]->name,
			h->sinks[i]->state, h->sinks[i]->behind);
	buf_char(b, '\n');
}

void people_record(struct buf *b, const Keelwatch__Record *record, bool colour)
{
	switch (record->body_case) {
	case KEELWATCH__RECORD__BODY_FINDING:
		add_day(b, record->finding->time);
		people_finding(b, record->finding, colour);
		break;
	case KEELWATCH__RECORD__BODY_LIFECYCLE:
		add_day(b, record->lifecycle->time);
		people_lifecycle(b, record->lifecycle, colour);
		break;
	case KEELWATCH__RECORD__BODY_GAP:
		add_day(b, record->gap->time);
		people_gap(b, record->gap, colour);
		break;
	case KEELWATCH__RECORD__BODY_MONITOR:
		add_day(b, record->monitor->time);
		people_monitor(b, record->monitor, colour);
		break;
	default:
		break;
	}
}
