/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sink: one way to bring records to a receiver, one file each, behind a table. A sink runs in a
 * thread of its own and may wait; it sends what it is given, says of each record what became of it, and
 * knows nothing of cursors, retries, backoff or dead letters: ship/worker.c does that for all.
 */
#ifndef KEELWATCH_SINK_H
#define KEELWATCH_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "config/config.h"
#include "event.pb-c.h"

enum item_result {
	ITEM_RETRY,	/* as it is given: not known to be there, to be sent again */
	ITEM_DELIVERED, /* the receiver has it, or says that it had it already */
	ITEM_REFUSED,	/* for good: sent again it would be refused again */
};

struct item {
	uint64_t sequence;
	const char *id;	       /* metadata's id, clean text */
	const char *container; /* id of its container, "" without one */
	Keelwatch__Record *record;
	const char *text; /* in the sink's format */
	size_t len;
	enum item_result result;
	char why[160]; /* of a refusal or a retry, clean text */
};

struct batch {
	struct item *items;
	size_t count;
	/* What the attempt as a whole came to: */
	uint64_t retry_after_ns; /* the receiver asked for it; 0: it did not say */
	char why[256];		 /* it failed: what, in words for an operator; "" */
	/*
	 * So many of those that are ITEM_DELIVERED the receiver rejected for good without a word on which: they
	 * are not sent again, which would double the others, but counted as refused and told as a gap.
	 */
	uint64_t rejected;
};

struct sink;

struct sink_ops {
	/*
	 * Prepares; connects to nothing (the first send does). settings: borrowed for its life, with secrets.
	 * 0, -errno; -EINVAL: the settings contradict each other, why says how.
	 */
	int (*open)(const struct config_sink *settings, struct buf *why, struct sink **ret);
	void (*close)(struct sink *s); /* NULL is fine */
	/*
	 * One attempt for all items that are ITEM_RETRY, within settings->timeout_ns; sets their results, and
	 * retry_after_ns and why. stop: an eventfd that becomes readable when the process is to end.
	 */
	void (*send)(struct sink *s, struct batch *batch, int stop);
	bool no_format; /* text is not wanted: it packs the records itself */
};

extern const struct sink_ops sink_syslog, sink_elasticsearch, sink_splunk_hec, sink_otlp,
	sink_webhook, sink_kafka, sink_file;

#endif
