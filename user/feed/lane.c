/* SPDX-License-Identifier: Apache-2.0 */
#include "feed/lane.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/text.h"
#include "base/util.h"

#define RECORDS_MAX 100000 /* of one answer, whatever is asked for */
#define MESSAGES_MAX 1000  /* taken in at once: who goes on talking holds up nobody */
#define BYTES_MAX (8u << 20)

void lane_free(struct lane *l)
{
	buf_free(&l->out);
}

static void add_counts(struct feed_status *to, const struct feed_status *from)
{
	to->delivered += from->delivered;
	to->retried += from->retried;
	to->refused += from->refused;
	to->dead_lettered += from->dead_lettered;
	to->lost += from->lost;
	to->rejected += from->rejected;
}

void lane_connect(struct lane *l, int fd)
{
	add_counts(&l->before, &l->status);
	l->status = (struct feed_status){ .state = FEED_CONNECTING };
	l->fd = fd;
	l->wants = false;
	l->position = l->sent = l->acknowledged;
	buf_reset(&l->out);
	l->out_at = l->in_len = 0;
}

void lane_inherit(struct lane *l, const struct lane *old)
{
	l->before = old->before;
	add_counts(&l->before, &old->status);
}

void lane_status(const struct lane *l, struct feeder_sink *ret)
{
	memcpy(ret->name, l->name, sizeof(ret->name));
	ret->acknowledged = l->settled;
	ret->status = l->status;
	add_counts(&ret->status, &l->before);
}

/* --- from the shipper, which is not believed --- */

/* Records that the sink does not take stand between those it does: they need no word of it. */
static void settle(struct lane *l, struct store *store)
{
	uint64_t up_to = l->acknowledged == l->sent ? l->position : l->acknowledged;

	if (up_to <= l->settled)
		return;
	l->settled = up_to;
	store_acknowledge(store, l->name, up_to);
}

static int on_message(struct lane *l, struct store *store, const struct feed_head *head)
{
	const char *body = l->in + sizeof(*head);

	switch (head->type) {
	case FEED_WANT:
		memcpy(&l->want, body, sizeof(l->want));
		l->wants = true;
		return l->want.records && l->want.bytes ? 0 : -EPROTO;
	case FEED_DONE:
		if (head->sequence < l->acknowledged || head->sequence > l->sent)
			return -EPROTO;
		l->acknowledged = head->sequence;
		settle(l, store);
		return 0;
	case FEED_STATUS:
		memcpy(&l->status, body, sizeof(l->status));
		l->status.why[sizeof(l->status.why) - 1] = '\0';
		if (!text_is_clean(l->status.why, strlen(l->status.why)))
			snprintf(l->status.why, sizeof(l->status.why), "(unclean)");
		return 0;
	}
	return -EPROTO;
}

/* How long the body must be; what is no message of the shipper's has none. */
static bool length_is_right(const struct feed_head *head)
{
	switch (head->type) {
	case FEED_WANT:
		return head->len == sizeof(struct feed_want);
	case FEED_DONE:
		return !head->len;
	case FEED_STATUS:
		return head->len == sizeof(struct feed_status);
	}
	return false;
}

int lane_read(struct lane *l, struct store *store)
{
	struct feed_head head;
	size_t need;
	int err;

	for (int n = 0; n < MESSAGES_MAX;) {
		need = sizeof(head);
		if (l->in_len >= need) {
			memcpy(&head, l->in, sizeof(head));
			if (!length_is_right(&head))
				return -EPROTO;
			need += head.len;
		}
		if (l->in_len < need) {
			ssize_t got =
				recv(l->fd, l->in + l->in_len, need - l->in_len, MSG_DONTWAIT);

			if (got < 0)
				return errno == EAGAIN || errno == EINTR ? 0 : -EPIPE;
			if (got == 0)
				return -EPIPE;
			l->in_len += got;
			continue;
		}
		l->in_len = 0;
		n++;
		err = on_message(l, store, &head);
		if (err)
			return err;
	}
	return 0;
}

/* --- to the shipper --- */

static void put(struct lane *l, enum feed_type type, uint64_t sequence, const void *body,
		size_t len)
{
	struct feed_head head = { .type = type, .len = len, .sequence = sequence };

	buf_add(&l->out, &head, sizeof(head));
	buf_add(&l->out, body, len);
}

/* Records behind the position into out; how many, or -errno. */
static int put_records(struct lane *l, struct store_reader *reader)
{
	struct store_query query = {
		.after = l->position,
		.kinds = l->kinds,
		.min_severity = l->min_severity,
		.limit = l->want.records < RECORDS_MAX ? l->want.records : RECORDS_MAX,
	};
	size_t room = l->want.bytes < BYTES_MAX ? l->want.bytes : BYTES_MAX;
	struct store_cursor *cursor = NULL;
	struct stored row;
	int err = store_select(reader, &query, &cursor), n = 0;

	while (!err && l->out.len < room) {
		err = store_next(cursor, &row);
		if (err <= 0)
			break;
		err = 0;
		put(l, FEED_RECORD, row.sequence, row.body, row.len);
		l->position = l->sent = row.sequence;
		n++;
	}
	store_cursor_free(cursor);
	return err < 0 ? err : n;
}

int lane_serve(struct lane *l, struct store *store, struct store_reader *reader)
{
	uint64_t newest;
	int n;

	if (l->fd < 0 || !l->wants || lane_is_writing(l))
		return 0;
	newest = store_newest(reader);
	if (l->position >= newest)
		return 0;
	buf_reset(&l->out);
	l->out_at = 0;
	n = put_records(l, reader);
	if (n < 0)
		return n;
	if (!n) {
		l->position = newest;
		settle(l, store);
		return 0;
	}
	put(l, FEED_END, l->position, NULL, 0);
	l->wants = false;
	if (l->out.failed)
		return -ENOMEM;
	lane_write(l);
	return 0;
}

bool lane_is_writing(const struct lane *l)
{
	return l->out_at < l->out.len;
}

int lane_write(struct lane *l)
{
	while (lane_is_writing(l)) {
		ssize_t n = send(l->fd, l->out.data + l->out_at, l->out.len - l->out_at,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -EPIPE;
		l->out_at += n;
	}
	return 0;
}
