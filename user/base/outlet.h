/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing to a descriptor whose other end belongs to somebody else, without waiting for that. A descriptor
 * that others have too is not made non-blocking for them: a pipe or a terminal is opened anew.
 */
#ifndef KEELWATCH_OUTLET_H
#define KEELWATCH_OUTLET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct outlet {
	int fd;	     /* the one that was given: borrowed */
	int own;     /* the same opened anew; -1: it cannot be, or need not */
	bool socket; /* is asked not to wait with each write */
};

void outlet_open(struct outlet *o, int fd);
void outlet_close(struct outlet *o);

/*
 * Writes at once what is taken at once. Bytes, or -errno; -EAGAIN: nothing is taken now. Up to PIPE_BUF bytes
 * are taken whole or not at all by a pipe. A file is waited for, as its disk is.
 */
ssize_t outlet_write(const struct outlet *o, const void *data, size_t len);
/* Waits so long for it to take something. False: it does not. */
bool outlet_wait(const struct outlet *o, int ms);

#endif
