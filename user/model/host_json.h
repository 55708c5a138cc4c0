/* SPDX-License-Identifier: Apache-2.0 */
/* JSON that runtimes and engines leave on the host: hostile, bounded before it is parsed. */
#ifndef KEELWATCH_HOST_JSON_H
#define KEELWATCH_HOST_JSON_H

#include <jansson.h>
#include <stddef.h>

struct buf;
struct facts;

#define HOST_JSON_TEXT_MAX 4096 /* bytes of one string; the rest is cut off */

/*
 * An object or array, the caller's to json_decref(). NULL where the text is none: *ret_err is
 * -EINVAL, or -E2BIG for more values than any real file has, or -ENOMEM. why (may be NULL) gets
 * the reason as clean text, for a syntax error with ":LINE:COLUMN: " before it. Numbers are all
 * real: a seccomp argument may be any 64-bit value, which jansson's integers do not hold.
 */
json_t *host_json_parse(const char *text, size_t len, struct buf *why, int *ret_err);

/* What a file of the host holds; NULL without one. */
json_t *host_json_read(struct facts *facts, const char *path);

/*
 * Replaces *ret by a clean copy of a string. An empty string, and what is no string, leaves it.
 * 0, 1 when the text was cut, or -ENOMEM.
 */
int host_json_text(const json_t *value, char **ret);

/* A string's bytes while they have no NUL; NULL for anything else. Borrowed, raw. */
const char *host_json_raw(const json_t *value);

#endif
