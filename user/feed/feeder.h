/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hands what the store has to the shipper: a thread of the monitor's that begins the shipper, begins it
 * again when it dies, gives each sink what lies behind its cursor, and moves the cursors.
 */
#ifndef KEELWATCH_FEEDER_H
#define KEELWATCH_FEEDER_H

#include <sys/types.h>

#include "config/config.h"
#include "feed/feed.h"
#include "store/store.h"

struct feeder;

/* Starts the thread; borrows the store for its life. Nothing is shipped before feeder_set(). */
int feeder_new(struct store *store, const char *state_dir, struct feeder **ret);
/*
 * Ends the shipper (within seconds, else it is killed) and the thread. What is not acknowledged is sent
 * at the next start.
 */
void feeder_free(struct feeder *f);

/* From now on the enabled sinks of config, of which it keeps a copy. 0 or -errno. Any thread. */
int feeder_set(struct feeder *f, const struct config *config);

struct feeder_sink {
	char name[64];
	uint64_t acknowledged;	   /* sequence */
	struct feed_status status; /* of all its shippers: counts add up over restarts */
};

/* How many records, up to the newest, are still to go to it. */
uint64_t feeder_behind(const struct feeder_sink *sink, uint64_t newest);
const char *feed_state_name(enum feed_state state); /* NULL: there is no such state */

/* How the sinks are; how many, of at most CONFIG_SINKS_MAX. restarts may be NULL. Any thread. */
size_t feeder_stats(struct feeder *f, struct feeder_sink *sinks, uint64_t *restarts);
pid_t feeder_shipper(
	struct feeder *f); /* its shipper's; 0: there is none at the moment. Any thread. */

#endif
