/* SPDX-License-Identifier: Apache-2.0 */
/* One sink's lane: what a shipper may say, what it may not, and that neither loses a record. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "base/util.h"
#include "feed/lane.h"
#include "message/stamp.h"

#define PATIENCE_S 20
#define RECORDS 10

struct bench {
	char dir[40];
	struct stamp *stamp;
	struct store *store;
	struct store_reader *reader;
	struct lane lane;
	int shipper; /* its end */
};

static void put(struct bench *b)
{
	Keelwatch__Monitor monitor = KEELWATCH__MONITOR__INIT;
	Keelwatch__Record record = KEELWATCH__RECORD__INIT;
	Keelwatch__Metadata metadata;
	char id[STAMP_ID_SIZE];

	stamp_metadata(b->stamp, id, &metadata);
	monitor.kind = (char *)"monitor";
	monitor.operation = (char *)"test";
	monitor.message = (char *)"hello";
	monitor.metadata = &metadata;
	record.body_case = KEELWATCH__RECORD__BODY_MONITOR;
	record.monitor = &monitor;
	cr_assert_eq(store_put(b->store, &record), 0);
}

static void settle(struct bench *b)
{
	struct timespec t = { .tv_nsec = 1000000 };
	struct store_stats stats;

	for (store_stats(b->store, &stats); stats.committed < stats.accepted;
	     store_stats(b->store, &stats))
		nanosleep(&t, NULL);
}

static void connect_shipper(struct bench *b)
{
	int pair[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	lane_connect(&b->lane, pair[0]);
	b->shipper = pair[1];
}

static void bench_begin(struct bench *b)
{
	struct store_options options = { .queue_bytes = 1 << 20 };
	int holder;

	*b = (struct bench){ .dir = "/tmp/keelwatch-lane-XXXXXX" };
	cr_assert(mkdtemp(b->dir));
	alarm(PATIENCE_S);
	cr_assert_eq(stamp_new(&b->stamp), 0);
	options.dir = b->dir;
	options.stamp = b->stamp;
	cr_assert_eq(store_open(&options, &holder, &b->store), 0);
	cr_assert_eq(store_reader_new(b->dir, &b->reader), 0);
	for (int i = 0; i < RECORDS; i++)
		put(b);
	settle(b);
	strcpy(b->lane.name, "siem");
	b->lane.kinds = KINDS_ALL;
	connect_shipper(b);
}

static void bench_end(struct bench *b)
{
	char command[64];

	close(b->lane.fd);
	close(b->shipper);
	lane_free(&b->lane);
	store_reader_free(b->reader);
	store_close(b->store);
	stamp_free(b->stamp);
	snprintf(command, sizeof(command), "rm -r %s", b->dir);
	cr_assert_eq(system(command), 0);
	alarm(0);
}

/* Says it as the shipper; what the lane answers. */
static int hear(struct bench *b, uint32_t type, uint64_t sequence, const void *body, uint32_t len)
{
	struct feed_head head = { .type = type, .len = len, .sequence = sequence };

	cr_assert_eq(write(b->shipper, &head, sizeof(head)), sizeof(head));
	if (body)
		cr_assert_eq(write(b->shipper, body, len), (ssize_t)len);
	return lane_read(&b->lane, b->store);
}

static int want(struct bench *b, uint32_t records, uint32_t bytes)
{
	struct feed_want w = { .records = records, .bytes = bytes };

	return hear(b, FEED_WANT, 0, &w, sizeof(w));
}

/* Takes what the lane sent: how many records; last: the END's sequence, 0 when there was none. */
static size_t taken(struct bench *b, uint64_t *last)
{
	static char bytes[1 << 20];
	ssize_t len = read(b->shipper, bytes, sizeof(bytes));
	size_t count = 0;

	*last = 0;
	for (ssize_t at = 0; at < len;) {
		struct feed_head head;

		memcpy(&head, bytes + at, sizeof(head));
		at += sizeof(head) + head.len;
		count += head.type == FEED_RECORD;
		if (head.type == FEED_END)
			*last = head.sequence;
	}
	return count;
}

Test(lane, a_batch_goes_out_is_acknowledged_and_the_next_begins_behind_it)
{
	struct bench b;
	uint64_t last;

	bench_begin(&b);
	cr_assert_eq(want(&b, 4, 1 << 20), 0);
	cr_assert_eq(lane_serve(&b.lane, b.store, b.reader), 0);
	cr_assert_eq(taken(&b, &last), 4);
	cr_assert_eq(last, 4);
	cr_assert_eq(hear(&b, FEED_DONE, 4, NULL, 0), 0);
	cr_assert_eq(b.lane.settled, 4);
	cr_assert_eq(want(&b, 100, 1 << 20), 0);
	cr_assert_eq(lane_serve(&b.lane, b.store, b.reader), 0);
	cr_assert_eq(taken(&b, &last), RECORDS - 4);
	cr_assert_eq(last, RECORDS);
	bench_end(&b);
}

Test(lane, a_shipper_that_dies_costs_nothing_that_was_not_acknowledged)
{
	struct feeder_sink shown;
	struct feed_status status = { .delivered = 3 };
	struct bench b;
	uint64_t last;

	bench_begin(&b);
	cr_assert_eq(want(&b, 6, 1 << 20), 0);
	cr_assert_eq(lane_serve(&b.lane, b.store, b.reader), 0);
	cr_assert_eq(taken(&b, &last), 6);
	cr_assert_eq(hear(&b, FEED_DONE, 3, NULL, 0), 0);
	cr_assert_eq(hear(&b, FEED_STATUS, 0, &status, sizeof(status)), 0);
	close(b.shipper);
	cr_assert_eq(lane_read(&b.lane, b.store), -EPIPE);
	close(b.lane.fd);
	connect_shipper(&b);
	cr_assert_eq(want(&b, 100, 1 << 20), 0);
	cr_assert_eq(lane_serve(&b.lane, b.store, b.reader), 0);
	cr_assert_eq(taken(&b, &last), RECORDS - 3);
	cr_assert_eq(hear(&b, FEED_STATUS, 0, &status, sizeof(status)), 0);
	lane_status(&b.lane, &shown);
	cr_assert_eq(shown.status.delivered, 6);
	bench_end(&b);
}

Test(lane, what_the_sink_does_not_take_moves_its_cursor_and_nothing_is_sent)
{
	struct bench b;
	uint64_t last;

	bench_begin(&b);
	b.lane.kinds = 1u << KIND_FINDING;
	cr_assert_eq(want(&b, 100, 1 << 20), 0);
	cr_assert_eq(lane_serve(&b.lane, b.store, b.reader), 0);
	cr_assert_eq(taken(&b, &last), 0);
	cr_assert_eq(b.lane.settled, RECORDS);
	bench_end(&b);
}

Test(lane, what_is_not_said_among_us_is_refused)
{
	static const struct {
		uint32_t type, len;
		uint64_t sequence;
	} cases[] = {
		{ 0, 0, 0 },
		{ FEED_RECORD, 0, 1 },
		{ FEED_END, 0, 1 },
		{ 99, 0, 0 },
		{ FEED_WANT, 0, 0 },
		{ FEED_WANT, sizeof(struct feed_want) + 1, 0 },
		{ FEED_WANT, UINT32_MAX, 0 },
		{ FEED_STATUS, sizeof(struct feed_status) - 1, 0 },
		{ FEED_STATUS, UINT32_MAX, 0 },
		{ FEED_DONE, 8, 0 },
		{ FEED_DONE, 0, 5 }, /* beyond what was sent */
		{ FEED_DONE, 0, UINT64_MAX },
		{ FEED_DONE, 0, 1 }, /* behind what was acknowledged */
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct bench b;
		uint64_t last;

		bench_begin(&b);
		cr_assert_eq(want(&b, 4, 1 << 20), 0);
		cr_assert_eq(lane_serve(&b.lane, b.store, b.reader), 0);
		cr_assert_eq(taken(&b, &last), 4);
		cr_assert_eq(hear(&b, FEED_DONE, 2, NULL, 0), 0);
		cr_assert_eq(hear(&b, cases[i].type, cases[i].sequence, NULL, cases[i].len),
			     -EPROTO, "case %zu", i);
		cr_assert_eq(b.lane.settled, 2, "case %zu", i);
		bench_end(&b);
	}
}

Test(lane, who_wants_nothing_acknowledges_nothing_by_it)
{
	static const uint32_t wants[][2] = { { 0, 1 }, { 1, 0 }, { 0, 0 } };

	for (size_t i = 0; i < ARRAY_SIZE(wants); i++) {
		struct bench b;

		bench_begin(&b);
		cr_assert_eq(want(&b, wants[i][0], wants[i][1]), -EPROTO);
		cr_assert_eq(b.lane.settled, 0);
		bench_end(&b);
	}
}

Test(lane, a_message_may_come_byte_by_byte)
{
	struct feed_want w = { .records = 1, .bytes = 1 };
	struct feed_head head = { .type = FEED_WANT, .len = sizeof(w) };
	char bytes[sizeof(head) + sizeof(w)];
	struct bench b;
	uint64_t last;

	bench_begin(&b);
	memcpy(bytes, &head, sizeof(head));
	memcpy(bytes + sizeof(head), &w, sizeof(w));
	for (size_t i = 0; i < sizeof(bytes); i++) {
		cr_assert(!b.lane.wants);
		cr_assert_eq(write(b.shipper, bytes + i, 1), 1);
		cr_assert_eq(lane_read(&b.lane, b.store), 0);
	}
	cr_assert_eq(lane_serve(&b.lane, b.store, b.reader), 0);
	cr_assert_eq(taken(&b, &last), 1, "one goes beyond the bytes");
	bench_end(&b);
}

Test(lane, a_reason_that_is_no_clean_text_is_not_passed_on)
{
	static const char *const whys[] = { "\x1b[2J", "a\nkeelwatch: error: forged", "\xff\xfe" };

	for (size_t i = 0; i < ARRAY_SIZE(whys); i++) {
		struct feed_status status = { .state = FEED_WAITING };
		struct feeder_sink shown;
		struct bench b;

		bench_begin(&b);
		strcpy(status.why, whys[i]);
		cr_assert_eq(hear(&b, FEED_STATUS, 0, &status, sizeof(status)), 0);
		lane_status(&b.lane, &shown);
		cr_assert_str_eq(shown.status.why, "(unclean)");
		memset(status.why, 'x', sizeof(status.why));
		cr_assert_eq(hear(&b, FEED_STATUS, 0, &status, sizeof(status)), 0);
		lane_status(&b.lane, &shown);
		cr_assert_eq(strlen(shown.status.why), FEED_WHY - 1);
		bench_end(&b);
	}
}

Test(lane, a_shipper_that_talks_without_end_is_left_off_and_heard_again)
{
	struct feed_head head = { .type = FEED_DONE };
	struct bench b;
	size_t said = 0;

	bench_begin(&b);
	while (write(b.shipper, &head, sizeof(head)) == sizeof(head))
		said++;
	cr_assert_geq(said, 100);
	for (size_t left = said + 1000; left > 1000; left -= 1000)
		cr_assert_eq(lane_read(&b.lane, b.store), 0);
	cr_assert_eq(write(b.shipper, &head, sizeof(head)), sizeof(head));
	bench_end(&b);
}

Test(lane, a_reader_that_reads_slowly_gets_every_byte_once)
{
	struct bench b;
	size_t got = 0;
	char byte[7];
	ssize_t n;

	bench_begin(&b);
	setsockopt(b.lane.fd, SOL_SOCKET, SO_SNDBUF, &(int){ 1 }, sizeof(int));
	for (int i = 0; i < 200; i++)
		put(&b);
	settle(&b);
	cr_assert_eq(want(&b, 1000, 1 << 20), 0);
	cr_assert_eq(lane_serve(&b.lane, b.store, b.reader), 0);
	cr_assert(lane_is_writing(&b.lane));
	do {
		while ((n = read(b.shipper, byte, sizeof(byte))) > 0)
			got += n;
		cr_assert_eq(lane_write(&b.lane), 0);
	} while (lane_is_writing(&b.lane));
	while ((n = read(b.shipper, byte, sizeof(byte))) > 0)
		got += n;
	cr_assert_eq(got, b.lane.out.len);
	bench_end(&b);
}

Test(lane, a_store_that_was_set_aside_is_served_from_the_new_one)
{
	struct bench b;
	uint64_t last;
	char path[64];

	bench_begin(&b);
	cr_assert_eq(want(&b, 100, 1 << 20), 0);
	cr_assert_eq(lane_serve(&b.lane, b.store, b.reader), 0);
	cr_assert_eq(taken(&b, &last), RECORDS);
	cr_assert_eq(hear(&b, FEED_DONE, RECORDS, NULL, 0), 0);
	snprintf(path, sizeof(path), "%s/store.db", b.dir);
	cr_assert_eq(unlink(path), 0);
	cr_assert_eq(want(&b, 100, 1 << 20), 0);
	put(&b);
	settle(&b);
	cr_assert_eq(lane_serve(&b.lane, b.store, b.reader), 0);
	/* The record, and the gap that tells of what was lost. */
	cr_assert_eq(taken(&b, &last), 2);
	cr_assert_eq(last, RECORDS + 2);
	bench_end(&b);
}
