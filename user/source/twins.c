/* SPDX-License-Identifier: Apache-2.0 */
#include "source/twins.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

#define APART_NS \
	20000000ULL /* the programs of one event run one after the other, on one processor */
#define KEPT 512 /* records of the last moment; with more than these between them both are told */

struct twins {
	struct ev_head *kept[KEPT]; /* the oldest is written over; NULL: none, or its twin came */
	size_t next;
};

int twins_new(struct twins **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

void twins_free(struct twins *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < KEPT; i++)
		free(t->kept[i]);
	free(t);
}

static bool is_twin(const struct ev_head *a, const struct ev_head *b)
{
	const size_t head = sizeof(*a);
	struct ev_head x = *a, y = *b;
	__u64 apart = a->time_ns > b->time_ns ? a->time_ns - b->time_ns : b->time_ns - a->time_ns;

	if (a->len != b->len || a->tid != b->tid || apart > APART_NS ||
	    !((a->flags ^ b->flags) & EVF_SIDE))
		return false;
	x.flags = y.flags = 0;
	x.time_ns = y.time_ns = 0;
	x.lost = y.lost = 0;
	return !memcmp(&x, &y, head) &&
	       !memcmp((const char *)a + head, (const char *)b + head, a->len - head);
}

bool twins_told(struct twins *t, const struct ev_head *rec)
{
	struct ev_head **place = &t->kept[t->next];

	for (size_t i = 0; i < KEPT; i++) {
		if (!t->kept[i] || !is_twin(t->kept[i], rec))
			continue;
		free(t->kept[i]);
		t->kept[i] = NULL;
		return true;
	}
	free(*place);
	*place = malloc(rec->len);
	if (*place)
		memcpy(*place, rec, rec->len);
	t->next = (t->next + 1) % KEPT;
	return false;
}
