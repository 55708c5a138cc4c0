/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far the ring may be given back: what was read stays in it until all that was made of it is safe in
 * the store, so that who is killed meanwhile has lost nothing.
 */
#ifndef KEELWATCH_PROGRESS_H
#define KEELWATCH_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROGRESS_MARKS 1024

struct progress {
	struct {
		uint64_t place, sequence;
	} marks[PROGRESS_MARKS]; /* a ring of them: first is the oldest */
	size_t first, count;
};

/* Up to place the ring was read, and the records up to sequence made of it. Both never go back. */
void progress_note(struct progress *p, uint64_t place, uint64_t sequence);
/* The place before which all is safe, now that records up to sequence are; 0: nothing new is. */
uint64_t progress_safe(struct progress *p, uint64_t sequence);
bool progress_waits(const struct progress *p); /* something is not safe yet */

#endif
