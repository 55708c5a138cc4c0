/* SPDX-License-Identifier: Apache-2.0 */
/* A bump allocator that is emptied between events. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "base/util.h"

#define BLOCK_MIN 16384
#define ALIGN 16

struct arena_block {
	struct arena_block *next;
	size_t size;
	char data[] __attribute__((aligned(ALIGN)));
};

static struct arena_block *block_add(struct arena *a, size_t size)
{
	struct arena_block *b = malloc(sizeof(*b) + size);

	if (!b)
		return NULL;
	b->size = size;
	b->next = a->blocks;
	a->blocks = b;
	a->used = 0;
	return b;
}

void *arena_alloc(struct arena *a, size_t size)
{
	size_t rounded = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	void *p;

	if (!a->blocks || a->blocks->size - a->used < rounded) {
		if (!block_add(a, rounded > BLOCK_MIN ? rounded : BLOCK_MIN))
			return NULL;
	}
	p = a->blocks->data + a->used;
	a->used += rounded;
	return memset(p, 0, size);
}

char *arena_copy(struct arena *a, const char *text, size_t len)
{
	char *p = arena_alloc(a, len + 1);

	return p ? memcpy(p, text, len) : (char *)"";
}

char *arena_fmt(struct arena *a, const char *fmt, ...)
{
	va_list args;
	char *p;
	int len;

	va_start(args, fmt);
	len = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	p = len < 0 ? NULL : arena_alloc(a, len + 1);
	if (!p)
		return (char *)"";
	va_start(args, fmt);
	vsnprintf(p, len + 1, fmt, args);
	va_end(args);
	return p;
}

char *arena_clean(struct arena *a, const char *bytes, size_t len)
{
	_cleanup_(buf_free) struct buf b = {};

	if (!len)
		return (char *)"";
	if (text_is_clean(bytes, len))
		return arena_copy(a, bytes, len);
	text_clean(&b, bytes, len);
	return arena_copy(a, buf_cstr(&b), b.len);
}

void arena_reset(struct arena *a)
{
	while (a->blocks && a->blocks->next) {
		struct arena_block *b = a->blocks;

		a->blocks = b->next;
		free(b);
	}
	a->used = 0;
}

void arena_free(struct arena *a)
{
	arena_reset(a);
	free(a->blocks);
	a->blocks = NULL;
}
