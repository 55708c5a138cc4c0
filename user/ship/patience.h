/* SPDX-License-Identifier: Apache-2.0 */
/* How long an attempt may wait: to its deadline, or until all is to end. */
#ifndef KEELWATCH_PATIENCE_H
#define KEELWATCH_PATIENCE_H

#include <stdint.h>

struct patience {
	uint64_t deadline_ns; /* of clock_monotonic_ns() */
	int stop;	      /* an eventfd, readable when all is to end */
};

struct patience patience_for(uint64_t ns, int stop);

/*
 * Waits for events of poll(2) at fd (-1: for nothing), at most to the deadline. 0: there is one;
 * -ETIMEDOUT; -ECANCELED: stop.
 */
int patience_wait(const struct patience *p, int fd, short events);

/* The same, but for so long only, which is no failure: 0 then too. */
int patience_pause(const struct patience *p, int fd, short events, uint64_t ns);

/* The same patience, but no longer than so much from now on. */
struct patience patience_at_most(const struct patience *p, uint64_t ns);

#endif
