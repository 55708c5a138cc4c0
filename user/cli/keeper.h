/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What makes findings last and arrive: the settings, the store, the feeder of the shipper, and the
 * journal that fills the store. For `keelwatch run`, whose loop calls it.
 */
#ifndef KEELWATCH_KEEPER_H
#define KEELWATCH_KEEPER_H

#include <stdbool.h>
#include <sys/types.h>

#include "cli/heartbeat.h"
#include "cli/journal.h"
#include "base/log.h"
#include "feed/feeder.h"

struct keeper;

struct keeper_options {
	const char *config;	    /* NULL: CONFIG_PATH, where it exists */
	const char *state_dir;	    /* NULL: as the settings say */
	const enum log_format *log; /* NULL: as the settings say */
	bool no_store;
	bool hand_over; /* begins when another one that keeps its findings there has ended */
	bool forget;	/* where none follows, and all has arrived, the store goes at the end */
};

/* An exit code, having said on standard error what is wrong. */
int keeper_new(const struct keeper_options *options, struct keeper **ret);
struct journal *keeper_journal(struct keeper *k);

/* Where what outlives us is pinned; NULL: nowhere, as nothing is kept. */
const char *keeper_pins(const struct keeper *k);
/*
 * What the store knows of a ring that a monitor before has read up to a place. The journal keeps nothing
 * twice from here on, until keeper_resumed(). 0 or -ENOMEM.
 */
int keeper_resume(struct keeper *k, const struct stamp_place *from, const struct resume **ret);
void keeper_resumed(struct keeper *k);
bool keeper_is_awaited(const struct keeper *k); /* another one waits for our end */
/* The number of the record up to which all are on the disk. */
uint64_t keeper_safe(struct keeper *k);

/* The monitor watches: it is noted, in these words, and shipping begins. */
void keeper_begin(struct keeper *k, const char *message);
void keeper_reload(struct keeper *k); /* reads the settings anew; wrong ones change nothing */
void keeper_tick(struct keeper *k);   /* once a second: what went wrong meanwhile is noted */
bool keeper_beat_due(const struct keeper *k); /* keeper_beat() is to be called now */
void keeper_beat(struct keeper *k, const struct vitals *vitals); /* writes a heartbeat */
/* Notes the end, in these words, and lets what is under way arrive. */
void keeper_end(struct keeper *k, const char *message);
void keeper_summary(struct keeper *k); /* what was stored and shipped, to standard error */
/* Where its parts are, for who watches them; NULL: there is none. Borrowed. */
const char *keeper_config_path(const struct keeper *k);
const char *keeper_store_path(const struct keeper *k);
/*
 * True when the store's last word of a monitor is not of its end: that one was killed, or the machine
 * went down (reboot). last_ns: when its last record was, of the epoch.
 */
bool keeper_unclean(const struct keeper *k, uint64_t *last_ns, bool *reboot);
pid_t keeper_shipper(struct keeper *k); /* its process; 0: none runs */
/* last: no monitor follows on this one. */
void keeper_free(struct keeper *k, bool last);

struct keeper_state {
	bool stores; /* there is a store; without one the rest is empty */
	struct store_stats store;
	uint64_t store_max_bytes;
	struct feeder_sink sinks[CONFIG_SINKS_MAX];
	uint64_t lag_ns
		[CONFIG_SINKS_MAX]; /* of the oldest record that a sink has not, as of the last tick */
	size_t sink_count;
	uint64_t shipper_restarts;
	pid_t shipper;	     /* 0: none runs */
	bool settings_wrong; /* those read last were refused */
};

void keeper_state(struct keeper *k, struct keeper_state *ret);
const struct config *keeper_config(const struct keeper *k); /* borrowed until keeper_reload() */

#endif
