/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Elasticsearch and OpenSearch: _bulk, "create" with the record's own id, so that sending again makes no
 * second document: 409 is "there". Each item has a status of its own, and only that is believed.
 */
#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "base/util.h"
#include "ship/http.h"
#include "ship/json_reply.h"

struct sink {
	const struct config_sink *settings;
	struct http *http;
	struct buf index; /* as JSON */
};

static void elasticsearch_close(struct sink *s)
{
	if (!s)
		return;
	http_free(s->http);
	buf_free(&s->index);
	free(s);
}

static int elasticsearch_open(const struct config_sink *settings, struct buf *why,
			      struct sink **ret)
{
	struct sink *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->settings = settings;
	text_json(&s->index, settings->index);
	err = http_new(settings, "/_bulk", why, &s->http);
	if (!err)
		err = http_header(s->http, "Content-Type", "application/x-ndjson");
	if (err)
		elasticsearch_close(s);
	else
		*ret = s;
	return err;
}

static int elasticsearch_body(void *self, struct buf *body, struct item **items, size_t n)
{
	struct sink *s = self;

	for (size_t i = 0; i < n; i++) {
		buf_fmt(body, "{\"create\":{\"_index\":%s,\"_id\":", buf_cstr(&s->index));
		text_json(body, items[i]->id);
		buf_str(body, "}}\n");
		buf_add(body, items[i]->text, items[i]->len);
		buf_char(body, '\n');
	}
	return 0;
}

/* A missing index or right is mended; a document that does not fit is not. */
static bool is_mended(int status, const char *type)
{
	static const char *const of_the_index[] = { "index_closed_exception",
						    "invalid_index_name_exception" };

	for (size_t i = 0; i < ARRAY_SIZE(of_the_index); i++)
		if (!strcmp(type, of_the_index[i]))
			return true;
	return http_is_passing(status);
}

static void judge(struct item *item, int status, const json_t *answer)
{
	const json_t *error = json_object_get(answer, "error");
	char type[48], reason[80];

	if (status == 409 || (status >= 200 && status < 300)) {
		item->result = ITEM_DELIVERED;
		return;
	}
	snprintf(item->why, sizeof(item->why), "status %d: %s: %s", status,
		 json_reply_text(error, "type", "no type", type, sizeof(type)),
		 json_reply_text(error, "reason", "no reason", reason, sizeof(reason)));
	if (!is_mended(status, type))
		item->result = ITEM_REFUSED;
}

static void elasticsearch_done(void *self, struct item **items, size_t n, const struct buf *reply,
			       struct batch *batch)
{
	json_t *root = json_reply(reply);
	const json_t *answers = json_object_get(root, "items");

	(void)self;
	for (size_t i = 0; i < n; i++) {
		const json_t *answer = json_object_get(json_array_get(answers, i), "create");
		const char *id = json_string_value(json_object_get(answer, "_id"));
		const json_t *status = json_object_get(answer, "status");

		/* What is not said of this very record is not known. */
		if (id && !strcmp(id, items[i]->id) && json_is_integer(status))
			judge(items[i], json_integer_value(status), answer);
		if (items[i]->result == ITEM_RETRY && !batch->why[0])
			snprintf(batch->why, sizeof(batch->why), "%s",
				 items[i]->why[0] ? items[i]->why :
						    "the answer does not name each record");
	}
	json_decref(root);
}

/* Of the whole only its length is a fault of the records: what is wrong with one, its item says. */
static bool is_passing(int status)
{
	return status != 413;
}

static void elasticsearch_send(struct sink *s, struct batch *batch, int stop)
{
	struct http_whole whole = {
		.http = s->http,
		.self = s,
		.body = elasticsearch_body,
		.done = elasticsearch_done,
		.is_passing = is_passing,
	};

	http_send_whole(&whole, batch, stop);
}

const struct sink_ops sink_elasticsearch = {
	.open = elasticsearch_open,
	.close = elasticsearch_close,
	.send = elasticsearch_send,
};
