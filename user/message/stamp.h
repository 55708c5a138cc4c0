/* SPDX-License-Identifier: Apache-2.0 */
/* Gives records what makes them one of their own: an id, the host, the version. */
#ifndef KEELWATCH_STAMP_H
#define KEELWATCH_STAMP_H

#include <stdbool.h>
#include <stdint.h>

#include "event.pb-c.h"

struct stamp;

/*
 * With the NUL: 16 hexadecimal digits of this start, "-", a number; or 16 of a ring, "-", a place in it,
 * "-", 8 digits of what was made of the record there.
 */
#define STAMP_ID_SIZE 48

/* Where a record of the kernel's lies: the same whenever, and by whom ever, it is read. */
struct stamp_place {
	uint64_t ring;	/* a number of its own */
	uint64_t place; /* bytes since that was made */
};

/* Reads who this host is. 0 or -errno. */
int stamp_new(struct stamp **ret);
void stamp_free(struct stamp *s);

/*
 * Fills in metadata: a new id, written to the caller's room; the host and the version are borrowed
 * from s. Any thread.
 */
void stamp_metadata(struct stamp *s, char id[STAMP_ID_SIZE], Keelwatch__Metadata *metadata);

/*
 * The same with an id that a later reader of the record at that place gives as well. which: a number for
 * what is made of it.
 */
void stamp_metadata_at(struct stamp *s, const struct stamp_place *at, uint32_t which,
		       char id[STAMP_ID_SIZE], Keelwatch__Metadata *metadata);
/* False: the id is not of a record of a ring. */
bool stamp_read_place(const char *id, struct stamp_place *ret);

const char *stamp_boot_id(const struct stamp *s); /* of the kernel; "" unknown */

#endif
