/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every family of metrics there is, in one table, and how they are written: Prometheus' text format,
 * version 0.0.4. keelwatch-metrics(7) says more of each.
 */
#ifndef KEELWATCH_FAMILIES_H
#define KEELWATCH_FAMILIES_H

#include <stddef.h>
#include <stdint.h>

struct buf;

enum family {
	FAMILY_BUILD_INFO,
	FAMILY_START_TIME,
	FAMILY_WATCHING,
	FAMILY_FEATURE,
	FAMILY_FEATURE_PROGRAMS,
	FAMILY_EVENTS_SENT,
	FAMILY_EVENTS_LOST,
	FAMILY_EVENTS_HELD_BACK,
	FAMILY_EVENTS_TRUNCATED,
	FAMILY_EVENTS_HANDLED,
	FAMILY_EVENTS_DAMAGED,
	FAMILY_EVENT_LATENESS,
	FAMILY_RING_USED,
	FAMILY_RING_SIZE,
	FAMILY_FINDINGS,
	FAMILY_LINES_DROPPED,
	FAMILY_CONTAINERS,
	FAMILY_CONTAINERS_SEEN,
	FAMILY_CONTAINER_EVENTS,
	FAMILY_CONTAINER_FINDINGS,
	FAMILY_PROGRAM_RUNS,
	FAMILY_PROGRAM_SECONDS,
	FAMILY_STORE_ENABLED,
	FAMILY_STORE_STORED,
	FAMILY_STORE_REFUSED,
	FAMILY_STORE_DROPPED,
	FAMILY_STORE_BYTES,
	FAMILY_STORE_MAX_BYTES,
	FAMILY_STORE_WAITING,
	FAMILY_STORE_FAILING,
	FAMILY_SINK_DELIVERED,
	FAMILY_SINK_RETRIED,
	FAMILY_SINK_REFUSED,
	FAMILY_SINK_DEAD,
	FAMILY_SINK_LOST,
	FAMILY_SINK_LAG_RECORDS,
	FAMILY_SINK_LAG_SECONDS,
	FAMILY_SINK_STATE,
	FAMILY_SHIPPER_RESTARTS,
	FAMILY_EXPORTER_RESTARTS,
	FAMILY_SETTINGS_WRONG,
	FAMILY_MEMORY,
	FAMILY_CPU,
	FAMILY_AGE,
	FAMILY_REQUESTS,
	FAMILY_MAX,
};

struct family_info {
	const char *name, *type, *help;
};

extern const struct family_info families[FAMILY_MAX];

/* The lines that go before a family's first sample. */
void family_begin(struct buf *b, enum family family);
/* A sample; its labels as pairs of name and value, ended by NULL. Values are valid UTF-8. */
void family_count(struct buf *b, enum family family, uint64_t value, ...) __attribute__((sentinel));
void family_value(struct buf *b, enum family family, double value, ...) __attribute__((sentinel));

/* How often a value was at most so much; the bounds rise. */
struct histogram {
	const double *bounds;
	size_t bound_count;
	uint64_t *counts; /* bound_count + 1: the last is of what is beyond */
	double sum;
};

void histogram_add(struct histogram *h, double value);
void family_histogram(struct buf *b, enum family family, const struct histogram *h);

#endif
