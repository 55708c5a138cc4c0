/* SPDX-License-Identifier: Apache-2.0 */
/* What the monitor says of itself: what was lost and held back, that it lives, and at its end the sum. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/util.h"
#include "cli/live_priv.h"

static void note_flood(struct live *l, uint64_t container, const __u64 limited[CLASS_MAX], bool last)
{
	struct flood_word word;

	if (!floods_note(l->floods, container, limited, last || l->ending, clock_boot_ns(),
			 LIVE_TICK_S * NS_PER_S, &word))
		return;
	make_flood(&l->made, container, word.from_ns, word.limited);
	live_take(l, &l->made.head);
}

void live_tell_flood_end(struct live *l, uint64_t cgroup_id)
{
	__u64 limited[CLASS_MAX];

	if (probe_flood_end(l->probe, cgroup_id, limited))
		note_flood(l, cgroup_id, limited, true);
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

	if (!l->ending && !floods_expects(l->floods, container))
		return;
	if (last)
		live_tell_flood_end(l, container);
	else
		note_flood(l, container, limited, false);
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
}

static void check_losses(struct live *l)
{
	struct ev_counts now[CLASS_MAX];
	__u64 gone = 0;

	probe_counts(l->probe, now);
	for (size_t i = 0; i < CLASS_MAX; i++)
		gone += now[i].lost + now[i].busy + now[i].limited - l->counts[i].lost -
			l->counts[i].busy - l->counts[i].limited;
	memcpy(l->counts, now, sizeof(now));
	if (!gone)
		return;
	log_warn("%llu events were lost in the last %d s (see the summary)",
		 (unsigned long long)gone, LIVE_TICK_S);
	make_loss(&l->made, l->counts);
	live_take(l, &l->made.head);
	if (l->options.keeper)
		l->loss_told = journal_sequence(l->options.pipeline.journal);
}

void live_losses_are_safe(struct live *l, uint64_t safe)
{
	struct told_losses told = { .epoch_ns = clock_epoch_ns() };

	if (!l->loss_told || l->loss_told > safe)
		return;
	l->loss_told = 0;
	memcpy(told.counts, l->counts, sizeof(told.counts));
	probe_tell(l->probe, &told);
}

void live_tell_metrics(struct live *l)
{
	struct metrics_source source = { l->probe, l->ring, l->pipeline, l->bad, {} };

	for (size_t i = 0; i < CLASS_MAX; i++)
		source.held_back[i] = floods_total(l->floods, i);
	metrics_tick(l->options.metrics, &source);
}

static void take_vitals(struct live *l, struct vitals *v)
{
	struct pipeline_totals totals = pipeline_totals(l->pipeline);

	*v = (struct vitals){
		.containers = totals.alive,
		.events = totals.records,
		.findings = totals.findings,
		.lost = l->bad,
	};
	for (size_t i = 0; i < CLASS_MAX; i++)
		v->lost += l->counts[i].lost + l->counts[i].busy + l->counts[i].limited;
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
	check_losses(l);
	expect_floods(l);
	tell_alive(l);
	live_tell_metrics(l);
}

void live_tell_last(struct live *l)
{
	l->ending = true;
	probe_floods(l->probe, tell_flood, l);
}

static void say_lost(const struct live *l)
{
	for (size_t i = 0; i < CLASS_MAX; i++) {
		const struct ev_counts *c = &l->counts[i];

		if (c->lost + c->busy + c->limited)
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
	__u64 lost = 0;

	probe_counts(l->probe, l->counts);
	for (size_t i = 0; i < CLASS_MAX; i++)
		lost += l->counts[i].lost + l->counts[i].busy + l->counts[i].limited;
	add_totals(&text, pipeline_totals(l->pipeline));
	log_info("%s%s", buf_cstr(&text), lost ? "" : ", 0 lost");
	say_lost(l);
	if (l->bad)
		log_info("%llu records of the ring were damaged", l->bad);
}
