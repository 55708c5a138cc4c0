/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenTelemetry logs: what people filter by as attributes, by the names of the semantic conventions
 * where they have one, else under keelwatch; the record itself, in the sink's format, as the body.
 * Strings are borrowed from the records, the rest lives in one arena until the request is packed.
 */
#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "base/util.h"
#include "otlp.pb-c.h"
#include "ship/format_priv.h"

#define ATTRIBUTES 48 /* of a record or a host; the calls below make fewer */

struct maker {
	struct arena arena;
	struct buf scratch;
	enum record_format format;
	bool failed; /* without memory */
};

struct attributes {
	struct maker *m;
	Otlp__KeyValue **list;
	size_t count;
};

static void *take(struct maker *m, size_t size)
{
	void *p = m->failed ? NULL : arena_alloc(&m->arena, size);

	if (!p)
		m->failed = true;
	return p;
}

/* What was put together in scratch, kept. */
static char *keep(struct maker *m)
{
	char *text = m->scratch.failed ? NULL : take(m, m->scratch.len + 1);

	if (!text)
		m->failed = true;
	else if (m->scratch.len)
		memcpy(text, m->scratch.data, m->scratch.len);
	buf_reset(&m->scratch);
	return text;
}

/* --- attributes --- */

static struct attributes attributes_of(struct maker *m)
{
	struct attributes a = { .m = m };

	a.list = take(m, ATTRIBUTES * sizeof(*a.list));
	return a;
}

static Otlp__AnyValue *add(struct attributes *a, const char *key)
{
	struct {
		Otlp__KeyValue pair;
		Otlp__AnyValue value;
	} *new = a->count < ATTRIBUTES ? take(a->m, sizeof(*new)) : NULL;

	if (!new)
		return NULL;
	otlp__key_value__init(&new->pair);
	otlp__any_value__init(&new->value);
	new->pair.key = (char *)key;
	new->pair.value = &new->value;
	a->list[a->count++] = &new->pair;
	return &new->value;
}

static void add_text(struct attributes *a, const char *key, const char *text)
{
	Otlp__AnyValue *value = text && *text ? add(a, key) : NULL;

	if (!value)
		return;
	value->value_case = OTLP__ANY_VALUE__VALUE_STRING_VALUE;
	value->string_value = (char *)text;
}

static void add_number(struct attributes *a, const char *key, uint64_t number)
{
	Otlp__AnyValue *value = add(a, key);

	if (!value)
		return;
	value->value_case = OTLP__ANY_VALUE__VALUE_INT_VALUE;
	value->int_value = number < INT64_MAX ? (int64_t)number : INT64_MAX;
}

static void add_bool(struct attributes *a, const char *key, bool yes)
{
	Otlp__AnyValue *value = add(a, key);

	if (!value)
		return;
	value->value_case = OTLP__ANY_VALUE__VALUE_BOOL_VALUE;
	value->bool_value = yes;
}

static void add_time(struct attributes *a, const char *key, uint64_t epoch_ns)
{
	if (!epoch_ns)
		return;
	text_time(&a->m->scratch, epoch_ns);
	add_text(a, key, keep(a->m));
}

static void add_words(struct attributes *a, const char *key, char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (i)
			buf_char(&a->m->scratch, ' ');
		buf_str(&a->m->scratch, words[i]);
	}
	add_text(a, key, keep(a->m));
}

/* --- a record --- */

static void container_attributes(struct attributes *a, const Keelwatch__Container *c)
{
	const Keelwatch__Kubernetes *k = c->kubernetes;

	add_text(a, "container.id", c->id);
	add_text(a, "container.name", c->name);
	add_text(a, "container.runtime", c->runtime);
	add_text(a, "container.image.name", c->image);
	add_bool(a, "keelwatch.container.privileged", c->privileged);
	add_bool(a, "keelwatch.container.read_only", c->read_only);
	if (!k)
		return;
	add_text(a, "k8s.namespace.name", k->namespace_);
	add_text(a, "k8s.pod.name", k->pod);
	add_text(a, "k8s.pod.uid", k->uid);
	add_text(a, "k8s.container.name", k->container);
}

static void process_attributes(struct attributes *a, const Keelwatch__Process *p)
{
	add_number(a, "process.pid", p->pid);
	add_number(a, "process.parent_pid", p->ppid);
	add_text(a, "process.executable.name", p->comm);
	add_text(a, "process.executable.path", p->exe);
	add_words(a, "process.command_line", p->args, p->n_args);
	add_text(a, "process.working_directory", p->cwd);
	add_time(a, "process.creation.time", p->started);
	add_number(a, "process.real_user.id", p->uid);
	add_number(a, "process.user.id", p->euid);
}

static void finding_attributes(struct attributes *a, const Keelwatch__Finding *f)
{
	add_text(a, "keelwatch.rule", f->rule);
	add_text(a, "keelwatch.technique", f->technique);
	add_number(a, "keelwatch.count", f->count);
	if (f->file) {
		add_text(a, "file.path", f->file->path);
		add_text(a, "file.name", path_name(f->file->path));
		add_text(a, "keelwatch.operation", f->file->operation);
	} else if (f->mount) {
		add_text(a, "keelwatch.mount.target", f->mount->target);
		add_text(a, "keelwatch.mount.host_path", f->mount->host_path);
		add_text(a, "keelwatch.operation", f->mount->operation);
	}
}

static void lifecycle_attributes(struct attributes *a, const struct subject *s)
{
	add_text(a, "keelwatch.operation", s->lifecycle->operation);
	add_text(a, "keelwatch.outcome", s->lifecycle->outcome);
	if (s->exit && !s->exit->signal && s->exit->code >= 0)
		add_number(a, "process.exit.code", s->exit->code);
}

static void gap_attributes(struct attributes *a, const Keelwatch__Gap *g)
{
	add_text(a, "keelwatch.reason", g->reason);
	add_number(a, "keelwatch.records", g->records);
	add_bool(a, "keelwatch.exact", g->exact);
	add_time(a, "keelwatch.from", g->from);
	add_time(a, "keelwatch.to", g->to);
}

static void monitor_attributes(struct attributes *a, const Keelwatch__Monitor *m)
{
	const Keelwatch__Heartbeat *h = m->heartbeat;

	add_text(a, "keelwatch.operation", m->operation);
	if (!h)
		return;
	add_time(a, "keelwatch.started", h->started);
	add_number(a, "keelwatch.uptime", h->uptime);
	add_number(a, "keelwatch.interval", h->interval);
	add_number(a, "keelwatch.containers", h->containers);
	add_number(a, "keelwatch.events", h->events);
	add_number(a, "keelwatch.findings", h->findings);
	add_number(a, "keelwatch.lost", h->lost);
}

static struct attributes record_attributes(struct maker *m, const struct subject *s)
{
	struct attributes a = attributes_of(m);

	add_text(&a, "keelwatch.id", s->head.metadata->id);
	add_text(&a, "keelwatch.kind", record_kind_name(s->head.kind));
	add_number(&a, "keelwatch.sequence", s->head.metadata->sequence);
	add_text(&a, "keelwatch.message", s->head.text);
	if (s->finding)
		finding_attributes(&a, s->finding);
	if (s->lifecycle)
		lifecycle_attributes(&a, s);
	if (s->gap)
		gap_attributes(&a, s->gap);
	if (s->monitor)
		monitor_attributes(&a, s->monitor);
	if (s->head.container)
		container_attributes(&a, s->head.container);
	if (s->head.process)
		process_attributes(&a, s->head.process);
	return a;
}

/* The data model's own mapping of syslog's levels (appendix B): INFO2 is a notice, ERROR2 critical. */
static const int severity_numbers[] = {
	[KEELWATCH__SEVERITY__debug] = 5,   [KEELWATCH__SEVERITY__info] = 9,
	[KEELWATCH__SEVERITY__notice] = 10, [KEELWATCH__SEVERITY__warning] = 13,
	[KEELWATCH__SEVERITY__error] = 17,  [KEELWATCH__SEVERITY__critical] = 18,
};

static Otlp__LogRecord *log_record(struct maker *m, const Keelwatch__Record *record,
				   const struct subject *s)
{
	struct {
		Otlp__LogRecord log;
		Otlp__AnyValue body;
	} *new = take(m, sizeof(*new));
	struct attributes a = record_attributes(m, s);

	if (!new)
		return NULL;
	otlp__log_record__init(&new->log);
	otlp__any_value__init(&new->body);
	new->log.time_unix_nano = new->log.observed_time_unix_nano = s->head.time_ns;
	if (s->head.severity < ARRAY_SIZE(severity_numbers))
		new->log.severity_number = severity_numbers[s->head.severity];
	new->log.severity_text = (char *)severity_name(s->head.severity);
	new->log.event_name = (char *)subject_dataset(s);
	format_record(&m->scratch, m->format, record);
	new->body.value_case = OTLP__ANY_VALUE__VALUE_STRING_VALUE;
	new->body.string_value = keep(m);
	new->log.body = &new->body;
	new->log.attributes = a.list;
	new->log.n_attributes = a.count;
	return &new->log;
}

/* --- a host, and the records of it that follow each other --- */

/* The conventions' names for what uname(2) says. */
static const char *architecture(const char *machine)
{
	static const char *const names[][2] = {
		{ "x86_64", "amd64" },
		{ "aarch64", "arm64" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(machine, names[i][0]))
			return names[i][1];
	return machine;
}

static struct attributes host_attributes(struct maker *m, const struct subject *s)
{
	struct attributes a = attributes_of(m);

	add_text(&a, "service.name", "keelwatch");
	add_text(&a, "service.version", s->head.metadata->version);
	add_text(&a, "host.name", s->host->name);
	add_text(&a, "host.id", s->host->machine_id);
	add_text(&a, "host.arch", architecture(s->host->architecture));
	add_text(&a, "os.type", "linux");
	add_text(&a, "os.version", s->host->kernel);
	add_text(&a, "k8s.node.name", s->host->node);
	add_text(&a, "keelwatch.boot_id", s->host->boot_id);
	return a;
}

static bool same_source(const struct subject *a, const struct subject *b)
{
	const Keelwatch__Host *x = a->host, *y = b->host;

	return !strcmp(a->head.metadata->version, b->head.metadata->version) &&
	       (x == y ||
		(!strcmp(x->name, y->name) && !strcmp(x->node, y->node) &&
		 !strcmp(x->machine_id, y->machine_id) && !strcmp(x->boot_id, y->boot_id) &&
		 !strcmp(x->kernel, y->kernel) && !strcmp(x->architecture, y->architecture)));
}

/* Its records are to follow, where there is room for them. */
static Otlp__ResourceLogs *group_new(struct maker *m, const struct subject *s,
				     Otlp__LogRecord **room)
{
	struct {
		Otlp__ResourceLogs logs;
		Otlp__Resource resource;
		Otlp__ScopeLogs scope_logs, *list[1];
		Otlp__Scope scope;
	} *new = take(m, sizeof(*new));
	struct attributes a = host_attributes(m, s);

	if (!new)
		return NULL;
	otlp__resource_logs__init(&new->logs);
	otlp__resource__init(&new->resource);
	otlp__scope_logs__init(&new->scope_logs);
	otlp__scope__init(&new->scope);
	new->resource.attributes = a.list;
	new->resource.n_attributes = a.count;
	new->scope.name = (char *)"keelwatch";
	new->scope.version = s->head.metadata->version;
	new->scope_logs.scope = &new->scope;
	new->scope_logs.log_records = room;
	new->list[0] = &new->scope_logs;
	new->logs.resource = &new->resource;
	new->logs.scope_logs = new->list;
	new->logs.n_scope_logs = 1;
	return &new->logs;
}

static int make(struct maker *m, Otlp__ExportLogsServiceRequest *request,
		const Keelwatch__Record *const *records, size_t n)
{
	Otlp__LogRecord **logs = take(m, n * sizeof(Otlp__LogRecord *));
	struct subject before = {}, s;
	Otlp__ResourceLogs *group = NULL;

	request->resource_logs = take(m, n * sizeof(Otlp__ResourceLogs *));
	for (size_t i = 0; !m->failed && i < n; i++) {
		if (subject_of(records[i], &s))
			return -EINVAL;
		if (!group || !same_source(&before, &s)) {
			group = group_new(m, &s, &logs[i]);
			if (!group)
				break;
			request->resource_logs[request->n_resource_logs++] = group;
			before = s;
		}
		logs[i] = log_record(m, records[i], &s);
		group->scope_logs[0]->n_log_records++;
	}
	return m->failed ? -ENOMEM : 0;
}

/* --- packing --- */

struct packer {
	ProtobufCBuffer base;
	struct buf *to;
};

static void append(ProtobufCBuffer *buffer, size_t len, const uint8_t *data)
{
	buf_add(((struct packer *)buffer)->to, data, len);
}

int format_otlp_request(struct buf *b, enum record_format format,
			const Keelwatch__Record *const *records, size_t n)
{
	Otlp__ExportLogsServiceRequest request = OTLP__EXPORT_LOGS_SERVICE_REQUEST__INIT;
	struct packer packer = { .base = { .append = append }, .to = b };
	struct maker m = { .format = format };
	int err = format < FORMAT_MAX ? make(&m, &request, records, n) : -EINVAL;

	if (!err)
		otlp__export_logs_service_request__pack_to_buffer(&request, &packer.base);
	arena_free(&m.arena);
	buf_free(&m.scratch);
	if (!err && b->failed)
		err = -ENOMEM;
	return err;
}

int format_otlp_rejected(const struct buf *reply, uint64_t *rejected, struct buf *words)
{
	Otlp__ExportLogsServiceResponse *response = otlp__export_logs_service_response__unpack(
		NULL, reply->len, (const uint8_t *)buf_cstr(reply));
	const Otlp__ExportLogsPartialSuccess *partial;

	*rejected = 0;
	if (!response)
		return -EINVAL;
	partial = response->partial_success;
	if (partial) {
		if (partial->rejected_log_records > 0)
			*rejected = partial->rejected_log_records;
		text_clean(words, partial->error_message, strlen(partial->error_message));
	}
	otlp__export_logs_service_response__free_unpacked(response, NULL);
	return 0;
}
