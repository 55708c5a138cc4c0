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
					  "Stored Data Manipulation",
					  "a write on a read-only container was refused" },
	[RULE_READONLY_DEFEATED] = { "readonly-defeated", "T1562.001",
				     "Impair Defenses: Disable or Modify Tools",
				     "a read-only container was made writable, or written to from outside" },
	[RULE_READONLY_WRITABLE_PATH] = { "readonly-writable-path", "T1074.001",
					  "Local Data Staging",
					  "the first write to a writable mount of a read-only container" },
	[RULE_PRIVILEGED_CONTAINER] = { "privileged-container", "T1610", "Deploy Container",
					"a container starts with all the powers of the host" },
	[RULE_ADDED_CAPABILITY] = { "added-capability", "T1610", "Deploy Container",
				    "a container starts with capabilities beyond the runtimes' default" },
	[RULE_PRIVILEGE_GAINED] = { "privilege-gained", "T1548",
				    "Abuse Elevation Control Mechanism",
				    "a process gained uid 0 or capabilities" },
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
	[RULE_MONITOR_TAMPERING] = { "monitor-tampering", "T1562.001",
				     "Impair Defenses: Disable or Modify Tools",
				     "a process acts on keelwatch itself" },
	[RULE_MONITOR_ALTERED] = { "monitor-altered", "T1562.001",
				   "Impair Defenses: Disable or Modify Tools",
				   "what keelwatch stands on was changed: settings, store, maps, cgroup" },
	[RULE_MONITOR_INTERRUPTED] = { "monitor-interrupted", "T1562.001",
				       "Impair Defenses: Disable or Modify Tools",
				       "keelwatch did not run for a while, or ended without a word" },
	[RULE_CLOCK_CHANGED] = { "clock-changed", "T1562.006",
				 "Impair Defenses: Indicator Blocking",
				 "the machine's clock was set" },
};

/* A container of which findings are remembered: there as long as one of them is. */
struct source {
	uint64_t container; /* cgroup id; 0: none */
	size_t repeats, bytes;
	uint64_t due_ns[RULE_MAX]; /* of the epoch: the moment up to which it has told */
	UT_hash_handle hh;
};

/* One finding that was said, and how often it happened since. */
struct repeat {
	char *key;
	size_t key_len;
	struct source *source;
	uint64_t count; /* in all */
	uint64_t said;	/* the count that was last said */
	uint64_t said_ns;
	void *packed; /* the finding as it was first said */
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

static struct source *source_get(struct detect *d, uint64_t container)
{
	struct source *s;

	HASH_FIND(hh, d->sources, &container, sizeof(container), s);
	if (s)
		return s;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->container = container;
	HASH_ADD(hh, d->sources, container, sizeof(s->container), s);
	return s;
}

static void source_let_go(struct detect *d, struct source *s)
{
	if (s->repeats)
		return;
	HASH_DEL(d->sources, s);
	free(s);
}

/* Whether one more finding of the rule may be told by itself. */
static bool source_may_tell(struct source *s, enum rule rule, uint64_t now_ns)
{
	uint64_t *due = &s->due_ns[rule];

	if (*due < now_ns)
		*due = now_ns;
	if (*due - now_ns >= DETECT_TOLD_AT_ONCE * DETECT_TOLD_NS)
		return false;
	*due += DETECT_TOLD_NS;
	return true;
}

static size_t repeat_size(const struct repeat *r)
{
	return sizeof(*r) + r->key_len + r->packed_len;
}

static void repeat_drop(struct detect *d, struct repeat *r)
{
	HASH_DEL(d->repeats, r);
	d->repeat_bytes -= repeat_size(r);
	r->source->bytes -= repeat_size(r);
	r->source->repeats--;
	source_let_go(d, r->source);
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
		if (!only || r->source->container == only->cgroup_id)
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
	f->rule = rule;
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

/*
 * Of the container that takes the most room the one that has not happened for the longest time: who tells
 * much loses no one else's, nor what goes on.
 */
static void make_room(struct detect *d)
{
	struct source *most = d->sources;
	struct repeat *r;

	for (struct source *s = d->sources; s; s = s->hh.next)
		if (s->bytes > most->bytes)
			most = s;
	for (r = d->repeats; r->source != most; r = r->hh.next)
		;
	repeat_say(d, r);
	repeat_drop(d, r);
}

static struct repeat *repeat_add(struct detect *d, struct draft *f, struct source *source)
{
	struct repeat *r;

	source->repeats++; /* it stays, whatever goes */
	while (HASH_COUNT(d->repeats) >= DETECT_REPEATS ||
	       (d->repeats && d->repeat_bytes >= DETECT_REPEAT_BYTES))
		make_room(d);
	source->repeats--;
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
	r->source = source;
	source->repeats++;
	source->bytes += repeat_size(r);
	d->repeat_bytes += repeat_size(r);
	HASH_ADD_KEYPTR(hh, d->repeats, r->key, r->key_len, r);
	return r;
}

/* Who asks has met it once more: what goes on is forgotten last. */
static struct repeat *repeat_find(struct detect *d, const struct buf *key)
{
	struct repeat *r;
	unsigned int hash;

	HASH_FIND(hh, d->repeats, key->data, key->len, r);
	if (!r || !r->hh.next)
		return r;
	hash = r->hh.hashv;
	HASH_DEL(d->repeats, r);
	HASH_ADD_KEYPTR_BYHASHVALUE(hh, d->repeats, r->key, r->key_len, hash, r);
	return r;
}

static void repeat_again(struct detect *d, struct repeat *r, uint64_t now_ns)
{
	r->count++;
	if (now_ns - r->said_ns < DETECT_REPEAT_NS)
		return;
	r->said_ns = now_ns;
	repeat_say(d, r);
}

/* It stands for all of its rule and container that are not told one by one. */
static void draft_fold(struct draft *f)
{
	uint64_t container = f->container ? f->container->cgroup_id : 0;

	buf_reset(&f->key);
	buf_fmt(&f->key, "%s|more|%llu", rules[f->rule].id, (unsigned long long)container);
	draft_message(f,
		      "more findings of this rule than are told one by one; the first of them: %s",
		      f->finding.message);
}

static void draft_say(struct draft *f, struct source *source)
{
	struct detect *d = f->j->d;
	struct repeat *r;

	d->totals.findings++;
	if (f->container)
		f->container->findings++;
	r = repeat_add(d, f, source);
	if (r) {
		r->count = r->said = 1;
		r->said_ns = f->j->mo->epoch_ns;
	}
	d->fn(d->arg, &f->finding);
}

/* One that was not said before, as far as that is remembered. */
static void draft_new(struct draft *f)
{
	uint64_t container = f->container ? f->container->cgroup_id : 0;
	uint64_t now = f->j->mo->epoch_ns;
	struct detect *d = f->j->d;
	struct source *source = source_get(d, container);
	struct repeat *r = NULL;

	if (!source) {
		d->fn(d->arg, &f->finding);
		return;
	}
	if (!source_may_tell(source, f->rule, now)) {
		draft_fold(f);
		r = repeat_find(d, &f->key);
	}
	if (r)
		repeat_again(d, r, now);
	else
		draft_say(f, source);
	source_let_go(d, source);
}

void draft_end(struct draft *f)
{
	struct detect *d = f->j->d;
	struct repeat *r;

	if (f->container) {
		f->finding.container = &f->container->msg;
		buf_fmt(&f->key, "|%llu", (unsigned long long)f->container->cgroup_id);
	}
	r = repeat_find(d, &f->key);
	if (!r)
		draft_new(f);
	else if (!f->once)
		repeat_again(d, r, f->j->mo->epoch_ns);
	buf_free(&f->key);
}

/*
 * How the monitor's own container starts, and what it does there itself, is no finding; what others do in
 * it is.
 */
static bool is_own_doing(const struct detect *d, const struct moment *mo)
{
	return model_is_own(d->model, mo->container) &&
	       (mo->started || model_is_monitor(d->model, mo->process));
}

void detect_feed(struct detect *d, const struct moment *mo, const Keelwatch__Event *event)
{
	struct judgement j = { .d = d, .mo = mo, .event = event };

	if ((mo->owner || (mo->container && !mo->setup)) && !is_own_doing(d, mo)) {
		readonly_judge(&j);
		privilege_judge(&j);
		mounts_judge(&j);
	}
	/* It opens the pins of the one before it. */
	if (mo->rec->type == EV_GUARD && !model_is_monitor(d->model, mo->process))
		guard_judge(&j);
	if (mo->rec->type == EV_EXIT && mo->container && mo->container->ended)
		detect_flush(d, mo->container);
}
