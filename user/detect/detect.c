/* SPDX-License-Identifier: Apache-2.0 */
/* The rules by name, and the making of findings: evidence, repeats, counts. */
#include "detect/detect.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "base/util.h"
#include "detect/detect_priv.h"

const struct rule_info rules[RULE_MAX] = {
	[RULE_READONLY_WRITE_ATTEMPT] = { "readonly-write-attempt", "T1565.001",
		"Stored Data Manipulation", "a write on a read-only container was refused" },
	[RULE_READONLY_DEFEATED] = { "readonly-defeated", "T1562.001",
		"Impair Defenses: Disable or Modify Tools",
		"a read-only container was made writable, or written to from outside" },
	[RULE_READONLY_WRITABLE_PATH] = { "readonly-writable-path", "T1074.001",
		"Local Data Staging", "the first write to a writable mount of a read-only container" },
	[RULE_PRIVILEGED_CONTAINER] = { "privileged-container", "T1610", "Deploy Container",
		"a container starts with all the powers of the host" },
	[RULE_ADDED_CAPABILITY] = { "added-capability", "T1610", "Deploy Container",
		"a container starts with capabilities beyond the runtimes' default" },
	[RULE_PRIVILEGE_GAINED] = { "privilege-gained", "T1548",
		"Abuse Elevation Control Mechanism", "a process gained uid 0 or capabilities" },
	[RULE_PRIVILEGE_UNEXPLAINED] = { "privilege-unexplained", "T1068",
		"Exploitation for Privilege Escalation",
		"a process gained uid 0 or capabilities by none of the kernel's rules" },
	[RULE_PRIVILEGED_EXEC_SESSION] = { "privileged-exec-session", "T1609",
		"Container Administration Command",
		"a process entered a container with more power than its first process" },
	[RULE_NAMESPACE_ESCAPE] = { "namespace-escape", "T1611", "Escape to Host",
		"a container's process is in a namespace of the host" },
	[RULE_SENSITIVE_HOST_MOUNT] = { "sensitive-host-mount", "T1611", "Escape to Host",
		"a container starts with a sensitive path of the host" },
	[RULE_SENSITIVE_MOUNT_RUNTIME] = { "sensitive-mount-runtime", "T1611", "Escape to Host",
		"a sensitive mount appeared in a running container" },
};

/* One finding that was said, and how often it happened since. */
struct repeat {
	char *key;
	size_t key_len;
	uint64_t container;	/* cgroup id */
	uint64_t count;		/* in all */
	uint64_t said;		/* the count that was last said */
	uint64_t said_ns;
	void *packed;		/* the finding as it was first said */
	size_t packed_len;
	UT_hash_handle hh;
};

int detect_new(struct model *model, struct enrich *enrich, finding_fn fn, void *arg,
	       struct detect **ret)
{
	struct detect *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->model = model;
	d->enrich = enrich;
	d->fn = fn;
	d->arg = arg;
	*ret = d;
	return 0;
}

static void repeat_drop(struct detect *d, struct repeat *r)
{
	HASH_DEL(d->repeats, r);
	free(r->key);
	free(r->packed);
	free(r);
}

/* The finding again, with how often it has happened by now. */
static void repeat_say(struct detect *d, struct repeat *r)
{
	Keelwatch__Finding *f;

	if (r->said == r->count)
		return;
	r->said = r->count;
	f = keelwatch__finding__unpack(NULL, r->packed_len, r->packed);
	if (!f)
		return;
	f->count = r->count;
	d->fn(d->arg, f);
	keelwatch__finding__free_unpacked(f, NULL);
}

void detect_flush(struct detect *d, const struct container *only)
{
	struct repeat *r, *next;

	HASH_ITER(hh, d->repeats, r, next) {
		if (!only || r->container == only->cgroup_id)
			repeat_say(d, r);
	}
}

void detect_free(struct detect *d)
{
	struct repeat *r, *next;

	if (!d)
		return;
	HASH_ITER(hh, d->repeats, r, next)
		repeat_drop(d, r);
	free(d);
}

struct detect_totals detect_totals(const struct detect *d)
{
	return d->totals;
}

void draft_begin(struct draft *f, const struct judgement *j, enum rule rule,
		 Keelwatch__Severity severity)
{
	memset(f, 0, sizeof(*f));
	enrich_ancestors(j->d->enrich, j->mo);
	f->j = j;
	f->container = j->mo->container;
	keelwatch__finding__init(&f->finding);
	f->finding.kind = (char *)"finding";
	f->finding.rule = (char *)rules[rule].id;
	f->finding.severity = severity;
	f->finding.technique = (char *)rules[rule].technique;
	f->finding.technique_name = (char *)rules[rule].technique_name;
	f->finding.time = j->mo->epoch_ns;
	f->finding.process = j->event->process;
	f->finding.ancestors = j->event->ancestors;
	f->finding.n_ancestors = j->event->n_ancestors;
	f->finding.evidence = f->evidence_list;
	f->finding.count = 1;
	buf_str(&f->key, rules[rule].id);
}

static char *format(struct draft *f, const char *fmt, va_list args)
{
	_cleanup_free_ char *text = NULL;

	if (vasprintf(&text, fmt, args) < 0) {
		text = NULL;
		return (char *)"";
	}
	return arena_copy(enrich_arena(f->j->d->enrich), text, strlen(text));
}

void draft_message(struct draft *f, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	f->finding.message = format(f, fmt, args);
	va_end(args);
}

void draft_key(struct draft *f, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	buf_char(&f->key, '|');
	buf_str(&f->key, format(f, fmt, args));
	va_end(args);
}

void draft_evidence(struct draft *f, const char *name, const char *fmt, ...)
{
	size_t n = f->finding.n_evidence;
	va_list args;

	if (n == EVIDENCE_MAX)
		return;
	keelwatch__evidence__init(&f->evidence[n]);
	f->evidence[n].name = (char *)name;
	va_start(args, fmt);
	f->evidence[n].value = format(f, fmt, args);
	va_end(args);
	f->evidence_list[n] = &f->evidence[n];
	f->finding.n_evidence++;
}

static struct repeat *repeat_add(struct detect *d, struct draft *f)
{
	struct repeat *r;

	if (HASH_COUNT(d->repeats) >= DETECT_REPEATS) {
		repeat_say(d, d->repeats);
		repeat_drop(d, d->repeats);
	}
	r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	r->key_len = f->key.len;
	r->key = TAKE(f->key.data);
	f->key = (struct buf){};
	r->packed_len = keelwatch__finding__get_packed_size(&f->finding);
	r->packed = malloc(r->packed_len);
	if (!r->key || !r->packed) {
		free(r->key);
		free(r->packed);
		free(r);
		return NULL;
	}
	keelwatch__finding__pack(&f->finding, r->packed);
	HASH_ADD_KEYPTR(hh, d->repeats, r->key, r->key_len, r);
	return r;
}

void draft_end(struct draft *f)
{
	struct detect *d = f->j->d;
	uint64_t now = f->j->mo->epoch_ns;
	struct repeat *r;

	if (f->container) {
		f->finding.container = &f->container->msg;
		buf_fmt(&f->key, "|%llu", (unsigned long long)f->container->cgroup_id);
	}
	HASH_FIND(hh, d->repeats, buf_cstr(&f->key), f->key.len, r);
	if (r && f->once) {
		buf_free(&f->key);
		return;
	}
	if (r) {
		r->count++;
		if (now - r->said_ns >= DETECT_REPEAT_NS) {
			r->said_ns = now;
			repeat_say(d, r);
		}
		buf_free(&f->key);
		return;
	}
	d->totals.findings++;
	if (f->container)
		f->container->findings++;
	r = repeat_add(d, f);
	if (r) {
		r->container = f->container ? f->container->cgroup_id : 0;
		r->count = r->said = 1;
		r->said_ns = now;
	}
	d->fn(d->arg, &f->finding);
	buf_free(&f->key);
}

void detect_feed(struct detect *d, const struct moment *mo, const Keelwatch__Event *event)
{
	struct judgement j = { .d = d, .mo = mo, .event = event };

	if (mo->owner || (mo->container && !mo->setup)) {
		readonly_judge(&j);
		privilege_judge(&j);
		mounts_judge(&j);
	}
	if (mo->rec->type == EV_EXIT && mo->container && mo->container->ended)
		detect_flush(d, mo->container);
}
