/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records as lines of a format, to be judged by tests/schema/validate.py:
 *
 *   samples FORMAT         all the samples there are
 *   samples names          what each of them is
 *   samples FORMAT DIR     all records of the store in that state folder
 *   samples --time FORMAT  how many a second one core writes, of the plain ones (otlp is a format here)
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/util.h"
#include "config/settings.h"
#include "message/clean.h"
#include "ship/format.h"
#include "store/store.h"
#include "tests/unit/sample.h"

#define TIMED_BATCH 500
#define TIMED_ROUNDS 400

static int fail(const char *what, int err)
{
	fprintf(stderr, "samples: %s: %s\n", what, strerror(-err));
	return EXIT_FAILURE;
}

static int format_of(const char *name)
{
	for (int f = 0; f < FORMAT_MAX; f++)
		if (!strcmp(format_names[f], name))
			return f;
	return -EINVAL;
}

static int print(int format, Keelwatch__Record *record)
{
	_cleanup_(buf_free) struct buf b = {};
	int err = record ? format_record(&b, format, record) : -ENOMEM;

	if (record)
		keelwatch__record__free_unpacked(record, NULL);
	if (!err)
		printf("%s\n", buf_cstr(&b));
	return err;
}

static int print_samples(int format)
{
	for (size_t i = 0; i < sample_count(); i++) {
		for (size_t j = 0; j < sample_flavour_count(); j++) {
			int err = print(format, sample_make(i, j));

			if (err)
				return fail(sample_name(i), err);
		}
	}
	return EXIT_SUCCESS;
}

static int print_names(void)
{
	for (size_t i = 0; i < sample_count(); i++)
		for (size_t j = 0; j < sample_flavour_count(); j++)
			printf("%s, %s\n", sample_name(i), sample_flavour_name(j));
	return EXIT_SUCCESS;
}

static int print_stored(int format, const char *dir)
{
	struct store_query query = {};
	struct store_reader *reader;
	struct store_cursor *cursor;
	struct stored stored;
	int err = store_reader_open(dir, &reader);

	if (!err)
		err = store_select(reader, &query, &cursor);
	if (err)
		return fail(dir, err);
	while ((err = store_next(cursor, &stored)) > 0) {
		Keelwatch__Record *record =
			keelwatch__record__unpack(NULL, stored.len, stored.body);

		err = record ? message_clean(&record->base) : -EBADMSG;
		if (!err)
			err = print(format, record);
		if (err)
			break;
	}
	store_cursor_free(cursor);
	store_reader_free(reader);
	return err ? fail(dir, err) : EXIT_SUCCESS;
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* What the shipper does with a record but for reading and sending it: clean it, write it. */
static int time_format(const char *name)
{
	_cleanup_(buf_free) struct buf b = {};
	Keelwatch__Record *records[TIMED_BATCH];
	int format = format_of(name), err = 0;
	double began;

	for (size_t i = 0; i < TIMED_BATCH; i++)
		records[i] = sample_make(i % sample_count(), 1);
	began = seconds();
	for (size_t round = 0; !err && round < TIMED_ROUNDS; round++) {
		buf_reset(&b);
		for (size_t i = 0; !err && i < TIMED_BATCH; i++) {
			err = message_clean(&records[i]->base);
			if (!err && format >= 0)
				err = format_record(&b, format, records[i]);
		}
		if (!err && format < 0)
			err = format_otlp_request(&b, FORMAT_NATIVE,
						  (const Keelwatch__Record *const *)records,
						  TIMED_BATCH);
	}
	if (!err)
		printf("%s: %.0f records a second on one core, %zu bytes each\n", name,
		       TIMED_BATCH * TIMED_ROUNDS / (seconds() - began), b.len / TIMED_BATCH);
	for (size_t i = 0; i < TIMED_BATCH; i++)
		keelwatch__record__free_unpacked(records[i], NULL);
	return err ? fail(name, err) : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	bool timed = argc == 3 && !strcmp(argv[1], "--time");
	int format = argc > 1 ? format_of(argv[1]) : -EINVAL;

	if (timed && (format_of(argv[2]) >= 0 || !strcmp(argv[2], "otlp")))
		return time_format(argv[2]);
	if (argc == 2 && !strcmp(argv[1], "names"))
		return print_names();
	if (format < 0 || argc > 3) {
		fprintf(stderr,
			"usage: samples names | [--time] native|ecs|ocsf|cef [STATE-DIR]\n");
		return EXIT_FAILURE;
	}
	return argc == 3 ? print_stored(format, argv[2]) : print_samples(format);
}
