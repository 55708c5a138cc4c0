/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/sample.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/util.h"
#include "message/clean.h"

#define NOON 1767355200123456789ULL /* 2026-01-02T12:00:00.123456789Z */
#define CONTAINER_ID "1511ec941f4d0f2321a8a0e0051e2fb878692f7e9215886b5935860a3edd8d21"
#define POD_UID "9b2f7f0e-3c7a-4d0e-8f57-2f1f6c1c9a55"
#define LONG_TEXT 4095

/* --- what happened --- */

enum part {
	PART_FILE = 1 << 0,
	PART_MOUNT = 1 << 1,
	PART_CREDENTIALS = 1 << 2,
	PART_NAMESPACES = 1 << 3,
};

struct finding_row {
	const char *rule;
	Keelwatch__Severity severity;
	const char *technique, *technique_name;
	const char *message;
	unsigned int parts;
	const char *evidence[8]; /* a name, a value, and so on */
};

static const struct finding_row findings[] = {
	{ "readonly-write-attempt",
	  KEELWATCH__SEVERITY__warning,
	  "T1565.001",
	  "Stored Data Manipulation",
	  "create of /etc/motd refused on a read-only container",
	  PART_FILE,
	  { "error", "EROFS", "path", "as the caller gave it", "root", "mount read-only" } },
	{ "readonly-defeated",
	  KEELWATCH__SEVERITY__critical,
	  "T1562.001",
	  "Impair Defenses: Disable or Modify Tools",
	  "/ of a read-only container was made writable",
	  PART_MOUNT,
	  { "how", "remount", "root", "mount read-only" } },
	{ "readonly-writable-path",
	  KEELWATCH__SEVERITY__notice,
	  "T1074.001",
	  "Local Data Staging",
	  "first write to /tmp, a writable mount (tmpfs) of a read-only container",
	  PART_FILE,
	  { "path", "/tmp/y", "filesystem", "tmpfs" } },
	{ "privileged-container",
	  KEELWATCH__SEVERITY__critical,
	  "T1610",
	  "Deploy Container",
	  "privileged container: all capabilities, no seccomp, nothing masked",
	  0,
	  { "capabilities", "all (0x1ffffffffff)", "seccomp", "none", "uid", "0" } },
	{ "added-capability",
	  KEELWATCH__SEVERITY__warning,
	  "T1610",
	  "Deploy Container",
	  "capabilities beyond the runtimes' default: CAP_SYS_ADMIN",
	  0,
	  { "added", "0x200000" } },
	{ "privilege-gained",
	  KEELWATCH__SEVERITY__notice,
	  "T1548",
	  "Abuse Elevation Control Mechanism",
	  "su gained uid 0",
	  PART_CREDENTIALS,
	  { "explanation", "setuid-file", "before", "uid 1000 euid 1000 permitted 0x0" } },
	{ "privilege-unexplained",
	  KEELWATCH__SEVERITY__critical,
	  "T1068",
	  "Exploitation for Privilege Escalation",
	  "sh gained uid 0 and nothing explains it",
	  PART_CREDENTIALS,
	  { "explanation", "none", "seen_at", "exec" } },
	{ "privileged-exec-session",
	  KEELWATCH__SEVERITY__warning,
	  "T1609",
	  "Container Administration Command",
	  "sh entered the container as root, which its first process is not",
	  0,
	  { "euid", "0, first process 1000" } },
	{ "namespace-escape",
	  KEELWATCH__SEVERITY__critical,
	  "T1611",
	  "Escape to Host",
	  "nsenter is in a namespace of the host: mnt, pid",
	  PART_NAMESPACES,
	  { "seen_at", "setns", "namespaces", "mnt, pid" } },
	{ "sensitive-host-mount",
	  KEELWATCH__SEVERITY__error,
	  "T1611",
	  "Escape to Host",
	  "mounted at /host-etc: the host's /etc, read-only",
	  PART_MOUNT,
	  { "host_path", "/etc", "target", "/host-etc", "access", "read-only", "source",
	    "kernel" } },
	{ "sensitive-mount-runtime",
	  KEELWATCH__SEVERITY__critical,
	  "T1611",
	  "Escape to Host",
	  "mounted while running at /mnt: a disk of the host",
	  PART_MOUNT,
	  { "call", "mount" } },
	{ "monitor-tampering",
	  KEELWATCH__SEVERITY__critical,
	  "T1562.001",
	  "Impair Defenses: Disable or Modify Tools",
	  "SIGKILL was sent to the monitor",
	  0,
	  { "act", "signal", "target", "monitor", "signal", "SIGKILL" } },
	{ "monitor-altered",
	  KEELWATCH__SEVERITY__critical,
	  "T1562.001",
	  "Impair Defenses: Disable or Modify Tools",
	  "a file of the monitor was removed: /var/lib/keelwatch/store.db",
	  0,
	  { "act", "file", "name", "/var/lib/keelwatch/store.db", "how", "removed" } },
	{ "monitor-interrupted",
	  KEELWATCH__SEVERITY__error,
	  "T1562.001",
	  "Impair Defenses: Disable or Modify Tools",
	  "the monitor before this one was killed, or crashed",
	  0,
	  { "act", "unclean-end", "last_record_before", "3 s" } },
	{ "clock-changed",
	  KEELWATCH__SEVERITY__warning,
	  "T1562.006",
	  "Impair Defenses: Indicator Blocking",
	  "the clock was set back by 3600.0 s",
	  0,
	  { "act", "clock", "seconds", "-3600.0" } },
};

struct lifecycle_row {
	const char *operation, *outcome;
	Keelwatch__Severity severity;
	bool exit;
	int code, signal;
};

static const struct lifecycle_row lifecycles[] = {
	{ .operation = "start", .outcome = "", .severity = KEELWATCH__SEVERITY__info },
	{ .operation = "found", .outcome = "", .severity = KEELWATCH__SEVERITY__info },
	{ "end", "completed", KEELWATCH__SEVERITY__info, true, 0, 0 },
	{ "end", "failed", KEELWATCH__SEVERITY__notice, true, 3, 0 },
	{ "end", "killed", KEELWATCH__SEVERITY__notice, true, 0, 9 },
	{ "end", "crashed", KEELWATCH__SEVERITY__warning, true, 0, 11 },
	{ .operation = "end", .outcome = "unknown", .severity = KEELWATCH__SEVERITY__info },
};

static const char *const gaps[] = { "kernel", "queue",	     "retention", "damaged",
				    "clock",  "dead-letter", "flood" };
static const char *const monitors[] = { "start", "stop", "reload", "test", "heartbeat" };

/* --- how it is told --- */

struct flavour {
	const char *name;
	bool container, process, pod, host;
	const char *text; /* in every string; NULL: as it is */
	bool is_long;	  /* that text, again and again, up to LONG_TEXT bytes */
	bool extreme;	  /* every number is the greatest, or the least */
};

#define ALL_THERE .container = true, .process = true, .pod = true, .host = true

static const struct flavour flavours[] = {
	{ .name = "plain", .container = true, .process = true, .host = true },
	{ .name = "kubernetes", ALL_THERE },
	{ .name = "bare" },
	{ .name = "empty", ALL_THERE, .text = "" },
	{ .name = "quotes", ALL_THERE, .text = "a\"b'c`d</script>&amp;{\"e\":[]}" },
	{ .name = "backslashes", ALL_THERE, .text = "\\a\\\\b\\n\\x1b\\u0041\\|\\=\\" },
	{ .name = "separators", ALL_THERE, .text = " a|b=c ]d=e cs1=f; CEF:0|x|y|z|1|2|3|g= " },
	{ .name = "lines", ALL_THERE, .text = "a\nb\r\nc\td\x1b[31m\x7f\x01z" },
	{ .name = "wide",
	  ALL_THERE,
	  .text = "\xf0\x9f\x98\x80\xf0\x9d\x84\x9e\xe4\xb8\xad\xc3\xa9" },
	{ .name = "unsafe",
	  ALL_THERE,
	  .text = "a\xe2\x80\xa8"
		  "b\xe2\x80\xae"
		  "c\xc2\x85"
		  "d" },
	{ .name = "invalid",
	  ALL_THERE,
	  .text = "\xff\xfe\xc3(\xc0\xaf\xed\xa0\x80\xf5\x80\x80\x80\xf0\x9f" },
	{ .name = "percent", ALL_THERE, .text = "%s%n%99999d$(id)`id`${x}" },
	{ .name = "long", ALL_THERE, .text = "/abcdefghi", .is_long = true },
	{ .name = "long-wide", ALL_THERE, .text = "\xf0\x9f\x98\x80", .is_long = true },
	{ .name = "long-invalid", ALL_THERE, .text = "\xff\\", .is_long = true },
	{ .name = "greatest", ALL_THERE, .extreme = true },
};

/* --- messages, on the stack: what they say is copied when they are packed --- */

struct scene {
	Keelwatch__Host host;
	Keelwatch__Metadata metadata;
	Keelwatch__Kubernetes pod;
	Keelwatch__Container container;
	Keelwatch__Process process, ancestors[2], *ancestor_list[2];
	Keelwatch__File file;
	Keelwatch__Mount mount;
	Keelwatch__Credentials credentials;
	Keelwatch__Namespaces namespaces;
	Keelwatch__Exit exit;
	Keelwatch__Evidence evidence[4], *evidence_list[4];
	Keelwatch__Loss loss[2], *loss_list[2];
	Keelwatch__Heartbeat heartbeat;
	Keelwatch__SinkState sinks[2], *sink_list[2];
};

#define TEXT(text) ((char *)(text))
#define LIST(...) ((char *[]){ __VA_ARGS__ })

static void set_host(struct scene *s, const struct flavour *how)
{
	keelwatch__host__init(&s->host);
	s->host.name = TEXT("node-7");
	s->host.node = TEXT(how->pod ? "node-7.example" : "");
	s->host.machine_id = TEXT("4c4c4544004b5210804bc7c04f503033");
	s->host.boot_id = TEXT("0f6d3a52-7f33-4b52-8b3e-6f5d6b0ad3c1");
	s->host.kernel = TEXT("6.1.0-18-amd64");
	s->host.architecture = TEXT("x86_64");
	keelwatch__metadata__init(&s->metadata);
	s->metadata.id = TEXT("91f3c8d20a7be615-42");
	s->metadata.sequence = how->host ? 42 : 0;
	s->metadata.version = TEXT("0.1.0");
	s->metadata.host = how->host ? &s->host : NULL;
}

static void set_container(struct scene *s, const struct flavour *how)
{
	keelwatch__kubernetes__init(&s->pod);
	s->pod.namespace_ = TEXT("shop");
	s->pod.pod = TEXT("cart-6f7c9d8b5-x2x8z");
	s->pod.uid = TEXT(POD_UID);
	s->pod.container = TEXT("cart");
	keelwatch__container__init(&s->container);
	s->container.id = TEXT(CONTAINER_ID);
	s->container.name = TEXT("cart");
	s->container.image = TEXT("registry.example:5000/shop/cart:1.4");
	s->container.runtime = TEXT(how->pod ? "containerd" : "docker");
	s->container.oci_runtime = TEXT("runc");
	s->container.kubernetes = how->pod ? &s->pod : NULL;
	s->container.attribution = KEELWATCH__ATTRIBUTION__exact;
	s->container.read_only = true;
	s->container.cgroup = TEXT("/system.slice/docker-" CONTAINER_ID ".scope");
	s->container.cgroup_id = 5543;
	s->container.rootfs = TEXT("/var/lib/docker/overlay2/abc/merged");
	s->container.pid = 4672;
	s->container.started = NOON - 5 * NS_PER_S;
}

static void set_processes(struct scene *s)
{
	static char *args[] = { "sh", "-c", "touch /etc/motd; exit 3" };
	static char *capabilities[] = { "CAP_SETGID", "CAP_SETUID" };
	static char *all[] = { "all" };
	Keelwatch__Process *p = &s->process;

	keelwatch__process__init(p);
	p->pid = 4687;
	p->tid = 4688;
	p->ppid = 4672;
	p->comm = TEXT("sh");
	p->exe = TEXT("/bin/busybox");
	p->args = args;
	p->n_args = ARRAY_SIZE(args);
	p->cwd = TEXT("/");
	p->uid = 1000;
	p->capabilities = capabilities;
	p->n_capabilities = ARRAY_SIZE(capabilities);
	p->started = NOON - 2 * NS_PER_S;
	s->ancestors[0] = *p;
	s->ancestors[0].pid = 4672;
	s->ancestors[0].capabilities = all;
	s->ancestors[0].n_capabilities = ARRAY_SIZE(all);
	s->ancestors[0].args_cut = true;
	keelwatch__process__init(&s->ancestors[1]);
	s->ancestors[1].pid = 1;
	s->ancestors[1].started = NOON - 900 * NS_PER_S;
	for (size_t i = 0; i < ARRAY_SIZE(s->ancestors); i++)
		s->ancestor_list[i] = &s->ancestors[i];
}

static void set_file(struct scene *s)
{
	keelwatch__file__init(&s->file);
	s->file.operation = TEXT("create");
	s->file.path = TEXT("/etc/motd");
	s->file.host_path = TEXT("/var/lib/docker/overlay2/abc/merged/etc/motd");
	s->file.error = TEXT("EROFS");
	s->file.mount_point = TEXT("/");
	s->file.mount_class = TEXT("rootfs");
	s->file.mount_read_only = true;
	s->file.filesystem = TEXT("overlay");
}

static void set_mount(struct scene *s)
{
	keelwatch__mount__init(&s->mount);
	s->mount.operation = TEXT("start");
	s->mount.source = TEXT("/dev/sda1");
	s->mount.target = TEXT("/host-etc");
	s->mount.filesystem = TEXT("ext4");
	s->mount.host_path = TEXT("/etc");
	s->mount.class_ = TEXT("host");
	s->mount.read_only = true;
	s->mount.propagation = TEXT("private");
}

static void set_privileges(struct scene *s)
{
	static char *gained[] = { "CAP_SYS_ADMIN", "CAP_SYS_PTRACE" };
	static char *host[] = { "mnt", "pid" };

	keelwatch__credentials__init(&s->credentials);
	s->credentials.operation = TEXT("exec");
	s->credentials.old_uid = s->credentials.old_euid = 1000;
	s->credentials.gained = gained;
	s->credentials.n_gained = ARRAY_SIZE(gained);
	s->credentials.explanation = TEXT("setuid-file");
	keelwatch__namespaces__init(&s->namespaces);
	s->namespaces.operation = TEXT("setns");
	s->namespaces.host = host;
	s->namespaces.n_host = ARRAY_SIZE(host);
}

static void set_loss(struct scene *s)
{
	static const char *const classes[] = { "process", "file" };

	for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
		keelwatch__loss__init(&s->loss[i]);
		s->loss[i].class_ = TEXT(classes[i]);
		s->loss[i].sent = 100 + i;
		s->loss[i].lost = 7 * i;
		s->loss_list[i] = &s->loss[i];
	}
}

static void set_finding(struct scene *s, const struct finding_row *row, const struct flavour *how,
			Keelwatch__Finding *f)
{
	keelwatch__finding__init(f);
	f->kind = TEXT("finding");
	f->rule = TEXT(row->rule);
	f->severity = row->severity;
	f->time = NOON;
	f->message = TEXT(row->message);
	f->technique = TEXT(row->technique);
	f->technique_name = TEXT(row->technique_name);
	f->container = how->container ? &s->container : NULL;
	f->process = how->process ? &s->process : NULL;
	f->ancestors = s->ancestor_list;
	f->n_ancestors = how->process ? ARRAY_SIZE(s->ancestors) : 0;
	f->count = 1;
	f->evidence = s->evidence_list;
	for (size_t i = 0; i < ARRAY_SIZE(row->evidence) && row->evidence[i]; i += 2) {
		Keelwatch__Evidence *e = &s->evidence[f->n_evidence];

		keelwatch__evidence__init(e);
		e->name = TEXT(row->evidence[i]);
		e->value = TEXT(row->evidence[i + 1]);
		s->evidence_list[f->n_evidence++] = e;
	}
	f->file = row->parts & PART_FILE ? &s->file : NULL;
	f->mount = row->parts & PART_MOUNT ? &s->mount : NULL;
	f->credentials = row->parts & PART_CREDENTIALS ? &s->credentials : NULL;
	f->namespaces = row->parts & PART_NAMESPACES ? &s->namespaces : NULL;
	f->metadata = &s->metadata;
}

static void set_lifecycle(struct scene *s, const struct lifecycle_row *row,
			  const struct flavour *how, Keelwatch__Lifecycle *l)
{
	keelwatch__lifecycle__init(l);
	l->kind = TEXT("container");
	l->operation = TEXT(row->operation);
	l->severity = row->severity;
	l->time = NOON;
	l->message = TEXT(
		"container cart started: image registry.example:5000/shop/cart:1.4, /bin/busybox");
	l->container = how->container ? &s->container : NULL;
	l->process = how->process ? &s->process : NULL;
	l->outcome = TEXT(row->outcome);
	if (row->exit) {
		keelwatch__exit__init(&s->exit);
		s->exit.code = row->code;
		s->exit.signal = row->signal;
		l->exit = &s->exit;
	}
	l->metadata = &s->metadata;
}

static void set_gap(struct scene *s, const char *reason, Keelwatch__Gap *g)
{
	static char *sinks[] = { "siem", "lake" };
	bool flood = !strcmp(reason, "flood"), kernel = flood || !strcmp(reason, "kernel");

	keelwatch__gap__init(g);
	g->kind = TEXT("gap");
	g->reason = TEXT(reason);
	g->severity = KEELWATCH__SEVERITY__error;
	g->time = NOON;
	g->message = TEXT("7 records were lost");
	g->from = NOON - 60 * NS_PER_S;
	g->to = NOON - NS_PER_S;
	g->exact = strcmp(reason, "damaged");
	g->records = kernel ? 0 : 7;
	g->loss = s->loss_list;
	g->n_loss = kernel ? ARRAY_SIZE(s->loss) : 0;
	g->container = flood ? &s->container : NULL;
	if (!strcmp(reason, "retention")) {
		g->first_sequence = 10;
		g->last_sequence = 16;
		g->sinks = sinks;
		g->n_sinks = ARRAY_SIZE(sinks);
	}
	g->metadata = &s->metadata;
}

static void set_heartbeat(struct scene *s)
{
	static char *features[] = { "exec", "mount" }, *missing[] = { "capable" };
	Keelwatch__Heartbeat *h = &s->heartbeat;

	keelwatch__heartbeat__init(h);
	h->started = NOON - 90 * NS_PER_S;
	h->uptime = 90;
	h->interval = 60;
	h->containers = 3;
	h->events = 1234;
	h->findings = 5;
	h->lost = 7;
	h->programs = 31;
	h->features = features;
	h->n_features = ARRAY_SIZE(features);
	h->missing = missing;
	h->n_missing = ARRAY_SIZE(missing);
	h->waiting = 2;
	h->refused = 1;
	h->sinks = s->sink_list;
	h->n_sinks = ARRAY_SIZE(s->sinks);
	for (size_t i = 0; i < h->n_sinks; i++) {
		keelwatch__sink_state__init(&s->sinks[i]);
		s->sinks[i].name = TEXT(i ? "lake" : "siem");
		s->sinks[i].state = TEXT(i ? "working" : "waiting");
		s->sinks[i].behind = i ? 0 : 12;
		s->sink_list[i] = &s->sinks[i];
	}
}

/* --- packed, unpacked, made hostile --- */

static Keelwatch__Record *copy(const Keelwatch__Record *record)
{
	size_t size = keelwatch__record__get_packed_size(record);
	_cleanup_free_ uint8_t *packed = malloc(size);

	if (!packed)
		return NULL;
	keelwatch__record__pack(record, packed);
	return keelwatch__record__unpack(NULL, size, packed);
}

static char *hostile_text(const struct flavour *how)
{
	size_t len = strlen(how->text), times = how->is_long ? LONG_TEXT / len : 1;
	char *text = malloc(len * times + 1), *to = text;

	for (size_t i = 0; text && i < times; i++)
		to = stpcpy(to, how->text);
	if (text && !times)
		*text = '\0';
	return text;
}

static void spoil_string(char **string, const struct flavour *how)
{
	if (!how->text)
		return;
	if (*string != protobuf_c_empty_string)
		free(*string);
	*string = hostile_text(how);
}

static void spoil(ProtobufCMessage *message, const struct flavour *how);

static void spoil_value(void *value, const ProtobufCFieldDescriptor *field,
			const struct flavour *how)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_STRING:
		spoil_string(value, how);
		break;
	case PROTOBUF_C_TYPE_MESSAGE:
		if (*(ProtobufCMessage **)value)
			spoil(*(ProtobufCMessage **)value, how);
		break;
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		if (how->extreme)
			*(uint64_t *)value = UINT64_MAX;
		break;
	case PROTOBUF_C_TYPE_UINT32:
		if (how->extreme)
			*(uint32_t *)value = UINT32_MAX;
		break;
	case PROTOBUF_C_TYPE_INT32:
		if (how->extreme)
			*(int32_t *)value = INT32_MIN;
		break;
	case PROTOBUF_C_TYPE_ENUM:
		if (how->extreme)
			*(int *)value = 99;
		break;
	default:
		break;
	}
}

/* What says which message it is; and without an id there is no record: that one is not emptied. */
static bool is_kept(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
		    const struct flavour *how)
{
	if (!strcmp(field->name, "kind"))
		return true;
	return message->descriptor == &keelwatch__metadata__descriptor &&
	       !strcmp(field->name, "id") && how->text && !how->text[0];
}

static void spoil(ProtobufCMessage *message, const struct flavour *how)
{
	for (unsigned int i = 0; i < message->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
		char *member = (char *)message + field->offset;
		const size_t *count = (const void *)((char *)message + field->quantifier_offset);

		if (is_kept(message, field, how))
			continue;
		if (field->label != PROTOBUF_C_LABEL_REPEATED) {
			spoil_value(member, field, how);
			continue;
		}
		for (size_t n = 0; n < *count; n++)
			spoil_value(*(void ***)member + n, field, how);
	}
}

/* --- what there is --- */

size_t sample_count(void)
{
	return ARRAY_SIZE(findings) + ARRAY_SIZE(lifecycles) + ARRAY_SIZE(gaps) +
	       ARRAY_SIZE(monitors);
}

size_t sample_flavour_count(void)
{
	return ARRAY_SIZE(flavours);
}

const char *sample_flavour_name(size_t flavour)
{
	return flavours[flavour].name;
}

const char *sample_name(size_t sample)
{
	static char name[64];
	size_t i = sample;

	if (i < ARRAY_SIZE(findings)) {
		snprintf(name, sizeof(name), "finding %s", findings[i].rule);
		return name;
	}
	i -= ARRAY_SIZE(findings);
	if (i < ARRAY_SIZE(lifecycles)) {
		snprintf(name, sizeof(name), "container %s%s%s", lifecycles[i].operation,
			 lifecycles[i].outcome[0] ? " " : "", lifecycles[i].outcome);
		return name;
	}
	i -= ARRAY_SIZE(lifecycles);
	if (i < ARRAY_SIZE(gaps))
		snprintf(name, sizeof(name), "gap %s", gaps[i]);
	else
		snprintf(name, sizeof(name), "monitor %s", monitors[i - ARRAY_SIZE(gaps)]);
	return name;
}

static Keelwatch__Record *make_record(struct scene *s, size_t i, const struct flavour *how)
{
	Keelwatch__Record record = KEELWATCH__RECORD__INIT;
	Keelwatch__Finding finding;
	Keelwatch__Lifecycle lifecycle;
	Keelwatch__Gap gap;
	Keelwatch__Monitor monitor = KEELWATCH__MONITOR__INIT;

	if (i < ARRAY_SIZE(findings)) {
		set_finding(s, &findings[i], how, &finding);
		record.body_case = KEELWATCH__RECORD__BODY_FINDING;
		record.finding = &finding;
		return copy(&record);
	}
	i -= ARRAY_SIZE(findings);
	if (i < ARRAY_SIZE(lifecycles)) {
		set_lifecycle(s, &lifecycles[i], how, &lifecycle);
		record.body_case = KEELWATCH__RECORD__BODY_LIFECYCLE;
		record.lifecycle = &lifecycle;
		return copy(&record);
	}
	i -= ARRAY_SIZE(lifecycles);
	if (i < ARRAY_SIZE(gaps)) {
		set_gap(s, gaps[i], &gap);
		record.body_case = KEELWATCH__RECORD__BODY_GAP;
		record.gap = &gap;
		return copy(&record);
	}
	monitor.kind = TEXT("monitor");
	monitor.operation = TEXT(monitors[i - ARRAY_SIZE(gaps)]);
	monitor.severity = KEELWATCH__SEVERITY__info;
	monitor.time = NOON;
	monitor.message = TEXT("the monitor watches from now on");
	monitor.metadata = &s->metadata;
	if (!strcmp(monitor.operation, "heartbeat")) {
		set_heartbeat(s);
		monitor.heartbeat = &s->heartbeat;
	}
	record.body_case = KEELWATCH__RECORD__BODY_MONITOR;
	record.monitor = &monitor;
	return copy(&record);
}

Keelwatch__Record *sample_make(size_t sample, size_t flavour)
{
	const struct flavour *how = &flavours[flavour];
	struct scene *s = calloc(1, sizeof(*s));
	Keelwatch__Record *record = NULL;

	if (!s)
		return NULL;
	set_host(s, how);
	set_container(s, how);
	set_processes(s);
	set_file(s);
	set_mount(s);
	set_privileges(s);
	set_loss(s);
	record = make_record(s, sample, how);
	free(s);
	if (!record)
		return NULL;
	/* The one member that is set, by the oneof's common place. */
	spoil(&record->finding->base, how);
	if (message_clean(&record->base)) {
		keelwatch__record__free_unpacked(record, NULL);
		return NULL;
	}
	return record;
}

Keelwatch__Record *sample_make_named(const char *sample, const char *flavour)
{
	for (size_t i = 0; i < sample_count(); i++)
		for (size_t j = 0; j < sample_flavour_count(); j++)
			if (!strcmp(sample_name(i), sample) &&
			    !strcmp(sample_flavour_name(j), flavour))
				return sample_make(i, j);
	return NULL;
}
