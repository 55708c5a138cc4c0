/* SPDX-License-Identifier: Apache-2.0 */
/* What is exported: where, to whom, as what text, and how late sinks are. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/endpoint.h"
#include "base/usage.h"
#include "base/util.h"
#include "export/families.h"
#include "export/request.h"
#include "export/snapshot.h"
#include "feed/lag.h"

#define S NS_PER_S

/* --- endpoints --- */

Test(endpoint, takes_a_path_and_addresses_by_number)
{
	struct endpoint e;

	cr_expect_eq(endpoint_parse("unix:/run/x.sock", &e), 0);
	cr_expect(endpoint_is_unix(&e) && e.loopback);
	cr_expect_eq(endpoint_parse("127.0.0.1:9470", &e), 0);
	cr_expect(!endpoint_is_unix(&e) && e.loopback);
	cr_expect_eq(endpoint_parse("127.9.9.9:1", &e), 0);
	cr_expect(e.loopback);
	cr_expect_eq(endpoint_parse("localhost:65535", &e), 0);
	cr_expect(e.loopback);
	cr_expect_eq(endpoint_parse("[::1]:9470", &e), 0);
	cr_expect(e.loopback);
}

Test(endpoint, knows_what_other_hosts_reach)
{
	static const char *const far[] = { "0.0.0.0:1", "10.0.0.1:9470", "[::]:1", "[fe80::1]:1",
					   "[::ffff:127.0.0.1]:1" };
	struct endpoint e;

	for (size_t i = 0; i < ARRAY_SIZE(far); i++) {
		cr_expect_eq(endpoint_parse(far[i], &e), 0, "%s", far[i]);
		cr_expect_not(e.loopback, "%s", far[i]);
	}
}

Test(endpoint, refuses_what_is_none)
{
	static const char *const wrong[] = {
		"",
		"none",
		"unix:",
		"unix:x",
		":9470",
		"9470",
		"127.0.0.1",
		"127.0.0.1:",
		"127.0.0.1:0",
		"127.0.0.1:65536",
		"127.0.0.1:-1",
		"host.example:1",
		"[::1:9470",
		"::1:9470",
		"[::1]9470",
		"[]:1",
		"300.0.0.1:1",
		"127.0.0.1:80 ",
		"[::1%lo]:1",
	};
	char path[256] = "unix:/";
	struct endpoint e;

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		cr_expect_eq(endpoint_parse(wrong[i], &e), -EINVAL, "%s", wrong[i]);
	memset(path + 6, 'x', sizeof(path) - 7);
	cr_expect_eq(endpoint_parse(path, &e), -EINVAL);
}

/* --- requests --- */

static int parse(const char *text, struct request *r)
{
	return request_parse(text, strlen(text), r);
}

Test(request, is_taken_once_its_head_is_whole)
{
	static const char text[] =
		"GET /metrics?x=1 HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\nrest";
	size_t whole = sizeof(text) - 1 - 4;
	struct request r = {};

	for (size_t len = 0; len < whole; len++)
		cr_assert_eq(request_parse(text, len, &r), 0, "at %zu", len);
	for (size_t len = whole; len < sizeof(text); len++)
		cr_assert_eq(request_parse(text, len, &r), 200, "at %zu", len);
	cr_expect_str_eq(r.path, "/metrics");
	cr_expect_not(r.head);
	cr_expect_eq(parse("HEAD / HTTP/1.0\n\n", &r), 200);
	cr_expect(r.head);
	cr_expect_str_eq(r.path, "/");
}

Test(request, is_refused_where_it_is_none)
{
	static const struct {
		const char *text;
		int status;
	} cases[] = {
		{ "\r\n\r\n", 400 },
		{ "\x16\x03\x01", 400 },
		{ "GET\r\n\r\n", 400 },
		{ " / HTTP/1.1\r\n\r\n", 400 },
		{ "GET /\r\n\r\n", 400 },
		{ "GET / HTTP/2.0\r\n\r\n", 400 },
		{ "GET / HTTP/1.1 x\r\n\r\n", 400 },
		{ "GET http://h/metrics HTTP/1.1\r\n\r\n", 400 },
		{ "GET /\x01 HTTP/1.1\r\n\r\n", 400 },
		{ "GET /\x80 HTTP/1.1\r\n\r\n", 400 },
		{ "POST / HTTP/1.1\r\n\r\n", 405 },
		{ "GETT / HTTP/1.1\r\n\r\n", 405 },
		{ "get / HTTP/1.1\r\n\r\n", 405 },
		{ "GET /0123456789012345678901234567890123456789012345678901234567890123 HTTP/1.1\r\n\r\n",
		  414 },
	};
	static char endless[REQUEST_MAX];
	struct request r;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		cr_expect_eq(parse(cases[i].text, &r), cases[i].status, "%s", cases[i].text);
	memset(endless, 'A', sizeof(endless));
	cr_expect_eq(request_parse(endless, sizeof(endless) - 1, &r), 0);
	cr_expect_eq(request_parse(endless, sizeof(endless), &r), 431);
}

/* --- the snapshot --- */

Test(snapshot, what_was_written_last_is_read)
{
	const struct snapshot_board *read_only;
	struct snapshot_board *board;
	static struct snapshot s;
	_cleanup_close_ int fd = -1;

	cr_assert_eq(snapshot_new(&board, &fd), 0);
	cr_assert_eq(snapshot_open(fd, &read_only), 0);
	cr_expect_eq(snapshot_read(read_only, &s), 0);
	cr_expect_eq(s.boot_ns, 0);
	for (uint64_t i = 1; i < 5; i++) {
		cr_assert_eq(snapshot_write(board, i, "texts", i, "why", 3), 0);
		cr_assert_eq(snapshot_read(read_only, &s), 0);
		cr_expect_eq(s.boot_ns, i);
		cr_expect_eq(s.len, i);
		cr_expect_eq(s.why_len, 3);
		cr_expect_arr_eq(s.text, "texts", i);
	}
	snapshot_unmap(read_only);
	snapshot_unmap(board);
}

Test(snapshot, a_text_beyond_its_bound_leaves_the_one_before)
{
	static char big[SNAPSHOT_TEXT_MAX + 1];
	struct snapshot_board *board;
	static struct snapshot s;
	_cleanup_close_ int fd = -1;

	cr_assert_eq(snapshot_new(&board, &fd), 0);
	cr_expect_eq(snapshot_write(board, 1, "a", 1, "", 0), 0);
	cr_expect_eq(snapshot_write(board, 2, big, sizeof(big), "", 0), -E2BIG);
	cr_expect_eq(snapshot_read(board, &s), 0);
	cr_expect_eq(s.boot_ns, 1);
	cr_expect_eq(snapshot_write(board, 3, big, sizeof(big) - 1, big, sizeof(big)), 0);
	cr_expect_eq(snapshot_read(board, &s), 0);
	cr_expect_eq(s.len, SNAPSHOT_TEXT_MAX);
	cr_expect_eq(s.why_len, SNAPSHOT_WHY_MAX);
	snapshot_unmap(board);
}

Test(snapshot, its_reader_cannot_write_it)
{
	struct snapshot_board *board;
	_cleanup_close_ int fd = -1;

	cr_assert_eq(snapshot_new(&board, &fd), 0);
	cr_expect_eq(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
	cr_expect_eq(write(fd, "x", 1), -1);
	cr_expect_eq(ftruncate(fd, 0), -1);
	cr_expect_eq(fcntl(fd, F_ADD_SEALS, 0), -1);
	snapshot_unmap(board);
}

Test(snapshot, what_is_no_board_is_not_opened)
{
	const struct snapshot_board *board;
	_cleanup_close_ int fd = memfd_create("x", MFD_CLOEXEC);

	cr_expect_eq(snapshot_open(fd, &board), -EINVAL);
	cr_expect_eq(snapshot_open(-1, &board), -EBADF);
}

/* --- the text --- */

Test(families, have_names_that_say_their_units_and_their_kind)
{
	for (size_t i = 0; i < FAMILY_MAX; i++) {
		const char *name = families[i].name, *type = families[i].type;
		size_t len = strlen(name);
		bool total = len > 6 && !strcmp(name + len - 6, "_total");

		cr_expect_eq(strncmp(name, "keelwatch_", 10), 0, "%s", name);
		cr_expect_eq(total, !strcmp(type, "counter"), "%s: %s", name, type);
		cr_expect_null(strpbrk(families[i].help, "\\\n"), "%s", name);
		for (size_t k = 0; k < i; k++)
			cr_expect_str_neq(families[k].name, name);
	}
}

Test(families, values_of_labels_are_escaped)
{
	_cleanup_(buf_free) struct buf b = {};

	family_count(&b, FAMILY_CONTAINERS, 7, "a", "x\"y\\z\nw", "b", "", NULL);
	family_count(&b, FAMILY_CONTAINERS, UINT64_MAX, NULL);
	family_value(&b, FAMILY_CONTAINERS, 0.25, "a", "b", NULL);
	cr_expect_str_eq(buf_cstr(&b), "keelwatch_containers{a=\"x\\\"y\\\\z\\nw\",b=\"\"} 7\n"
				       "keelwatch_containers 18446744073709551615\n"
				       "keelwatch_containers{a=\"b\"} 0.25\n");
}

Test(families, a_histogram_adds_up)
{
	static const double bounds[] = { 0.1, 1 };
	uint64_t counts[3] = {};
	struct histogram h = { bounds, 2, counts, 0 };
	_cleanup_(buf_free) struct buf b = {};

	histogram_add(&h, 0.1);
	histogram_add(&h, 0.5);
	histogram_add(&h, 5);
	family_histogram(&b, FAMILY_EVENT_LATENESS, &h);
	cr_expect_str_eq(buf_cstr(&b), "keelwatch_event_lateness_seconds_bucket{le=\"0.1\"} 1\n"
				       "keelwatch_event_lateness_seconds_bucket{le=\"1\"} 2\n"
				       "keelwatch_event_lateness_seconds_bucket{le=\"+Inf\"} 3\n"
				       "keelwatch_event_lateness_seconds_sum 5.6\n"
				       "keelwatch_event_lateness_seconds_count 3\n");
}

/* --- how late --- */

Test(lag, is_that_of_the_first_record_behind_the_cursor)
{
	static struct lag l;

	cr_expect_eq(lag_of(&l, 0, 100 * S), 0);
	lag_note(&l, 10, 1 * S);
	lag_note(&l, 10, 2 * S);
	lag_note(&l, 20, 5 * S);
	cr_expect_eq(lag_of(&l, 9, 6 * S), 5 * S);
	cr_expect_eq(lag_of(&l, 10, 6 * S), 1 * S);
	cr_expect_eq(lag_of(&l, 19, 6 * S), 1 * S);
	cr_expect_eq(lag_of(&l, 20, 6 * S), 0);
	cr_expect_eq(lag_of(&l, 0, 0), 0);
}

/* Whatever was given back, what is said is never more than it is, and hardly less. */
Test(lag, of_long_ago_is_coarse_and_bounded)
{
	static struct lag l;
	const uint64_t now = 100000;

	for (uint64_t i = 1; i <= now; i++)
		lag_note(&l, i, i * S);
	cr_expect_leq(l.count, LAG_MARKS);
	for (uint64_t acknowledged = 0; acknowledged < now - 2000; acknowledged += 777) {
		uint64_t true_lag = (now - acknowledged - 1) * S;
		uint64_t said = lag_of(&l, acknowledged, now * S);

		cr_expect_leq(said, true_lag);
		cr_expect_geq(said, true_lag / 10 * 9, "%lu: %lu of %lu", acknowledged, said,
			      true_lag);
	}
}

/* --- processes --- */

Test(usage, of_oneself_is_known_and_of_nobody_is_an_error)
{
	struct usage u;

	cr_assert_eq(usage_read(getpid(), &u), 0);
	cr_expect_gt(u.resident_bytes, 1 << 20);
	cr_expect_geq(u.cpu_seconds, 0);
	cr_expect_eq(usage_read(0x7ffffff0, &u), -ENOENT);
}
