/* SPDX-License-Identifier: Apache-2.0 */
/* One sink as the feeder sees it: a cursor, a socket, and what goes to and fro on it. */
#ifndef KEELWATCH_LANE_H
#define KEELWATCH_LANE_H

#include "base/buf.h"
#include "feed/feeder.h"

struct lane {
	char name[sizeof(((struct feeder_sink *)0)->name)];
	unsigned int kinds;
	int min_severity;
	int fd; /* borrowed; -1: nobody is there */
	bool wants;
	struct feed_want want;
	uint64_t position;     /* looked at up to here */
	uint64_t sent;	       /* the newest record handed over */
	uint64_t acknowledged; /* of those handed over */
	uint64_t settled;      /* what the store was told */
	struct buf out;
	size_t out_at;
	char in[sizeof(struct feed_head) + sizeof(struct feed_status)];
	size_t in_len;
	struct feed_status before; /* counts of the shippers before this one */
	struct feed_status status;
};

void lane_free(struct lane *l);
/* A new shipper, or none (-1): begins again behind what is acknowledged. */
void lane_connect(struct lane *l, int fd);
/* The counts of the lane that it takes the place of. */
void lane_inherit(struct lane *l, const struct lane *old);
/* Takes in what the shipper says. 0; -EPROTO: that is none of ours; -EPIPE: it is gone. */
int lane_read(struct lane *l, struct store *store);
/* Gives it what it wants, where there is any. 0 or what the reader said. */
int lane_serve(struct lane *l, struct store *store, struct store_reader *reader);
int lane_write(struct lane *l); /* what waits in out: 0 or -EPIPE */
bool lane_is_writing(const struct lane *l);
void lane_status(const struct lane *l, struct feeder_sink *ret);

#endif
