/* SPDX-License-Identifier: Apache-2.0 */
/* Watching this machine: the kernel half, the ring, and the loop that drains it. */
#ifndef KEELWATCH_LIVE_H
#define KEELWATCH_LIVE_H

#include <stdatomic.h>
#include <stdio.h>

#include "cli/keeper.h"
#include "cli/metrics.h"
#include "cli/notify.h"
#include "cli/pipeline.h"
#include "probe/probe.h"

struct live;

struct live_options {
	struct pipeline_options pipeline;
	enum way way;		 /* this one alone; WAY_NONE: the best of each feature */
	bool unlimited;		 /* containers have no shares */
	FILE *record_to;	 /* NULL: no recording */
	struct keeper *keeper;	 /* borrowed; NULL: nothing is kept */
	bool hand_over;		 /* at SIGTERM: waits for who stands by, else nothing outlives us */
	struct metrics *metrics; /* borrowed; NULL: there are none */
	struct notify *notify;	 /* borrowed; may be NULL */
	struct printer *printer; /* borrowed, of pipeline.print; NULL: that keeps nothing back */
	atomic_bool *stop;	 /* set by anyone: the loop ends; NULL: only signals end it */
};

/* Loads and attaches. Returns an exit code, having said on standard error what is wrong. */
int live_new(const struct live_options *options, struct live **ret);
/* Takes stock, says that it watches, and goes on until SIGINT or SIGTERM. An exit code. */
int live_run(struct live *l);
/* Containers, events, findings and losses, in a line each, to standard error. */
void live_summary(struct live *l);
/* It has ended, and nobody is to go on where it stopped. */
bool live_is_last(const struct live *l);
void live_free(struct live *l);

#endif
