/* SPDX-License-Identifier: Apache-2.0 */
/* From one monitor to the next: what is read again, what was told already, who was there before. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "cli/journal.h"
#include "cli/progress.h"
#include "cli/resume.h"
#include "fixture.h"
#include "source/twins.h"

/* --- twins --- */

static struct ev_head *event(struct fixture_record *r, uint64_t time_ns, unsigned int side)
{
	const struct fixture_task task = { .tgid = 7 };

	fixture_make_file(r, &task, FILE_CREATE, -30, "/etc/x");
	r->head.time_ns = time_ns;
	r->head.flags |= side ? EVF_SIDE : 0;
	return &r->head;
}

Test(twins, are_told_once)
{
	struct fixture_record r;
	struct twins *t;

	cr_assert_eq(twins_new(&t), 0);
	cr_assert_not(twins_told(t, event(&r, 1000, 0)));
	cr_assert(twins_told(t, event(&r, 3000, 1)));
	twins_free(t);
}

Test(twins, same_deed_done_twice_has_two_pairs)
{
	struct fixture_record r;
	struct twins *t;

	cr_assert_eq(twins_new(&t), 0);
	cr_assert_not(twins_told(t, event(&r, 1000, 0)));
	cr_assert(twins_told(t, event(&r, 2000, 1)));
	cr_assert_not(twins_told(t, event(&r, 9000, 1)), "the other side spoke no longer");
	cr_assert_not(twins_told(t, event(&r, 9500, 1)), "of one side both are told");
	twins_free(t);
}

Test(twins, differ_in_no_more_than_side_and_moment)
{
	struct fixture_record r;
	struct twins *t;

	cr_assert_eq(twins_new(&t), 0);
	cr_assert_not(twins_told(t, event(&r, 1000, 0)));
	event(&r, 2000, 1);
	r.file.ret = 0;
	cr_assert_not(twins_told(t, &r.head), "another result");
	event(&r, 2000, 1);
	((char *)&r)[r.file.path.off] = 'y';
	cr_assert_not(twins_told(t, &r.head), "another path");
	cr_assert_not(twins_told(t, event(&r, 90000000, 1)), "another moment");
	twins_free(t);
}

/* --- how far the ring may be given back --- */

Test(progress, nothing_is_given_back_before_it_is_safe)
{
	struct progress p = {};

	progress_note(&p, 100, 0);
	cr_assert_eq(progress_safe(&p, 0), 100, "nothing was made of it");
	progress_note(&p, 200, 5);
	progress_note(&p, 300, 5);
	progress_note(&p, 400, 6);
	cr_assert_eq(progress_safe(&p, 4), 0);
	cr_assert(progress_waits(&p));
	cr_assert_eq(progress_safe(&p, 5), 300);
	cr_assert_eq(progress_safe(&p, 9), 400);
	cr_assert_not(progress_waits(&p));
}

Test(progress, more_marks_than_there_is_room_for_are_joined_and_none_is_early)
{
	struct progress p = {};

	for (uint64_t i = 1; i <= 3 * PROGRESS_MARKS; i++)
		progress_note(&p, i * 8, i);
	cr_assert_eq(progress_safe(&p, PROGRESS_MARKS - 1), (PROGRESS_MARKS - 1) * 8);
	cr_assert_eq(progress_safe(&p, 3 * PROGRESS_MARKS - 1), 0);
	cr_assert_eq(progress_safe(&p, 3 * PROGRESS_MARKS), 3 * PROGRESS_MARKS * 8);
}

/* --- ids --- */

Test(stamp, place_in_a_ring_is_read_back_from_the_id)
{
	const struct stamp_place at = { .ring = 0xfedcba9876543210, .place = UINT64_MAX };
	struct stamp_place read = {};
	Keelwatch__Metadata metadata;
	char id[STAMP_ID_SIZE];
	struct stamp *s;

	cr_assert_eq(stamp_new(&s), 0);
	stamp_metadata_at(s, &at, 0xffffffff, id, &metadata);
	cr_assert(stamp_read_place(id, &read), "%s", id);
	cr_assert_eq(read.ring, at.ring);
	cr_assert_eq(read.place, at.place);
	strcat(id, "x");
	cr_assert_not(stamp_read_place(id, &read));
	stamp_metadata(s, id, &metadata);
	cr_assert_not(stamp_read_place(id, &read), "%s", id);
	stamp_free(s);
}

/* --- what the store knows --- */

struct bench {
	char dir[40];
	struct stamp *stamp;
	struct store *store;
	struct journal *journal;
};

static void bench_begin(struct bench *b)
{
	struct store_options options = { .queue_bytes = 1 << 20 };
	int holder;

	*b = (struct bench){ .dir = "/tmp/keelwatch-resume-XXXXXX" };
	cr_assert(mkdtemp(b->dir));
	cr_assert_eq(stamp_new(&b->stamp), 0);
	options.dir = b->dir;
	options.stamp = b->stamp;
	cr_assert_eq(store_open(&options, &holder, &b->store), 0);
	cr_assert_eq(journal_new(b->stamp, b->store, &b->journal), 0);
}

static void bench_end(struct bench *b)
{
	char command[64];

	journal_free(b->journal);
	store_close(b->store);
	stamp_free(b->stamp);
	snprintf(command, sizeof(command), "rm -r %s", b->dir);
	cr_assert_eq(system(command), 0);
}

static struct resume *read_from(struct bench *b, uint64_t ring, uint64_t place)
{
	const struct stamp_place from = { .ring = ring, .place = place };
	struct store_stats stats;
	struct resume *r;

	do
		store_stats(b->store, &stats);
	while (stats.committed < stats.accepted);
	cr_assert_eq(resume_read(b->dir, &from, stamp_boot_id(b->stamp), &r), 0);
	return r;
}

/* Its id, or NULL when it was told before. */
static const char *find(struct bench *b, uint64_t place, const char *message)
{
	const struct stamp_place at = { .ring = 9, .place = place };
	Keelwatch__Container container = KEELWATCH__CONTAINER__INIT;
	Keelwatch__Finding finding = KEELWATCH__FINDING__INIT;
	const Keelwatch__Finding *made;

	container.id = (char *)"c";
	finding.kind = (char *)"finding";
	finding.rule = (char *)"a-rule";
	finding.message = (char *)message;
	finding.container = &container;
	finding.time = 1800000000000000000ULL;
	journal_place(b->journal, &at);
	made = journal_finding(b->journal, &finding);
	journal_place(b->journal, NULL);
	return made ? made->metadata->id : NULL;
}

Test(resume, what_is_read_again_is_kept_once)
{
	char first[STAMP_ID_SIZE], second[STAMP_ID_SIZE];
	struct store_stats before, after;
	struct resume *r;
	struct bench b;

	bench_begin(&b);
	strcpy(first, find(&b, 100, "one"));
	strcpy(second, find(&b, 100, "two"));
	cr_assert_str_neq(first, second, "one record may give more than one finding");
	r = read_from(&b, 9, 100);
	store_stats(b.store, &before);
	journal_resume(b.journal, r);
	cr_assert_null(find(&b, 100, "one"));
	cr_assert_null(find(&b, 100, "two"));
	cr_assert_not_null(find(&b, 100, "three"));
	cr_assert_not_null(find(&b, 200, "one"), "elsewhere it is another");
	store_stats(b.store, &after);
	cr_assert_eq(after.accepted - before.accepted, 2);
	journal_resume(b.journal, NULL);
	resume_free(r);
	bench_end(&b);
}

Test(resume, of_another_ring_or_from_before_the_place_is_not_known)
{
	char id[STAMP_ID_SIZE];
	struct resume *r;
	struct bench b;

	bench_begin(&b);
	strcpy(id, find(&b, 100, "one"));
	r = read_from(&b, 9, 101);
	cr_assert_not(resume_knows(r, id));
	resume_free(r);
	r = read_from(&b, 8, 0);
	cr_assert_not(resume_knows(r, id));
	resume_free(r);
	bench_end(&b);
}

/* --- who was there before --- */

#define GONE_CGROUP 6000
#define GONE_PATH "/system.slice/docker-gone.scope"

static Keelwatch__Container told_container(void)
{
	Keelwatch__Container c = KEELWATCH__CONTAINER__INIT;

	c.id = (char *)"gone";
	c.name = (char *)"shop";
	c.image = (char *)"shop:1";
	c.runtime = (char *)"docker";
	c.oci_runtime = (char *)"runc";
	c.cgroup = (char *)GONE_PATH;
	c.cgroup_id = GONE_CGROUP;
	c.read_only = true;
	return c;
}

static void feed_resume(struct fixture *f)
{
	const struct fixture_task nobody = {};
	struct fixture_record r;

	fixture_make_head(&r, EV_RESUME, sizeof(struct ev_head), &nobody);
	fixture_feed(f, &r);
}

Test(recall, deed_of_a_container_that_is_gone_is_found_under_its_name)
{
	struct fixture *f = fixture_new();
	struct fixture_task task = fixture_container_task(3000, 1);
	Keelwatch__Container told = told_container();

	fixture_start(f);
	cr_assert_eq(model_recall(pipeline_model(f->pipeline), &told), 0);
	feed_resume(f);
	task.cgroup = GONE_CGROUP;
	task.flags = EVF_ROOT_MNT_RO;
	fixture_file(f, &task, FILE_CREATE, -30, "/etc/x");
	cr_assert_eq(f->count, 1, "%s", f->count > 1 ? f->findings[1]->message : "");
	cr_assert_str_eq(f->findings[0]->rule, "readonly-write-attempt");
	cr_assert_str_eq(f->findings[0]->container->name, "shop");
	cr_assert_str_eq(f->findings[0]->container->image, "shop:1");
	cr_assert_str_eq(f->findings[0]->container->runtime, "docker");
	fixture_free(f);
}

Test(recall, what_its_runtime_does_from_the_host_is_not_its_own)
{
	struct fixture *f = fixture_new();
	struct fixture_task task = fixture_host_task(3000, 1);
	Keelwatch__Container told = told_container();

	fixture_start(f);
	cr_assert_eq(model_recall(pipeline_model(f->pipeline), &told), 0);
	feed_resume(f);
	task.cgroup = GONE_CGROUP;
	fixture_file(f, &task, FILE_CREATE, -30, "/etc/x");
	cr_assert_eq(f->count, 0);
	fixture_free(f);
}

/* As systemd names units: the clean text of a backslash is two. */
Test(recall, one_that_is_still_there_is_found_whatever_its_path)
{
	struct fixture *f = fixture_new();
	Keelwatch__Container told = told_container();
	struct fact_stat st = { .ino = GONE_CGROUP };
	struct fixture_record r;
	struct model *m;

	told.cgroup = (char *)"/system.slice/docker-a\\\\x2db.scope";
	fixture_put_stat(f, "/sys/fs/cgroup/system.slice/docker-a\\x2db.scope", &st);
	fixture_start(f);
	m = pipeline_model(f->pipeline);
	cr_assert_eq(model_recall(m, &told), 0);
	feed_resume(f);
	fixture_make_start(&r, NULL);
	fixture_feed(f, &r);
	cr_assert(model_watches(m, GONE_CGROUP));
	fixture_free(f);
}

Test(recall, one_that_is_gone_when_all_is_read_is_watched_no_longer)
{
	struct fixture *f = fixture_new();
	Keelwatch__Container told = told_container();
	struct fixture_record r;
	struct model *m;

	fixture_start(f);
	m = pipeline_model(f->pipeline);
	cr_assert_eq(model_recall(m, &told), 0);
	cr_assert(model_watches(m, GONE_CGROUP));
	feed_resume(f);
	fixture_make_start(&r, NULL);
	fixture_feed(f, &r);
	cr_assert_not(model_watches(m, GONE_CGROUP));
	fixture_free(f);
}
