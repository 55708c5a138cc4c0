/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers of containers, by name, for so many at a time: who is first gets a place and keeps it as long as
 * it runs. What all others did is one sum, which goes up only.
 */
#ifndef KEELWATCH_CENSUS_H
#define KEELWATCH_CENSUS_H

#include <stddef.h>
#include <stdint.h>

#include "model/container.h"

struct buf;
struct census;

struct census_totals {
	uint64_t events, findings; /* of all containers there ever were */
};

int census_new(size_t places, struct census **ret); /* -ENOMEM */
void census_free(struct census *c);		    /* NULL is fine */

/* Once a second: between these two, each container that runs. */
void census_begin(struct census *c);
void census_count(struct census *c, const struct container *container);
void census_end(struct census *c);

/* Appends the families of containers. */
void census_write(const struct census *c, struct census_totals totals, struct buf *b);

#endif
