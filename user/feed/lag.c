/* SPDX-License-Identifier: Apache-2.0 */
#include "feed/lag.h"

#include <string.h>

/* Gives back the note without which what is said changes least, as a part of how long ago it was. */
static void give_one_back(struct lag *l, uint64_t now_ns)
{
	double least = 0;
	size_t at = 0;

	for (size_t i = 1; i + 1 < l->count; i++) {
		uint64_t gap = l->marks[i + 1].at_ns - l->marks[i - 1].at_ns;
		double part = (double)gap / (now_ns - l->marks[i].at_ns + 1);

		if (at && part >= least)
			continue;
		least = part;
		at = i;
	}
	memmove(&l->marks[at], &l->marks[at + 1], (--l->count - at) * sizeof(l->marks[0]));
}

void lag_note(struct lag *l, uint64_t newest, uint64_t now_ns)
{
	if (l->count && l->marks[l->count - 1].sequence >= newest)
		return;
	if (l->count == LAG_MARKS)
		give_one_back(l, now_ns);
	l->marks[l->count].sequence = newest;
	l->marks[l->count].at_ns = now_ns;
	l->count++;
}

uint64_t lag_of(const struct lag *l, uint64_t acknowledged, uint64_t now_ns)
{
	size_t low = 0, high = l->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (l->marks[middle].sequence > acknowledged)
			high = middle;
		else
			low = middle + 1;
	}
	return low < l->count && now_ns > l->marks[low].at_ns ? now_ns - l->marks[low].at_ns : 0;
}
