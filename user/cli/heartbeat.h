/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record now and then that says what runs, so that a receiver can alarm when none comes: that the
 * monitor died, was killed or is cut off it cannot tell itself.
 */
#ifndef KEELWATCH_HEARTBEAT_H
#define KEELWATCH_HEARTBEAT_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/journal.h"
#include "feed/feeder.h"
#include "probe/probe.h"

/* What the monitor's loop knows of itself. */
struct vitals {
	uint64_t containers; /* that run now */
	uint64_t events, findings, lost;
	const struct feature_state *features; /* borrowed */
	size_t feature_count;
};

struct heartbeat {
	uint64_t started_ns;	    /* of the epoch */
	uint64_t began_ns, last_ns; /* of CLOCK_BOOTTIME; last 0: none yet */
	uint64_t interval_ns;	    /* 0: never */
};

/* What else it says: of the store, and of the sinks. */
struct heartbeat_keeping {
	struct store_stats store;
	const struct feeder_sink *sinks;
	size_t sink_count;
};

void heartbeat_begin(struct heartbeat *h); /* the monitor watches from now on; the first is due */
bool heartbeat_due(const struct heartbeat *h); /* asked once a second */
void heartbeat_write(struct heartbeat *h, const struct vitals *vitals,
		     const struct heartbeat_keeping *keeping, struct journal *journal);

#endif
