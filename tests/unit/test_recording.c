/* SPDX-License-Identifier: Apache-2.0 */
/* Recordings: replayed they say what was said live, and damaged they do no harm. */
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "fixture.h"

#define HEAD_LEN 16 /* of the file: magic, version, size of a head */
#define FACT_MAX_SIZE (32u * 1024 * 1024)

/* A text in memory that grows. */
struct text {
	char *data;
	size_t len;
};

static FILE *writer(struct text *t)
{
	FILE *f = open_memstream(&t->data, &t->len);

	cr_assert_not_null(f);
	return f;
}

static FILE *reader(const void *bytes, size_t len)
{
	/* glibc makes an empty one fail */
	FILE *f = len ? fmemopen((void *)bytes, len, "rb") : fopen("/dev/null", "rb");

	cr_assert_not_null(f);
	return f;
}

/* Something of everything: containers found and created, all three kinds of findings, repeats. */
static void play(struct fixture *f)
{
	struct fixture_task init = fixture_container_task(FIXTURE_INIT, FIXTURE_RUNTIME);
	struct fixture_task user = fixture_container_task(1001, FIXTURE_INIT);
	struct fixture_task old = fixture_container_task(3000, 1);
	struct fixture_record r;

	old.cgroup = 8000;
	old.ns.mnt = 444;
	old.cred = fixture_cred(0, FIXTURE_ALL_CAPS);
	old.seccomp = 0;
	fixture_put_process(f, &old, "/bin/old", "/", "/machine.slice/box-old.scope",
			    FIXTURE_ARGS("old", "a\nb"));
	fixture_put(f, "/proc/3000/mountinfo",
		    "500 7 8:1 / / rw - ext4 /dev/sda1 rw\n"
		    "501 500 8:1 /etc /host\\012 rw - ext4 /dev/sda1 rw\n");
	buf_str(&f->sockets, "8 77 /run/docker.sock\n");
	fixture_append(f, "/proc/1000/mountinfo", "110 100 8:1 /root /h rw - ext4 /dev/sda1 rw\n");
	fixture_start(f);
	fixture_create(f);
	init.cred = fixture_cred(0, FIXTURE_DEFAULT_CAPS | 1ULL << CAP_NET_ADMIN);
	fixture_exec(f, &init, "/bin/app");
	for (int i = 0; i < 5; i++)
		fixture_file(f, &init, FILE_CREATE, -EROFS, "/etc/\x1b\xff");
	fixture_file(f, &init, FILE_OPEN, 0, "/data/x");
	user.cred = fixture_cred(1000, 0);
	fixture_fork(f, &init, &user);
	user.cred = fixture_cred(0, FIXTURE_ALL_CAPS);
	fixture_cred_change(f, &user, CRED_PRCTL);
	fixture_append(f, "/proc/1000/mountinfo", "120 100 0:70 / /m rw - proc proc rw\n");
	fixture_make_mount(&r, &init, MOUNT_MOUNT, "proc", "/m", "proc");
	fixture_feed(f, &r);
	fixture_exit(f, &init);
	fixture_rmdir(f, FIXTURE_CGROUP, FIXTURE_CGROUP_PATH);
	pipeline_finish(f->pipeline);
}

/* Records a play; live gets the JSON that was said. */
static void record(struct text *recording, struct text *live)
{
	struct fixture *f = fixture_new();
	FILE *file = writer(recording);

	f->out = writer(live);
	cr_assert_eq(recorder_new(file, &f->facts, &f->recorder), 0);
	play(f);
	cr_assert_eq(recorder_error(f->recorder), 0);
	cr_assert_gt(f->asked, 20);
	fclose(f->out);
	pipeline_free(TAKE(f->pipeline));
	recorder_free(f->recorder);
	fclose(file);
	fixture_free(f);
}

struct outcome {
	int opened; /* of replay_new() */
	int end;    /* of the last replay_next() */
	size_t records;
};

/* Replays bytes through a pipeline that writes JSON to out, which may be NULL. */
static struct outcome replay(const void *bytes, size_t len, FILE *out)
{
	struct pipeline_options options = { .print = out ? print_to_file : NULL,
					    .out = out,
					    .json = true };
	FILE *file = reader(bytes, len);
	struct outcome o = {};
	struct replay *r = NULL;
	struct pipeline *p = NULL;
	const struct ev_head *rec;

	o.opened = replay_new(file, &r);
	if (!o.opened) {
		cr_assert_eq(pipeline_new(replay_facts(r), NULL, &options, &p), 0);
		while ((o.end = replay_next(r, &rec)) > 0) {
			cr_assert_eq(record_check(rec, rec->len), 0);
			pipeline_feed(p, rec);
			o.records++;
		}
		pipeline_finish(p);
		pipeline_free(p);
		replay_free(r);
	}
	fclose(file);
	return o;
}

Test(recording, says_the_same_as_was_said_live_byte_for_byte)
{
	struct text recording = {}, live = {}, again = {};
	struct outcome o;
	FILE *out;

	record(&recording, &live);
	cr_assert_gt(live.len, 1000);
	out = writer(&again);
	o = replay(recording.data, recording.len, out);
	fclose(out);
	cr_assert_eq(o.opened, 0);
	cr_assert_eq(o.end, 0);
	cr_assert_gt(o.records, 15);
	cr_assert_eq(again.len, live.len, "%zu instead of %zu", again.len, live.len);
	cr_assert_eq(memcmp(again.data, live.data, live.len), 0);
	free(recording.data);
	free(live.data);
	free(again.data);
}

Test(recording, of_the_play_holds_findings_of_each_kind)
{
	static const char *const rules_said[] = {
		"readonly-write-attempt",  "readonly-writable-path", "privileged-container",
		"added-capability",	   "privilege-unexplained",  "sensitive-host-mount",
		"sensitive-mount-runtime",
	};
	struct text recording = {}, live = {};

	record(&recording, &live);
	for (size_t i = 0; i < ARRAY_SIZE(rules_said); i++)
		cr_assert_not_null(strstr(live.data, rules_said[i]), "%s", rules_said[i]);
	free(recording.data);
	free(live.data);
}

Test(recording, needs_nothing_of_the_host_it_was_made_on)
{
	struct text recording = {}, live = {};
	struct pipeline_options options = {};
	const struct ev_head *rec;
	struct pipeline *p = NULL;
	struct replay *r = NULL;
	FILE *file;
	struct buf out = {};
	struct fact_stat st;

	record(&recording, &live);
	file = reader(recording.data, recording.len);
	cr_assert_eq(replay_new(file, &r), 0);
	cr_assert_eq(pipeline_new(replay_facts(r), NULL, &options, &p), 0);
	cr_assert_eq(replay_next(r, &rec), 1);
	cr_assert_eq(rec->type, EV_START);
	/* What was not asked then has no answer now, though this host has one. */
	cr_assert_eq(facts_read(replay_facts(r), "/proc/self/stat", 4096, &out), -ENODATA);
	cr_assert_eq(facts_stat(replay_facts(r), "/", &st), -ENODATA);
	cr_assert_eq(facts_list(replay_facts(r), "/", &out), -ENODATA);
	cr_assert_eq(facts_readlink(replay_facts(r), "/proc/self/exe", &out), -ENODATA);
	cr_assert_eq(facts_keep(replay_facts(r), "/proc/self/mountinfo"), -ENODATA);
	cr_assert_eq(facts_reread(replay_facts(r), 99, 4096, &out), -ENODATA);
	pipeline_free(p);
	replay_free(r);
	fclose(file);
	buf_free(&out);
	free(recording.data);
	free(live.data);
}

/* --- answers --- */

static struct ev_head stop_record(void)
{
	return (struct ev_head){ .type = EV_STOP, .len = sizeof(struct ev_head), .comm = "x" };
}

Test(recording, gives_answers_as_they_were_also_errors_and_the_same_question_twice)
{
	struct fixture *f = fixture_new();
	struct ev_head stop = stop_record();
	struct text recording = {};
	FILE *file = writer(&recording);
	struct recorder *rec = NULL;
	struct replay *r = NULL;
	const struct ev_head *head;
	struct fact_stat st;
	struct buf out = {};
	struct facts *facts;

	cr_assert_eq(recorder_new(file, &f->facts, &rec), 0);
	cr_assert_eq(recorder_write(rec, &stop), 0);
	facts = recorder_facts(rec);
	fixture_put(f, "/a", "one");
	facts_read(facts, "/a", 4096, &out);
	fixture_put_bytes(f, "/a", "t\0o", 3);
	facts_read(facts, "/a", 4096, &out);
	cr_assert_eq(facts_read(facts, "/none", 4096, &out), -ENOENT);
	cr_assert_eq(facts_read(facts, "/a", 2, &out), -EFBIG);
	cr_assert_eq(facts_stat(facts, "/none", &st), -ENOENT);
	cr_assert_eq(facts_stat(facts, "/a", &st), 0);
	recorder_free(rec);
	fclose(file);
	buf_reset(&out);

	file = reader(recording.data, recording.len);
	cr_assert_eq(replay_new(file, &r), 0);
	cr_assert_eq(replay_next(r, &head), 1);
	facts = replay_facts(r);
	cr_assert_eq(facts_read(facts, "/a", 4096, &out), 0);
	cr_assert_str_eq(buf_cstr(&out), "one");
	buf_reset(&out);
	cr_assert_eq(facts_read(facts, "/a", 4096, &out), 0);
	cr_assert_eq(out.len, 3);
	cr_assert_eq(memcmp(out.data, "t\0o", 3), 0);
	cr_assert_eq(facts_read(facts, "/none", 4096, &out), -ENOENT);
	cr_assert_eq(facts_read(facts, "/a", 2, &out), -EFBIG);
	cr_assert_eq(facts_stat(facts, "/none", &st), -ENOENT);
	cr_assert_eq(facts_stat(facts, "/a", &st), 0);
	cr_assert_eq(st.mode, 0100644);
	cr_assert_eq(replay_next(r, &head), 0);
	cr_assert_eq(facts_read(facts, "/a", 4096, &out), -ENODATA, "answers go with their record");
	replay_free(r);
	fclose(file);
	buf_free(&out);
	free(recording.data);
	fixture_free(f);
}

Test(recording, of_an_answer_that_is_long_is_whole)
{
	struct fixture *f = fixture_new();
	struct ev_head stop = stop_record();
	struct text recording = {};
	FILE *file = writer(&recording);
	struct recorder *rec = NULL;
	struct replay *r = NULL;
	const struct ev_head *head;
	char *big = malloc(FACT_MAX);
	struct buf out = {};

	memset(big, 'x', FACT_MAX);
	fixture_put_bytes(f, "/big", big, FACT_MAX);
	cr_assert_eq(recorder_new(file, &f->facts, &rec), 0);
	cr_assert_eq(recorder_write(rec, &stop), 0);
	facts_read(recorder_facts(rec), "/big", FACT_MAX, &out);
	recorder_free(rec);
	fclose(file);
	buf_reset(&out);
	file = reader(recording.data, recording.len);
	cr_assert_eq(replay_new(file, &r), 0);
	cr_assert_eq(replay_next(r, &head), 1);
	cr_assert_eq(facts_read(replay_facts(r), "/big", FACT_MAX, &out), 0);
	cr_assert_eq(out.len, FACT_MAX);
	replay_free(r);
	fclose(file);
	buf_free(&out);
	free(big);
	free(recording.data);
	fixture_free(f);
}

Test(recording, that_cannot_be_written_says_so)
{
	struct fixture *f = fixture_new();
	struct ev_head stop = stop_record();
	struct recorder *rec = NULL;
	FILE *full = fopen("/dev/full", "wb");
	int err;

	cr_assert_not_null(full);
	setvbuf(full, NULL, _IONBF, 0);
	err = recorder_new(full, &f->facts, &rec);
	if (!err) {
		err = recorder_write(rec, &stop);
		cr_assert_eq(recorder_error(rec), err);
		recorder_free(rec);
	}
	cr_assert_eq(err, -ENOSPC);
	fclose(full);
	fixture_free(f);
}

/* --- damage --- */

Test(recording, of_no_records_is_at_its_end_at_once)
{
	struct text recording = {}, live = {};
	struct outcome o;

	record(&recording, &live);
	o = replay(recording.data, HEAD_LEN, NULL);
	cr_assert_eq(o.opened, 0);
	cr_assert_eq(o.end, 0);
	cr_assert_eq(o.records, 0);
	free(recording.data);
	free(live.data);
}

Test(recording, that_is_none_or_of_another_version_is_refused)
{
	struct text recording = {}, live = {};

	record(&recording, &live);
	for (size_t at = 0; at < HEAD_LEN; at++) {
		recording.data[at] ^= 1;
		cr_assert_eq(replay(recording.data, recording.len, NULL).opened, -EBADMSG,
			     "byte %zu", at);
		recording.data[at] ^= 1;
	}
	for (size_t len = 0; len < HEAD_LEN; len++)
		cr_assert_eq(replay(recording.data, len, NULL).opened, -EBADMSG, "%zu bytes", len);
	cr_assert_eq(replay("#!/bin/sh\necho this is no recording\n", 36, NULL).opened, -EBADMSG);
	free(recording.data);
	free(live.data);
}

/* Where a record begins, from the file's layout: records and contents follow one another. */
static size_t next_boundary(const struct text *t, size_t at)
{
	struct ev_fact fact;
	size_t len;

	memcpy(&fact, t->data + at, sizeof(fact.head));
	len = fact.head.len;
	if (fact.head.type == EV_FACT) {
		memcpy(&fact, t->data + at, sizeof(fact));
		len += (fact.size + 7) & ~7UL;
	}
	return at + len;
}

/* All within the first kilobytes, and then at steps that hit every place of a record by and by. */
Test(recording, that_is_cut_is_damaged_unless_it_is_cut_between_records)
{
	struct text recording = {}, live = {};
	size_t boundary = HEAD_LEN;

	record(&recording, &live);
	for (size_t len = HEAD_LEN; len <= recording.len; len += len < 2048 ? 1 : 61) {
		struct outcome o;

		while (boundary < len)
			boundary = next_boundary(&recording, boundary);
		o = replay(recording.data, len, NULL);
		cr_assert_eq(o.opened, 0);
		cr_assert_eq(o.end, boundary == len ? 0 : -EBADMSG, "cut at %zu: %d", len, o.end);
	}
	free(recording.data);
	free(live.data);
}

Test(recording, what_came_before_the_damage_is_replayed)
{
	struct text recording = {}, live = {};
	size_t at = HEAD_LEN, records = 0, entries = 0;
	struct outcome whole, cut;

	record(&recording, &live);
	whole = replay(recording.data, recording.len, NULL);
	/* Damages the tenth record: the nine before it are sound. */
	while (records < 9 || ((struct ev_head *)(recording.data + at))->type == EV_FACT) {
		records += ((struct ev_head *)(recording.data + at))->type != EV_FACT;
		entries++;
		at = next_boundary(&recording, at);
	}
	memset(recording.data + at, 0xff, 8);
	cut = replay(recording.data, recording.len, NULL);
	cr_assert_eq(cut.end, -EBADMSG);
	cr_assert_eq(cut.records, records);
	cr_assert_lt(cut.records, whole.records);
	cr_assert_gt(entries, records);
	free(recording.data);
	free(live.data);
}

/* A file of one record and a fact that says it is so long. */
static struct outcome replay_fact(uint32_t size, size_t content)
{
	struct ev_head stop = stop_record();
	struct ev_fact fact = { .head = { .type = EV_FACT, .len = sizeof(fact), .comm = "x" },
				.size = size,
				.kind = 1 };
	struct text recording = {}, live = {};
	struct buf file = {};
	struct outcome o;
	char *zeros = calloc(1, content + 1);

	record(&recording, &live);
	buf_add(&file, recording.data, HEAD_LEN);
	buf_add(&file, &stop, sizeof(stop));
	buf_add(&file, &fact, sizeof(fact));
	buf_add(&file, zeros, content);
	o = replay(file.data, file.len, NULL);
	buf_free(&file);
	free(zeros);
	free(recording.data);
	free(live.data);
	return o;
}

Test(recording, fact_longer_than_any_is_damage_and_takes_no_memory)
{
	cr_assert_eq(replay_fact(8, 8).end, 0);
	cr_assert_eq(replay_fact(FACT_MAX_SIZE + 1, 64).end, -EBADMSG);
	cr_assert_eq(replay_fact(UINT32_MAX, 64).end, -EBADMSG);
	cr_assert_eq(replay_fact(UINT32_MAX - 6, 64).end, -EBADMSG);
	cr_assert_eq(replay_fact(FACT_MAX_SIZE + 1, 64).records, 1, "the record itself is sound");
}

Test(recording, fact_longer_than_what_is_left_is_damage)
{
	cr_assert_eq(replay_fact(72, 64).end, -EBADMSG);
	cr_assert_eq(replay_fact(61, 61).end, -EBADMSG, "the padding is missing");
	cr_assert_eq(replay_fact(61, 64).end, 0);
}

/* A fact answers for the record before it: where there is none, something is wrong. */
Test(recording, that_begins_with_a_fact_is_damaged)
{
	struct ev_fact fact = { .head = { .type = EV_FACT, .len = sizeof(fact), .comm = "x" },
				.size = 0,
				.kind = 1 };
	struct text recording = {}, live = {};
	struct buf file = {};
	struct outcome o;

	record(&recording, &live);
	buf_add(&file, recording.data, HEAD_LEN);
	buf_add(&file, &fact, sizeof(fact));
	o = replay(file.data, file.len, NULL);
	cr_assert_eq(o.records, 0, "a fact was given out as a record");
	cr_assert(o.opened == -EBADMSG || o.end == -EBADMSG);
	buf_free(&file);
	free(recording.data);
	free(live.data);
}

/* stat's answer is a struct: one of another size is none. */
Test(recording, stat_of_a_wrong_size_is_no_answer)
{
	struct ev_head stop = stop_record();
	struct ev_fact fact = { .head = { .type = EV_FACT, .len = sizeof(fact) + 8, .comm = "x" },
				.size = 8,
				.kind = 4,
				.name = { .off = sizeof(fact), .len = 2 } };
	struct text recording = {}, live = {};
	const struct ev_head *head;
	struct replay *r = NULL;
	struct fact_stat st;
	struct buf bytes = {};
	FILE *file;

	record(&recording, &live);
	buf_add(&bytes, recording.data, HEAD_LEN);
	buf_add(&bytes, &stop, sizeof(stop));
	buf_add(&bytes, &fact, sizeof(fact));
	buf_add(&bytes, "/a\0\0\0\0\0\0contents", 16);
	file = reader(bytes.data, bytes.len);
	cr_assert_eq(replay_new(file, &r), 0);
	cr_assert_eq(replay_next(r, &head), 1);
	cr_assert_eq(facts_stat(replay_facts(r), "/a", &st), -EBADMSG);
	cr_assert_eq(replay_next(r, &head), 0);
	replay_free(r);
	fclose(file);
	buf_free(&bytes);
	free(recording.data);
	free(live.data);
}

/* What passes the checks of its records goes through the whole pipeline. */
Test(recording, a_thousand_damaged_ones_are_refused_or_replayed)
{
	struct text recording = {}, live = {};
	uint64_t state = 20260102;
	size_t whole = 0;

	record(&recording, &live);
	for (int i = 0; i < 1000; i++) {
		size_t at[4];
		char old[4];

		for (size_t k = 0; k < ARRAY_SIZE(at); k++) {
			state = state * 6364136223846793005ULL + 1442695040888963407ULL;
			at[k] = HEAD_LEN + (state >> 33) % (recording.len - HEAD_LEN);
			old[k] = recording.data[at[k]];
			recording.data[at[k]] ^= 1 << (state >> 29 & 7);
		}
		whole += replay(recording.data, recording.len, NULL).end == 0;
		for (size_t k = ARRAY_SIZE(at); k-- > 0;)
			recording.data[at[k]] = old[k];
	}
	cr_assert_gt(whole, 30, "only %zu went through: little was tried", whole);
	free(recording.data);
	free(live.data);
}
