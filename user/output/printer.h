/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines to a descriptor whose reader may be late, or stand still: it holds up nobody. What it has not
 * taken waits, up to a bound; what has no room there is dropped, and counted.
 *
 * Lines of up to PIPE_BUF bytes are written whole, or not yet: what others write to the same pipe does
 * not come between. Longer ones are written in parts where they have to wait.
 */
#ifndef KEELWATCH_PRINTER_H
#define KEELWATCH_PRINTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct printer;

/* fd: borrowed, and must outlive it. room: bytes, of which at least half may wait. 0 or -ENOMEM. */
int printer_new(int fd, size_t room, struct printer **ret);
void printer_free(struct printer *p);

/* A struct printer; whole lines with their newlines. False: nobody reads any more. */
bool printer_print(void *printer, const char *lines, size_t len);
/* Writes what is taken now. True while something waits. */
bool printer_push(struct printer *p);
/* Waits so long at most for all to be taken; what is not is dropped. */
void printer_finish(struct printer *p, int patience_ms);

uint64_t printer_dropped(const struct printer *p); /* lines, the one that was cut off too */

#endif
