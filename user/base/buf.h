/* SPDX-License-Identifier: Apache-2.0 */
/* A growing byte buffer with a bound. */
#ifndef KEELWATCH_BUF_H
#define KEELWATCH_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct buf {
	char *data; /* owned; NUL-terminated once anything was added, else NULL */
	size_t len; /* bytes, without the NUL */
	size_t cap;
	size_t max;  /* 0: no bound */
	bool failed; /* out of memory or bound reached: it and later additions do nothing */
};

void buf_free(struct buf *b);  /* leaves an empty buffer with the same bound */
void buf_reset(struct buf *b); /* keeps the memory, clears failed */
void buf_add(struct buf *b, const void *data, size_t len);
void buf_str(struct buf *b, const char *text);
void buf_char(struct buf *b, char c);
void buf_fmt(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
const char *buf_cstr(const struct buf *b); /* never NULL; borrowed */

#endif
