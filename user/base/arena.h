/* SPDX-License-Identifier: Apache-2.0 */
/* Memory for what lives as long as one event. */
#ifndef KEELWATCH_ARENA_H
#define KEELWATCH_ARENA_H

#include <stddef.h>

struct arena_block;

struct arena {
	struct arena_block *blocks; /* the first is kept over a reset */
	size_t used;		    /* of the newest block */
};

/* Zeroed, aligned for anything; NULL without memory. */
void *arena_alloc(struct arena *a, size_t size);
/* NUL-terminated; "" without memory. */
char *arena_copy(struct arena *a, const char *text, size_t len);
char *arena_fmt(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* bytes as clean text (see text_clean()). */
char *arena_clean(struct arena *a, const char *bytes, size_t len);
void arena_reset(struct arena *a);
void arena_free(struct arena *a);

#endif
