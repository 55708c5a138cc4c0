/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the monitor is, told to its exporter once a second: counts, what is loaded, what is stored and
 * shipped, and in words what keeps it from being ready. NULL stands for metrics that are off.
 */
#ifndef KEELWATCH_METRICS_H
#define KEELWATCH_METRICS_H

#include "cli/keeper.h"
#include "cli/pipeline.h"
#include "probe/probe.h"

struct metrics;
struct ring;

/* Where it is from. Before all of it is there it watches not yet. */
struct metrics_source {
	struct probe *probe;
	struct ring *ring;
	struct pipeline *pipeline;
	const struct ev_counts *counts; /* CLASS_MAX of them, since our start */
	uint64_t damaged;		/* records that did not pass the check */
	uint64_t held_back[CLASS_MAX];	/* events of containers beyond their share */
	uint64_t lines_dropped;		/* that standard output did not take */
};

/* Begins the exporter, as the settings say. NULL: there is none, and that is said where it is an error. */
struct metrics *metrics_new(struct keeper *keeper);
/*
 * Where the settings (NULL: the usual ones) ask for it, a descriptor while which is open the kernel measures
 * programs; else negative. Before rights are given up. What is wrong with the settings others say.
 */
int metrics_measure(const char *config_path);
void metrics_free(struct metrics *m);

void metrics_finding(struct metrics *m, const Keelwatch__Finding *finding);
void metrics_lateness(struct metrics *m,
		      uint64_t event_ns);	 /* an event of that time is handled now */
pid_t metrics_exporter(const struct metrics *m); /* 0: there is none at the moment */
void metrics_tick(struct metrics *m, const struct metrics_source *source);

#endif
