/* SPDX-License-Identifier: Apache-2.0 */
#include "ship/http.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>

#include <curl/curl.h>
#include <zlib.h>

#include "base/clock.h"
#include "base/text.h"
#include "base/util.h"
#include "base/version.h"

#define HEADER_BYTES_MAX (64 << 10) /* of a reply; what sends more failed */
#define CONNECT_MAX_MS 15000
#define SLOW_S 10     /* below a byte a second for so long is no answer */
#define WORDS_MAX 200 /* bytes of a reply that are repeated in a message */

struct http {
	const struct config_sink *settings;
	CURL *curl;
	CURLM *multi;
	char *url;
	struct curl_slist *headers;
	struct curl_slist *resolve;
	char error[CURL_ERROR_SIZE];

	/* of the request under way */
	struct buf *reply;
	size_t header_bytes;
	bool too_long;
};

/* --- what comes back --- */

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
	struct http *h = arg;

	buf_add(h->reply, data, size * n);
	h->too_long |= h->reply->failed;
	return h->too_long ? 0 : size * n;
}

static size_t on_header(char *data, size_t size, size_t n, void *arg)
{
	struct http *h = arg;

	(void)data;
	h->header_bytes += size * n;
	h->too_long |= h->header_bytes > HEADER_BYTES_MAX;
	return h->too_long ? 0 : size * n;
}

void http_describe(int status, const struct buf *reply, char *why, size_t size)
{
	size_t len = reply->len < WORDS_MAX ? reply->len : WORDS_MAX;
	int head = snprintf(why, size, "HTTP status %d%s", status, len ? ": " : "");

	text_clean_cut(why + head, size - head, buf_cstr(reply), len);
}

bool http_is_passing(int status)
{
	/* The rest (credentials, paths, methods, types) an operator mends, and the records are fine. */
	static const int refusing[] = { 400, 409, 413, 422 };

	for (size_t i = 0; i < ARRAY_SIZE(refusing); i++)
		if (status == refusing[i])
			return false;
	return true;
}

/* --- set-up --- */

int http_header(struct http *h, const char *name, const char *value)
{
	_cleanup_free_ char *line = NULL;
	struct curl_slist *grown;

	if (asprintf(&line, "%s: %s", name, value) < 0) {
		line = NULL;
		return -ENOMEM;
	}
	for (struct curl_slist *s = h->headers; s; s = s->next) {
		if (strncasecmp(s->data, line, strlen(name) + 1))
			continue;
		free(s->data);
		s->data = TAKE(line);
		return 0;
	}
	grown = curl_slist_append(h->headers, line);
	if (!grown)
		return -ENOMEM;
	h->headers = grown;
	curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, h->headers);
	return 0;
}

static int set_url(struct http *h, const char *path, struct buf *why)
{
	CURLU *url = curl_url();
	char *own = NULL, *full = NULL;
	CURLUcode code = url ? curl_url_set(url, CURLUPART_URL, h->settings->address, 0) :
			       CURLUE_OUT_OF_MEMORY;

	if (!code)
		code = curl_url_get(url, CURLUPART_PATH, &own, 0);
	if (!code && path && !strcmp(own, "/"))
		code = curl_url_set(url, CURLUPART_PATH, path, 0);
	if (!code)
		code = curl_url_get(url, CURLUPART_URL, &full, 0);
	if (!code)
		h->url = strdup(full);
	curl_free(own);
	curl_free(full);
	curl_url_cleanup(url);
	if (!code)
		return h->url ? 0 : -ENOMEM;
	buf_fmt(why, "url: %s", curl_url_strerror(code));
	return -EINVAL;
}

/* The name in the certificate may be another than the one we connect to: then we connect to this one by it. */
static int set_server_name(struct http *h)
{
	_cleanup_free_ char *to = NULL;
	CURLU *url = curl_url();
	char *host = NULL, *port = NULL, *full = NULL;
	int err = -ENOMEM;

	if (url && !curl_url_set(url, CURLUPART_URL, h->url, 0) &&
	    !curl_url_get(url, CURLUPART_HOST, &host, 0) &&
	    !curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) &&
	    asprintf(&to, "%s:%s:%s:%s", h->settings->tls.server_name, port, host, port) > 0 &&
	    !curl_url_set(url, CURLUPART_HOST, h->settings->tls.server_name, 0) &&
	    !curl_url_get(url, CURLUPART_URL, &full, 0)) {
		free(h->url);
		h->url = strdup(full);
		h->resolve = curl_slist_append(NULL, to);
		curl_easy_setopt(h->curl, CURLOPT_CONNECT_TO, h->resolve);
		err = h->url && h->resolve ? 0 : -ENOMEM;
	}
	curl_free(host);
	curl_free(port);
	curl_free(full);
	curl_url_cleanup(url);
	return err;
}

static void set_blob(CURL *curl, CURLoption option, char *text)
{
	struct curl_blob blob = { text, text ? strlen(text) : 0, CURL_BLOB_COPY };

	if (text)
		curl_easy_setopt(curl, option, &blob);
}

static void set_tls(struct http *h)
{
	const struct config_tls *tls = &h->settings->tls;

	curl_easy_setopt(h->curl, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(h->curl, CURLOPT_SSL_VERIFYPEER, tls->verify ? 1L : 0L);
	curl_easy_setopt(h->curl, CURLOPT_SSL_VERIFYHOST, tls->verify ? 2L : 0L);
	set_blob(h->curl, CURLOPT_CAINFO_BLOB, tls->ca);
	set_blob(h->curl, CURLOPT_SSLCERT_BLOB, tls->certificate);
	set_blob(h->curl, CURLOPT_SSLKEY_BLOB, tls->key.value);
}

static int set_credentials(struct http *h)
{
	const struct config_sink *s = h->settings;
	_cleanup_free_ char *value = NULL;
	int err = 0;

	if (s->user) {
		curl_easy_setopt(h->curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
		curl_easy_setopt(h->curl, CURLOPT_USERNAME, s->user);
		curl_easy_setopt(h->curl, CURLOPT_PASSWORD,
				 s->password.value ? s->password.value : "");
	}
	if (s->token.value) {
		const char *scheme = s->type == SINK_SPLUNK_HEC ? "Splunk" : s->token_scheme;

		if (asprintf(&value, "%s %s", scheme, s->token.value) < 0)
			return -ENOMEM;
		err = http_header(h, "Authorization", value);
		explicit_bzero(value, strlen(value));
	}
	for (size_t i = 0; !err && i < s->header_count; i++)
		err = http_header(h, s->headers[i].name, s->headers[i].value);
	return err;
}

static void set_limits(struct http *h)
{
	long timeout = h->settings->timeout_ns / NS_PER_MS;

	curl_easy_setopt(h->curl, CURLOPT_ERRORBUFFER, h->error);
	curl_easy_setopt(h->curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(h->curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(h->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(h->curl, CURLOPT_TIMEOUT_MS, timeout);
	curl_easy_setopt(h->curl, CURLOPT_CONNECTTIMEOUT_MS,
			 timeout < CONNECT_MAX_MS ? timeout : (long)CONNECT_MAX_MS);
	curl_easy_setopt(h->curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(h->curl, CURLOPT_LOW_SPEED_TIME, (long)SLOW_S);
	curl_easy_setopt(h->curl, CURLOPT_PROXY, h->settings->proxy ? h->settings->proxy : "");
	curl_easy_setopt(h->curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(h->curl, CURLOPT_USERAGENT, KEELWATCH_PRODUCT "/" KEELWATCH_VERSION);
	curl_easy_setopt(h->curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(h->curl, CURLOPT_WRITEDATA, h);
	curl_easy_setopt(h->curl, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(h->curl, CURLOPT_HEADERDATA, h);
	curl_easy_setopt(h->curl, CURLOPT_TCP_KEEPALIVE, 1L);
}

int http_new(const struct config_sink *settings, const char *path, struct buf *why,
	     struct http **ret)
{
	struct http *h = calloc(1, sizeof(*h));
	int err;

	if (!h)
		return -ENOMEM;
	h->settings = settings;
	h->curl = curl_easy_init();
	h->multi = curl_multi_init();
	err = h->curl && h->multi ? set_url(h, path, why) : -ENOMEM;
	if (!err && settings->tls.server_name)
		err = set_server_name(h);
	if (!err) {
		set_limits(h);
		set_tls(h);
		err = set_credentials(h);
	}
	/* Without it a request of some size waits a second for a word that few servers send. */
	if (!err)
		err = http_header(h, "Expect", "");
	if (err)
		http_free(h);
	else
		*ret = h;
	return err;
}

void http_free(struct http *h)
{
	if (!h)
		return;
	curl_easy_cleanup(h->curl);
	curl_multi_cleanup(h->multi);
	curl_slist_free_all(h->headers);
	curl_slist_free_all(h->resolve);
	free(h->url);
	free(h);
}

/* --- a request --- */

static int compress_body(const struct buf *body, struct buf *out)
{
	z_stream z = {};
	char chunk[16384];
	int code;

	if (deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return -ENOMEM;
	z.next_in = (Bytef *)body->data;
	z.avail_in = body->len;
	do {
		z.next_out = (Bytef *)chunk;
		z.avail_out = sizeof(chunk);
		code = deflate(&z, Z_FINISH);
		buf_add(out, chunk, sizeof(chunk) - z.avail_out);
	} while (code == Z_OK);
	deflateEnd(&z);
	return code == Z_STREAM_END && !out->failed ? 0 : -ENOMEM;
}

/* CURLE_OK with an answer; stopped: all is to end. */
static CURLcode perform(struct http *h, int stop, bool *stopped)
{
	struct curl_waitfd extra = { .fd = stop, .events = CURL_WAIT_POLLIN };
	CURLcode result = CURLE_OK;
	int running = 1, left;
	CURLMsg *message;

	curl_multi_add_handle(h->multi, h->curl);
	while (running) {
		if (curl_multi_perform(h->multi, &running))
			result = CURLE_OUT_OF_MEMORY;
		if (!running || result)
			break;
		extra.revents = 0;
		curl_multi_poll(h->multi, &extra, 1, 1000, NULL);
		*stopped = extra.revents;
		if (*stopped)
			break;
	}
	while ((message = curl_multi_info_read(h->multi, &left)))
		if (message->msg == CURLMSG_DONE)
			result = message->data.result;
	curl_multi_remove_handle(h->multi, h->curl);
	return result;
}

static char *url_of_path(const struct http *h, const char *path)
{
	CURLU *url = curl_url();
	char *full = NULL, *copy = NULL;

	if (url && !curl_url_set(url, CURLUPART_URL, h->url, 0) &&
	    !curl_url_set(url, CURLUPART_PATH, path, 0) &&
	    !curl_url_get(url, CURLUPART_URL, &full, 0))
		copy = strdup(full);
	curl_free(full);
	curl_url_cleanup(url);
	return copy;
}

/* In TLS 1.3 a receiver that wants a certificate says so behind the handshake, and hangs up on what we send. */
static bool may_want_certificate(const struct http *h, CURLcode code)
{
	return text_starts(h->url, "https://") && !h->settings->tls.certificate &&
	       (code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR || code == CURLE_GOT_NOTHING);
}

static void say_failure(const struct http *h, CURLcode code, bool stopped, char *why, size_t size)
{
	const char *text = h->error[0] ? h->error : curl_easy_strerror(code);
	_cleanup_(buf_free) struct buf words = {};

	/* Of a socket that was closed already libcurl complains first, and keeps that. */
	if (text_starts(text, "getpeername()"))
		text = curl_easy_strerror(code);
	if (stopped)
		text = "stopped";
	else if (h->too_long)
		text = "the answer is longer than any should be";
	buf_str(&words, text);
	if (!stopped && may_want_certificate(h, code))
		buf_str(&words, "; it may want a client certificate");
	text_clean_cut(why, size, buf_cstr(&words), words.len);
}

int http_post(struct http *h, const char *path, const struct buf *body, int stop, struct buf *reply,
	      uint64_t *retry_after_ns, char *why, size_t why_size)
{
	_cleanup_(buf_free) struct buf packed = {};
	_cleanup_free_ char *other = path ? url_of_path(h, path) : NULL;
	bool gzip = h->settings->compression == COMPRESS_GZIP, stopped = false;
	const struct buf *sent = gzip ? &packed : body;
	int err = 0;
	curl_off_t wait = 0;
	CURLcode code;
	long status = 0;

	if (gzip)
		err = compress_body(body, &packed);
	if (!err && gzip)
		err = http_header(h, "Content-Encoding", "gzip");
	if (err || (path && !other)) {
		snprintf(why, why_size, "out of memory");
		return 0;
	}
	buf_reset(reply);
	reply->max = HTTP_REPLY_MAX;
	h->reply = reply;
	h->header_bytes = 0;
	h->too_long = false;
	h->error[0] = '\0';
	curl_easy_setopt(h->curl, CURLOPT_URL, path ? other : h->url);
	curl_easy_setopt(h->curl, CURLOPT_POST, 1L);
	curl_easy_setopt(h->curl, CURLOPT_POSTFIELDS, buf_cstr(sent));
	curl_easy_setopt(h->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)sent->len);
	code = perform(h, stop, &stopped);
	if (code || stopped) {
		say_failure(h, code, stopped, why, why_size);
		return 0;
	}
	curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(h->curl, CURLINFO_RETRY_AFTER, &wait);
	*retry_after_ns = wait > 0 ? (uint64_t)wait * NS_PER_S : 0;
	return status;
}

struct item **http_items(struct batch *batch, size_t *n)
{
	struct item **items = calloc(batch->count + 1, sizeof(struct item *));

	*n = 0;
	if (!items)
		snprintf(batch->why, sizeof(batch->why), "out of memory");
	for (size_t i = 0; items && i < batch->count; i++)
		if (batch->items[i].result == ITEM_RETRY)
			items[(*n)++] = &batch->items[i];
	return items;
}

/* --- receivers that answer for a request as a whole --- */

struct whole {
	const struct http_whole *w;
	struct batch *batch;
	int stop;
	struct buf body, reply;
	bool over; /* the attempt: the rest is for the next one */
};

/* The request cannot be made of these: true when there are several, of which it may be one. */
static bool cannot_be_made(struct whole *k, struct item **items, size_t n, int err)
{
	if (err != -EINVAL) {
		snprintf(k->batch->why, sizeof(k->batch->why), "out of memory");
		k->over = true;
	} else if (n == 1) {
		items[0]->result = ITEM_REFUSED;
		snprintf(items[0]->why, sizeof(items[0]->why),
			 "it cannot be written in this format");
	}
	return err == -EINVAL && n > 1;
}

/* One request for all of them. True when it was refused, and there are several, of which it may be one. */
static bool is_divided(struct whole *k, struct item **items, size_t n)
{
	bool (*passing)(int) = k->w->is_passing ? k->w->is_passing : http_is_passing;
	struct batch *batch = k->batch;
	int err, status;

	buf_reset(&k->body);
	err = k->w->body(k->w->self, &k->body, items, n);
	if (err || k->body.failed)
		return cannot_be_made(k, items, n, err ? err : -ENOMEM);
	status = http_post(k->w->http, NULL, &k->body, k->stop, &k->reply, &batch->retry_after_ns,
			   batch->why, sizeof(batch->why));
	if (status >= 200 && status < 300) {
		k->w->done(k->w->self, items, n, &k->reply, batch);
	} else if (!status || passing(status)) {
		if (status)
			http_describe(status, &k->reply, batch->why, sizeof(batch->why));
		k->over = true;
	} else if (n == 1) {
		items[0]->result = ITEM_REFUSED;
		http_describe(status, &k->reply, items[0]->why, sizeof(items[0]->why));
	} else {
		return true;
	}
	return false;
}

static void send_items(struct whole *k, struct item **items, size_t n)
{
	if (k->over || !n || !is_divided(k, items, n))
		return;
	send_items(k, items, n / 2);
	send_items(k, items + n / 2, n - n / 2);
}

void http_send_whole(const struct http_whole *w, struct batch *batch, int stop)
{
	struct whole k = { .w = w, .batch = batch, .stop = stop };
	size_t n;
	_cleanup_free_ struct item **items = http_items(batch, &n);

	send_items(&k, items, n);
	buf_free(&k.body);
	buf_free(&k.reply);
}
