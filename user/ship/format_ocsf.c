/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OCSF: a finding is a Detection Finding, a container's start or end an Application Lifecycle, what we
 * say of ourselves (gaps too) an Event Log Activity; all else is under unmapped. Ids are those of the
 * schema's enums, each with its caption. keelwatch-formats(7) has the table.
 */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/util.h"
#include "ship/format_priv.h"
#include "ship/json_writer.h"

#define UUID_LENGTH 36
#define OTHER 99

/* A value of an enum and its caption. */
struct choice {
	unsigned int id;
	const char *caption;
};

static const struct choice unknown = { 0, "Unknown" };

/* Where there is no row for a name, it is Other, and called by that name. */
struct activity {
	const char *what;
	struct choice choice;
};

static const struct activity finding_activities[] = {
	{ NULL, { 1, "Create" } },
};

static const struct activity lifecycle_activities[] = {
	{ "start", { 3, "Start" } },
	{ "end", { 4, "Stop" } },
	{ NULL, { OTHER, NULL } },
};

static const struct activity gap_activities[] = {
	{ NULL, { OTHER, "Gap" } },
};

static const struct activity monitor_activities[] = {
	{ "start", { 6, "Start" } },
	{ "stop", { 7, "Stop" } },
	{ NULL, { OTHER, NULL } },
};

static const struct choice findings = { 2, "Findings" },
			   applications = { 6, "Application Activity" },
			   systems = { 1, "System Activity" };

static const struct ocsf_class {
	const struct choice *category;
	struct choice class;
	const struct activity *activities;
	const char *profiles[3];
	size_t profile_count;
} classes[KIND_MAX] = {
	[KIND_FINDING] = { &findings,
			   { 2004, "Detection Finding" },
			   finding_activities,
			   { "container", "host", "security_control" },
			   3 },
	[KIND_LIFECYCLE] = { &applications,
			     { 6002, "Application Lifecycle" },
			     lifecycle_activities,
			     { "container", "host" },
			     2 },
	[KIND_GAP] = { &systems,
		       { 1008, "Event Log Activity" },
		       gap_activities,
		       { "container", "host" },
		       2 },
	[KIND_MONITOR] = { &systems,
			   { 1008, "Event Log Activity" },
			   monitor_activities,
			   { "host" },
			   1 },
};

static const struct choice severities[] = {
	[KEELWATCH__SEVERITY__debug] = { 1, "Informational" },
	[KEELWATCH__SEVERITY__info] = { 1, "Informational" },
	[KEELWATCH__SEVERITY__notice] = { 2, "Low" },
	[KEELWATCH__SEVERITY__warning] = { 3, "Medium" },
	[KEELWATCH__SEVERITY__error] = { 4, "High" },
	[KEELWATCH__SEVERITY__critical] = { 5, "Critical" },
};

static void ocsf_choice(struct buf *b, const char *id, const char *caption,
			const struct choice *choice)
{
	json_number(b, id, choice->id);
	json_text(b, caption, choice->caption);
}

/* --- what all classes have --- */

static struct choice activity_of(const struct subject *s, const struct ocsf_class *class)
{
	const struct activity *a = class->activities;
	struct choice choice;

	while (a->what && strcmp(a->what, s->head.what))
		a++;
	choice = a->choice;
	if (!choice.caption)
		choice.caption = s->head.what[0] ? s->head.what : "Other";
	return choice;
}

static void ocsf_metadata(struct buf *b, const struct subject *s, const struct ocsf_class *class)
{
	const Keelwatch__Metadata *m = s->head.metadata;
	size_t at = json_open(b, "metadata", '{'), in;

	json_text(b, "version", OCSF_VERSION);
	in = json_open(b, "product", '{');
	json_text(b, "name", "keelwatch");
	json_text(b, "vendor_name", "keelwatch");
	json_text(b, "version", m->version);
	json_close(b, in, '}');
	json_text(b, "uid", m->id);
	if (m->sequence)
		json_number(b, "sequence", m->sequence);
	json_text(b, "event_code", s->head.what);
	json_text(b, "log_name", "keelwatch");
	json_text(b, "log_level", severity_name(s->head.severity));
	json_time(b, "original_time", s->head.time_ns);
	json_texts(b, "profiles", (char *const *)class->profiles, class->profile_count);
	json_close(b, at, '}');
}

static void ocsf_head(struct buf *b, const struct subject *s)
{
	const struct ocsf_class *class = &classes[s->head.kind];
	struct choice activity = activity_of(s, class);
	const struct choice *severity = s->head.severity < ARRAY_SIZE(severities) ?
						&severities[s->head.severity] :
						&unknown;

	ocsf_choice(b, "activity_id", "activity_name", &activity);
	ocsf_choice(b, "category_uid", "category_name", class->category);
	ocsf_choice(b, "class_uid", "class_name", &class->class);
	json_number(b, "type_uid", class->class.id * 100 + activity.id);
	ocsf_choice(b, "severity_id", "severity", severity);
	json_number(b, "time", s->head.time_ns / NS_PER_MS);
	json_text(b, "message", s->head.text);
	ocsf_metadata(b, s, class);
}

/* --- objects --- */

static bool is_uuid(const char *text)
{
	for (size_t i = 0; i < UUID_LENGTH; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? text[i] != '-' : !isxdigit((unsigned char)text[i]))
			return false;
	}
	return !text[UUID_LENGTH];
}

/* An image has to have a uid: what the runtime calls it is all that a specification says. */
static void ocsf_container(struct buf *b, const struct subject *s)
{
	const Keelwatch__Container *c = s->head.container;
	size_t at, in;

	if (!c || (!c->id[0] && !c->name[0]))
		return;
	at = json_open(b, "container", '{');
	json_text(b, "uid", c->id);
	json_text(b, "name", c->name);
	json_text(b, "runtime", c->runtime);
	in = json_open(b, "image", '{');
	json_text(b, "uid", c->image);
	json_text(b, "name", c->image);
	json_close(b, in, '}');
	if (s->pod) {
		json_text(b, "orchestrator", "kubernetes");
		if (is_uuid(s->pod->uid))
			json_text(b, "pod_uuid", s->pod->uid);
	}
	json_close(b, at, '}');
}

static void ocsf_os(struct buf *b, const Keelwatch__Host *h)
{
	static const struct choice linux_os = { 200, "Linux" };
	size_t at = json_open(b, "os", '{');

	json_text(b, "name", "Linux");
	ocsf_choice(b, "type_id", "type", &linux_os);
	json_text(b, "kernel_release", h->kernel);
	json_close(b, at, '}');
}

/* With a container: where one class has no other place for it. */
static void ocsf_device(struct buf *b, const struct subject *s, bool with_container)
{
	const Keelwatch__Host *h = s->host;
	size_t at;

	if (!h->name[0] && !h->machine_id[0])
		return;
	at = json_open(b, "device", '{');
	json_text(b, "hostname", h->name);
	json_text(b, "name", h->node);
	json_text(b, "uid", h->machine_id);
	ocsf_choice(b, "type_id", "type", &unknown);
	json_text(b, "boot_uid", h->boot_id);
	ocsf_os(b, h);
	if (with_container)
		ocsf_container(b, s);
	json_close(b, at, '}');
}

static void ocsf_file(struct buf *b, const char *path, const struct choice *type)
{
	size_t at;

	if (!path[0])
		return;
	at = json_open(b, "file", '{');
	json_text(b, "name", path_name(path));
	json_text(b, "path", path);
	ocsf_choice(b, "type_id", "type", type);
	json_close(b, at, '}');
}

/* What a process and each of its ancestry have alike. */
static void ocsf_process_entity(struct buf *b, const struct subject *s, const Keelwatch__Process *p)
{
	char entity[ENTITY_SIZE];

	json_text(b, "name", p->comm);
	json_number(b, "pid", p->pid);
	if (process_entity(s, p, entity))
		json_text(b, "uid", entity);
	json_text(b, "path", p->exe);
	json_words(b, "cmd_line", p->args, p->n_args);
	json_millis(b, "created_time", p->started);
}

static void ocsf_process_body(struct buf *b, const struct subject *s, const Keelwatch__Process *p,
			      bool ids_known)
{
	static const struct choice executable = { 8, "Executable File" };
	size_t at;

	ocsf_process_entity(b, s, p);
	ocsf_file(b, p->exe, &executable);
	json_text(b, "working_directory", p->cwd);
	if (p->tid)
		json_number(b, "ptid", p->tid);
	if (!ids_known)
		return;
	at = json_open(b, "user", '{');
	json_number_text(b, "uid", p->uid);
	json_close(b, at, '}');
}

static void ocsf_process(struct buf *b, const struct subject *s)
{
	const Keelwatch__Process *p = s->head.process;
	const Keelwatch__Finding *f = s->finding;
	size_t at, in;

	if (!p)
		return;
	at = json_open(b, "process", '{');
	ocsf_process_body(b, s, p, true);
	in = json_open(b, "parent_process", '{');
	if (f && f->n_ancestors)
		ocsf_process_body(b, s, f->ancestors[0], process_ids_known(f->ancestors[0]));
	else if (p->ppid)
		json_number(b, "pid", p->ppid);
	json_close(b, in, '}');
	in = json_open(b, "ancestry", '[');
	for (size_t i = 0; f && i < f->n_ancestors; i++) {
		size_t one = json_open(b, NULL, '{');

		ocsf_process_entity(b, s, f->ancestors[i]);
		json_close(b, one, '}');
	}
	json_close(b, in, ']');
	if (f)
		ocsf_container(b, s);
	json_close(b, at, '}');
}

/* --- findings --- */

static void ocsf_attacks(struct buf *b, const Keelwatch__Finding *f)
{
	char parent[TECHNIQUE_SIZE];
	bool sub = technique_parent(f, parent);
	size_t at = json_open(b, "attacks", '['), one = json_open(b, NULL, '{'), in;

	if (sub) {
		in = json_open(b, "technique", '{');
		json_text(b, "uid", parent);
		json_close(b, in, '}');
	}
	in = json_open(b, sub ? "sub_technique" : "technique", '{');
	json_text(b, "uid", f->technique);
	json_text(b, "name", f->technique_name);
	json_close(b, in, '}');
	json_close(b, one, '}');
	json_close(b, at, ']');
}

static void ocsf_finding_info(struct buf *b, const struct subject *s)
{
	static const struct choice by_rule = { 1, "Rule" };
	const Keelwatch__Finding *f = s->finding;
	size_t at = json_open(b, "finding_info", '{'), in;

	json_text(b, "uid", s->head.metadata->id);
	json_text(b, "title", f->rule);
	json_text(b, "desc", f->message);
	json_millis(b, "first_seen_time", f->time);
	if (f->rule[0]) {
		in = json_open(b, "analytic", '{');
		json_text(b, "uid", f->rule);
		json_text(b, "name", f->rule);
		ocsf_choice(b, "type_id", "type", &by_rule);
		json_text(b, "version", s->head.metadata->version);
		json_close(b, in, '}');
	}
	ocsf_attacks(b, f);
	json_close(b, at, '}');
}

/* The data is there in any case: the schema wants one of a list of parts that may all be lacking. */
static void ocsf_evidences(struct buf *b, const struct subject *s)
{
	const Keelwatch__Finding *f = s->finding;
	size_t list = json_open(b, "evidences", '['), at = json_open(b, NULL, '{'), in;

	ocsf_process(b, s);
	if (f->file)
		ocsf_file(b, f->file->path, &unknown);
	ocsf_container(b, s);
	in = json_open(b, "data", '{');
	json_number(b, "count", f->count);
	json_parts(b, "evidence", (void *const *)f->evidence, f->n_evidence);
	json_close(b, in, '}');
	json_close(b, at, '}');
	json_close(b, list, ']');
}

static void ocsf_resource(struct buf *b, const char *type, const char *uid, const char *name,
			  const char *namespace)
{
	static const struct choice affected = { 3, "Affected" };
	size_t at;

	if (!uid[0] && !name[0])
		return;
	at = json_open(b, NULL, '{');
	json_text(b, "type", type);
	json_text(b, "uid", uid);
	json_text(b, "name", name);
	json_text(b, "namespace", namespace);
	ocsf_choice(b, "role_id", "role", &affected);
	json_close(b, at, '}');
}

static void ocsf_finding(struct buf *b, const struct subject *s)
{
	static const struct choice is_new = { 1, "New" }, observed = { 3, "Observed" },
				   detected = { 15, "Detected" };
	const Keelwatch__Finding *f = s->finding;
	const Keelwatch__Container *c = f->container;
	size_t at;

	ocsf_finding_info(b, s);
	json_bool(b, "is_alert", f->severity >= KEELWATCH__SEVERITY__warning);
	ocsf_choice(b, "status_id", "status", &is_new);
	ocsf_choice(b, "action_id", "action", &observed);
	ocsf_choice(b, "disposition_id", "disposition", &detected);
	ocsf_attacks(b, f);
	json_number(b, "count", f->count);
	json_millis(b, "start_time", f->time);
	ocsf_evidences(b, s);
	at = json_open(b, "resources", '[');
	if (c)
		ocsf_resource(b, "Container", c->id, c->name, s->pod ? s->pod->namespace_ : "");
	if (s->pod)
		ocsf_resource(b, "Pod", s->pod->uid, s->pod->pod, s->pod->namespace_);
	json_close(b, at, ']');
	ocsf_device(b, s, false);
}

/* --- the other kinds --- */

static void ocsf_actor(struct buf *b, const struct subject *s)
{
	size_t at = json_open(b, "actor", '{');

	if (s->lifecycle)
		ocsf_process(b, s);
	else
		json_text(b, "app_name", "keelwatch");
	json_close(b, at, '}');
}

static void ocsf_status(struct buf *b, const struct subject *s)
{
	static const struct {
		const char *outcome;
		struct choice status;
	} rows[] = {
		{ "completed", { 1, "Success" } },
		{ "failed", { 2, "Failure" } },
		{ "crashed", { 2, "Failure" } },
		{ "killed", { OTHER, "killed" } },
	};
	const struct choice *status = &unknown;
	char code[32];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (!strcmp(rows[i].outcome, s->lifecycle->outcome))
			status = &rows[i].status;
	ocsf_choice(b, "status_id", "status", status);
	json_text(b, "status_detail", s->lifecycle->outcome);
	if (!s->exit)
		return;
	if (s->exit->signal)
		snprintf(code, sizeof(code), "signal %" PRId32, s->exit->signal);
	else
		snprintf(code, sizeof(code), "%" PRId32, s->exit->code);
	json_text(b, "status_code", code);
}

static void ocsf_lifecycle(struct buf *b, const struct subject *s)
{
	const Keelwatch__Container *c = s->head.container;
	bool named = c && (c->id[0] || c->name[0]);
	size_t at = json_open(b, "app", '{');

	json_text(b, "uid", c ? c->id : "");
	json_text(b, "name", named ? c->name : "unknown");
	json_close(b, at, '}');
	if (lifecycle_is(s, "end")) {
		ocsf_status(b, s);
		if (c)
			json_millis(b, "start_time", c->started);
		json_millis(b, "end_time", s->head.time_ns);
	}
	ocsf_actor(b, s);
	ocsf_device(b, s, true);
}

/* Gaps and what the monitor says: its own log begins, ends, or has a hole. */
static void ocsf_log(struct buf *b, const struct subject *s)
{
	static const struct choice failure = { 2, "Failure" }, application = { 2, "Application" };

	json_text(b, "log_name", "keelwatch");
	json_text(b, "log_provider", "keelwatch");
	ocsf_choice(b, "log_type_id", "log_type", &application);
	if (s->gap) {
		ocsf_choice(b, "status_id", "status", &failure);
		json_text(b, "status_code", s->gap->reason);
		json_text(b, "status_detail", s->gap->message);
		json_millis(b, "start_time", s->gap->from);
		json_millis(b, "end_time", s->gap->to);
	}
	ocsf_actor(b, s);
	ocsf_device(b, s, true);
}

void ocsf_write(struct buf *b, const struct subject *s)
{
	static void (*const bodies[KIND_MAX])(struct buf *, const struct subject *) = {
		[KIND_FINDING] = ocsf_finding,
		[KIND_LIFECYCLE] = ocsf_lifecycle,
		[KIND_GAP] = ocsf_log,
		[KIND_MONITOR] = ocsf_log,
	};
	size_t at;

	json_begin(b);
	ocsf_head(b, s);
	bodies[s->head.kind](b, s);
	at = json_open(b, "unmapped", '{');
	rest_write(b, s);
	json_close(b, at, '}');
	json_end(b);
}
