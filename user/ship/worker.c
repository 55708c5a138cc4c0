/* SPDX-License-Identifier: Apache-2.0 */
#include "ship/worker.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "base/util.h"
#include "feed/link.h"
#include "message/clean.h"
#include "message/head.h"
#include "ship/format.h"

#define DISK_RETRY_NS NS_PER_S		     /* after a dead letter that could not be written */
#define RETRY_AFTER_MAX_NS (3600 * NS_PER_S) /* a receiver may ask for no longer silence */

/* The records of one batch, and what stands behind its items. */
struct load {
	struct item *items;
	struct buf *texts;
	size_t count, room;
};

struct work {
	const struct worker *w;
	struct sink *sink;
	struct link link;
	struct load load;
	struct feed_status status;
	unsigned int failures; /* attempts in a row without progress */
	uint64_t failing_since_ns;
};

/* True when all is to end. */
static bool pause_ns(const struct work *k, uint64_t ns)
{
	struct pollfd fds[] = {
		{ .fd = k->w->stop, .events = POLLIN },
		{ .fd = k->w->feed, .events = 0 }, /* its end is told unasked */
	};
	struct timespec t = { .tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S };

	return ppoll(fds, ARRAY_SIZE(fds), &t, NULL) > 0;
}

static bool is_ending(const struct work *k)
{
	return pause_ns(k, 0);
}

/* --- what is told --- */

static void set_why(struct work *k, const char *why)
{
	snprintf(k->status.why, sizeof(k->status.why), "%s", why);
}

static int tell_status(struct work *k, enum feed_state state)
{
	k->status.state = state;
	return link_write(&k->link, FEED_STATUS, 0, &k->status, sizeof(k->status));
}

/* One line when it begins to fail, one when it is over; between them silence but for -v. */
static void log_attempt(struct work *k, bool failed, uint64_t wait_ns)
{
	const char *name = k->w->settings->name;

	if (k->w->once) /* who asked for one attempt says how it went */
		return;
	if (failed) {
		log_about(k->failures == 1 ? LOG_WARN : LOG_DEBUG, "sink", name,
			  "%s; trying again in %.1f s", k->status.why, (double)wait_ns / NS_PER_S);
	} else if (k->failures) {
		log_about(LOG_INFO, "sink", name, "works again, after %u attempts and %.1f s",
			  k->failures, (double)(clock_boot_ns() - k->failing_since_ns) / NS_PER_S);
		k->failures = 0;
	}
}

/* --- records in --- */

static void load_clear(struct load *l)
{
	for (size_t i = 0; i < l->count; i++)
		keelwatch__record__free_unpacked(l->items[i].record, NULL);
	l->count = 0;
}

static void load_free(struct load *l)
{
	load_clear(l);
	for (size_t i = 0; i < l->room; i++)
		buf_free(&l->texts[i]);
	free(l->texts);
	free(l->items);
}

static int load_new(struct load *l, uint32_t records)
{
	l->items = calloc(records, sizeof(*l->items));
	l->texts = calloc(records, sizeof(*l->texts));
	if (!l->items || !l->texts)
		return -ENOMEM;
	l->room = records;
	return 0;
}

/* A record that cannot be read or written in the sink's format is refused here, not by the receiver. */
static int load_add(struct work *k, uint64_t sequence)
{
	const struct worker *w = k->w;
	struct load *l = &k->load;
	struct item *item = &l->items[l->count];
	struct buf *text = &l->texts[l->count];
	struct record_head head = {};
	int err = 0;

	if (l->count == l->room)
		return -EPROTO;
	*item = (struct item){ .sequence = sequence, .id = "", .container = "", .text = "" };
	item->record = keelwatch__record__unpack(NULL, k->link.body.len,
						 (const uint8_t *)k->link.body.data);
	l->count++;
	buf_reset(text);
	if (item->record && message_clean(&item->record->base))
		return -ENOMEM;
	if (!item->record || record_head(item->record, &head) || !head.metadata)
		err = -EINVAL;
	else if (!w->ops->no_format)
		err = format_record(text, w->settings->format, item->record);
	if (err == -ENOMEM)
		return err;
	if (err) {
		item->result = ITEM_REFUSED;
		snprintf(item->why, sizeof(item->why), "it cannot be written in this format");
		return 0;
	}
	item->id = head.metadata->id;
	item->container = head.container ? head.container->id : "";
	item->text = buf_cstr(text);
	item->len = text->len;
	return 0;
}

/* 1: there is a batch; 0: the end. */
static int load_batch(struct work *k)
{
	const struct config_sink *s = k->w->settings;
	struct feed_want want = {
		.records = s->batch_records,
		.bytes = s->batch_bytes < UINT32_MAX ? s->batch_bytes : UINT32_MAX,
	};
	struct feed_head head;
	int err;

	load_clear(&k->load);
	err = link_write(&k->link, FEED_WANT, 0, &want, sizeof(want));
	if (err)
		return err == -ECANCELED || err == -EPIPE ? 0 : err;
	for (;;) {
		err = link_read(&k->link, &head);
		if (err <= 0)
			return err;
		if (head.type == FEED_END)
			break;
		if (head.type != FEED_RECORD)
			return -EPROTO;
		err = load_add(k, head.sequence);
		if (err)
			return err;
	}
	return 1;
}

/* --- and out --- */

static size_t count_results(const struct load *l, enum item_result result)
{
	size_t n = 0;

	for (size_t i = 0; i < l->count; i++)
		n += l->items[i].result == result;
	return n;
}

/* What is settled from the front on: the cursor may move over it. */
static uint64_t settled(const struct load *l)
{
	uint64_t sequence = 0;

	for (size_t i = 0; i < l->count && l->items[i].result != ITEM_RETRY; i++)
		sequence = l->items[i].sequence;
	return sequence;
}

/* True when all is to end: what is not written down yet stays unacknowledged, and is asked for again. */
static bool bury(struct work *k, struct item *item)
{
	const struct worker *w = k->w;
	int err;

	if (!w->dead_letters)
		return false;
	while ((err = dead_letter_write(w->dead_letters, item->record, item->why))) {
		char why[FEED_WHY];

		snprintf(why, sizeof(why), "dead letters cannot be written: %s", strerror(-err));
		set_why(k, why);
		k->status.result = -err;
		if (!k->failures++)
			k->failing_since_ns = clock_boot_ns();
		log_attempt(k, true, DISK_RETRY_NS);
		if (tell_status(k, FEED_WAITING) || pause_ns(k, DISK_RETRY_NS))
			return true;
	}
	k->status.dead_lettered++;
	k->status.lost = dead_letter_lost(w->dead_letters);
	return false;
}

/* One line for all of an attempt: who can have records refused must not fill the log. */
static void log_refused(const struct work *k, const struct item *first, size_t count)
{
	if (!count || k->w->once)
		return;
	log_about(LOG_WARN, "sink", k->w->settings->name,
		  "%zu record%s refused for good, kept as dead letters; %s: %s", count,
		  count > 1 ? "s" : "", first->id, first->why);
}

/* What was refused in this attempt. True when all is to end. */
static bool bury_refused(struct work *k, bool *buried)
{
	const struct item *first = NULL;
	size_t count = 0;

	for (size_t i = 0; i < k->load.count; i++) {
		struct item *item = &k->load.items[i];

		if (item->result != ITEM_REFUSED || buried[i])
			continue;
		buried[i] = true;
		k->status.refused++;
		set_why(k, item->why);
		if (bury(k, item))
			return true;
		first = first ? first : item;
		count++;
	}
	log_refused(k, first, count);
	return false;
}

/* Doubling from the least to the most, a random half of it off, so that many nodes do not come at once. */
static uint64_t backoff_ns(const struct work *k, uint64_t asked_ns)
{
	const struct config_sink *s = k->w->settings;
	uint64_t wait = s->retry_min_ns;
	uint32_t random = 0;

	for (unsigned int i = 1; i < k->failures && wait < s->retry_max_ns; i++)
		wait *= 2;
	if (wait > s->retry_max_ns)
		wait = s->retry_max_ns;
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		random = UINT32_MAX / 2;
	wait = wait / 2 + (uint64_t)((double)random / UINT32_MAX * (wait / 2));
	if (asked_ns > RETRY_AFTER_MAX_NS)
		asked_ns = RETRY_AFTER_MAX_NS;
	return wait > asked_ns ? wait : asked_ns;
}

/* One attempt for what is left. True when all is to end. */
static bool attempt(struct work *k, bool *buried)
{
	struct load *l = &k->load;
	struct batch batch = { .items = l->items, .count = l->count };
	size_t left = count_results(l, ITEM_RETRY), before = count_results(l, ITEM_DELIVERED),
	       still;
	uint64_t wait, sequence;

	if (left)
		k->w->ops->send(k->sink, &batch, k->w->stop);
	still = count_results(l, ITEM_RETRY);
	if (bury_refused(k, buried))
		return true;
	k->status.delivered += count_results(l, ITEM_DELIVERED) - before - batch.rejected;
	k->status.refused += batch.rejected;
	k->status.rejected += batch.rejected;
	k->status.retried += still;
	if (!still && !count_results(l, ITEM_REFUSED))
		set_why(k, "");
	sequence = settled(l);
	if (sequence && link_write(&k->link, FEED_DONE, sequence, NULL, 0))
		return true;
	if (!still) {
		log_attempt(k, false, 0);
		k->status.result = 0;
		return tell_status(k, FEED_WORKING) || k->w->once;
	}
	/* Broken off by us: no failure of the receiver's. */
	if (is_ending(k))
		return true;
	if (still < left)
		k->failures = 0;
	if (!k->failures++)
		k->failing_since_ns = clock_boot_ns();
	set_why(k, batch.why[0] ? batch.why : "not all were taken");
	k->status.result = EAGAIN;
	wait = backoff_ns(k, batch.retry_after_ns);
	log_attempt(k, true, wait);
	return tell_status(k, FEED_WAITING) || k->w->once || pause_ns(k, wait);
}

static int work(struct work *k)
{
	_cleanup_free_ bool *buried = calloc(k->load.room, sizeof(*buried));
	int err;

	if (!buried)
		return -ENOMEM;
	while ((err = load_batch(k)) > 0) {
		memset(buried, 0, k->load.room * sizeof(*buried));
		do {
			if (attempt(k, buried))
				return 0;
		} while (count_results(&k->load, ITEM_RETRY));
	}
	return err;
}

/* Settings that a sink cannot work with may be mended from outside: a file that is missing comes. */
static int open_sink(struct work *k)
{
	const struct worker *w = k->w;
	_cleanup_(buf_free) struct buf why = {};
	uint64_t wait = w->settings->retry_max_ns;

	while (w->ops->open(w->settings, &why, &k->sink)) {
		set_why(k, why.len ? buf_cstr(&why) : "it cannot be set up");
		k->status.result = EINVAL;
		if (!k->failures++)
			k->failing_since_ns = clock_boot_ns();
		log_attempt(k, true, wait);
		if (tell_status(k, FEED_WAITING) || w->once || pause_ns(k, wait))
			return -ECANCELED;
		buf_reset(&why);
	}
	return 0;
}

int worker_run(const struct worker *w)
{
	struct work *k = calloc(1, sizeof(*k));
	int err;

	if (!k)
		return -ENOMEM;
	k->w = w;
	k->link.fd = w->feed;
	k->link.stop = w->stop;
	err = load_new(&k->load, w->settings->batch_records);
	if (!err && !open_sink(k))
		err = work(k);
	w->ops->close(k->sink);
	load_free(&k->load);
	buf_free(&k->link.body);
	free(k);
	return err;
}
