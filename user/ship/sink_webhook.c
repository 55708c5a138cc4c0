/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A webhook: a JSON array of records. Signed, where a key is given: X-Keelwatch-Signature is
 * "sha256=" and the hexadecimal HMAC-SHA-256 of X-Keelwatch-Timestamp (seconds), "." and the body as it
 * was before compression. Idempotency-Key is the first record's id, "+" and their number: the same for the
 * same records sent again.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/util.h"
#include "ship/http.h"

struct sink {
	const struct config_sink *settings;
	struct http *http;
};

static void webhook_close(struct sink *s)
{
	if (!s)
		return;
	http_free(s->http);
	free(s);
}

static int webhook_open(const struct config_sink *settings, struct buf *why, struct sink **ret)
{
	struct sink *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->settings = settings;
	err = http_new(settings, NULL, why, &s->http);
	if (!err)
		err = http_header(s->http, "Content-Type", "application/json");
	if (err)
		webhook_close(s);
	else
		*ret = s;
	return err;
}

static int sign(struct sink *s, const struct buf *body)
{
	const char *key = s->settings->hmac.value;
	_cleanup_(buf_free) struct buf text = {};
	unsigned char mac[EVP_MAX_MD_SIZE];
	char stamp[24], hex[8 + 2 * EVP_MAX_MD_SIZE] = "sha256=";
	unsigned int len = 0;

	snprintf(stamp, sizeof(stamp), "%lld", (long long)time(NULL));
	buf_fmt(&text, "%s.", stamp);
	buf_add(&text, body->data, body->len);
	if (text.failed ||
	    !HMAC(EVP_sha256(), key, strlen(key), (unsigned char *)text.data, text.len, mac, &len))
		return -ENOMEM;
	for (unsigned int i = 0; i < len; i++)
		snprintf(hex + 7 + 2 * i, 3, "%02x", mac[i]);
	return http_header(s->http, "X-Keelwatch-Timestamp", stamp) ?:
		       http_header(s->http, "X-Keelwatch-Signature", hex);
}

static int webhook_body(void *self, struct buf *body, struct item **items, size_t n)
{
	struct sink *s = self;
	char key[128];
	int err;

	for (size_t i = 0; i < n; i++) {
		buf_char(body, i ? ',' : '[');
		buf_add(body, items[i]->text, items[i]->len);
	}
	buf_char(body, ']');
	snprintf(key, sizeof(key), "%s+%zu", items[0]->id, n);
	err = http_header(s->http, "Idempotency-Key", key);
	return err || !s->settings->hmac.value ? err : sign(s, body);
}

static void webhook_done(void *self, struct item **items, size_t n, const struct buf *reply,
			 struct batch *batch)
{
	(void)self;
	(void)reply;
	(void)batch;
	for (size_t i = 0; i < n; i++)
		items[i]->result = ITEM_DELIVERED;
}

static void webhook_send(struct sink *s, struct batch *batch, int stop)
{
	struct http_whole whole = {
		.http = s->http,
		.self = s,
		.body = webhook_body,
		.done = webhook_done,
	};

	http_send_whole(&whole, batch, stop);
}

const struct sink_ops sink_webhook = {
	.open = webhook_open,
	.close = webhook_close,
	.send = webhook_send,
};
