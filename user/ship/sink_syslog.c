/* SPDX-License-Identifier: Apache-2.0 */
/*
 * syslog: RFC 5424 over TLS, TCP, UDP or a Unix socket.
 *
 * A receiver acknowledges nothing. A record counts as delivered when the receiver's kernel has
 * acknowledged its last byte (a datagram of UDP: when it was sent). What the receiver had not read or not
 * written down when its connection broke is lost to it, and nobody knows how much that was: so the last
 * `resend` records are kept and sent again, first of all, over the next connection. The id tells them.
 */
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/util.h"
#include "ship/sink.h"
#include "ship/stream.h"
#include "ship/syslog_message.h"

#define RESEND_BYTES_MAX (32u << 20) /* kept copies; beyond it the oldest go, below `resend` */

struct copy {
	char *message;
	size_t len;
	uint64_t end; /* stream_written() behind it; UINT64_MAX: not sent on this connection */
};

/* The last that were delivered, the oldest first. */
struct copies {
	struct copy *ring;
	size_t room, first, count;
	size_t bytes;
	size_t again; /* so many of them, the newest, are to be sent again */
};

struct sink {
	const struct config_sink *settings;
	struct stream *stream;
	struct copies copies;
	uint32_t sequence; /* RFC 5424, 7.3.1: of the message sent last */
};

/* One message of an attempt. */
struct sent {
	struct item *item;
	struct buf message;
	uint64_t end; /* as of a copy */
};

struct attempt {
	struct sink *sink;
	struct batch *batch;
	struct patience patience;
	struct sent *sent;
	size_t count;
};

/* --- copies --- */

static struct copy *copy_at(struct copies *c, size_t i)
{
	return &c->ring[(c->first + i) % c->room];
}

static void copies_drop_oldest(struct copies *c)
{
	struct copy *oldest = copy_at(c, 0);

	c->bytes -= oldest->len;
	free(oldest->message);
	*oldest = (struct copy){};
	c->first = (c->first + 1) % c->room;
	c->count--;
	if (c->again > c->count)
		c->again = c->count;
}

/* Takes the message. */
static void copies_add(struct copies *c, struct buf *message)
{
	if (!c->room)
		return;
	while (c->count && (c->count == c->room || c->bytes + message->len > RESEND_BYTES_MAX))
		copies_drop_oldest(c);
	*copy_at(c, c->count++) = (struct copy){ .message = message->data, .len = message->len };
	c->bytes += message->len;
	*message = (struct buf){};
}

static void copies_free(struct copies *c)
{
	while (c->count)
		copies_drop_oldest(c);
	free(c->ring);
}

/* --- the sink --- */

static void syslog_close(struct sink *s)
{
	if (!s)
		return;
	stream_free(s->stream);
	copies_free(&s->copies);
	free(s);
}

static int syslog_open(const struct config_sink *settings, struct buf *why, struct sink **ret)
{
	struct sink *s = calloc(1, sizeof(*s));
	int err = s ? 0 : -ENOMEM;

	if (err)
		return err;
	s->settings = settings;
	s->copies.room = settings->resend;
	s->copies.ring = calloc(settings->resend + 1, sizeof(*s->copies.ring));
	err = s->copies.ring ? stream_new(settings, why, &s->stream) : -ENOMEM;
	if (err)
		syslog_close(s);
	else
		*ret = s;
	return err;
}

/* --- an attempt --- */

/* A connection, the one there is unless the receiver has left it. */
static int get_connection(struct attempt *a)
{
	struct sink *s = a->sink;
	char *why = a->batch->why;
	size_t size = sizeof(a->batch->why);
	int err;

	if (stream_is_open(s->stream)) {
		if (!stream_look(s->stream, why, size))
			return 0;
		stream_close(s->stream);
		s->copies.again = s->copies.count;
	}
	err = stream_connect(s->stream, &a->patience, why, size);
	if (err)
		s->copies.again = s->copies.count;
	return err;
}

static int send_copies(struct attempt *a)
{
	struct sink *s = a->sink;
	struct copies *c = &s->copies;

	for (size_t i = 0; i < c->count; i++)
		copy_at(c, i)->end = UINT64_MAX;
	if (c->again)
		log_about(LOG_DEBUG, "sink", s->settings->name,
			  "sending the last %zu records again", c->again);
	for (size_t i = c->count - c->again; i < c->count; i++) {
		struct copy *copy = copy_at(c, i);
		int err = stream_send(s->stream, copy->message, copy->len, &a->patience,
				      a->batch->why, sizeof(a->batch->why));

		/* It was sent once, so that only another receiver takes less now. */
		if (err && err != -EMSGSIZE)
			return err;
		copy->end = stream_written(s->stream);
	}
	return 0;
}

/* 0 also when the item is refused. */
static int send_item(struct attempt *a, struct item *item)
{
	struct sink *s = a->sink;
	struct sent *sent = &a->sent[a->count];
	char why[sizeof(item->why)];
	int err;

	s->sequence = s->sequence < SYSLOG_SEQUENCE_MAX ? s->sequence + 1 : 1;
	err = syslog_message(&sent->message, item->record, s->settings->facility, s->sequence,
			     s->settings->format, item->text, item->len);
	if (err) {
		buf_free(&sent->message);
		snprintf(a->batch->why, sizeof(a->batch->why), "a message cannot be made: %s",
			 strerror(-err));
		return err;
	}
	sent->item = item;
	a->count++;
	err = stream_send(s->stream, sent->message.data, sent->message.len, &a->patience,
			  a->batch->why, sizeof(a->batch->why));
	if (err == -EMSGSIZE) {
		snprintf(why, sizeof(why), "%.*s", (int)sizeof(why) - 1, a->batch->why);
		snprintf(item->why, sizeof(item->why), "%s", why);
		a->batch->why[0] = '\0';
		item->result = ITEM_REFUSED;
		return 0;
	}
	sent->end = err ? UINT64_MAX : stream_written(s->stream);
	return err;
}

static int send_all(struct attempt *a)
{
	int err = get_connection(a);

	if (!err)
		err = send_copies(a);
	for (size_t i = 0; !err && i < a->batch->count; i++)
		if (a->batch->items[i].result == ITEM_RETRY)
			err = send_item(a, &a->batch->items[i]);
	if (!err)
		err = stream_settle(a->sink->stream, &a->patience, a->batch->why,
				    sizeof(a->batch->why));
	return err;
}

/*
 * What is there up to this byte of the connection is delivered, and copies up to there need not be sent
 * again. How many items it was.
 */
static size_t settle(struct attempt *a, uint64_t acknowledged)
{
	struct copies *c = &a->sink->copies;
	size_t delivered = 0;

	while (c->again && copy_at(c, c->count - c->again)->end <= acknowledged)
		c->again--;
	for (size_t i = 0; i < a->count; i++) {
		struct sent *sent = &a->sent[i];

		if (sent->item->result != ITEM_RETRY || sent->end > acknowledged)
			continue;
		sent->item->result = ITEM_DELIVERED;
		copies_add(c, &sent->message);
		delivered++;
	}
	return delivered;
}

/*
 * Leaves a connection that a part of a message may be in. Of one that broke all copies are sent again;
 * of one we left for its slowness not those that it had got for the second time, or a receiver that is
 * slow for good would get nothing else. What a kernel says of a Unix socket that closed, of a
 * datagram, or of a new connection that was closed at once, is not to be counted on.
 */
static void give_up(struct attempt *a, int err)
{
	struct sink *s = a->sink;
	struct copies *c = &s->copies;
	bool second = c->again, slow = err == -ETIMEDOUT;
	bool counted =
		(s->settings->transport == SYSLOG_TLS || s->settings->transport == SYSLOG_TCP) &&
		stream_has_settled(s->stream);
	size_t delivered = 0;

	if (stream_is_open(s->stream) && (counted || slow))
		delivered = settle(a, stream_acknowledged(s->stream));
	stream_close(s->stream);
	c->again = slow && second ? c->again + delivered : c->count;
	if (c->again > c->count)
		c->again = c->count;
}

static void syslog_send(struct sink *s, struct batch *batch, int stop)
{
	struct attempt a = {
		.sink = s,
		.batch = batch,
		.patience = patience_for(s->settings->timeout_ns, stop),
		.sent = calloc(batch->count + 1, sizeof(struct sent)),
	};
	int err;

	if (!a.sent) {
		snprintf(batch->why, sizeof(batch->why), "out of memory");
		return;
	}
	err = send_all(&a);
	if (err)
		give_up(&a, err);
	else
		settle(&a, UINT64_MAX);
	for (size_t i = 0; i < a.count; i++)
		buf_free(&a.sent[i].message);
	free(a.sent);
}

const struct sink_ops sink_syslog = {
	.open = syslog_open,
	.close = syslog_close,
	.send = syslog_send,
};
