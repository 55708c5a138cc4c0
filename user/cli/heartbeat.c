/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/heartbeat.h"

#include "base/clock.h"
#include "base/util.h"
#include "config/config.h"

#define EARLY_NS (NS_PER_S / 2) /* half of the second between two questions */
#define FEATURES_MAX 64		/* named in a record; there are a dozen */

/* The lists that the message points to. */
struct lists {
	char *features[FEATURES_MAX], *missing[FEATURES_MAX];
	Keelwatch__SinkState sinks[CONFIG_SINKS_MAX], *sink_list[CONFIG_SINKS_MAX];
};

void heartbeat_begin(struct heartbeat *h)
{
	h->started_ns = clock_epoch_ns();
	h->began_ns = clock_boot_ns();
	h->last_ns = 0;
}

bool heartbeat_due(const struct heartbeat *h)
{
	if (!h->began_ns || !h->interval_ns)
		return false;
	return !h->last_ns || clock_boot_ns() + EARLY_NS >= h->last_ns + h->interval_ns;
}

static void add_features(Keelwatch__Heartbeat *beat, const struct vitals *v, struct lists *l)
{
	beat->features = l->features;
	beat->missing = l->missing;
	for (size_t i = 0; i < v->feature_count && i < FEATURES_MAX; i++) {
		const struct feature_state *f = &v->features[i];

		if (f->way == WAY_NONE) {
			l->missing[beat->n_missing++] = (char *)f->name;
			continue;
		}
		l->features[beat->n_features++] = (char *)f->name;
		beat->programs += f->programs;
	}
}

static void add_sinks(Keelwatch__Heartbeat *beat, const struct heartbeat_keeping *k,
		      struct lists *l)
{
	beat->sinks = l->sink_list;
	for (size_t i = 0; i < k->sink_count && i < CONFIG_SINKS_MAX; i++) {
		const struct feeder_sink *from = &k->sinks[i];
		Keelwatch__SinkState *s = &l->sinks[i];

		keelwatch__sink_state__init(s);
		s->name = (char *)from->name;
		if (feed_state_name(from->status.state))
			s->state = (char *)feed_state_name(from->status.state);
		s->behind = feeder_behind(from, k->store.newest);
		l->sink_list[beat->n_sinks++] = s;
	}
}

void heartbeat_write(struct heartbeat *h, const struct vitals *vitals,
		     const struct heartbeat_keeping *keeping, struct journal *journal)
{
	Keelwatch__Heartbeat beat = KEELWATCH__HEARTBEAT__INIT;
	struct lists lists;

	h->last_ns = clock_boot_ns();
	beat.started = h->started_ns;
	beat.uptime = (h->last_ns - h->began_ns) / NS_PER_S;
	beat.interval = h->interval_ns / NS_PER_S;
	beat.containers = vitals->containers;
	beat.events = vitals->events;
	beat.findings = vitals->findings;
	beat.lost = vitals->lost;
	beat.waiting = keeping->store.waiting;
	beat.refused = keeping->store.refused;
	add_features(&beat, vitals, &lists);
	add_sinks(&beat, keeping, &lists);
	journal_heartbeat(journal, &beat);
}
