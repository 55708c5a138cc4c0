/* SPDX-License-Identifier: Apache-2.0 */
/* What of a record has no place in a foreign schema: ECS has it under keelwatch, OCSF under unmapped. */
#include <string.h>

#include "ship/format_priv.h"
#include "ship/json_writer.h"

static void rest_container(struct buf *b, const Keelwatch__Container *c)
{
	const ProtobufCEnumValue *attribution = protobuf_c_enum_descriptor_get_value(
		&keelwatch__attribution__descriptor, c->attribution);
	size_t at = json_open(b, "container", '{');

	json_text(b, "oci_runtime", c->oci_runtime);
	json_part(b, "kubernetes", c->kubernetes ? &c->kubernetes->base : NULL);
	if (attribution)
		json_text(b, "attribution", attribution->name);
	json_bool(b, "partial", c->partial);
	json_text(b, "partial_why", c->partial_why);
	json_bool(b, "read_only", c->read_only);
	json_bool(b, "privileged", c->privileged);
	json_text(b, "cgroup", c->cgroup);
	json_number(b, "cgroup_id", c->cgroup_id);
	json_text(b, "rootfs", c->rootfs);
	json_number(b, "pid", c->pid);
	json_time(b, "started", c->started);
	json_close(b, at, '}');
}

static void rest_process(struct buf *b, const Keelwatch__Process *p)
{
	size_t at = json_open(b, "process", '{');

	json_number(b, "tid", p->tid);
	json_bool(b, "args_cut", p->args_cut);
	json_number(b, "uid", p->uid);
	json_number(b, "euid", p->euid);
	json_number(b, "gid", p->gid);
	json_number(b, "egid", p->egid);
	json_texts(b, "capabilities", p->capabilities, p->n_capabilities);
	json_bool(b, "user_namespace", p->user_namespace);
	json_close(b, at, '}');
}

static void rest_finding(struct buf *b, const Keelwatch__Finding *f)
{
	json_number(b, "count", f->count);
	json_parts(b, "evidence", (void *const *)f->evidence, f->n_evidence);
	json_part(b, "file", f->file ? &f->file->base : NULL);
	json_part(b, "mount", f->mount ? &f->mount->base : NULL);
	json_part(b, "credentials", f->credentials ? &f->credentials->base : NULL);
	json_part(b, "namespaces", f->namespaces ? &f->namespaces->base : NULL);
	json_parts(b, "ancestors", (void *const *)f->ancestors, f->n_ancestors);
}

static void rest_loss(struct buf *b, const Keelwatch__Gap *g)
{
	size_t list = json_open(b, "loss", '[');

	for (size_t i = 0; i < g->n_loss; i++) {
		const Keelwatch__Loss *l = g->loss[i];
		size_t at = json_open(b, NULL, '{');

		json_text(b, "class", l->class_);
		json_number(b, "sent", l->sent);
		json_number(b, "lost", l->lost);
		json_number(b, "busy", l->busy);
		json_number(b, "limited", l->limited);
		json_number(b, "truncated", l->truncated);
		json_close(b, at, '}');
	}
	json_close(b, list, ']');
}

static void rest_gap(struct buf *b, const Keelwatch__Gap *g)
{
	json_text(b, "reason", g->reason);
	json_bool(b, "exact", g->exact);
	json_number(b, "records", g->records);
	rest_loss(b, g);
	json_number(b, "first_sequence", g->first_sequence);
	json_number(b, "last_sequence", g->last_sequence);
	json_texts(b, "sinks", g->sinks, g->n_sinks);
}

static void rest_heartbeat(struct buf *b, const Keelwatch__Heartbeat *h)
{
	size_t at = json_open(b, "heartbeat", '{'), list;

	json_time(b, "started", h->started);
	json_number(b, "uptime", h->uptime);
	json_number(b, "interval", h->interval);
	json_number(b, "containers", h->containers);
	json_number(b, "events", h->events);
	json_number(b, "findings", h->findings);
	json_number(b, "lost", h->lost);
	json_number(b, "programs", h->programs);
	json_texts(b, "features", h->features, h->n_features);
	json_texts(b, "missing", h->missing, h->n_missing);
	json_number(b, "waiting", h->waiting);
	json_number(b, "refused", h->refused);
	list = json_open(b, "sinks", '[');
	for (size_t i = 0; i < h->n_sinks; i++) {
		size_t sink = json_open(b, NULL, '{');

		json_text(b, "name", h->sinks[i]->name);
		json_text(b, "state", h->sinks[i]->state);
		json_number(b, "behind", h->sinks[i]->behind);
		json_close(b, sink, '}');
	}
	json_close(b, list, ']');
	json_close(b, at, '}');
}

void rest_write(struct buf *b, const struct subject *s)
{
	json_text(b, "kind", record_kind_name(s->head.kind));
	if (s->finding)
		rest_finding(b, s->finding);
	if (s->gap)
		rest_gap(b, s->gap);
	if (s->lifecycle) {
		json_text(b, "operation", s->lifecycle->operation);
		json_text(b, "outcome", s->lifecycle->outcome);
		json_part(b, "exit", s->exit ? &s->exit->base : NULL);
	}
	if (s->monitor)
		json_text(b, "operation", s->monitor->operation);
	if (s->monitor && s->monitor->heartbeat)
		rest_heartbeat(b, s->monitor->heartbeat);
	if (s->head.container)
		rest_container(b, s->head.container);
	if (s->head.process)
		rest_process(b, s->head.process);
	json_part(b, "host", &s->host->base);
}
