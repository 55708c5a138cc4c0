/* SPDX-License-Identifier: Apache-2.0 */
/* What every sink's worker does: batches in, attempts, cursors, dead letters; the sink is a script. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "base/util.h"
#include "feed/link.h"
#include "ship/worker.h"

#define ATTEMPTS_MAX 64
#define PATIENCE_S 20 /* for what must come; a slow machine needs some of it */

/* What a receiver answers, attempt by attempt: a letter an item: d(elivered), r(etry), x (refused). */
struct script {
	const char *const *answers;
	uint64_t retry_after_ns, rejected;
	unsigned int attempts;
	char seen[ATTEMPTS_MAX][256]; /* ids that were to be sent, with a space behind each */
};

static struct script *script_now; /* the sink_ops have no other way to find it */

struct sink {
	int unused;
};

static int script_open(const struct config_sink *settings, struct buf *why, struct sink **ret)
{
	(void)settings;
	(void)why;
	*ret = calloc(1, sizeof(**ret));
	return 0;
}

static void script_close(struct sink *s)
{
	free(s);
}

static void script_send(struct sink *s, struct batch *batch, int stop)
{
	struct script *script = script_now;
	unsigned int attempt = script->attempts++ % ATTEMPTS_MAX;
	const char *answer = script->answers[attempt];
	size_t at = 0;

	(void)s;
	(void)stop;
	for (size_t i = 0; i < batch->count; i++) {
		struct item *item = &batch->items[i];

		if (item->result != ITEM_RETRY)
			continue;
		strcat(script->seen[attempt], item->id);
		strcat(script->seen[attempt], " ");
		switch (answer[at++]) {
		case 'd':
			item->result = ITEM_DELIVERED;
			break;
		case 'x':
			item->result = ITEM_REFUSED;
			snprintf(item->why, sizeof(item->why), "no such index");
			break;
		}
	}
	snprintf(batch->why, sizeof(batch->why), "503 Service Unavailable");
	batch->retry_after_ns = script->retry_after_ns;
	batch->rejected = script->rejected;
}

static const struct sink_ops script_ops = {
	.open = script_open,
	.close = script_close,
	.send = script_send,
	.no_format = true,
};

struct bench {
	char dir[32];
	struct config_sink settings;
	struct dead_letter *letters;
	struct worker worker;
	struct script script;
	struct link *monitor; /* our end */
	int stop, patience;
	pthread_t thread;
	int result;
};

static void *bench_run(void *arg)
{
	struct bench *b = arg;

	b->result = worker_run(&b->worker);
	return NULL;
}

static void bench_start(struct bench *b, const char *const *answers)
{
	int pair[2];

	*b = (struct bench){ .script.answers = answers };
	script_now = &b->script;
	strcpy(b->dir, "/tmp/keelwatch-unit-XXXXXX");
	cr_assert(mkdtemp(b->dir));
	b->settings = (struct config_sink){
		.name = (char *)"siem",
		.batch_records = 10,
		.batch_bytes = 1 << 20,
		.retry_min_ns = 1000000,
		.retry_max_ns = 4000000,
	};
	cr_assert_eq(dead_letter_new(b->dir, "siem", 1 << 20, &b->letters), 0);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	b->stop = eventfd(0, EFD_NONBLOCK);
	b->patience = eventfd(0, EFD_NONBLOCK);
	b->monitor = calloc(1, sizeof(*b->monitor));
	b->monitor->fd = pair[0];
	b->monitor->stop = b->patience;
	b->worker = (struct worker){
		.settings = &b->settings,
		.ops = &script_ops,
		.dead_letters = b->letters,
		.feed = pair[1],
		.stop = b->stop,
	};
	alarm(PATIENCE_S);
	cr_assert_eq(pthread_create(&b->thread, NULL, bench_run, b), 0);
}

static void bench_end(struct bench *b)
{
	char command[64];

	shutdown(b->monitor->fd, SHUT_RDWR);
	pthread_join(b->thread, NULL);
	close(b->monitor->fd);
	close(b->worker.feed);
	close(b->stop);
	close(b->patience);
	buf_free(&b->monitor->body);
	free(b->monitor);
	dead_letter_free(b->letters);
	snprintf(command, sizeof(command), "rm -r %s", b->dir);
	cr_assert_eq(system(command), 0);
	alarm(0);
}

static void send_record(struct bench *b, uint64_t sequence, const char *id)
{
	Keelwatch__Record record = KEELWATCH__RECORD__INIT;
	Keelwatch__Monitor monitor = KEELWATCH__MONITOR__INIT;
	Keelwatch__Metadata metadata = KEELWATCH__METADATA__INIT;
	uint8_t body[512];

	metadata.id = (char *)id;
	metadata.sequence = sequence;
	monitor.kind = (char *)"monitor";
	monitor.message = (char *)"hello";
	monitor.metadata = &metadata;
	record.body_case = KEELWATCH__RECORD__BODY_MONITOR;
	record.monitor = &monitor;
	cr_assert_leq(keelwatch__record__get_packed_size(&record), sizeof(body));
	cr_assert_eq(link_write(b->monitor, FEED_RECORD, sequence, body,
				keelwatch__record__pack(&record, body)),
		     0);
}

/* The next message of that type; others are passed over. */
static struct feed_head expect(struct bench *b, enum feed_type type)
{
	struct feed_head head;

	do
		cr_assert_eq(link_read(b->monitor, &head), 1, "no message of type %d", type);
	while (head.type != type);
	return head;
}

static struct feed_status expect_status(struct bench *b, enum feed_state state)
{
	struct feed_status status;

	do {
		expect(b, FEED_STATUS);
		memcpy(&status, b->monitor->body.data, sizeof(status));
	} while (status.state != state);
	return status;
}

static void read_letters(const struct bench *b, char *room, size_t size)
{
	char path[64];
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), "%s/siem.jsonl", b->dir);
	f = fopen(path, "re");
	cr_assert(f);
	n = fread(room, 1, size - 1, f);
	room[n] = '\0';
	fclose(f);
}

static void three_records(struct bench *b)
{
	expect(b, FEED_WANT);
	send_record(b, 11, "a");
	send_record(b, 12, "b");
	send_record(b, 15, "c");
	cr_assert_eq(link_write(b->monitor, FEED_END, 15, NULL, 0), 0);
}

Test(worker, a_batch_that_arrives_moves_the_cursor_to_its_end)
{
	static const char *const answers[] = { "ddd" };
	struct feed_status status;
	struct bench b;

	bench_start(&b, answers);
	three_records(&b);
	cr_assert_eq(expect(&b, FEED_DONE).sequence, 15);
	status = expect_status(&b, FEED_WORKING);
	cr_assert_eq(status.delivered, 3);
	cr_assert_eq(status.retried, 0);
	expect(&b, FEED_WANT);
	bench_end(&b);
	cr_assert_str_eq(b.script.seen[0], "a b c ");
}

/* Whoever could write to the store, or to the socket: no sink gets bytes that are no text. */
Test(worker, a_record_s_strings_are_clean_text_before_the_sink_sees_them)
{
	static const char *const answers[] = { "d" };
	struct bench b;

	bench_start(&b, answers);
	expect(&b, FEED_WANT);
	send_record(&b, 11, "\xff\n\"x");
	cr_assert_eq(link_write(b.monitor, FEED_END, 11, NULL, 0), 0);
	cr_assert_eq(expect(&b, FEED_DONE).sequence, 11);
	bench_end(&b);
	cr_assert_str_eq(b.script.seen[0], "\\xff\\n\"x ");
}

Test(worker, the_cursor_stays_before_what_is_to_be_sent_again)
{
	static const char *const answers[] = { "drd", "r", "d" };
	struct bench b;

	bench_start(&b, answers);
	three_records(&b);
	cr_assert_eq(expect(&b, FEED_DONE).sequence, 11);
	cr_assert_str_eq(expect_status(&b, FEED_WAITING).why, "503 Service Unavailable");
	while (expect(&b, FEED_DONE).sequence == 11)
		;
	cr_assert_eq(expect_status(&b, FEED_WORKING).delivered, 3);
	bench_end(&b);
	cr_assert_str_eq(b.script.seen[0], "a b c ");
	cr_assert_str_eq(b.script.seen[1], "b ");
	cr_assert_str_eq(b.script.seen[2], "b ");
}

Test(worker, what_is_refused_for_good_is_a_dead_letter_before_the_cursor_moves)
{
	static const char *const answers[] = { "dxd" };
	char letters[1024];
	struct bench b;

	bench_start(&b, answers);
	three_records(&b);
	cr_assert_eq(expect(&b, FEED_DONE).sequence, 15);
	read_letters(&b, letters, sizeof(letters));
	cr_assert(strstr(letters, "\"why\":\"no such index\",\"record\":{\"kind\":\"monitor\""));
	cr_assert(strstr(letters, "\"id\":\"b\""));
	cr_assert_null(strstr(letters, "\"id\":\"a\""));
	cr_assert_eq(expect_status(&b, FEED_WORKING).dead_lettered, 1);
	bench_end(&b);
}

Test(worker, what_is_rejected_without_a_name_counts_as_refused)
{
	static const char *const answers[] = { "ddd" };
	struct feed_status status;
	struct bench b;

	bench_start(&b, answers);
	b.script.rejected = 2;
	three_records(&b);
	cr_assert_eq(expect(&b, FEED_DONE).sequence, 15);
	status = expect_status(&b, FEED_WORKING);
	cr_assert_eq(status.delivered, 1);
	cr_assert_eq(status.refused, 2);
	cr_assert_eq(status.rejected, 2);
	cr_assert_eq(status.dead_lettered, 0);
	bench_end(&b);
}

Test(worker, a_record_that_is_none_is_a_dead_letter_and_the_rest_arrives)
{
	static const char *const answers[] = { "d" };
	char letters[1024];
	struct bench b;

	bench_start(&b, answers);
	expect(&b, FEED_WANT);
	cr_assert_eq(link_write(b.monitor, FEED_RECORD, 1, "\xff\xff\xff", 3), 0);
	send_record(&b, 2, "good");
	cr_assert_eq(link_write(b.monitor, FEED_END, 2, NULL, 0), 0);
	cr_assert_eq(expect(&b, FEED_DONE).sequence, 2);
	read_letters(&b, letters, sizeof(letters));
	cr_assert(strstr(letters, "\"record\":null"));
	bench_end(&b);
	cr_assert_str_eq(b.script.seen[0], "good ");
}

Test(worker, a_longer_wait_that_the_receiver_asks_for_is_kept)
{
	static const char *const answers[] = { "rrr", "ddd" };
	struct timespec before, after;
	struct bench b;

	bench_start(&b, answers);
	b.script.retry_after_ns = 300000000;
	clock_gettime(CLOCK_MONOTONIC, &before);
	three_records(&b);
	cr_assert_eq(expect(&b, FEED_DONE).sequence, 15);
	clock_gettime(CLOCK_MONOTONIC, &after);
	cr_assert_geq((after.tv_sec - before.tv_sec) * 1000 +
			      (after.tv_nsec - before.tv_nsec) / 1000000,
		      300);
	bench_end(&b);
}

Test(worker, it_ends_while_it_waits_and_leaves_the_cursor_where_it_was)
{
	static const char *const answers[] = { "rrr" };
	uint64_t one = 1;
	struct bench b;

	bench_start(&b, answers);
	b.script.retry_after_ns = 3600ULL * 1000000000;
	three_records(&b);
	expect_status(&b, FEED_WAITING);
	cr_assert_eq(write(b.stop, &one, sizeof(one)), sizeof(one));
	pthread_join(b.thread, NULL);
	cr_assert_eq(b.result, 0);
	cr_assert_eq(b.script.attempts, 1);
	/* Stop is still readable: it ends at once. */
	pthread_create(&b.thread, NULL, bench_run, &b);
	bench_end(&b);
}

Test(worker, more_records_than_it_asked_for_are_an_error)
{
	static const char *const answers[] = { "" };
	struct bench b;

	bench_start(&b, answers);
	expect(&b, FEED_WANT);
	for (uint64_t i = 1; i <= 11; i++)
		send_record(&b, i, "x");
	pthread_join(b.thread, NULL);
	cr_assert_eq(b.result, -EPROTO);
	pthread_create(&b.thread, NULL, bench_run, &b);
	bench_end(&b);
}

Test(worker, a_message_without_a_sensible_length_is_an_error)
{
	static const char *const answers[] = { "" };
	struct feed_head head = { .type = FEED_RECORD, .len = UINT32_MAX };
	struct bench b;

	bench_start(&b, answers);
	expect(&b, FEED_WANT);
	cr_assert_eq(send(b.monitor->fd, &head, sizeof(head), 0), sizeof(head));
	pthread_join(b.thread, NULL);
	cr_assert_eq(b.result, -EPROTO);
	pthread_create(&b.thread, NULL, bench_run, &b);
	bench_end(&b);
}

Test(dead_letter, the_bound_pushes_out_the_oldest_and_counts_them)
{
	Keelwatch__Record record = KEELWATCH__RECORD__INIT;
	Keelwatch__Monitor monitor = KEELWATCH__MONITOR__INIT;
	char dir[] = "/tmp/keelwatch-unit-XXXXXX", command[64];
	struct dead_letter *d;

	monitor.message = (char *)"0123456789012345678901234567890123456789";
	record.body_case = KEELWATCH__RECORD__BODY_MONITOR;
	record.monitor = &monitor;
	cr_assert(mkdtemp(dir));
	cr_assert_eq(dead_letter_new(dir, "s", 4096, &d), 0);
	for (int i = 0; i < 100; i++)
		cr_assert_eq(dead_letter_write(d, &record, "no"), 0);
	/* Of a hundred letters those of two files of 2048 bytes are left at most. */
	cr_assert_geq(dead_letter_lost(d), 100 - 2 * 2048 / 100);
	cr_assert_lt(dead_letter_lost(d), 100);
	dead_letter_free(d);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	cr_assert_eq(system(command), 0);
}

Test(dead_letter, a_link_in_its_place_is_not_followed)
{
	Keelwatch__Record record = KEELWATCH__RECORD__INIT;
	char dir[] = "/tmp/keelwatch-unit-XXXXXX", command[64], path[64];
	struct dead_letter *d;

	cr_assert(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/s.jsonl", dir);
	cr_assert_eq(symlink("target", path), 0);
	cr_assert_eq(dead_letter_new(dir, "s", 4096, &d), 0);
	cr_assert_eq(dead_letter_write(d, &record, "no"), -ELOOP);
	dead_letter_free(d);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	cr_assert_eq(system(command), 0);
}
