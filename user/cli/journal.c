/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/journal.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/text.h"
#include "base/util.h"

struct journal {
	struct stamp *stamp;
	struct store *store;
	struct arena arena; /* of the record being made */
	char id[STAMP_ID_SIZE];
	Keelwatch__Metadata metadata;
	Keelwatch__Finding finding;
	struct ev_counts counts[CLASS_MAX]; /* as of the loss told last */
	uint64_t counted_ns;		    /* when that was, of the epoch */
	struct stamp_place place;	    /* of the record being judged; ring 0: in none */
	const struct resume *resume;	    /* or NULL */
	uint64_t sequence;		    /* accepted last */
};

int journal_new(struct stamp *stamp, struct store *store, struct journal **ret)
{
	struct journal *j = calloc(1, sizeof(*j));

	if (!j)
		return -ENOMEM;
	j->stamp = stamp;
	j->store = store;
	j->counted_ns = clock_epoch_ns();
	*ret = j;
	return 0;
}

void journal_free(struct journal *j)
{
	if (!j)
		return;
	arena_free(&j->arena);
	free(j);
}

void journal_place(struct journal *j, const struct stamp_place *at)
{
	j->place = at ? *at : (struct stamp_place){};
}

void journal_resume(struct journal *j, const struct resume *resume)
{
	j->resume = resume;
}

void journal_counted(struct journal *j, const struct told_losses *told)
{
	memcpy(j->counts, told->counts, sizeof(j->counts));
	if (told->epoch_ns)
		j->counted_ns = told->epoch_ns;
}

uint64_t journal_sequence(const struct journal *j)
{
	return j->sequence;
}

/* FNV-1a: tells apart what one record gives, and is no promise to anybody. */
static uint32_t mix(uint32_t hash, const char *text)
{
	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 16777619u;
	return hash * 31;
}

/* A new id; of what is made of a record in the ring the one that it always has. */
static void stamp(struct journal *j, const char *what, const Keelwatch__Container *container,
		  const char *message)
{
	uint32_t which = mix(mix(2166136261u, what), message);

	if (!j->place.ring) {
		stamp_metadata(j->stamp, j->id, &j->metadata);
		return;
	}
	if (container)
		which = mix(which, container->id);
	stamp_metadata_at(j->stamp, &j->place, which, j->id, &j->metadata);
}

static bool is_told(const struct journal *j)
{
	return j->resume && resume_knows(j->resume, j->id);
}

/* What cannot be kept the store counts, and tells itself. */
static void keep(struct journal *j, Keelwatch__Record *record)
{
	if (!j->store || is_told(j))
		return;
	store_put(j->store, record);
	if (j->metadata.sequence)
		j->sequence = j->metadata.sequence;
}

const Keelwatch__Finding *journal_finding(struct journal *j, const Keelwatch__Finding *finding)
{
	Keelwatch__Record record = KEELWATCH__RECORD__INIT;

	j->finding = *finding;
	stamp(j, finding->rule, finding->container, finding->message);
	j->finding.metadata = &j->metadata;
	record.body_case = KEELWATCH__RECORD__BODY_FINDING;
	record.finding = &j->finding;
	keep(j, &record);
	return is_told(j) ? NULL : &j->finding;
}

/* --- containers --- */

struct outcome {
	const char *name;
	Keelwatch__Severity severity;
	const char *how;
};

/* What ends a program that did wrong, not one that was told to end. */
static bool is_crash(int signal)
{
	switch (signal) {
	case SIGSEGV:
	case SIGABRT:
	case SIGBUS:
	case SIGILL:
	case SIGFPE:
	case SIGSYS:
	case SIGTRAP:
		return true;
	}
	return false;
}

static struct outcome outcome_of(struct journal *j, const Keelwatch__Exit *exit)
{
	const char *name;

	if (!exit)
		return (struct outcome){ "unknown", KEELWATCH__SEVERITY__info, "nobody saw how" };
	if (exit->signal) {
		name = sigabbrev_np(exit->signal);
		return (struct outcome){
			is_crash(exit->signal) ? "crashed" : "killed",
			is_crash(exit->signal) ? KEELWATCH__SEVERITY__warning :
						 KEELWATCH__SEVERITY__notice,
			arena_fmt(&j->arena, "signal %d%s%s", exit->signal, name ? ", SIG" : "",
				  name ? name : ""),
		};
	}
	return (struct outcome){
		exit->code ? "failed" : "completed",
		exit->code ? KEELWATCH__SEVERITY__notice : KEELWATCH__SEVERITY__info,
		arena_fmt(&j->arena, "exit code %d", exit->code),
	};
}

static const char *container_name(const Keelwatch__Container *c)
{
	return c->name[0] ? c->name : c->id;
}

static void keep_lifecycle(struct journal *j, Keelwatch__Lifecycle *life)
{
	Keelwatch__Record record = KEELWATCH__RECORD__INIT;

	/* Not the message: what is known of who it was may be less the second time. */
	stamp(j, life->operation, life->container, "");
	life->kind = (char *)"container";
	life->metadata = &j->metadata;
	record.body_case = KEELWATCH__RECORD__BODY_LIFECYCLE;
	record.lifecycle = life;
	keep(j, &record);
	arena_reset(&j->arena);
}

static void container_started(struct journal *j, const struct moment *mo,
			      const Keelwatch__Event *event)
{
	Keelwatch__Lifecycle life = KEELWATCH__LIFECYCLE__INIT;
	Keelwatch__Container *c = &mo->container->msg;

	life.operation = (char *)(mo->container->found ? "found" : "start");
	life.severity = KEELWATCH__SEVERITY__info;
	life.time = mo->epoch_ns;
	life.container = c;
	life.process = event->process;
	life.message = arena_fmt(&j->arena, "container %s %s: image %s, %s", container_name(c),
				 mo->container->found ? "was found running" : "started",
				 c->image[0] ? c->image : "unknown",
				 event->process ? event->process->exe : "unknown");
	keep_lifecycle(j, &life);
}

static void container_ended(struct journal *j, const struct moment *mo,
			    const Keelwatch__Event *event)
{
	Keelwatch__Lifecycle life = KEELWATCH__LIFECYCLE__INIT;
	Keelwatch__Container *c = &mo->ended->msg;
	bool seen = mo->rec->type == EV_EXIT;
	struct outcome o = outcome_of(j, seen ? event->exit : NULL);

	life.operation = (char *)"end";
	life.severity = o.severity;
	life.time = mo->epoch_ns;
	life.container = c;
	life.process = seen ? event->process : NULL;
	life.outcome = (char *)o.name;
	life.exit = seen ? event->exit : NULL;
	life.message = arena_fmt(&j->arena, "container %s ended: %s (%s)", container_name(c),
				 o.name, o.how);
	keep_lifecycle(j, &life);
}

/* --- gaps --- */

static void keep_gap(struct journal *j, Keelwatch__Gap *gap)
{
	Keelwatch__Record record = KEELWATCH__RECORD__INIT;

	stamp_metadata(j->stamp, j->id, &j->metadata);
	gap->kind = (char *)"gap";
	gap->severity = KEELWATCH__SEVERITY__error;
	gap->metadata = &j->metadata;
	record.body_case = KEELWATCH__RECORD__BODY_GAP;
	record.gap = gap;
	keep(j, &record);
	arena_reset(&j->arena);
}

/* The counters of the kernel's go up from the start; a gap says what they did since the one before. */
static void kernel_lost(struct journal *j, const struct moment *mo, const Keelwatch__Event *event)
{
	const struct ev_counts *now = ((const struct ev_loss *)mo->rec)->counts;
	Keelwatch__Loss loss[CLASS_MAX], *list[CLASS_MAX];
	Keelwatch__Gap gap = KEELWATCH__GAP__INIT;
	uint64_t total = 0, cut = 0;

	for (size_t i = 0; i < CLASS_MAX && i < event->n_loss; i++) {
		keelwatch__loss__init(&loss[i]);
		loss[i].class_ = event->loss[i]->class_;
		loss[i].sent = now[i].sent - j->counts[i].sent;
		loss[i].lost = now[i].lost - j->counts[i].lost;
		loss[i].busy = now[i].busy - j->counts[i].busy;
		loss[i].limited = now[i].limited - j->counts[i].limited;
		loss[i].truncated = now[i].truncated - j->counts[i].truncated;
		total += loss[i].lost + loss[i].busy + loss[i].limited;
		cut += loss[i].truncated;
		list[gap.n_loss++] = &loss[i];
	}
	memcpy(j->counts, now, sizeof(j->counts));
	gap.reason = (char *)"kernel";
	gap.time = gap.to = mo->epoch_ns;
	gap.from = j->counted_ns;
	gap.exact = true;
	gap.loss = list;
	gap.message = total ? arena_fmt(&j->arena, "%llu events of the kernel were lost",
					(unsigned long long)total) :
			      arena_fmt(&j->arena,
					"of %llu events of the kernel a text was cut short",
					(unsigned long long)cut);
	j->counted_ns = mo->epoch_ns;
	keep_gap(j, &gap);
}

/* What a container did beyond its share is not known, but how much it was. */
static void container_limited(struct journal *j, const struct moment *mo,
			      const Keelwatch__Event *event)
{
	const struct ev_flood *rec = (const void *)mo->rec;
	const char *name = mo->container ? container_name(&mo->container->msg) :
					   "that is gone, and was not known";
	_cleanup_(buf_free) struct buf counts = {};
	Keelwatch__Loss *list[CLASS_MAX];
	Keelwatch__Gap gap = KEELWATCH__GAP__INIT;

	for (size_t i = 0; i < event->n_loss; i++) {
		Keelwatch__Loss *l = event->loss[i];

		if (!l->limited)
			continue;
		buf_fmt(&counts, "%s%llu %s", gap.n_loss ? ", " : "",
			(unsigned long long)l->limited, l->class_);
		list[gap.n_loss++] = l;
	}
	gap.reason = (char *)"flood";
	gap.time = gap.to = mo->epoch_ns;
	gap.from = mo->epoch_ns - (rec->head.time_ns - rec->from_ns);
	gap.exact = true;
	gap.loss = list;
	gap.container = mo->container ? &mo->container->msg : NULL;
	gap.message = arena_fmt(
		&j->arena, "held back: %s events of container %s, which does more than its share",
		buf_cstr(&counts), name);
	keep_gap(j, &gap);
}

/* What a sink has lost for good. */
static void sink_lost(struct journal *j, const char *sink, const char *reason, uint64_t records,
		      const char *message)
{
	Keelwatch__Gap gap = KEELWATCH__GAP__INIT;
	char *name = (char *)sink;

	gap.reason = (char *)reason;
	gap.time = gap.to = clock_epoch_ns();
	gap.exact = true;
	gap.records = records;
	gap.n_sinks = 1;
	gap.sinks = &name;
	gap.message = (char *)message;
	keep_gap(j, &gap);
}

void journal_dead_letters(struct journal *j, const char *sink, uint64_t lost)
{
	sink_lost(j, sink, "dead-letter", lost,
		  arena_fmt(&j->arena, "%llu dead letters of sink %s were dropped for their bound",
			    (unsigned long long)lost, sink));
}

void journal_left(struct journal *j, uint64_t records)
{
	Keelwatch__Gap gap = KEELWATCH__GAP__INIT;

	gap.reason = (char *)"upgrade";
	gap.time = gap.to = clock_epoch_ns();
	gap.exact = true;
	gap.records = records;
	gap.message = arena_fmt(
		&j->arena, "%llu events that a monitor of another version had not read are lost",
		(unsigned long long)records);
	keep_gap(j, &gap);
}

void journal_rejected(struct journal *j, const char *sink, uint64_t records)
{
	sink_lost(j, sink, "rejected", records,
		  arena_fmt(&j->arena, "%llu records were rejected, sink %s does not say which",
			    (unsigned long long)records, sink));
}

void journal_moment(struct journal *j, const struct moment *mo, const Keelwatch__Event *event)
{
	if (mo->started && mo->container)
		container_started(j, mo, event);
	if (mo->ended)
		container_ended(j, mo, event);
	if (mo->rec->type == EV_LOSS)
		kernel_lost(j, mo, event);
	if (mo->rec->type == EV_FLOOD)
		container_limited(j, mo, event);
}

static void keep_monitor(struct journal *j, const char *operation, const char *message,
			 Keelwatch__Heartbeat *beat)
{
	Keelwatch__Record record = KEELWATCH__RECORD__INIT;
	Keelwatch__Monitor monitor = KEELWATCH__MONITOR__INIT;

	stamp_metadata(j->stamp, j->id, &j->metadata);
	monitor.kind = (char *)"monitor";
	monitor.operation = (char *)operation;
	monitor.severity = KEELWATCH__SEVERITY__info;
	monitor.time = clock_epoch_ns();
	monitor.message = (char *)message;
	monitor.metadata = &j->metadata;
	monitor.heartbeat = beat;
	record.body_case = KEELWATCH__RECORD__BODY_MONITOR;
	record.monitor = &monitor;
	keep(j, &record);
	arena_reset(&j->arena);
}

void journal_monitor(struct journal *j, const char *operation, const char *message)
{
	keep_monitor(j, operation, message, NULL);
}

void journal_heartbeat(struct journal *j, Keelwatch__Heartbeat *beat)
{
	keep_monitor(j, "heartbeat",
		     arena_fmt(&j->arena,
			       "the monitor watches: %llu containers, %llu events, %llu findings, "
			       "%llu lost",
			       (unsigned long long)beat->containers,
			       (unsigned long long)beat->events, (unsigned long long)beat->findings,
			       (unsigned long long)beat->lost),
		     beat);
}
