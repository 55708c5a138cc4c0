/* SPDX-License-Identifier: Apache-2.0 */
/* Lines on standard error: as text, and as one JSON object each whatever is in them. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <jansson.h>

#include "base/clock.h"
#include "base/log.h"

static char said[65536];

/* What went to standard error, of up to as much as a pipe holds. */
static void take(void)
{
	ssize_t n = read(STDIN_FILENO, said, sizeof(said) - 1);

	cr_assert_gt(n, 0);
	said[n] = '\0';
}

static void catch (void)
{
	int pair[2];

	cr_assert_eq(pipe(pair), 0);
	dup2(pair[0], STDIN_FILENO);
	dup2(pair[1], STDERR_FILENO);
}

static json_t *object(void)
{
	json_t *o;

	take();
	o = json_loads(said, JSON_REJECT_DUPLICATES, NULL);
	cr_assert_not_null(o, "%s", said);
	return o;
}

static const char *member(const json_t *o, const char *name)
{
	const char *value = json_string_value(json_object_get(o, name));

	return value ? value : "(none)";
}

Test(log, text_has_its_level_and_ends_in_a_newline, .init = catch)
{
	log_warn("%s is %d", "it", 5);
	take();
	cr_expect_str_eq(said, "keelwatch: warning: it is 5\n");
	log_about(LOG_INFO, "sink", "a", "works");
	take();
	cr_expect_str_eq(said, "keelwatch: sink a: works\n");
}

Test(log, json_is_one_object_a_line_with_its_fields, .init = catch)
{
	json_t *o;

	log_set_format(LOG_JSON);
	log_set_component("shipper");
	log_about(LOG_ERROR, "sink", "a\"b", "it \"is\" \xff\x1b[2J\t%s", "so");
	o = object();
	cr_expect_str_eq(member(o, "level"), "error");
	cr_expect_str_eq(member(o, "component"), "shipper");
	cr_expect_str_eq(member(o, "sink"), "a\"b");
	cr_expect_str_eq(member(o, "message"), "it \"is\" \\xff\\x1b[2J\\tso");
	cr_expect_eq(json_integer_value(json_object_get(o, "pid")), getpid());
	cr_expect_eq(strlen(member(o, "time")), strlen("2026-01-02T03:04:05.000000006Z"));
	cr_expect_eq(said[strlen(said) - 1], '\n');
	json_decref(o);
}

Test(log, json_has_an_object_for_each_line_of_a_message, .init = catch)
{
	log_set_format(LOG_JSON);
	log_error("one\n\ntwo\n");
	take();
	cr_expect_not_null(strstr(said, "\"message\":\"one\"}\n{\"time\""));
	cr_expect_not_null(strstr(said, "\"message\":\"two\"}\n"));
	cr_expect_null(strstr(strstr(said, "two"), "{"));
}

Test(log, a_long_line_is_cut_and_stays_whole, .init = catch)
{
	static char text[10000];
	json_t *o;

	memset(text, 'x', sizeof(text) - 1);
	log_info("%s", text);
	take();
	cr_expect_eq(strlen(said), 4003);
	cr_expect_str_eq(said + 3999, "...\n");
	log_set_format(LOG_JSON);
	memset(text, '"', sizeof(text) - 1);
	log_about(LOG_INFO, "sink", text, "%s", text);
	o = object();
	cr_expect_lt(strlen(said), PIPE_BUF);
	cr_expect_str_eq(member(o, "message") + 1800, "...");
	cr_expect_str_eq(member(o, "sink") + 100, "...");
	json_decref(o);
}

Test(log, says_nothing_of_a_level_that_is_not_asked_for, .init = catch)
{
	log_debug("no");
	log_set_level(LOG_DEBUG);
	log_debug("yes");
	take();
	cr_expect_str_eq(said, "keelwatch: debug: yes\n");
}

Test(log, a_reader_that_stands_still_is_waited_for_once_and_what_it_missed_is_told, .init = catch,
     .timeout = 10)
{
	const size_t lines = 300;
	char filler[1000] = "";
	unsigned long long lost;
	size_t there = 0;
	uint64_t begun = clock_boot_ns(), took;

	memset(filler, 'x', sizeof(filler) - 1);
	log_set_patience(200);
	for (size_t i = 0; i < lines; i++)
		log_info("%zu %s", i, filler);
	took = clock_boot_ns() - begun;
	cr_assert_geq(took, 200 * NS_PER_MS);
	take();
	for (const char *at = said; (at = strchr(at, '\n')); at++)
		there++;
	cr_assert_gt(there, 50);
	log_info("it is back");
	take();
	cr_assert_eq(sscanf(said, "keelwatch: warning: %llu lines before", &lost), 1, "%s", said);
	cr_assert_eq(there + lost, lines);
	cr_assert(strstr(said, "keelwatch: it is back\n"));
}
