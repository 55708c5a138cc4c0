/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OTLP/HTTP logs in protobuf. Again later are 429, 502, 503 and 504 alone, as the specification says;
 * a partial success names how many were rejected for good, not which: where it is all of them they are
 * refused, else they count as refused without a name (struct batch's rejected), for sending the batch
 * again would double what was taken. (Batches of one record say which.)
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "base/util.h"
#include "message/head.h"
#include "ship/format.h"
#include "ship/http.h"
#include "ship/json_reply.h"

struct sink {
	const struct config_sink *settings;
	struct http *http;
};

static void otlp_close(struct sink *s)
{
	if (!s)
		return;
	http_free(s->http);
	free(s);
}

static int otlp_open(const struct config_sink *settings, struct buf *why, struct sink **ret)
{
	struct sink *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->settings = settings;
	err = http_new(settings, "/v1/logs", why, &s->http);
	if (!err)
		err = http_header(s->http, "Content-Type", "application/x-protobuf");
	if (err)
		otlp_close(s);
	else
		*ret = s;
	return err;
}

static int otlp_body(void *self, struct buf *body, struct item **items, size_t n)
{
	struct sink *s = self;
	_cleanup_free_ const Keelwatch__Record **records = calloc(n, sizeof(Keelwatch__Record *));

	if (!records)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		records[i] = items[i]->record;
	return format_otlp_request(body, s->settings->format, records, n);
}

static bool is_passing(int status)
{
	/* 401, 403, 404 and 405 are about who asks and where: an operator mends them, and the records are fine. */
	static const int passing[] = { 401, 403, 404, 405, 429, 502, 503, 504 };

	for (size_t i = 0; i < ARRAY_SIZE(passing); i++)
		if (status == passing[i])
			return true;
	return status < 400;
}

/* Some receivers answer in JSON whatever they were asked in. -EINVAL: it is no answer of OTLP's. */
static int read_reply(const struct buf *reply, uint64_t *rejected, struct buf *words)
{
	json_t *root = json_reply(reply);
	const json_t *partial = json_object_get(root, "partialSuccess");
	const json_t *number = json_object_get(partial, "rejectedLogRecords");
	char text[128];

	if (!json_is_object(root)) {
		json_decref(root);
		return format_otlp_rejected(reply, rejected, words);
	}
	/* 64 bits are a string in protobuf's JSON. */
	*rejected = 0;
	if (json_is_integer(number) && json_integer_value(number) > 0)
		*rejected = json_integer_value(number);
	else if (json_is_string(number) && text_u64(json_string_value(number), rejected))
		*rejected = UINT64_MAX;
	buf_str(words, json_reply_text(partial, "errorMessage", "", text, sizeof(text)));
	json_decref(root);
	return 0;
}

static void otlp_done(void *self, struct item **items, size_t n, const struct buf *reply,
		      struct batch *batch)
{
	struct sink *s = self;
	_cleanup_(buf_free) struct buf words = {};
	uint64_t rejected;

	if (read_reply(reply, &rejected, &words)) {
		snprintf(batch->why, sizeof(batch->why),
			 "the answer is none of an OTLP receiver's");
		return;
	}
	for (size_t i = 0; i < n; i++) {
		items[i]->result = rejected >= n ? ITEM_REFUSED : ITEM_DELIVERED;
		if (rejected >= n)
			text_cut(items[i]->why, sizeof(items[i]->why),
				 words.len ? buf_cstr(&words) : "rejected, and not said why");
	}
	if (!rejected || rejected >= n)
		return;
	batch->rejected += rejected;
	log_about(LOG_ERROR, "sink", s->settings->name,
		  "%" PRIu64 " of %zu records were rejected for good, which ones is not said: "
		  "%s",
		  rejected, n, buf_cstr(&words));
}

static void otlp_send(struct sink *s, struct batch *batch, int stop)
{
	struct http_whole whole = {
		.http = s->http,
		.self = s,
		.body = otlp_body,
		.done = otlp_done,
		.is_passing = is_passing,
	};

	http_send_whole(&whole, batch, stop);
}

const struct sink_ops sink_otlp = {
	.open = otlp_open,
	.close = otlp_close,
	.send = otlp_send,
	.no_format = true,
};
