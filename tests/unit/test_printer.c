/* SPDX-License-Identifier: Apache-2.0 */
/* Lines to a pipe that is read, read late, or never. */
#include "output/printer.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "base/buf.h"
#include "base/clock.h"

#define ROOM (256u * 1024)
#define LINE 10000 /* bytes, more than a pipe takes in one piece */
#define PIPE (64u * 1024)

struct scene {
	int ends[2];
	struct printer *printer;
	size_t printed;
};

static struct scene begin(void)
{
	struct scene s = {};

	cr_assert_eq(pipe2(s.ends, O_CLOEXEC), 0);
	cr_assert_eq(fcntl(s.ends[0], F_SETFL, O_NONBLOCK), 0);
	cr_assert_eq(printer_new(s.ends[1], ROOM, &s.printer), 0);
	return s;
}

static void end(struct scene *s)
{
	printer_free(s->printer);
	close(s->ends[0]);
	close(s->ends[1]);
}

/* Each begins with its number. */
static bool print(struct scene *s)
{
	char line[LINE + 1];

	memset(line, 'x', LINE);
	line[sprintf(line, "%zu ", s->printed++)] = 'x';
	line[LINE - 1] = '\n';
	return printer_print(s->printer, line, LINE);
}

/* All that is there to be read; what waits comes after it. */
static void read_all(struct scene *s, struct buf *into)
{
	char part[4096];
	ssize_t n;
	bool more;

	do {
		more = printer_push(s->printer);
		while ((n = read(s->ends[0], part, sizeof(part))) > 0)
			buf_add(into, part, n);
	} while (more);
}

/* Whole lines in their order, so many. */
static size_t check_lines(const struct buf *text)
{
	size_t lines = 0, last = 0, number;

	cr_assert_eq(text->len % LINE, 0, "a line is cut: %zu bytes", text->len);
	for (size_t at = 0; at < text->len; at += LINE, lines++) {
		cr_assert_eq(sscanf(text->data + at, "%zu ", &number), 1);
		cr_assert(!lines || number > last, "%zu after %zu", number, last);
		cr_assert_eq(text->data[at + LINE - 1], '\n');
		last = number;
	}
	return lines;
}

Test(printer, lines_that_are_read_pass_at_once)
{
	struct scene s = begin();
	struct buf got = {};

	for (int i = 0; i < 100; i++) {
		cr_assert(print(&s));
		cr_assert_not(printer_push(s.printer));
		read_all(&s, &got);
	}
	cr_assert_eq(check_lines(&got), 100);
	cr_assert_eq(printer_dropped(s.printer), 0);
	buf_free(&got);
	end(&s);
}

Test(printer, one_that_is_not_read_is_not_waited_for_and_what_has_no_room_is_counted, .timeout = 10)
{
	struct scene s = begin();
	struct buf got = {};
	size_t lines;

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 100; i++)
			cr_assert(print(&s));
		cr_assert(printer_push(s.printer));
		read_all(&s, &got);
	}
	lines = check_lines(&got);
	cr_assert_eq(lines + printer_dropped(s.printer), 300);
	cr_assert_geq(lines, 3 * (ROOM / LINE));
	cr_assert_leq(lines, 3 * ((ROOM + PIPE) / LINE + 1));
	buf_free(&got);
	end(&s);
}

Test(printer, a_reader_that_is_slow_gets_all_that_finds_room)
{
	struct scene s = begin();
	struct buf got = {};
	char part[LINE / 2];
	ssize_t n;

	for (int i = 0; i < 400; i++) {
		cr_assert(print(&s));
		n = read(s.ends[0], part, sizeof(part));
		cr_assert_gt(n, 0);
		buf_add(&got, part, n);
	}
	read_all(&s, &got);
	cr_assert_gt(printer_dropped(s.printer), 100);
	cr_assert_eq(check_lines(&got) + printer_dropped(s.printer), 400);
	buf_free(&got);
	end(&s);
}

/* What is in the pipe was taken. */
Test(printer, a_reader_that_is_gone_is_told_and_what_waited_for_it_is_counted)
{
	struct scene s = begin();

	signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < 20; i++)
		cr_assert(print(&s));
	close(s.ends[0]);
	cr_assert_not(print(&s));
	cr_assert_not(print(&s));
	cr_assert_not(printer_push(s.printer));
	cr_assert_geq(printer_dropped(s.printer), 20 - PIPE / LINE);
	cr_assert_leq(printer_dropped(s.printer), 20);
	s.ends[0] = dup(s.ends[1]);
	end(&s);
}

/* A finding for people is two lines, and their writer is in the pipe too. */
Test(printer, lines_of_usual_length_are_not_parted_and_each_is_counted)
{
	static const char two[] =
		"one line of what there is to be said of it, in some more words\nand the other\n";
	const size_t times = 2 * ROOM / strlen(two);
	size_t lines = 0, other = 0;
	struct scene s = begin();
	struct buf got = {};
	char part[8192];
	ssize_t n;

	for (size_t i = 0; i < times; i++) {
		cr_assert(printer_print(s.printer, two, strlen(two)));
		if (i % 1000)
			continue;
		/* Room for it, while others wait. */
		n = read(s.ends[0], part, sizeof(part));
		cr_assert_gt(n, 0);
		buf_add(&got, part, n);
		cr_assert_eq(write(s.ends[1], "a third\n", 8), 8);
	}
	read_all(&s, &got);
	for (char *line = strtok(got.data, "\n"); line; line = strtok(NULL, "\n")) {
		other += !strcmp(line, "a third");
		lines += !strncmp(line, "one line", 8) || !strcmp(line, "and the other");
	}
	cr_assert_eq(other, (times + 999) / 1000);
	cr_assert_eq(lines + printer_dropped(s.printer), 2 * times);
	buf_free(&got);
	end(&s);
}

Test(printer, a_terminal_that_is_not_read_is_not_waited_for, .timeout = 10)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), slave;
	struct printer *p;
	char line[100];

	cr_assert_geq(master, 0);
	cr_assert_eq(grantpt(master) | unlockpt(master), 0);
	slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	cr_assert_geq(slave, 0);
	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	cr_assert_eq(printer_new(slave, ROOM, &p), 0);
	for (size_t i = 0; i < 2 * ROOM / sizeof(line); i++)
		cr_assert(printer_print(p, line, sizeof(line)));
	cr_assert(printer_push(p));
	cr_assert_gt(printer_dropped(p), 0);
	cr_assert_eq(fcntl(slave, F_GETFL) & O_NONBLOCK, 0,
		     "whoever has it too would not wait either");
	printer_free(p);
	close(master);
	close(slave);
}

Test(printer, the_end_waits_a_while_and_counts_what_is_left)
{
	struct scene s = begin();
	uint64_t begun = clock_boot_ns(), took, whole;
	struct buf got = {};

	for (int i = 0; i < 20; i++)
		cr_assert(print(&s));
	printer_finish(s.printer, 100);
	took = clock_boot_ns() - begun;
	cr_assert_geq(took, 100 * NS_PER_MS);
	cr_assert_not(printer_push(s.printer));
	printer_finish(s.printer, 0);
	read_all(&s, &got);
	whole = got.len / LINE;
	cr_assert_gt(whole, 0);
	cr_assert_eq(whole + printer_dropped(s.printer), 20);
	buf_free(&got);
	end(&s);
}

static void *read_late(void *arg)
{
	struct scene *s = arg;
	static struct buf got;

	while (got.len < 20 * LINE) {
		char part[4096];
		ssize_t n = read(s->ends[0], part, sizeof(part));

		if (n > 0)
			buf_add(&got, part, n);
		else
			usleep(10000);
	}
	return &got;
}

Test(printer, the_end_waits_for_who_reads_and_no_longer, .timeout = 30)
{
	struct scene s = begin();
	pthread_t reader;
	void *got;

	for (int i = 0; i < 20; i++)
		cr_assert(print(&s));
	cr_assert(printer_push(s.printer));
	cr_assert_eq(pthread_create(&reader, NULL, read_late, &s), 0);
	printer_finish(s.printer, 1000000);
	cr_assert_eq(printer_dropped(s.printer), 0);
	cr_assert_eq(pthread_join(reader, &got), 0);
	cr_assert_eq(check_lines(got), 20);
	buf_free(got);
	end(&s);
}
