/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/progress.h"

/* The newest mark takes in what came to the same number, or finds no room for one more. */
void progress_note(struct progress *p, uint64_t place, uint64_t sequence)
{
	size_t newest = (p->first + p->count - 1) % PROGRESS_MARKS;

	if (!p->count || (p->marks[newest].sequence != sequence && p->count < PROGRESS_MARKS)) {
		newest = (p->first + p->count) % PROGRESS_MARKS;
		p->count++;
	}
	p->marks[newest].place = place;
	p->marks[newest].sequence = sequence;
}

uint64_t progress_safe(struct progress *p, uint64_t sequence)
{
	uint64_t safe = 0;

	while (p->count && p->marks[p->first].sequence <= sequence) {
		safe = p->marks[p->first].place;
		p->first = (p->first + 1) % PROGRESS_MARKS;
		p->count--;
	}
	return safe;
}

bool progress_waits(const struct progress *p)
{
	return p->count;
}
