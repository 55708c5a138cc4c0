/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long records have been waiting for a sink: when which sequence number was the newest, noted once a
 * second in so many places. When they are used up, one is given back: the older the notes, the fewer.
 */
#ifndef KEELWATCH_LAG_H
#define KEELWATCH_LAG_H

#include <stddef.h>
#include <stdint.h>

#define LAG_MARKS 512

struct lag {
	struct {
		uint64_t sequence, at_ns; /* at this time it was the newest */
	} marks[LAG_MARKS];
	size_t count;
};

void lag_note(struct lag *l, uint64_t newest, uint64_t now_ns);
/* How long the first record behind acknowledged has been there: at least, in ns; 0: there is none. */
uint64_t lag_of(const struct lag *l, uint64_t acknowledged, uint64_t now_ns);

#endif
