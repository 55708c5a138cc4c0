/* SPDX-License-Identifier: Apache-2.0 */
/* The store: what goes in comes out, in order, chained, within its bounds, whatever befalls the files. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <glob.h>
#include <sqlite3.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/util.h"
#include "message/head.h"
#include "message/stamp.h"
#include "store/store.h"

#define DAY_NS (86400 * NS_PER_S)
#define PATIENCE_S 30 /* for what must come; a slow machine needs some of it */
#define NOON 1800000000000000000ULL

struct bench {
	char dir[40];
	struct stamp *stamp;
	struct store *store;
	struct store_options options;
};

/* One record, as a test wants it. */
struct made {
	enum record_kind kind;
	uint64_t time_ns;
	const char *rule, *container, *id, *pod, *namespace, *exe;
	Keelwatch__Severity severity;
	size_t padding; /* bytes of message */
};

static void bench_open(struct bench *b)
{
	int holder;

	cr_assert_eq(store_open(&b->options, &holder, &b->store), 0);
}

/* The folder is made anew by the first bench_begin(), and goes with bench_end(). */
static void bench_begin(struct bench *b)
{
	*b = (struct bench){ .dir = "/tmp/keelwatch-store-XXXXXX" };
	cr_assert(mkdtemp(b->dir));
	alarm(PATIENCE_S);
	cr_assert_eq(stamp_new(&b->stamp), 0);
	b->options = (struct store_options){
		.dir = b->dir,
		.stamp = b->stamp,
		.queue_bytes = 16 << 20,
	};
	bench_open(b);
}

static void bench_close(struct bench *b)
{
	store_close(b->store);
	b->store = NULL;
}

static void bench_end(struct bench *b)
{
	char command[64];

	bench_close(b);
	stamp_free(b->stamp);
	snprintf(command, sizeof(command), "rm -r %s", b->dir);
	cr_assert_eq(system(command), 0);
	alarm(0);
}

static char *in_dir(const struct bench *b, const char *name)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", b->dir, name);
	return path;
}

static int put_made(struct bench *b, const struct made *m)
{
	Keelwatch__Kubernetes kubernetes = KEELWATCH__KUBERNETES__INIT;
	Keelwatch__Container container = KEELWATCH__CONTAINER__INIT;
	Keelwatch__Process process = KEELWATCH__PROCESS__INIT;
	Keelwatch__Finding finding = KEELWATCH__FINDING__INIT;
	Keelwatch__Monitor monitor = KEELWATCH__MONITOR__INIT;
	Keelwatch__Record record = KEELWATCH__RECORD__INIT;
	Keelwatch__Metadata metadata;
	char id[STAMP_ID_SIZE];
	char *message = calloc(1, m->padding + 8);
	int err;

	memset(message, 'x', m->padding + 1);
	stamp_metadata(b->stamp, id, &metadata);
	kubernetes.pod = (char *)(m->pod ? m->pod : "");
	kubernetes.namespace_ = (char *)(m->namespace ? m->namespace : "");
	container.name = (char *)(m->container ? m->container : "");
	container.id = (char *)(m->id ? m->id : "");
	container.kubernetes = &kubernetes;
	process.exe = (char *)(m->exe ? m->exe : "");
	finding.kind = (char *)"finding";
	finding.rule = (char *)(m->rule ? m->rule : "a-rule");
	finding.message = monitor.message = message;
	finding.severity = monitor.severity = m->severity;
	finding.time = monitor.time = m->time_ns ? m->time_ns : NOON;
	finding.metadata = monitor.metadata = &metadata;
	finding.container = &container;
	finding.process = &process;
	monitor.kind = (char *)"monitor";
	monitor.operation = (char *)"test";
	if (m->kind == KIND_MONITOR) {
		record.body_case = KEELWATCH__RECORD__BODY_MONITOR;
		record.monitor = &monitor;
	} else {
		record.body_case = KEELWATCH__RECORD__BODY_FINDING;
		record.finding = &finding;
	}
	err = store_put(b->store, &record);
	cr_assert_eq(!metadata.sequence, err != 0);
	free(message);
	return err;
}

static void put(struct bench *b, int count)
{
	for (int i = 0; i < count; i++)
		cr_assert_eq(put_made(b, &(struct made){}), 0);
}

static void wait_ms(long ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

static struct store_stats stats_of(struct bench *b)
{
	struct store_stats stats;

	store_stats(b->store, &stats);
	return stats;
}

/* Waits until all that was accepted is on disk; alarm(2) ends it otherwise. */
static void settle(struct bench *b)
{
	struct store_stats stats;

	for (stats = stats_of(b); stats.committed < stats.accepted; stats = stats_of(b))
		wait_ms(1);
}

/* --- reading --- */

struct found {
	uint64_t sequence[4096];
	Keelwatch__Record *record[4096];
	size_t count;
};

static void forget(struct found *f)
{
	for (size_t i = 0; i < f->count; i++)
		keelwatch__record__free_unpacked(f->record[i], NULL);
	f->count = 0;
}

static int try_find(struct bench *b, const struct store_query *query, struct found *f)
{
	struct store_cursor *cursor = NULL;
	struct store_reader *reader;
	struct stored row;
	int err;

	f->count = 0;
	cr_assert_eq(store_reader_new(b->dir, &reader), 0);
	err = store_select(reader, query, &cursor);
	while (!err && (err = store_next(cursor, &row)) == 1) {
		err = 0;
		cr_assert_lt(f->count, ARRAY_SIZE(f->sequence));
		f->sequence[f->count] = row.sequence;
		f->record[f->count] = keelwatch__record__unpack(NULL, row.len, row.body);
		cr_assert(f->record[f->count]);
		f->count++;
	}
	store_cursor_free(cursor);
	store_reader_free(reader);
	return err;
}

static void find(struct bench *b, const struct store_query *query, struct found *f)
{
	cr_assert_eq(try_find(b, query, f), 0);
}

static size_t count_of(struct bench *b, const struct store_query *query)
{
	struct found *f = calloc(1, sizeof(*f));
	size_t count;

	find(b, query, f);
	count = f->count;
	forget(f);
	free(f);
	return count;
}

static int verify(const char *path, struct buf *what, struct store_walk *walk)
{
	struct store_reader *reader;
	int err;

	buf_reset(what);
	*walk = (struct store_walk){};
	err = store_reader_open_file(path, &reader);
	if (err)
		return err;
	err = store_verify(reader, what, walk);
	store_reader_free(reader);
	return err;
}

static void assert_whole(struct bench *b, uint64_t count, uint64_t last)
{
	_cleanup_(buf_free) struct buf what = {};
	struct store_walk walk;

	cr_assert_eq(verify(in_dir(b, "store.db"), &what, &walk), 0, "%s", buf_cstr(&what));
	cr_assert_eq(walk.count, count, "%" PRIu64 " records", walk.count);
	if (count)
		cr_assert_eq(walk.last, last, "the last is %" PRIu64, walk.last);
}

static void assert_broken(struct bench *b, const char *expected, uint64_t sound)
{
	_cleanup_(buf_free) struct buf what = {};
	struct store_walk walk;

	cr_assert_eq(verify(in_dir(b, "store.db"), &what, &walk), -EBADMSG);
	cr_assert_str_eq(buf_cstr(&what), expected);
	cr_assert_eq(walk.count, sound);
}

/* The only gap record of that reason, or NULL, also while the store cannot be read. The caller frees. */
static Keelwatch__Record *gap_of(struct bench *b, const char *reason)
{
	struct store_query query = { .kinds = 1u << KIND_GAP, .rule = reason };
	struct found *f = calloc(1, sizeof(*f));
	Keelwatch__Record *gap;

	if (try_find(b, &query, f))
		forget(f);
	cr_assert_leq(f->count, 1, "%zu gaps", f->count);
	gap = f->count ? f->record[0] : NULL;
	free(f);
	return gap;
}

static Keelwatch__Record *await_gap(struct bench *b, const char *reason)
{
	Keelwatch__Record *gap;

	while (!(gap = gap_of(b, reason)))
		wait_ms(10);
	return gap;
}

/* The records that all gap records of that reason tell of. */
static uint64_t told_by(struct bench *b, const char *reason, size_t *gaps)
{
	struct store_query query = { .kinds = 1u << KIND_GAP, .rule = reason };
	struct found *f = calloc(1, sizeof(*f));
	uint64_t records = 0;

	find(b, &query, f);
	for (size_t i = 0; i < f->count; i++) {
		cr_assert(f->record[i]->gap->exact);
		records += f->record[i]->gap->records;
	}
	*gaps = f->count;
	forget(f);
	free(f);
	return records;
}

static size_t files_like(struct bench *b, const char *pattern)
{
	glob_t found = {};
	size_t count;

	glob(in_dir(b, pattern), 0, NULL, &found);
	count = found.gl_pathc;
	globfree(&found);
	return count;
}

static void sql(struct bench *b, const char *statement)
{
	sqlite3 *db;

	cr_assert_eq(sqlite3_open(in_dir(b, "store.db"), &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	cr_assert_eq(sqlite3_exec(db, statement, NULL, NULL, NULL), SQLITE_OK, "%s",
		     sqlite3_errmsg(db));
	sqlite3_close(db);
}

static void write_file(const char *path, const void *bytes, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, bytes, len), (ssize_t)len);
	close(fd);
}

/* --- in and out --- */

Test(store, what_is_put_is_read_back_in_its_order_with_its_number)
{
	struct found *f = calloc(1, sizeof(*f));
	struct store_query all = {}, last = { .newest_first = true, .limit = 2 };
	struct bench b;

	bench_begin(&b);
	put(&b, 1000);
	bench_close(&b);
	find(&b, &all, f);
	cr_assert_eq(f->count, 1000);
	for (size_t i = 0; i < f->count; i++) {
		cr_assert_eq(f->sequence[i], i + 1);
		cr_assert_eq(f->record[i]->finding->metadata->sequence, i + 1);
	}
	forget(f);
	find(&b, &last, f);
	cr_assert_eq(f->count, 2);
	cr_assert_eq(f->sequence[0], 1000);
	cr_assert_eq(f->sequence[1], 999);
	forget(f);
	free(f);
	assert_whole(&b, 1000, 1000);
	bench_end(&b);
}

Test(store, a_query_finds_by_each_field_and_by_nothing_that_only_looks_like_it)
{
	static const struct {
		struct store_query query;
		size_t count;
	} cases[] = {
		{ { .rule = "escape" }, 1 },
		{ { .rule = "escap" }, 0 },
		{ { .rule = "escape' OR 1=1 --" }, 0 },
		{ { .container = "web" }, 1 },
		{ { .container = "abcd" }, 1 },
		{ { .container = "abc" }, 0 },
		{ { .container = "abcdef0123" }, 1 },
		{ { .container = "ABCD" }, 0 },
		{ { .container = "%" }, 0 },
		{ { .pod = "shop-1" }, 1 },
		{ { .kubernetes_namespace = "team" }, 1 },
		{ { .process = "touch" }, 1 },
		{ { .process = "/usr/bin/touch" }, 1 },
		{ { .process = "bin/touch" }, 1 },
		{ { .process = "ouch" }, 0 },
		{ { .min_severity = KEELWATCH__SEVERITY__error }, 1 },
		{ { .min_severity = KEELWATCH__SEVERITY__debug }, 3 },
		{ { .kinds = 1u << KIND_MONITOR }, 1 },
		{ { .kinds = 1u << KIND_GAP }, 0 },
		{ { .since_ns = NOON + 1 }, 1 },
		{ { .until_ns = NOON - 1 }, 1 },
		{ { .since_ns = NOON, .until_ns = NOON }, 1 },
		{ { .after = 2 }, 1 },
		{ { .after = UINT64_MAX }, 0 },
		{ { .rule = "escape", .pod = "other" }, 0 },
	};
	struct bench b;

	bench_begin(&b);
	put_made(&b, &(struct made){ .rule = "escape",
				     .severity = KEELWATCH__SEVERITY__error,
				     .container = "web",
				     .id = "abcdef0123",
				     .pod = "shop-1",
				     .namespace = "team",
				     .exe = "/usr/bin/touch",
				     .time_ns = NOON - 1 });
	put_made(&b, &(struct made){ .rule = "other",
				     .container = "xweb",
				     .id = "9bcdef",
				     .pod = "shop",
				     .exe = "/usr/bin/slouch",
				     .time_ns = NOON });
	put_made(&b, &(struct made){ .kind = KIND_MONITOR, .time_ns = NOON + 1 });
	settle(&b);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		cr_assert_eq(count_of(&b, &cases[i].query), cases[i].count, "case %zu", i);
	bench_end(&b);
}

Test(store, a_reader_that_pauses_in_the_middle_keeps_the_log_from_growing_no_more_than_none)
{
	struct store_query all = {};
	struct store_cursor *cursor;
	struct store_reader *reader;
	struct stored row;
	struct stat st;
	struct bench b;
	size_t count = 1;

	bench_begin(&b);
	bench_close(&b);
	b.options.max_bytes = 64 << 20;
	bench_open(&b);
	put(&b, 300);
	settle(&b);
	cr_assert_eq(store_reader_open(b.dir, &reader), 0);
	cr_assert_eq(store_select(reader, &all, &cursor), 0);
	cr_assert_eq(store_next(cursor, &row), 1);
	for (int i = 0; i < 40; i++) {
		for (int j = 0; j < 100; j++)
			put_made(&b, &(struct made){ .padding = 8000 });
		settle(&b);
	}
	cr_assert_eq(stat(in_dir(&b, "store.db-wal"), &st), 0);
	cr_assert_lt(st.st_size, 12 << 20, "%lld", (long long)st.st_size);
	while (store_next(cursor, &row) == 1)
		cr_assert_eq(row.sequence, ++count);
	cr_assert_eq(count, 4300);
	store_cursor_free(cursor);
	store_reader_free(reader);
	bench_end(&b);
}

Test(store, two_writers_are_one_too_many_and_the_second_learns_who_the_first_is)
{
	struct store *other = NULL;
	struct bench b;
	int holder = 0;

	bench_begin(&b);
	cr_assert_eq(store_open(&b.options, &holder, &other), -EBUSY);
	cr_assert_eq(holder, getpid());
	bench_end(&b);
}

Test(store, a_writer_that_is_killed_leaves_a_whole_chain_and_no_number_is_given_twice)
{
	struct store_stats stats;
	struct bench b;
	int status;

	bench_begin(&b);
	bench_close(&b);
	for (int round = 0; round < 3; round++) {
		pid_t pid = fork();

		if (!pid) {
			bench_open(&b);
			for (int i = 0; i < 3000; i++)
				put_made(&b, &(struct made){});
			while (stats_of(&b).committed < 500)
				wait_ms(1);
			_exit(0);
		}
		cr_assert_eq(waitpid(pid, &status, 0), pid);
		cr_assert_eq(status, 0);
	}
	bench_open(&b);
	put(&b, 1);
	settle(&b);
	stats = stats_of(&b);
	cr_assert_geq(stats.newest, 1501);
	assert_whole(&b, stats.newest, stats.newest);
	cr_assert_eq(files_like(&b, "store.db.*"), 0);
	bench_end(&b);
}

Test(store, the_queue_has_a_bound_and_what_it_refuses_is_told_exactly)
{
	uint64_t refused = 0;
	struct bench b;
	size_t gaps;

	bench_begin(&b);
	bench_close(&b);
	b.options.queue_bytes = 64 << 10;
	bench_open(&b);
	for (int i = 0; i < 2000; i++)
		refused += put_made(&b, &(struct made){ .padding = 1000 }) == -ENOSPC;
	cr_assert_gt(refused, 0);
	bench_close(&b);
	cr_assert_eq(told_by(&b, "queue", &gaps), refused);
	assert_whole(&b, 2000 - refused + gaps, 2000 - refused + gaps);
	bench_end(&b);
}

/* --- the chain --- */

/* Fills a store, closes it and does this to it. */
static void tampered(struct bench *b, const char *statement)
{
	bench_begin(b);
	put(b, 20);
	bench_close(b);
	sql(b, statement);
}

struct tampering {
	const char *statement, *says;
	uint64_t sound;
};

static const struct tampering tamperings[] = {
	{ "UPDATE record SET body = x'00' WHERE sequence = 7",
	  "record 7 was altered: it cannot be read", 6 },
	{ "UPDATE record SET body = body || x'0a00' WHERE sequence = 7",
	  "record 7 was altered: it cannot be read", 6 },
	{ "UPDATE record SET body = replace(body, 'a-rule', 'b-rule') WHERE sequence = 7",
	  "record 7 was altered: it does not follow from the one before", 6 },
	{ "UPDATE record SET hash = zeroblob(32) WHERE sequence = 1",
	  "record 1 was altered: it does not follow from the one before", 0 },
	{ "UPDATE record SET severity = 1 WHERE sequence = 3",
	  "record 3 was altered: its search columns do not say what it says", 2 },
	{ "UPDATE record SET pod = 'x' WHERE sequence = 3",
	  "record 3 was altered: its search columns do not say what it says", 2 },
	{ "DELETE FROM record WHERE sequence = 9", "record 9 is missing", 8 },
	{ "DELETE FROM record WHERE sequence BETWEEN 9 AND 11", "records 9 to 11 are missing", 8 },
	{ "DELETE FROM record WHERE sequence = 1", "record 1 is missing", 0 },
	{ "DELETE FROM record WHERE sequence > 18", "records 19 to 20 are missing at the end", 18 },
	{ "DELETE FROM record", "records 1 to 20 are missing at the end", 0 },
	{ "UPDATE record SET sequence = 100 WHERE sequence = 20",
	  "record 100 is out of place: it was record 20", 19 },
	{ "UPDATE record SET sequence = -5 WHERE sequence = 20",
	  "record 18446744073709551611 is out of place: it was record 20", 0 },
	{ "UPDATE record SET sequence = 100 WHERE sequence = 4;"
	  "UPDATE record SET sequence = 4 WHERE sequence = 5;"
	  "UPDATE record SET sequence = 5 WHERE sequence = 100",
	  "record 4 is out of place: it was record 5", 3 },
	{ "UPDATE mark SET sequence = 5 WHERE which = 'dropped'",
	  "record 1 stands before what the chain begins with", 0 },
	{ "UPDATE mark SET sequence = 5 WHERE which = 'newest'",
	  "the mark that the chain ends with was altered: it is record 5's", 20 },
	{ "UPDATE mark SET hash = zeroblob(32) WHERE which = 'newest'",
	  "the mark that the chain ends with was altered", 20 },
	{ "DELETE FROM mark WHERE which = 'newest'", "the mark that the chain ends with is missing",
	  20 },
	{ "DELETE FROM mark", "the mark that the chain begins with is missing", 0 },
	{ "DROP TABLE record", "the database is damaged", 0 },
	{ "DROP TABLE record; CREATE VIEW record AS SELECT 1", "the database is damaged", 0 },
};

Test(store, verify_names_the_first_that_was_altered_is_missing_or_out_of_place)
{
	for (size_t i = 0; i < ARRAY_SIZE(tamperings); i++) {
		struct bench b;

		tampered(&b, tamperings[i].statement);
		assert_broken(&b, tamperings[i].says, tamperings[i].sound);
		bench_end(&b);
	}
}

/* --- files that are not what they were --- */

/* What must be true after the database was lost: a new one, the old one aside, and it is told. */
static void assert_begun_anew(struct bench *b, const char *aside, const char *says, uint64_t first)
{
	Keelwatch__Record *gap = await_gap(b, "damaged");
	struct store_stats stats;
	struct found *f = calloc(1, sizeof(*f));

	if (aside)
		cr_assert_eq(files_like(b, aside), 1, "no %s", aside);
	cr_assert(strstr(gap->gap->message, says), "%s", gap->gap->message);
	cr_assert_eq(gap->gap->last_sequence, first - 1, "%" PRIu64, gap->gap->last_sequence);
	keelwatch__record__free_unpacked(gap, NULL);
	put(b, 5);
	settle(b);
	find(b, &(struct store_query){}, f);
	cr_assert_geq(f->sequence[0], first, "begins with %" PRIu64, f->sequence[0]);
	stats = stats_of(b);
	assert_whole(b, f->count, stats.newest);
	cr_assert_eq(stats.error, 0);
	forget(f);
	free(f);
}

static void spoil(struct bench *b, const char *how)
{
	char path[PATH_MAX], garbage[8192];

	snprintf(path, sizeof(path), "%s/store.db", b->dir);
	memset(garbage, 'k', sizeof(garbage));
	if (!strcmp(how, "garbage")) {
		write_file(path, garbage, sizeof(garbage));
	} else if (!strcmp(how, "empty")) {
		write_file(path, "", 0);
	} else if (!strcmp(how, "truncated")) {
		cr_assert_eq(truncate(path, 3 * 4096), 0);
	} else if (!strcmp(how, "deleted")) {
		cr_assert_eq(unlink(path), 0);
	} else if (!strcmp(how, "link")) {
		cr_assert_eq(symlink("/etc/passwd", in_dir(b, "other")), 0);
		cr_assert_eq(rename(in_dir(b, "other"), path), 0);
	} else if (!strcmp(how, "folder")) {
		cr_assert_eq(unlink(path), 0);
		cr_assert_eq(mkdir(path, 0700), 0);
	} else if (!strcmp(how, "pipe")) {
		cr_assert_eq(unlink(path), 0);
		cr_assert_eq(mkfifo(path, 0600), 0);
	} else {
		sql(b, how);
	}
}

struct spoiling {
	const char *how, *aside, *says;
};

static const struct spoiling spoilings[] = {
	{ "garbage", "store.db.damaged-*Z",
	  "the store was damaged and is set aside as store.db.damaged-" },
	{ "empty", "store.db.damaged-*Z", "the store was damaged" },
	{ "truncated", "store.db.damaged-*Z", "the store was damaged" },
	{ "deleted", NULL,
	  "the store was deleted: what had not been sent of it, up to record 300, is lost" },
	{ "link", "store.db.foreign-*Z", "what was in the store's place is none" },
	{ "folder", "store.db.foreign-*Z", "what was in the store's place is none" },
	{ "pipe", "store.db.foreign-*Z", "what was in the store's place is none" },
	{ "PRAGMA application_id = 7", "store.db.foreign-*Z",
	  "what was in the store's place is none" },
	{ "PRAGMA user_version = 2", "store.db.newer-*Z", "the store was made by a newer version" },
	{ "DELETE FROM record WHERE sequence > 290", "store.db.damaged-*Z",
	  "the store was damaged" },
	{ "DELETE FROM record", "store.db.damaged-*Z", "the store was damaged" },
	{ "DELETE FROM mark", "store.db.damaged-*Z", "the store was damaged" },
	{ "DROP TABLE record; CREATE VIEW record AS SELECT 1 AS sequence, x'00' AS hash",
	  "store.db.damaged-*Z", "the store was damaged" },
};

Test(store, what_cannot_be_used_at_the_start_is_set_aside_and_numbers_go_on)
{
	for (size_t i = 0; i < ARRAY_SIZE(spoilings); i++) {
		struct bench b;

		bench_begin(&b);
		put(&b, 300);
		bench_close(&b);
		spoil(&b, spoilings[i].how);
		bench_open(&b);
		assert_begun_anew(&b, spoilings[i].aside, spoilings[i].says, 301);
		bench_end(&b);
	}
}

Test(store, a_file_that_goes_or_changes_under_the_writer_is_noticed_and_set_aside)
{
	static const struct spoiling runtime[] = {
		{ "deleted", NULL, "the store was deleted" },
		{ "link", "store.db.replaced-*Z", "another file was put in the store's place" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(runtime); i++) {
		struct store_query behind = { .after = 300 };
		struct store_cursor *cursor = NULL;
		struct store_reader *reader;
		struct stored row = {};
		struct bench b;

		bench_begin(&b);
		put(&b, 300);
		settle(&b);
		cr_assert_eq(store_reader_open(b.dir, &reader), 0);
		cr_assert_eq(store_newest(reader), 300);
		spoil(&b, runtime[i].how);
		put(&b, 1);
		assert_begun_anew(&b, runtime[i].aside, runtime[i].says, 301);
		/* The reader that was open before goes on with the new one. */
		cr_assert_eq(store_newest(reader), 307);
		cr_assert_eq(store_select(reader, &behind, &cursor), 0);
		cr_assert_eq(store_next(cursor, &row), 1);
		cr_assert_eq(row.sequence, 301);
		store_cursor_free(cursor);
		store_reader_free(reader);
		bench_end(&b);
	}
}

Test(store, damage_that_a_reader_meets_makes_the_writer_look_and_set_it_aside)
{
	char page[4096];
	struct bench b;
	int fd;

	bench_begin(&b);
	for (int i = 0; i < 300; i++)
		put_made(&b, &(struct made){ .padding = 2000 });
	settle(&b);
	sql(&b, "PRAGMA wal_checkpoint(TRUNCATE)");
	memset(page, 0xee, sizeof(page));
	fd = open(in_dir(&b, "store.db"), O_WRONLY);
	for (int i = 20; i < 60; i++)
		cr_assert_eq(pwrite(fd, page, sizeof(page), i * 4096), 4096);
	close(fd);
	store_suspect(b.store);
	assert_begun_anew(&b, "store.db.damaged-*Z", "the store was damaged", 301);
	bench_end(&b);
}

Test(store, what_sinks_have_acknowledged_outlives_the_file)
{
	static const char *const names[] = { "siem", "new" };
	struct store_reader *reader;
	struct bench b;
	uint64_t has;

	bench_begin(&b);
	store_sinks(b.store, names, 2);
	put(&b, 10);
	store_acknowledge(b.store, "siem", 7);
	settle(&b);
	unlink(in_dir(&b, "store.db"));
	put(&b, 1);
	keelwatch__record__free_unpacked(await_gap(&b, "damaged"), NULL);
	bench_close(&b);
	cr_assert_eq(store_reader_open(b.dir, &reader), 0);
	cr_assert(store_acknowledged(reader, "siem", &has));
	cr_assert_eq(has, 7);
	cr_assert(store_acknowledged(reader, "new", &has));
	cr_assert_eq(has, 0);
	cr_assert(!store_acknowledged(reader, "unknown", &has));
	store_reader_free(reader);
	bench_end(&b);
}

Test(store, more_sinks_than_there_is_room_for_over_time_lose_only_those_that_are_no_more)
{
	struct store_reader *reader;
	char name[16], *names = name;
	struct bench b;
	uint64_t has;

	bench_begin(&b);
	put(&b, 200);
	for (int i = 1; i <= 200; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		store_sinks(b.store, (const char *const *)&names, 1);
		store_acknowledge(b.store, name, i);
	}
	bench_close(&b);
	cr_assert_eq(store_reader_open(b.dir, &reader), 0);
	cr_assert(store_acknowledged(reader, "s200", &has));
	cr_assert_eq(has, 200);
	store_reader_free(reader);
	bench_end(&b);
}

Test(store, a_folder_that_others_may_write_in_is_refused)
{
	struct store *store = NULL;
	char dir[64];
	struct bench b;
	int holder;

	bench_begin(&b);
	bench_close(&b);
	cr_assert_eq(chmod(b.dir, 0777), 0);
	cr_assert_eq(store_open(&b.options, &holder, &store), -EPERM);
	cr_assert_eq(chmod(b.dir, 0750), 0);
	snprintf(dir, sizeof(dir), "%s-link", b.dir);
	cr_assert_eq(symlink(b.dir, dir), 0);
	b.options.dir = dir;
	cr_assert_eq(store_open(&b.options, &holder, &store), -ENOTDIR);
	unlink(dir);
	cr_assert_eq(unlink(in_dir(&b, "lock")), 0);
	cr_assert_eq(symlink("/etc/passwd", in_dir(&b, "lock")), 0);
	b.options.dir = b.dir;
	cr_assert_eq(store_open(&b.options, &holder, &store), -ELOOP);
	bench_end(&b);
}

Test(store, only_its_owner_may_read_its_files)
{
	static const char *const names[] = { "store.db", "store.db-wal", "store.db-shm", "lock" };
	struct stat st;
	struct bench b;

	umask(0);
	bench_begin(&b);
	put(&b, 1);
	settle(&b);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		cr_assert_eq(stat(in_dir(&b, names[i]), &st), 0);
		cr_assert_eq(st.st_mode & 0777, 0600, "%s: %o", names[i], st.st_mode & 0777);
	}
	bench_end(&b);
}

Test(store, readers_are_told_apart_what_is_not_there_not_ours_newer_or_damaged)
{
	static const struct {
		const char *how;
		int err;
	} cases[] = {
		{ "deleted", -ENOENT },
		{ "garbage", -EBADMSG },
		{ "folder", -EMEDIUMTYPE },
		{ "PRAGMA application_id = 7", -EMEDIUMTYPE },
		{ "PRAGMA user_version = 2", -EPROTONOSUPPORT },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct store_reader *reader = NULL;
		struct bench b;

		bench_begin(&b);
		put(&b, 3);
		bench_close(&b);
		spoil(&b, cases[i].how);
		cr_assert_eq(store_reader_open(b.dir, &reader), cases[i].err, "%s", cases[i].how);
		cr_assert_null(reader);
		bench_end(&b);
	}
}

/* --- a full disk --- */

/* A file system of so many bytes over the folder, seen by this process alone. False: not allowed here. */
static bool small_disk(struct bench *b, const char *size)
{
	char map[64];
	uid_t uid = geteuid();

	if (uid && unshare(CLONE_NEWUSER | CLONE_NEWNS))
		return false;
	if (uid) {
		snprintf(map, sizeof(map), "%u %u 1", uid, uid);
		write_file("/proc/self/uid_map", map, strlen(map));
	} else if (unshare(CLONE_NEWNS)) {
		return false;
	}
	return !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
	       !mount("none", b->dir, "tmpfs", 0, size);
}

/* All that waits cannot be written for the time being. */
static void fill_disk(struct bench *b)
{
	char block[4096] = { 1 };
	int fd = open(in_dir(b, "filler"), O_WRONLY | O_CREAT, 0600);

	while (write(fd, block, sizeof(block)) > 0)
		;
	close(fd);
}

static void await_error(struct bench *b)
{
	while (!stats_of(b).error)
		wait_ms(1);
}

Test(store, a_full_disk_is_counted_and_writing_goes_on_when_there_is_room)
{
	uint64_t accepted = 0, refused = 0;
	struct bench b;
	size_t gaps;

	bench_begin(&b);
	bench_close(&b);
	if (!small_disk(&b, "size=4m,mode=0750"))
		cr_skip_test("no mount of its own here");
	b.options.queue_bytes = 256 << 10;
	bench_open(&b);
	put(&b, 10);
	settle(&b);
	fill_disk(&b);
	for (int i = 0; i < 3000; i++)
		if (put_made(&b, &(struct made){ .padding = 500 }))
			refused++;
		else
			accepted++;
	await_error(&b);
	cr_assert_gt(refused, 1000);
	unlink(in_dir(&b, "filler"));
	while (told_by(&b, "queue", &gaps) < refused)
		wait_ms(10);
	cr_assert_eq(told_by(&b, "queue", &gaps), refused);
	settle(&b);
	cr_assert_eq(stats_of(&b).error, 0);
	cr_assert_eq(stats_of(&b).refused, refused);
	assert_whole(&b, 10 + accepted + gaps, 10 + accepted + gaps);
	bench_close(&b);
	cr_assert_eq(umount(b.dir), 0);
	bench_end(&b);
}

Test(store, a_disk_that_is_full_at_the_start_keeps_nobody_from_watching)
{
	struct store_stats stats;
	struct bench b;

	bench_begin(&b);
	bench_close(&b);
	if (!small_disk(&b, "size=4m,mode=0750"))
		cr_skip_test("no mount of its own here");
	bench_open(&b);
	put(&b, 10);
	bench_close(&b);
	fill_disk(&b);
	bench_open(&b);
	cr_assert_neq(stats_of(&b).error, 0);
	put(&b, 10);
	unlink(in_dir(&b, "filler"));
	settle(&b);
	stats = stats_of(&b);
	cr_assert_eq(stats.newest, 20);
	assert_whole(&b, 20, 20);
	bench_close(&b);
	cr_assert_eq(umount(b.dir), 0);
	bench_end(&b);
}

Test(store, a_limit_on_files_is_counted_like_a_full_disk)
{
	struct rlimit limit = { 600 << 10, RLIM_INFINITY };
	struct bench b;

	bench_begin(&b);
	signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	for (int i = 0; i < 1000; i++)
		cr_assert_eq(put_made(&b, &(struct made){ .padding = 1000 }), 0);
	await_error(&b);
	limit.rlim_cur = RLIM_INFINITY;
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	settle(&b);
	assert_whole(&b, 1000, 1000);
	bench_end(&b);
}

/* --- bounds --- */

static uint64_t bytes_on_disk(struct bench *b)
{
	static const char *const names[] = { "store.db", "store.db-wal" };
	uint64_t bytes = 0;
	struct stat st;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		bytes += stat(in_dir(b, names[i]), &st) ? 0 : st.st_size;
	return bytes;
}

/* Puts so many of about 2 KB, and looks after each hundred that the bound holds. */
static void put_within(struct bench *b, int count, uint64_t bound)
{
	for (int i = 0; i < count; i++) {
		cr_assert_eq(put_made(b, &(struct made){ .padding = 2000 }), 0);
		if (i % 100)
			continue;
		settle(b);
		cr_assert_lt(bytes_on_disk(b), bound, "%" PRIu64, bytes_on_disk(b));
	}
	settle(b);
}

Test(store, the_bound_of_size_holds_with_the_log_and_the_oldest_go_first)
{
	_cleanup_(buf_free) struct buf what = {};
	struct found *f = calloc(1, sizeof(*f));
	struct store_walk walk;
	struct bench b;

	bench_begin(&b);
	bench_close(&b);
	b.options.max_bytes = 4 << 20;
	bench_open(&b);
	store_sinks(b.store, NULL, 0);
	put_within(&b, 6000, 4 << 20);
	find(&b, &(struct store_query){}, f);
	cr_assert_eq(f->sequence[f->count - 1], 6000);
	cr_assert_eq(f->sequence[0], 6001 - f->count);
	cr_assert_geq(f->count, 800, "%zu", f->count);
	cr_assert_eq(stats_of(&b).dropped, 0, "nobody lacks what no sink wants");
	cr_assert_null(gap_of(&b, "retention"));
	/* Between the two looks a step more may have gone. */
	cr_assert_eq(verify(in_dir(&b, "store.db"), &what, &walk), 0, "%s", buf_cstr(&what));
	cr_assert_leq(walk.count, f->count);
	cr_assert_eq(walk.first, 6001 - walk.count);
	cr_assert_eq(walk.last, 6000);
	forget(f);
	free(f);
	bench_end(&b);
}

Test(store, a_bound_that_is_lowered_gives_room_back)
{
	struct bench b;

	bench_begin(&b);
	store_sinks(b.store, NULL, 0);
	put_within(&b, 3000, 64 << 20);
	cr_assert_gt(bytes_on_disk(&b), 6 << 20);
	store_limits(b.store, 2 << 20, 0);
	while (bytes_on_disk(&b) > 2 << 20)
		wait_ms(20);
	bench_end(&b);
}

Test(store, nothing_is_dropped_before_it_is_known_who_lacks_it)
{
	struct bench b;

	bench_begin(&b);
	bench_close(&b);
	b.options.max_bytes = 1 << 20;
	b.options.max_age_ns = NS_PER_S;
	bench_open(&b);
	for (int i = 0; i < 1500; i++)
		put_made(&b, &(struct made){ .padding = 2000 });
	settle(&b);
	cr_assert_eq(count_of(&b, &(struct store_query){}), 1500);
	bench_end(&b);
}

Test(store, what_a_sink_lacked_when_it_was_dropped_is_told_with_exact_numbers)
{
	static const char *const names[] = { "fast", "slow" };
	struct found *f = calloc(1, sizeof(*f));
	Keelwatch__Record *gap;
	struct bench b;

	bench_begin(&b);
	bench_close(&b);
	b.options.max_bytes = 4 << 20;
	bench_open(&b);
	store_sinks(b.store, names, 2);
	put(&b, 100);
	settle(&b);
	store_acknowledge(b.store, "fast", UINT64_MAX / 4);
	store_acknowledge(b.store, "slow", 40);
	put_within(&b, 3000, 4 << 20);
	bench_close(&b);
	find(&b, &(struct store_query){}, f);
	gap = gap_of(&b, "retention");
	cr_assert(gap);
	cr_assert_eq(gap->gap->first_sequence, 41);
	cr_assert_eq(gap->gap->last_sequence, f->sequence[0] - 1);
	cr_assert_eq(gap->gap->records, f->sequence[0] - 41);
	cr_assert(gap->gap->exact);
	cr_assert_eq(gap->gap->n_sinks, 1);
	cr_assert_str_eq(gap->gap->sinks[0], "slow");
	keelwatch__record__free_unpacked(gap, NULL);
	forget(f);
	free(f);
	bench_end(&b);
}

Test(store, a_monitor_that_is_killed_after_dropping_tells_it_at_its_next_start)
{
	static const char *const names[] = { "siem" };
	Keelwatch__Record *gap;
	struct bench b;
	int status;
	pid_t pid;

	bench_begin(&b);
	bench_close(&b);
	b.options.max_bytes = 2 << 20;
	pid = fork();
	if (!pid) {
		bench_open(&b);
		store_sinks(b.store, names, 1);
		put_within(&b, 1500, 2 << 20);
		_exit(0);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0);
	bench_open(&b);
	bench_close(&b);
	gap = gap_of(&b, "retention");
	cr_assert(gap);
	cr_assert_eq(gap->gap->first_sequence, 1);
	cr_assert_eq(gap->gap->records, gap->gap->last_sequence);
	cr_assert_gt(gap->gap->records, 500);
	cr_assert_eq(count_of(&b, &(struct store_query){}), 1501 - gap->gap->records);
	keelwatch__record__free_unpacked(gap, NULL);
	/* Once only. */
	bench_open(&b);
	bench_close(&b);
	keelwatch__record__free_unpacked(gap_of(&b, "retention"), NULL);
	bench_end(&b);
}

/* Puts records so many days old (negative: of the future), and waits for the age to be looked at. */
static size_t left_of_days(const int *days, size_t count)
{
	struct bench b;
	size_t left;

	bench_begin(&b);
	for (size_t i = 0; i < count; i++)
		put_made(&b, &(struct made){ .time_ns = clock_epoch_ns() -
							(int64_t)days[i] * (int64_t)DAY_NS });
	settle(&b);
	store_limits(b.store, 0, 30 * DAY_NS);
	store_sinks(b.store, NULL, 0);
	wait_ms(2200);
	left = count_of(&b, &(struct store_query){});
	assert_whole(&b, left, count);
	bench_end(&b);
	return left;
}

Test(store, what_is_too_old_goes)
{
	static const int days[] = { 90, 60, 31, 29, 1, 0 };

	cr_assert_eq(left_of_days(days, ARRAY_SIZE(days)), 3);
}

Test(store, a_clock_that_was_ahead_does_not_keep_records_for_ever)
{
	static const int days[] = { 40, -3000, -3000, 31, -3000, 1 };

	cr_assert_eq(left_of_days(days, ARRAY_SIZE(days)), 2);
}

Test(store, a_clock_that_was_behind_takes_nothing_with_it_that_is_young)
{
	static const int days[] = { 5, 18000, 4, 0 };

	cr_assert_eq(left_of_days(days, ARRAY_SIZE(days)), 4);
}
