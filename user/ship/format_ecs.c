/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Elastic Common Schema: its own fields where it has one for what a record says, all else under
 * keelwatch, and nothing of ours among its fields. keelwatch-formats(7) has the table.
 */
#include <string.h>

#include "base/text.h"
#include "base/util.h"
#include "ship/format_priv.h"
#include "ship/json_writer.h"

/* event.category and event.type: every type is one that one of the categories is meant to have. */
struct ecs_class {
	const char *what;
	const char *categories[2], *types[2];
};

static const struct ecs_class finding_classes[] = {
	{ "readonly-write-attempt", { "intrusion_detection", "file" }, { "denied", "change" } },
	{ "readonly-defeated", { "intrusion_detection", "file" }, { "allowed", "change" } },
	{ "readonly-writable-path", { "intrusion_detection", "file" }, { "allowed", "change" } },
	{ "privileged-container", { "intrusion_detection", "process" }, { "info", "start" } },
	{ "added-capability", { "intrusion_detection", "process" }, { "info", "start" } },
	{ "privilege-gained", { "intrusion_detection", "process" }, { "info", "change" } },
	{ "privilege-unexplained", { "intrusion_detection", "process" }, { "info", "change" } },
	{ "privileged-exec-session", { "intrusion_detection", "process" }, { "info", "start" } },
	{ "namespace-escape", { "intrusion_detection", "process" }, { "info", "change" } },
	{ "sensitive-host-mount", { "intrusion_detection", "process" }, { "info", "start" } },
	{ "sensitive-mount-runtime",
	  { "intrusion_detection", "configuration" },
	  { "info", "change" } },
	{ "monitor-tampering", { "intrusion_detection", "process" }, { "info", "change" } },
	{ "monitor-altered", { "intrusion_detection", "configuration" }, { "info", "change" } },
	{ "monitor-interrupted", { "intrusion_detection", "process" }, { "info", "end" } },
	{ "clock-changed", { "intrusion_detection", "host" }, { "info", "change" } },
	{ NULL, { "intrusion_detection" }, { "info" } },
};

static const struct ecs_class lifecycle_classes[] = {
	{ "start", { "process" }, { "start" } },
	{ "end", { "process" }, { "end" } },
	{ NULL, { "process" }, { "info" } },
};

static const struct ecs_class gap_classes[] = {
	{ NULL, { "host" }, { "info" } },
};

static const struct ecs_class monitor_classes[] = {
	{ "start", { "process" }, { "start" } },
	{ "stop", { "process" }, { "end" } },
	{ "reload", { "configuration" }, { "change" } },
	{ NULL, { "process" }, { "info" } },
};

/* The last row of each is for what has no row. */
static const struct ecs_class *const classes[KIND_MAX] = {
	[KIND_FINDING] = finding_classes,
	[KIND_LIFECYCLE] = lifecycle_classes,
	[KIND_GAP] = gap_classes,
	[KIND_MONITOR] = monitor_classes,
};

/* What Elastic's detection engine calls low, medium, high and critical: 21, 47, 73 and 99. */
static const uint8_t severities[] = { 0, 10, 21, 47, 73, 99 };

static const struct ecs_class *class_of(const struct subject *s)
{
	const struct ecs_class *class = classes[s->head.kind];

	while (class->what && strcmp(class->what, s->head.what))
		class ++;
	return class;
}

static void ecs_class_write(struct buf *b, const struct ecs_class *class)
{
	json_texts(b, "category", (char *const *)class->categories, class->categories[1] ? 2 : 1);
	json_texts(b, "type", (char *const *)class->types, class->types[1] ? 2 : 1);
}

static const char *outcome_of(const struct subject *s)
{
	const char *outcome;

	if (s->finding)
		return s->finding->file && s->finding->file->error[0] ? "failure" : "success";
	if (s->gap)
		return "failure";
	if (!lifecycle_is(s, "end"))
		return "success";
	outcome = s->lifecycle->outcome;
	if (!strcmp(outcome, "completed"))
		return "success";
	return !strcmp(outcome, "failed") || !strcmp(outcome, "crashed") ? "failure" : "unknown";
}

/* What was done: the operation where a finding is about one, else the rule. */
static const char *action_of(const struct subject *s)
{
	const Keelwatch__Finding *f = s->finding;

	if (!f)
		return s->head.what;
	if (f->file && f->file->operation[0])
		return f->file->operation;
	if (f->mount && f->mount->operation[0])
		return f->mount->operation;
	if (f->credentials && f->credentials->operation[0])
		return f->credentials->operation;
	return f->rule;
}

static void ecs_event(struct buf *b, const struct subject *s)
{
	const Keelwatch__Metadata *m = s->head.metadata;
	size_t at = json_open(b, "event", '{');

	json_text(b, "id", m->id);
	if (m->sequence)
		json_number(b, "sequence", m->sequence);
	json_text(b, "kind", s->finding ? "alert" : "event");
	ecs_class_write(b, class_of(s));
	json_text(b, "action", action_of(s));
	json_text(b, "code", s->head.what);
	json_text(b, "outcome", outcome_of(s));
	json_text(b, "module", "keelwatch");
	json_text(b, "provider", "keelwatch");
	json_text(b, "dataset", subject_dataset(s));
	if (s->head.severity < ARRAY_SIZE(severities))
		json_number(b, "severity", severities[s->head.severity]);
	if (s->gap) {
		json_text(b, "reason", s->gap->reason);
		json_time(b, "start", s->gap->from);
		json_time(b, "end", s->gap->to);
	} else if (lifecycle_is(s, "end")) {
		json_text(b, "reason", s->lifecycle->outcome);
		if (s->head.container)
			json_time(b, "start", s->head.container->started);
		json_time(b, "end", s->head.time_ns);
	}
	json_close(b, at, '}');
}

/* A sub-technique's name is not that of the technique it belongs to, which a record does not say. */
static void ecs_technique(struct buf *b, const Keelwatch__Finding *f)
{
	char parent[TECHNIQUE_SIZE], *parents = parent;
	bool is_sub = technique_parent(f, parent);
	size_t threat, technique, sub = 0;

	if (!f->technique[0])
		return;
	threat = json_open(b, "threat", '{');
	json_text(b, "framework", "MITRE ATT&CK");
	technique = json_open(b, "technique", '{');
	if (is_sub) {
		json_texts(b, "id", &parents, 1);
		sub = json_open(b, "subtechnique", '{');
	}
	json_texts(b, "id", &f->technique, 1);
	json_texts(b, "name", &f->technique_name, f->technique_name[0] ? 1 : 0);
	if (is_sub)
		json_close(b, sub, '}');
	json_close(b, technique, '}');
	json_close(b, threat, '}');
}

static void ecs_rule(struct buf *b, const struct subject *s)
{
	size_t at = json_open(b, "rule", '{');

	json_text(b, "id", s->finding->rule);
	json_text(b, "name", s->finding->rule);
	json_text(b, "ruleset", "keelwatch");
	json_text(b, "version", s->head.metadata->version);
	json_close(b, at, '}');
	ecs_technique(b, s->finding);
}

static void ecs_container(struct buf *b, const struct subject *s)
{
	const Keelwatch__Container *c = s->head.container;
	size_t at = json_open(b, "container", '{'), in;

	json_text(b, "id", c->id);
	json_text(b, "name", c->name);
	json_text(b, "runtime", c->runtime);
	in = json_open(b, "image", '{');
	json_text(b, "name", c->image);
	json_close(b, in, '}');
	in = json_open(b, "security_context", '{');
	json_bool(b, "privileged", c->privileged);
	json_close(b, in, '}');
	json_close(b, at, '}');
}

static void ecs_orchestrator(struct buf *b, const Keelwatch__Kubernetes *k)
{
	size_t at = json_open(b, "orchestrator", '{'), in;

	json_text(b, "type", "kubernetes");
	json_text(b, "namespace", k->namespace_);
	in = json_open(b, "resource", '{');
	json_text(b, "type", "pod");
	json_text(b, "name", k->pod);
	json_text(b, "id", k->uid);
	json_close(b, in, '}');
	json_close(b, at, '}');
}

/* --- processes --- */

/* The schema's own pattern: CAP_[A-Z_]+ */
static bool is_capability(const char *name)
{
	size_t prefix = strlen("CAP_");

	return text_starts(name, "CAP_") && name[prefix] &&
	       !name[prefix + strspn(name + prefix, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_")];
}

/* "all" stands for each that there is a name for. */
static void ecs_capabilities(struct buf *b, const Keelwatch__Process *p)
{
	bool all = p->n_capabilities == 1 && !strcmp(p->capabilities[0], "all");
	size_t at = json_open(b, "capabilities", '{'), list = json_open(b, "effective", '[');

	for (unsigned int cap = 0; all && text_capability(cap); cap++)
		json_text(b, NULL, text_capability(cap));
	for (size_t i = 0; i < p->n_capabilities; i++)
		if (is_capability(p->capabilities[i]))
			json_text(b, NULL, p->capabilities[i]);
	json_close(b, list, ']');
	json_close(b, at, '}');
}

static void ecs_id(struct buf *b, const char *key, uint32_t id)
{
	size_t at = json_open(b, key, '{');

	json_number_text(b, "id", id);
	json_close(b, at, '}');
}

static void ecs_process(struct buf *b, const struct subject *s, const Keelwatch__Process *p,
			bool ids_known)
{
	char entity[ENTITY_SIZE];
	size_t at;

	if (process_entity(s, p, entity))
		json_text(b, "entity_id", entity);
	json_number(b, "pid", p->pid);
	json_text(b, "name", p->comm);
	json_text(b, "executable", p->exe);
	json_texts(b, "args", p->args, p->n_args);
	if (p->n_args && !p->args_cut)
		json_number(b, "args_count", p->n_args);
	json_words(b, "command_line", p->args, p->n_args);
	json_text(b, "working_directory", p->cwd);
	json_time(b, "start", p->started);
	if (!ids_known)
		return;
	ecs_id(b, "user", p->euid);
	ecs_id(b, "real_user", p->uid);
	ecs_id(b, "group", p->egid);
	ecs_id(b, "real_group", p->gid);
	at = json_open(b, "thread", '{');
	if (p->tid)
		json_number(b, "id", p->tid);
	ecs_capabilities(b, p);
	json_close(b, at, '}');
}

static void ecs_actor(struct buf *b, const struct subject *s)
{
	const Keelwatch__Process *p = s->head.process;
	size_t at = json_open(b, "process", '{'), in;

	ecs_process(b, s, p, true);
	in = json_open(b, "parent", '{');
	if (s->finding && s->finding->n_ancestors)
		ecs_process(b, s, s->finding->ancestors[0],
			    process_ids_known(s->finding->ancestors[0]));
	else if (p->ppid)
		json_number(b, "pid", p->ppid);
	json_close(b, in, '}');
	if (s->exit && !s->exit->signal)
		json_int(b, "exit_code", s->exit->code);
	json_close(b, at, '}');

	at = json_open(b, "user", '{');
	json_number_text(b, "id", p->uid);
	ecs_id(b, "effective", p->euid);
	json_close(b, at, '}');
}

static void ecs_file(struct buf *b, const Keelwatch__File *f)
{
	size_t at = json_open(b, "file", '{');

	json_text(b, "path", f->path);
	json_text(b, "name", path_name(f->path));
	json_close(b, at, '}');
}

static void ecs_host(struct buf *b, const struct subject *s)
{
	const Keelwatch__Host *h = s->host;
	size_t at = json_open(b, "host", '{'), in;

	json_text(b, "name", h->name);
	json_text(b, "hostname", h->name);
	json_text(b, "id", h->machine_id);
	json_text(b, "architecture", h->architecture);
	in = json_open(b, "boot", '{');
	json_text(b, "id", h->boot_id);
	json_close(b, in, '}');
	in = json_open(b, "os", '{');
	json_text(b, "type", "linux");
	json_text(b, "kernel", h->kernel);
	json_close(b, in, '}');
	json_close(b, at, '}');
}

static void ecs_agent(struct buf *b, const struct subject *s)
{
	size_t at = json_open(b, "agent", '{');

	json_text(b, "type", "keelwatch");
	json_text(b, "version", s->head.metadata->version);
	json_close(b, at, '}');
}

static void ecs_version(struct buf *b)
{
	size_t at = json_open(b, "ecs", '{');

	json_text(b, "version", ECS_VERSION);
	json_close(b, at, '}');
}

static void ecs_log(struct buf *b, const struct subject *s)
{
	size_t at = json_open(b, "log", '{');

	json_text(b, "level", severity_name(s->head.severity));
	json_close(b, at, '}');
}

void ecs_write(struct buf *b, const struct subject *s)
{
	size_t at;

	json_begin(b);
	json_time_always(b, "@timestamp", s->head.time_ns);
	ecs_version(b);
	json_text(b, "message", s->head.text);
	ecs_event(b, s);
	ecs_log(b, s);
	if (s->finding)
		ecs_rule(b, s);
	if (s->head.container)
		ecs_container(b, s);
	if (s->pod)
		ecs_orchestrator(b, s->pod);
	if (s->head.process)
		ecs_actor(b, s);
	if (s->finding && s->finding->file)
		ecs_file(b, s->finding->file);
	ecs_host(b, s);
	ecs_agent(b, s);
	at = json_open(b, "keelwatch", '{');
	rest_write(b, s);
	json_close(b, at, '}');
	json_end(b);
}
