/* SPDX-License-Identifier: Apache-2.0 */
/* What the sinks over HTTP share: one connection, kept; one request at a time; a reply that is bounded. */
#ifndef KEELWATCH_HTTP_H
#define KEELWATCH_HTTP_H

#include "ship/sink.h"

struct http;

#define HTTP_REPLY_MAX (16u << 20) /* bytes of a body; what sends more failed */

/* settings: borrowed. path: put behind a url that has none of its own, may be NULL. 0, -EINVAL with why. */
int http_new(const struct config_sink *settings, const char *path, struct buf *why,
	     struct http **ret);
void http_free(struct http *h);

/* A header for the requests to come; set again it replaces the one of that name. */
int http_header(struct http *h, const char *name, const char *value);

/*
 * POSTs body (compressed as the settings say) to the url, or to another path of its host. Returns the
 * status, its body in reply; or 0: no answer, why says what kept it (also -ECANCELED's "stopped").
 * retry_after_ns: what the receiver asked for, or 0.
 */
int http_post(struct http *h, const char *path, const struct buf *body, int stop, struct buf *reply,
	      uint64_t *retry_after_ns, char *why, size_t why_size);

/* "503 Service Unavailable: BODY'S BEGINNING" as clean text. */
void http_describe(int status, const struct buf *reply, char *why, size_t size);

/* Whether a status means "again later": all but the few that judge what was sent. */
bool http_is_passing(int status);

/* What of a batch is to be sent; caller frees the list. Without memory NULL, n is 0, and batch->why says so. */
struct item **http_items(struct batch *batch, size_t *n);

/*
 * For receivers that answer for a request as a whole: sends all items that are ITEM_RETRY, and when that is
 * refused for good, halves it, until it is known which one it is. body makes the request of n items (their
 * places in batch); done judges an answer that is no refusal of the whole.
 */
struct http_whole {
	struct http *http;
	void *self;
	/* 0; -EINVAL: one of them has no place in a request; -ENOMEM */
	int (*body)(void *self, struct buf *body, struct item **items, size_t n);
	/* status is 2xx: sets the items' results. */
	void (*done)(void *self, struct item **items, size_t n, const struct buf *reply,
		     struct batch *batch);
	bool (*is_passing)(int status); /* else http_is_passing() */
};

void http_send_whole(const struct http_whole *w, struct batch *batch, int stop);

#endif
