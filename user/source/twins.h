/* SPDX-License-Identifier: Apache-2.0 */
/*
 * While programs of two sides speak (see struct control), an event is told by both: two records that
 * differ in the side, in the time by a moment, and in nothing else.
 */
#ifndef KEELWATCH_TWINS_H
#define KEELWATCH_TWINS_H

#include <stdbool.h>

#include <linux/types.h>

#include "event.h"

struct twins;

int twins_new(struct twins **ret); /* 0 or -ENOMEM */
void twins_free(struct twins *t);

/* Whether the other side has told it already. In the ring's order; a record that passed record_check(). */
bool twins_told(struct twins *t, const struct ev_head *rec);

#endif
