/* SPDX-License-Identifier: Apache-2.0 */
/* The file sink: lines, rotation, what others do to the file meanwhile. */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "ship/sink.h"

struct desk {
	char dir[32], path[64];
	struct config_sink settings;
	struct sink *sink;
	struct item items[4];
	struct batch batch;
};

static void desk_open(struct desk *d)
{
	*d = (struct desk){};
	strcpy(d->dir, "/tmp/keelwatch-unit-XXXXXX");
	cr_assert(mkdtemp(d->dir));
	snprintf(d->path, sizeof(d->path), "%s/out", d->dir);
	d->settings = (struct config_sink){
		.name = (char *)"file",
		.address = d->path,
		.rotate_bytes = 20,
		.rotate_keep = 2,
	};
	cr_assert_eq(sink_file.open(&d->settings, NULL, &d->sink), 0);
}

static void desk_close(struct desk *d)
{
	char command[64];

	sink_file.close(d->sink);
	snprintf(command, sizeof(command), "rm -r %s", d->dir);
	cr_assert_eq(system(command), 0);
}

/* How many were delivered. */
static size_t desk_send(struct desk *d, const char *const *texts, size_t n)
{
	size_t delivered = 0;

	cr_assert_leq(n, ARRAY_SIZE(d->items));
	d->batch = (struct batch){ .items = d->items, .count = n };
	for (size_t i = 0; i < n; i++)
		d->items[i] = (struct item){ .text = texts[i], .len = strlen(texts[i]) };
	sink_file.send(d->sink, &d->batch, -1);
	for (size_t i = 0; i < n; i++)
		delivered += d->items[i].result == ITEM_DELIVERED;
	return delivered;
}

static size_t desk_send_one(struct desk *d, const char *text)
{
	return desk_send(d, &text, 1);
}

static void desk_write(const struct desk *d, const char *text)
{
	FILE *f = fopen(d->path, "we");

	cr_assert(f);
	fputs(text, f);
	fclose(f);
}

/* What is in the file, or in one set aside; "-": there is none. */
static const char *desk_read(const struct desk *d, const char *suffix)
{
	static char text[256];
	char path[80];
	FILE *f;

	snprintf(path, sizeof(path), "%s%s", d->path, suffix);
	f = fopen(path, "re");
	if (!f)
		return "-";
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	return text;
}

Test(file_sink, each_record_is_a_line_of_a_file_that_others_may_not_read)
{
	static const char *const two[] = { "{\"a\":1}", "{\"b\":2}" };
	struct desk d;
	struct stat st;

	desk_open(&d);
	cr_assert_eq(desk_send(&d, two, 2), 2);
	cr_assert_str_eq(desk_read(&d, ""), "{\"a\":1}\n{\"b\":2}\n");
	cr_assert_eq(stat(d.path, &st), 0);
	cr_assert_eq(st.st_mode & 0137, 0);
	desk_close(&d);
}

Test(file_sink, what_is_delivered_or_refused_is_not_written_again)
{
	struct desk d;

	desk_open(&d);
	d.batch = (struct batch){ .items = d.items, .count = 3 };
	d.items[0] = (struct item){ .text = "a", .len = 1, .result = ITEM_DELIVERED };
	d.items[1] = (struct item){ .text = "b", .len = 1 };
	d.items[2] = (struct item){ .text = "c", .len = 1, .result = ITEM_REFUSED };
	sink_file.send(d.sink, &d.batch, -1);
	cr_assert_str_eq(desk_read(&d, ""), "b\n");
	cr_assert_eq(d.items[2].result, ITEM_REFUSED);
	desk_close(&d);
}

Test(file_sink, half_a_line_of_a_crash_is_ended_first)
{
	struct desk d;

	desk_open(&d);
	desk_write(&d, "{\"half");
	cr_assert_eq(desk_send_one(&d, "{}"), 1);
	cr_assert_str_eq(desk_read(&d, ""), "{\"half\n{}\n");
	desk_close(&d);
}

Test(file_sink, a_file_that_has_grown_is_set_aside_and_the_oldest_goes)
{
	struct desk d;

	desk_open(&d);
	for (const char *text = "1234"; *text; text++) {
		char line[16];

		snprintf(line, sizeof(line), "%c...........", *text);
		cr_assert_eq(desk_send_one(&d, line), 1);
	}
	cr_assert_str_eq(desk_read(&d, ""), "4...........\n");
	cr_assert_str_eq(desk_read(&d, ".1"), "3...........\n");
	cr_assert_str_eq(desk_read(&d, ".2"), "2...........\n");
	cr_assert_str_eq(desk_read(&d, ".3"), "-");
	desk_close(&d);
}

Test(file_sink, keeping_none_removes_the_file_that_has_grown)
{
	struct desk d;

	desk_open(&d);
	d.settings.rotate_keep = 0;
	cr_assert_eq(desk_send_one(&d, "1..............."), 1);
	cr_assert_eq(desk_send_one(&d, "2..............."), 1);
	cr_assert_str_eq(desk_read(&d, ""), "2...............\n");
	cr_assert_str_eq(desk_read(&d, ".1"), "-");
	desk_close(&d);
}

Test(file_sink, a_file_renamed_or_removed_by_others_is_made_anew)
{
	char other[80];
	struct desk d;

	desk_open(&d);
	cr_assert_eq(desk_send_one(&d, "a"), 1);
	snprintf(other, sizeof(other), "%s.old", d.path);
	cr_assert_eq(rename(d.path, other), 0);
	cr_assert_eq(desk_send_one(&d, "b"), 1);
	cr_assert_str_eq(desk_read(&d, ""), "b\n");
	cr_assert_str_eq(desk_read(&d, ".old"), "a\n");
	cr_assert_eq(unlink(d.path), 0);
	cr_assert_eq(desk_send_one(&d, "c"), 1);
	cr_assert_str_eq(desk_read(&d, ""), "c\n");
	desk_close(&d);
}

Test(file_sink, a_symbolic_link_is_not_followed)
{
	char target[80];
	struct desk d;

	desk_open(&d);
	snprintf(target, sizeof(target), "%s/target", d.dir);
	cr_assert_eq(symlink(target, d.path), 0);
	cr_assert_eq(desk_send_one(&d, "a"), 0);
	cr_assert(strstr(d.batch.why, "symbolic link"), "%s", d.batch.why);
	cr_assert_neq(access(target, F_OK), 0);
	desk_close(&d);
}

Test(file_sink, what_is_no_file_is_not_written_to)
{
	struct desk d;

	desk_open(&d);
	cr_assert_eq(mkfifo(d.path, 0600), 0);
	cr_assert_eq(desk_send_one(&d, "a"), 0);
	cr_assert(strstr(d.batch.why, "not a file"), "%s", d.batch.why);
	cr_assert_eq(unlink(d.path), 0);
	cr_assert_eq(mkdir(d.path, 0700), 0);
	cr_assert_eq(desk_send_one(&d, "a"), 0);
	cr_assert_eq(rmdir(d.path), 0);
	cr_assert_eq(desk_send_one(&d, "a"), 1);
	desk_close(&d);
}

/* A bound of the process on a file's size stands for a disk that takes a part of a write. */
Test(file_sink, a_batch_that_found_no_room_leaves_nothing_and_comes_whole_later)
{
	static const char *const two[] = { "12345678", "12345678" };
	struct rlimit before, small;
	struct desk d;

	desk_open(&d);
	d.settings.rotate_bytes = 1 << 20;
	cr_assert_eq(desk_send_one(&d, "abc"), 1);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	small = (struct rlimit){ 10, before.rlim_max };
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
	cr_assert_eq(desk_send(&d, two, 2), 0);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
	cr_assert(strstr(d.batch.why, "the disk is full"), "%s", d.batch.why);
	cr_assert_str_eq(desk_read(&d, ""), "abc\n");
	cr_assert_eq(desk_send(&d, two, 2), 2);
	cr_assert_str_eq(desk_read(&d, ""), "abc\n12345678\n12345678\n");
	desk_close(&d);
}

Test(file_sink, a_folder_that_is_missing_is_said_and_may_come)
{
	char folder[80];
	struct desk d;

	desk_open(&d);
	sink_file.close(d.sink);
	snprintf(folder, sizeof(folder), "%s/sub", d.dir);
	snprintf(d.path, sizeof(d.path), "%s/sub/out", d.dir);
	cr_assert_eq(sink_file.open(&d.settings, NULL, &d.sink), 0);
	cr_assert_eq(desk_send_one(&d, "a"), 0);
	cr_assert(strstr(d.batch.why, "No such file or directory"), "%s", d.batch.why);
	cr_assert_eq(mkdir(folder, 0700), 0);
	cr_assert_eq(desk_send_one(&d, "a"), 1);
	desk_close(&d);
}

Test(file_sink, a_path_that_names_no_file_is_refused)
{
	struct config_sink settings = { .address = (char *)"/tmp/folder/" };
	struct buf why = {};
	struct sink *sink;

	cr_assert_eq(sink_file.open(&settings, &why, &sink), -EINVAL);
	cr_assert(strstr(buf_cstr(&why), "names no file"));
	buf_free(&why);
}
