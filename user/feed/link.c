/* SPDX-License-Identifier: Apache-2.0 */
#include "feed/link.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/util.h"

/*
 * 1 when the socket is ready, 0 when we are to stop. What can be said at once is said even then: what a
 * receiver took in the last moment is not sent to it again.
 */
static int wait_ready(const struct link *l, short events)
{
	struct pollfd fds[] = { { .fd = l->fd, .events = events },
				{ .fd = l->stop, .events = POLLIN } };

	for (;;) {
		if (poll(fds, ARRAY_SIZE(fds), -1) < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (fds[0].revents & POLLOUT)
			return 1;
		if (fds[1].revents)
			return 0;
		if (fds[0].revents)
			return 1;
	}
}

/* More bytes from the socket: 1, or 0 when there will be none. */
static int take(struct link *l)
{
	for (;;) {
		int ready = wait_ready(l, POLLIN);
		ssize_t n;

		if (ready <= 0)
			return ready;
		n = recv(l->fd, l->taken, sizeof(l->taken), MSG_DONTWAIT);
		if (n == 0)
			return 0;
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return errno == ECONNRESET ? 0 : -errno;
		if (n > 0) {
			l->at = 0;
			l->end = n;
			return 1;
		}
	}
}

static int read_all(struct link *l, struct buf *to, size_t len)
{
	buf_reset(to);
	while (to->len < len && !to->failed) {
		size_t n = l->end - l->at < len - to->len ? l->end - l->at : len - to->len;
		int err;

		buf_add(to, l->taken + l->at, n);
		l->at += n;
		if (to->len == len)
			break;
		err = take(l);
		if (err <= 0)
			return err;
	}
	return to->failed ? -ENOMEM : 1;
}

int link_read(struct link *l, struct feed_head *ret)
{
	int err = read_all(l, &l->body, sizeof(*ret));

	if (err <= 0)
		return err;
	memcpy(ret, l->body.data, sizeof(*ret));
	return ret->len > FEED_BODY_MAX ? -EPROTO : read_all(l, &l->body, ret->len);
}

int link_write(struct link *l, enum feed_type type, uint64_t sequence, const void *body, size_t len)
{
	struct feed_head head = { .type = type, .len = len, .sequence = sequence };
	_cleanup_(buf_free) struct buf b = {};
	size_t at = 0;

	buf_add(&b, &head, sizeof(head));
	buf_add(&b, body, len);
	while (at < b.len) {
		int ready = wait_ready(l, POLLOUT);
		ssize_t n;

		if (ready <= 0)
			return ready ? ready : -ECANCELED;
		n = send(l->fd, b.data + at, b.len - at, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		at += n > 0 ? n : 0;
	}
	return b.failed ? -ENOMEM : 0;
}
