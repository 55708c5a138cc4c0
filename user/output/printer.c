/* SPDX-License-Identifier: Apache-2.0 */
#include "output/printer.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/outlet.h"

#define KEPT_CAP (64u * 1024) /* of memory, while nothing waits */

struct printer {
	struct outlet to;
	struct buf lines; /* that wait, behind those that are written */
	size_t at;	  /* bytes that are written */
	uint64_t dropped;
	bool broken; /* the reader went away */
};

int printer_new(int fd, size_t room, struct printer **ret)
{
	struct printer *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	outlet_open(&p->to, fd);
	p->lines.max = room;
	*ret = p;
	return 0;
}

void printer_free(struct printer *p)
{
	if (!p)
		return;
	outlet_close(&p->to);
	buf_free(&p->lines);
	free(p);
}

static size_t waiting(const struct printer *p)
{
	return p->lines.len - p->at;
}

static void forget_all(struct printer *p)
{
	if (p->lines.cap > KEPT_CAP)
		buf_free(&p->lines);
	buf_reset(&p->lines);
	p->at = 0;
}

static void drop(struct printer *p, const char *lines, size_t len)
{
	for (size_t i = 0; i < len; i++)
		p->dropped += lines[i] == '\n';
}

static void drop_all(struct printer *p)
{
	if (waiting(p))
		drop(p, p->lines.data + p->at, waiting(p));
	forget_all(p);
}

/* As many whole lines as a pipe takes at once; of a longer one a part. */
static size_t piece(const struct printer *p)
{
	const char *begin = p->lines.data + p->at, *end;
	size_t len = waiting(p);

	if (len <= PIPE_BUF)
		return len;
	end = memrchr(begin, '\n', PIPE_BUF);
	return end ? (size_t)(end + 1 - begin) : PIPE_BUF;
}

/* A file on a full disk takes more when there is room again. */
static bool is_for_now(int err)
{
	return err == -EAGAIN || err == -EINTR || err == -ENOSPC || err == -EDQUOT;
}

/* False: it takes nothing now, or no more. */
static bool write_piece(struct printer *p)
{
	ssize_t n = outlet_write(&p->to, p->lines.data + p->at, piece(p));

	if (n < 0 && !is_for_now(n)) {
		p->broken = true;
		drop_all(p);
	}
	if (n <= 0)
		return false;
	p->at += n;
	if (!waiting(p))
		forget_all(p);
	return true;
}

bool printer_push(struct printer *p)
{
	while (waiting(p) && write_piece(p))
		;
	return waiting(p);
}

/* What is written makes room for what comes, once it is the greater part. */
static void close_up(struct printer *p)
{
	size_t left = waiting(p);

	if (p->at < left)
		return;
	memmove(p->lines.data, p->lines.data + p->at, left);
	p->lines.len = left;
	p->at = 0;
}

bool printer_print(void *printer, const char *lines, size_t len)
{
	struct printer *p = printer;

	if (printer_push(p))
		close_up(p);
	if (p->broken)
		return false;
	buf_add(&p->lines, lines, len);
	if (p->lines.failed)
		drop(p, lines, len);
	p->lines.failed = false;
	printer_push(p);
	return !p->broken;
}

void printer_finish(struct printer *p, int patience_ms)
{
	uint64_t end = clock_monotonic_ns() + patience_ms * NS_PER_MS, now;

	while (printer_push(p) && (now = clock_monotonic_ns()) < end)
		if (!outlet_wait(&p->to, (end - now) / NS_PER_MS + 1) || !write_piece(p))
			break;
	drop_all(p);
}

uint64_t printer_dropped(const struct printer *p)
{
	return p->dropped;
}
