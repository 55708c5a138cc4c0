/* SPDX-License-Identifier: Apache-2.0 */
/* One end of a feed, for who may wait: see feed/feed.h. */
#ifndef KEELWATCH_LINK_H
#define KEELWATCH_LINK_H

#include "base/buf.h"
#include "feed/feed.h"

struct link {
	int fd, stop;	 /* stop: readable when it is time to give up; both borrowed */
	struct buf body; /* of the message read last; free with buf_free() */
	size_t at, end;	 /* of what was taken from the socket and not yet read */
	char taken[1 << 16];
};

/* The next message: 1, its body in link->body; 0: the other end closed, or stop; -EPROTO: it is none. */
int link_read(struct link *l, struct feed_head *ret);
/* 0, -EPIPE, or -ECANCELED: we are to stop. */
int link_write(struct link *l, enum feed_type type, uint64_t sequence, const void *body,
	       size_t len);

#endif
