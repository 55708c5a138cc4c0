/* SPDX-License-Identifier: Apache-2.0 */
/* What the monitor says of itself: what was lost and held back, that it lives, and at its end the sum. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/util.h"
#include "cli/live_priv.h"
#include "output/printer.h"

static void note_flood(struct live *l, uint64_t container, const __u64 limited[CLASS_MAX],
		       bool gone)
{
	struct flood_word word;

	if (!floods_note(l->floods, container, limited, gone, clock_boot_ns(),
			 LIVE_TICK_S * NS_PER_S, &word))
		return;
	make_flood(&l->made, container, word.from_ns, word.limited);
	live_take(l, &l->made.head);
	if (l->options.keeper)
		floods_recorded(l->floods, container,
				journal_sequence(l->options.pipeline.journal));
}

void live_tell_flood_end(struct live *l, uint64_t cgroup_id)
{
	__u64 limited[CLASS_MAX];

	if (probe_flood(l->probe, cgroup_id, limited))
		note_flood(l, cgroup_id, limited, true);
	else
		probe_flood_end(l->probe, cgroup_id);
}

static void expect_flood(void *arg, uint64_t container, const __u64 limited[CLASS_MAX], bool last)
{
	(void)limited;
	(void)last;
	floods_expect(((struct live *)arg)->floods, container);
}

static void tell_flood(void *arg, uint64_t container, const __u64 limited[CLASS_MAX], bool last)
{
	struct live *l = arg;

	if (floods_expects(l->floods, container))
		note_flood(l, container, limited, last);
}

/* Their names are in the ring: they are told when what is in it by now has been read. */
static void expect_floods(struct live *l)
{
	if (l->floods_wait)
		return;
	probe_floods(l->probe, expect_flood, l);
	l->floods_wait = true;
	l->floods_after = ring_written(l->ring);
}

void live_tell_floods(struct live *l)
{
	if (!l->floods_wait || ring_read(l->ring) < l->floods_after)
		return;
	l->floods_wait = false;
	probe_floods(l->probe, tell_flood, l);
	floods_since(l->floods, 0);
}

static __u64 gone(const struct ev_counts *c)
{
	return c->lost + c->busy + c->limited;
}

static void check_losses(struct live *l)
{
	struct ev_counts now[CLASS_MAX];
	__u64 lost = 0;

	probe_counts(l->probe, now);
	for (size_t i = 0; i < CLASS_MAX; i++)
		lost += gone(&now[i]) - gone(&l->counts[i]);
	memcpy(l->counts, now, sizeof(now));
	if (!lost)
		return;
	log_warn("%llu events were lost in the last %d s (see the summary)",
		 (unsigned long long)lost, LIVE_TICK_S);
	make_loss(&l->made, l->counts);
	live_take(l, &l->made.head);
	if (l->options.keeper)
		l->loss_told = journal_sequence(l->options.pipeline.journal);
}

static uint64_t lines_dropped(const struct live *l)
{
	return l->options.printer ? printer_dropped(l->options.printer) : 0;
}

static void check_lines(struct live *l)
{
	uint64_t dropped = lines_dropped(l);

	if (dropped > l->lines_told)
		log_warn(
			"%llu lines were not printed in the last %d s: standard output did not take "
			"them (the store has what they told, but for what it counts as not kept)",
			(unsigned long long)(dropped - l->lines_told), LIVE_TICK_S);
	l->lines_told = dropped;
}

static void flood_is_safe(void *arg, uint64_t container, const __u64 told[CLASS_MAX], __u64 told_ns,
			  bool gone)
{
	struct live *l = arg;

	if (gone)
		probe_flood_end(l->probe, container);
	else
		probe_flood_tell(l->probe, container, told, told_ns);
}

void live_told_is_safe(struct live *l)
{
	uint64_t safe = live_safe(l);
	struct told_losses told = { .epoch_ns = clock_epoch_ns() };

	floods_safe(l->floods, safe, flood_is_safe, l);
	if (!l->loss_told || l->loss_told > safe)
		return;
	l->loss_told = 0;
	memcpy(told.counts, l->counts, sizeof(told.counts));
	probe_tell(l->probe, &told);
}

/* What has been counted since our start. */
static void own_counts(struct live *l, struct ev_counts ret[CLASS_MAX])
{
	probe_counts(l->probe, ret);
	for (size_t i = 0; i < CLASS_MAX; i++) {
		ret[i].sent -= l->before[i].sent;
		ret[i].lost -= l->before[i].lost;
		ret[i].busy -= l->before[i].busy;
		ret[i].truncated -= l->before[i].truncated;
		ret[i].limited -= l->before[i].limited;
	}
}

void live_tell_metrics(struct live *l)
{
	struct ev_counts counts[CLASS_MAX];
	struct metrics_source source = { .probe = l->probe,
					 .ring = l->ring,
					 .pipeline = l->pipeline,
					 .counts = counts,
					 .damaged = l->bad,
					 .lines_dropped = lines_dropped(l) };

	own_counts(l, counts);
	for (size_t i = 0; i < CLASS_MAX; i++)
		source.held_back[i] = floods_total(l->floods, i);
	metrics_tick(l->options.metrics, &source);
}

static void take_vitals(struct live *l, struct vitals *v)
{
	struct pipeline_totals totals = pipeline_totals(l->pipeline);
	struct ev_counts counts[CLASS_MAX];

	*v = (struct vitals){
		.containers = totals.alive,
		.events = totals.records,
		.findings = totals.findings,
		.lost = l->bad,
	};
	own_counts(l, counts);
	for (size_t i = 0; i < CLASS_MAX; i++)
		v->lost += gone(&counts[i]);
	v->feature_count = probe_features(l->probe, &v->features);
}

/* That the loop goes round is told to who would miss it: the keeper, and the service manager. */
static void tell_alive(struct live *l)
{
	struct keeper *keeper = l->options.keeper;
	struct vitals v;
	char status[128];

	take_vitals(l, &v);
	if (keeper) {
		keeper_tick(keeper);
		if (keeper_beat_due(keeper))
			keeper_beat(keeper, &v);
	}
	snprintf(status, sizeof(status), "%llu containers, %llu findings, %llu events lost",
		 (unsigned long long)v.containers, (unsigned long long)v.findings,
		 (unsigned long long)v.lost);
	notify_tick(l->options.notify, status);
}

void live_tell(struct live *l)
{
	live_told_is_safe(l);
	check_losses(l);
	check_lines(l);
	expect_floods(l);
	tell_alive(l);
	live_tell_metrics(l);
}

void live_tell_last(struct live *l)
{
	floods_end(l->floods);
	probe_floods(l->probe, tell_flood, l);
}

static void say_lost(const struct live *l, const struct ev_counts counts[CLASS_MAX])
{
	for (size_t i = 0; i < CLASS_MAX; i++) {
		const struct ev_counts *c = &counts[i];

		if (gone(c))
			log_info("lost of %s: %llu (ring full), %llu (no slot), %llu (held back) "
				 "beside %llu sent",
				 record_class_name(i), c->lost, c->busy, c->limited, c->sent);
	}
	for (size_t i = 0; i < CLASS_MAX; i++)
		if (floods_total(l->floods, i))
			log_info("held back of containers beyond their share: %llu of %s",
				 floods_total(l->floods, i), record_class_name(i));
}

void live_summary(struct live *l)
{
	_cleanup_(buf_free) struct buf text = {};
	struct ev_counts counts[CLASS_MAX];
	__u64 lost = 0;

	own_counts(l, counts);
	for (size_t i = 0; i < CLASS_MAX; i++)
		lost += gone(&counts[i]);
	add_totals(&text, pipeline_totals(l->pipeline));
	log_info("%s%s", buf_cstr(&text), lost ? "" : ", 0 lost");
	say_lost(l, counts);
	if (l->bad)
		log_info("%llu records of the ring were damaged", l->bad);
	if (lines_dropped(l))
		log_info("%llu lines were not printed: standard output did not take them",
			 (unsigned long long)lines_dropped(l));
}
