/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the store says to who goes on where another monitor stopped: what was made already of records that
 * are read again, and which containers were told of and not their end.
 */
#ifndef KEELWATCH_RESUME_H
#define KEELWATCH_RESUME_H

#include <stdbool.h>
#include <stddef.h>

#include "message/stamp.h"

struct resume;

/*
 * Reads the store in dir. from: the ring, and the place from which it is read again. boot_id: of this
 * kernel. A store that cannot be read knows nothing. 0 or -ENOMEM.
 */
int resume_read(const char *dir, const struct stamp_place *from, const char *boot_id,
		struct resume **ret);
void resume_free(struct resume *r);

bool resume_knows(const struct resume *r, const char *id); /* a record with it is in the store */
/* Calls fn for each container that was told of, not its end; stops where it returns not 0. */
int resume_containers(const struct resume *r, int (*fn)(void *arg, const Keelwatch__Container *c),
		      void *arg);

#endif
