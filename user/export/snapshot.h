/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the monitor is, as text, in memory it shares with its exporter: the one writes and waits for
 * nobody, the other cannot write. Two places take turns, so that one is whole while the other is written.
 */
#ifndef KEELWATCH_SNAPSHOT_H
#define KEELWATCH_SNAPSHOT_H

#include <stddef.h>
#include <stdint.h>

#define SNAPSHOT_TEXT_MAX (1u << 20) /* bytes of metrics */
#define SNAPSHOT_WHY_MAX 4096	     /* bytes of what is wrong */

struct snapshot_board;

/* The writer's: the board, and a descriptor of it to give away. Caller unmaps and closes. 0 or -errno. */
int snapshot_new(struct snapshot_board **ret, int *fd);
/* The reader's, of such a descriptor. 0, -errno, or -EINVAL: it is none. */
int snapshot_open(int fd, const struct snapshot_board **ret);
void snapshot_unmap(const struct snapshot_board *board); /* NULL is fine */

/* Text beyond its bound is refused: -E2BIG, and the one before stays. why is cut. */
int snapshot_write(struct snapshot_board *board, uint64_t boot_ns, const char *text, size_t len,
		   const char *why, size_t why_len);

struct snapshot {
	uint64_t boot_ns; /* when it was written, CLOCK_BOOTTIME; 0: nothing was yet */
	size_t len, why_len;
	char text[SNAPSHOT_TEXT_MAX];
	char why[SNAPSHOT_WHY_MAX]; /* a line for each thing that is wrong; empty: all is well */
};

/* The newest one, whole. 0, or -EAGAIN: the writer was at work each time we looked. */
int snapshot_read(const struct snapshot_board *board, struct snapshot *ret);

#endif
