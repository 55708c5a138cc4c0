/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks after the monitor itself: tells the kernel half what is ours, and notices once a second what the
 * kernel half cannot tell: a clock that was set, a standstill, files and maps that others changed.
 */
#ifndef KEELWATCH_GUARD_H
#define KEELWATCH_GUARD_H

#include <sys/types.h>

#include "probe/probe.h"

struct guard;

struct guard_options {
	struct probe *probe; /* borrowed */
	const char *config; /* path of the settings; NULL: there are none. Copied, as is the next */
	const char *store;  /* path of the database, or NULL */
	void (*say)(void *arg, const struct ev_head *record); /* what was noticed */
	void *arg;
};

int guard_new(const struct guard_options *options, struct guard **ret);
void guard_free(struct guard *g);
/* The monitor before this one left no word of its end; last_ns: its last record, of the epoch. */
void guard_unclean(struct guard *g, uint64_t last_ns, bool reboot);
/* Once a second. The process of each role now; <= 0: there is none. */
void guard_tick(struct guard *g, const pid_t processes[GUARDED_ROLE_MAX]);

#endif
