/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Splunk's HTTP Event Collector. A 200 says that it was taken, not that it is indexed: that the
 * acknowledgement channel says, where the token has it on. Without an answer there within the timeout the
 * records are sent again, recognisable by the field "id".
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/text.h"
#include "base/util.h"
#include "message/head.h"
#include "ship/http.h"
#include "ship/json_reply.h"
#include "ship/patience.h"

#define ACK_PATH "/services/collector/ack"
#define EVENT_PATH "/services/collector/event"
#define ACK_MIN_NS (50 * NS_PER_MS) /* between two questions, doubled up to */
#define ACK_MAX_NS (2 * NS_PER_S)
#define CHANNEL_SIZE 37 /* a GUID */

/*
 * Of "Troubleshoot HTTP Event Collector", possible error codes: those that are about an event, and not
 * about a token, an index or a channel, which an operator mends.
 */
enum {
	CODE_SUCCESS = 0,
	CODE_NO_DATA = 5,
	CODE_INVALID_DATA = 6,
	CODE_EVENT_MISSING = 12,
	CODE_EVENT_BLANK = 13,
	CODE_FIELDS = 15,
};

struct sink {
	const struct config_sink *settings;
	struct http *http;
	struct buf fields; /* of each event but its time: ,"source":... */
	struct buf body, reply;
};

struct attempt {
	struct sink *s;
	struct batch *batch;
	struct patience patience;
	bool over; /* what is left is for the next one */
};

static void splunk_close(struct sink *s)
{
	if (!s)
		return;
	http_free(s->http);
	buf_free(&s->fields);
	buf_free(&s->body);
	buf_free(&s->reply);
	free(s);
}

static int make_channel(char room[CHANNEL_SIZE])
{
	unsigned char r[16];

	if (getrandom(r, sizeof(r), 0) != sizeof(r))
		return -EIO;
	snprintf(room, CHANNEL_SIZE,
		 "%02x%02x%02x%02x-%02x%02x-4%01x%02x-8%01x%02x-%02x%02x%02x%02x%02x%02x", r[0],
		 r[1], r[2], r[3], r[4], r[5], r[6] & 15, r[7], r[8] & 15, r[9], r[10], r[11],
		 r[12], r[13], r[14], r[15]);
	return 0;
}

static int splunk_open(const struct config_sink *settings, struct buf *why, struct sink **ret)
{
	struct sink *s = calloc(1, sizeof(*s));
	char channel[CHANNEL_SIZE];
	int err;

	if (!s)
		return -ENOMEM;
	s->settings = settings;
	buf_str(&s->fields, ",\"source\":\"keelwatch\",\"sourcetype\":");
	text_json(&s->fields, settings->source_type);
	if (settings->index) {
		buf_str(&s->fields, ",\"index\":");
		text_json(&s->fields, settings->index);
	}
	err = make_channel(channel);
	if (!err)
		err = http_new(settings, EVENT_PATH, why, &s->http);
	if (!err)
		err = http_header(s->http, "Content-Type", "application/json");
	if (!err)
		err = http_header(s->http, "X-Splunk-Request-Channel", channel);
	if (err)
		splunk_close(s);
	else
		*ret = s;
	return err;
}

static void add_event(struct sink *s, struct buf *body, const struct item *item)
{
	const Keelwatch__Host *host = NULL;
	struct record_head head = {};

	if (!record_head(item->record, &head) && head.metadata)
		host = head.metadata->host;
	buf_fmt(body, "{\"time\":%" PRIu64 ".%09" PRIu64, (uint64_t)(head.time_ns / NS_PER_S),
		(uint64_t)(head.time_ns % NS_PER_S));
	if (host) {
		buf_str(body, ",\"host\":");
		text_json(body, host->name);
	}
	buf_add(body, s->fields.data, s->fields.len);
	buf_str(body, ",\"event\":");
	buf_add(body, item->text, item->len);
	buf_str(body, ",\"fields\":{\"id\":");
	text_json(body, item->id);
	buf_str(body, "}}\n");
}

/* --- the acknowledgement --- */

/* Why not, where it is not, is in batch->why. */
static bool is_acknowledged(struct attempt *a, json_int_t ack)
{
	struct batch *batch = a->batch;
	struct sink *s = a->s;
	json_t *root;
	char key[24];
	bool there;
	int status;

	buf_reset(&s->body);
	buf_fmt(&s->body, "{\"acks\":[%" JSON_INTEGER_FORMAT "]}", ack);
	status = http_post(s->http, ACK_PATH, &s->body, a->patience.stop, &s->reply,
			   &batch->retry_after_ns, batch->why, sizeof(batch->why));
	if (status != 200) {
		if (status)
			http_describe(status, &s->reply, batch->why, sizeof(batch->why));
		return false;
	}
	snprintf(key, sizeof(key), "%" JSON_INTEGER_FORMAT, ack);
	root = json_reply(&s->reply);
	there = json_is_true(json_object_get(json_object_get(root, "acks"), key));
	json_decref(root);
	snprintf(batch->why, sizeof(batch->why),
		 "taken, but the indexer did not acknowledge it within %.1f s",
		 (double)s->settings->timeout_ns / NS_PER_S);
	return there;
}

static bool wait_for_ack(struct attempt *a, json_int_t ack)
{
	uint64_t pause = ACK_MIN_NS;

	while (!is_acknowledged(a, ack)) {
		if (patience_pause(&a->patience, -1, 0, pause))
			return false;
		pause = pause * 2 < ACK_MAX_NS ? pause * 2 : ACK_MAX_NS;
	}
	return true;
}

/* --- sending --- */

/* What a receiver says in JSON; code -1: it is none of HEC's answers. */
struct answer {
	json_int_t code;
	json_int_t number; /* of the event that is wrong, -1: not said */
	json_int_t ack;	   /* -1: none */
	char text[96];
};

static json_int_t number_of(const json_t *root, const char *key)
{
	const json_t *value = json_object_get(root, key);

	return json_is_integer(value) && json_integer_value(value) >= 0 ?
		       json_integer_value(value) :
		       -1;
}

static void read_answer(const struct buf *reply, struct answer *ret)
{
	json_t *root = json_reply(reply);

	ret->code = number_of(root, "code");
	ret->number = number_of(root, "invalid-event-number");
	ret->ack = number_of(root, "ackId");
	json_reply_text(root, "text", "no text", ret->text, sizeof(ret->text));
	json_decref(root);
}

static bool is_of_data(int status, const struct answer *answer)
{
	static const json_int_t codes[] = { CODE_NO_DATA, CODE_INVALID_DATA, CODE_EVENT_MISSING,
					    CODE_EVENT_BLANK, CODE_FIELDS };

	for (size_t i = 0; status == 400 && i < ARRAY_SIZE(codes); i++)
		if (answer->code == codes[i])
			return true;
	return status == 413;
}

static void taken(struct attempt *a, struct item **items, size_t n, const struct answer *answer)
{
	const struct config_sink *settings = a->s->settings;

	if (answer->code != CODE_SUCCESS) {
		snprintf(a->batch->why, sizeof(a->batch->why),
			 "the answer is none of an HTTP Event Collector's");
		a->over = true;
		return;
	}
	/* A token without acknowledgement names none. */
	a->over = settings->acknowledge && answer->ack >= 0 && !wait_for_ack(a, answer->ack);
	for (size_t i = 0; !a->over && i < n; i++)
		items[i]->result = ITEM_DELIVERED;
}

/* One request. True when an event of several is wrong; number: which, where that is said, else -1. */
static bool is_divided(struct attempt *a, struct item **items, size_t n, json_int_t *number)
{
	struct sink *s = a->s;
	struct answer answer;
	int status;

	buf_reset(&s->body);
	for (size_t i = 0; i < n; i++)
		add_event(s, &s->body, items[i]);
	status = http_post(s->http, NULL, &s->body, a->patience.stop, &s->reply,
			   &a->batch->retry_after_ns, a->batch->why, sizeof(a->batch->why));
	read_answer(&s->reply, &answer);
	*number = answer.number;
	if (status == 200) {
		taken(a, items, n, &answer);
		return false;
	}
	if (status)
		http_describe(status, &s->reply, a->batch->why, sizeof(a->batch->why));
	a->over = !is_of_data(status, &answer);
	if (!a->over && n == 1) {
		items[0]->result = ITEM_REFUSED;
		snprintf(items[0]->why, sizeof(items[0]->why),
			 "HTTP status %d: code %" JSON_INTEGER_FORMAT ": %s", status, answer.code,
			 answer.text);
	}
	return !a->over && n > 1;
}

/*
 * The number of the wrong event counts from 0 with some codes and from 1 with others: it is a hint, and
 * the one it names is refused only when it is refused alone. Where it was not that one, halves.
 */
static void send_items(struct attempt *a, struct item **items, size_t n)
{
	struct item *named;
	json_int_t number;
	size_t half;

	while (n && !a->over && is_divided(a, items, n, &number)) {
		if (number >= 0 && (size_t)number < n) {
			named = items[number];
			memmove(items + 1, items, number * sizeof(*items));
			items[0] = named;
			send_items(a, items++, 1);
			n--;
			if (named->result == ITEM_REFUSED)
				continue;
		}
		half = n / 2;
		send_items(a, items, half);
		items += half;
		n -= half;
	}
}

static void splunk_send(struct sink *s, struct batch *batch, int stop)
{
	struct attempt a = { .s = s,
			     .batch = batch,
			     .patience = patience_for(s->settings->timeout_ns, stop) };
	size_t n;
	_cleanup_free_ struct item **items = http_items(batch, &n);

	send_items(&a, items, n);
}

const struct sink_ops sink_splunk_hec = {
	.open = splunk_open,
	.close = splunk_close,
	.send = splunk_send,
};
