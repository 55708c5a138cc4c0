/* SPDX-License-Identifier: Apache-2.0 */
/* Records as they came from the ring or a recording: checked once, then read in place. */
#ifndef KEELWATCH_RECORD_H
#define KEELWATCH_RECORD_H

#include <stddef.h>

#include <linux/types.h>

#include "event.h"

struct buf;

/*
 * Checks everything that a reader relies on: length, type, alignment, that each string lies within
 * the record, that components end with NUL, that comm does. 0, or -EBADMSG.
 * Nothing that passed is checked again.
 */
int record_check(const void *record, size_t len);

/* A string's bytes, borrowed from the record; NULL and 0 when it is absent. */
const char *record_bytes(const struct ev_head *rec, const struct ev_str *str, size_t *len);

/* Appends a PATH string from the root down ("/a/b"), or a TEXT string as it is: raw bytes. */
void record_path(struct buf *out, const struct ev_head *rec, const struct ev_str *str);

/* "exec", "fork", ...; "?" for what record_check() refuses. */
const char *record_type_name(unsigned int type);
const char *record_class_name(unsigned int class);

#endif
