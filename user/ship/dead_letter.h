/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a receiver refused for good, as JSON lines: {"sink", "time", "why", "record"}. Bounded: the file
 * is set aside once (.1, replacing the one before) when it reaches half of the bound, and what that
 * replaced is counted as lost.
 */
#ifndef KEELWATCH_DEAD_LETTER_H
#define KEELWATCH_DEAD_LETTER_H

#include <stddef.h>
#include <stdint.h>

#include "event.pb-c.h"

struct dead_letter;

/*
 * dir: must exist, is opened now (its parents may be closed to us later); the file is DIR/SINK.jsonl,
 * made with the first letter.
 */
int dead_letter_new(const char *dir, const char *sink, uint64_t max_bytes,
		    struct dead_letter **ret);
void dead_letter_free(struct dead_letter *d);

/* On disk when it returns. 0 or -errno: then it is not there, and the caller tries again. */
int dead_letter_write(struct dead_letter *d, const Keelwatch__Record *record, const char *why);
uint64_t dead_letter_lost(const struct dead_letter *d); /* letters gone for the bound since new */

#endif
