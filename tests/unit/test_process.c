/* SPDX-License-Identifier: Apache-2.0 */
/* Who a process is over its life, and that their number has a bound. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "base/util.h"
#include "fixture.h"

static struct process_table *table_new(size_t max)
{
	struct process_table *t = NULL;

	cr_assert_eq(process_table_new(max, &t), 0);
	return t;
}

static struct fixture *started(void)
{
	struct fixture *f = fixture_new();

	fixture_start(f);
	return f;
}

static struct process *find(struct fixture *f, uint32_t tgid)
{
	return process_find(model_processes(fixture_model(f)), tgid, 0);
}

/* --- the table --- */

Test(process, is_found_by_its_number_and_its_start)
{
	struct process_table *t = table_new(8);
	struct process *p = process_get(t, 10, 5);

	cr_assert_eq(process_find(t, 10, 5), p);
	cr_assert_eq(process_get(t, 10, 5), p);
	cr_assert_eq(process_find(t, 10, 0), p, "0 is any start");
	cr_assert_null(process_find(t, 10, 6));
	cr_assert_null(process_find(t, 11, 5));
	cr_assert_eq(process_table_count(t), 1);
	process_table_free(t);
}

Test(process, that_is_new_knows_nothing_but_has_an_image)
{
	struct process_table *t = table_new(8);
	struct process *p = process_get(t, 10, 5);

	cr_assert_not_null(p->image);
	cr_assert_str_eq(p->image->exe, "");
	cr_assert_eq(p->image->argc, 0);
	cr_assert_null(p->container);
	cr_assert_not(p->cred_known);
	process_table_free(t);
}

Test(process, with_the_number_of_one_that_is_gone_is_another)
{
	struct process_table *t = table_new(8);
	struct process *p = process_get(t, 10, 5);

	process_set_image(p, image_new("/bin/old", "/", "old", 4, false));
	p->entered = true;
	p = process_get(t, 10, 6);
	cr_assert_str_eq(p->image->exe, "");
	cr_assert_not(p->entered);
	cr_assert_null(process_find(t, 10, 5), "the old one is gone");
	cr_assert_eq(process_table_count(t), 1);
	process_table_free(t);
}

Test(process, known_from_proc_to_the_tick_becomes_exact_with_its_first_record)
{
	struct process_table *t = table_new(8);
	struct process *p = process_get(t, 10, 3 * NS_PER_S);

	p->approximate = true;
	cr_assert_null(process_find(t, 10, 3 * NS_PER_S + 10000000),
		       "the next tick is another process");
	cr_assert_eq(process_find(t, 10, 3 * NS_PER_S + 9999999), p);
	cr_assert_not(p->approximate);
	cr_assert_eq(p->start_ns, 3 * NS_PER_S + 9999999);
	cr_assert_null(process_find(t, 10, 3 * NS_PER_S + 1));
	process_table_free(t);
}

Test(process, table_drops_nobody_before_it_is_trimmed)
{
	struct process_table *t = table_new(2);
	struct process *first = process_get(t, 1, 1);

	for (uint32_t i = 2; i <= 9; i++)
		process_get(t, i, i);
	cr_assert_eq(process_find(t, 1, 1), first);
	process_table_trim(t);
	cr_assert_eq(process_table_count(t), 2);
	cr_assert_not_null(process_find(t, 9, 9));
	process_table_free(t);
}

Test(process, table_is_back_at_its_bound_after_each_trim)
{
	struct process_table *t = table_new(16);

	for (uint32_t i = 1; i <= 1000; i++) {
		cr_assert_not_null(process_get(t, i, i));
		process_table_trim(t);
		cr_assert_leq(process_table_count(t), 16);
	}
	cr_assert_not_null(process_find(t, 1000, 1000));
	cr_assert_null(process_find(t, 1, 1));
	cr_assert_eq(process_table_dropped(t), 1000 - 16);
	process_table_free(t);
}

Test(process, that_ended_goes_before_one_that_runs_and_the_first_to_end_first)
{
	struct process_table *t = table_new(4);

	for (uint32_t i = 1; i <= 4; i++)
		process_get(t, i, i);
	process_end(t, process_find(t, 3, 3));
	process_end(t, process_find(t, 2, 2));
	process_end(t, process_find(t, 2, 2));
	cr_assert_not_null(process_find(t, 3, 3), "an ended one is kept while there is room");
	process_get(t, 5, 5);
	process_table_trim(t);
	cr_assert_null(process_find(t, 3, 3));
	cr_assert_not_null(process_find(t, 2, 2));
	process_get(t, 6, 6);
	process_table_trim(t);
	cr_assert_null(process_find(t, 2, 2));
	cr_assert_not_null(process_find(t, 1, 1));
	cr_assert_not_null(process_find(t, 4, 4));
	process_table_free(t);
}

Test(process, list_of_the_ended_survives_any_order_of_coming_and_going)
{
	struct process_table *t = table_new(64);
	uint32_t state = 1;

	for (int i = 0; i < 20000; i++) {
		uint32_t tgid = 1 + (state = state * 1664525 + 1013904223) / 65536 % 200;
		struct process *p = process_get(t, tgid, 1 + state % 3);

		cr_assert_not_null(p);
		if (state & 0x10000)
			process_end(t, p);
		process_table_trim(t);
		cr_assert_leq(process_table_count(t), 64);
	}
	process_table_free(t);
}

static struct container *container_make(uint64_t cgroup_id)
{
	return container_new(cgroup_id, "/x", NULL, "runc", KEELWATCH__ATTRIBUTION__exact);
}

Test(process, of_a_container_that_forks_without_end_make_room_from_its_own)
{
	struct process_table *t = table_new(64);
	struct container *quiet = container_make(7), *loud = container_make(8);

	for (uint32_t i = 1; i <= 20; i++) {
		process_set_container(process_get(t, i, i), i <= 10 ? quiet : NULL);
		if (i % 2)
			process_end(t, process_find(t, i, i));
	}
	for (uint32_t i = 100; i < 2000; i++) {
		process_set_container(process_get(t, i, i), loud);
		process_table_trim(t);
	}
	for (uint32_t i = 1; i <= 20; i++)
		cr_assert_not_null(process_find(t, i, i), "%u, which others pushed out", i);
	cr_assert_not_null(process_find(t, 1999, 1999));
	cr_assert_eq(process_table_count(t), 64);
	process_table_free(t);
	container_unref(quiet);
	container_unref(loud);
}

Test(process, with_long_arguments_take_bounded_memory)
{
	struct process_table *t = table_new(100000);
	char args[4000];

	for (size_t i = 0; i < sizeof(args); i++)
		args[i] = i % 2 ? '\0' : 'a';
	for (uint32_t i = 1; i <= 3000; i++) {
		struct process *p = process_get(t, i, i);

		process_set_image(p, image_new("/a", "/", args, sizeof(args), false));
		process_table_trim(t);
	}
	/* 1024 arguments each, of 33 bytes or more. */
	cr_assert_leq(process_table_count(t), PROCESS_BYTES / (1024 * 33));
	cr_assert_not_null(process_find(t, 3000, 3000));
	process_table_free(t);
}

static void count_one(struct process *p, void *arg)
{
	(void)p;
	++*(size_t *)arg;
}

Test(process, each_is_visited_once)
{
	struct process_table *t = table_new(100);
	size_t n = 0;

	for (uint32_t i = 1; i <= 50; i++)
		process_get(t, i, i);
	process_each(t, count_one, &n);
	cr_assert_eq(n, 50);
	process_table_free(t);
}

/* --- images --- */

Test(image, makes_clean_text_of_hostile_bytes)
{
	static const char args[] = "a\nb\0\x1b[2J\0\xff\0";
	struct image *i = image_new("/bin/\x1b[31m", "/tmp/\n", args, sizeof(args) - 1, false);

	cr_assert_str_eq(i->exe, "/bin/\\x1b[31m");
	cr_assert_str_eq(i->cwd, "/tmp/\\n");
	cr_assert_eq(i->argc, 3);
	cr_assert_str_eq(i->argv[0], "a\\nb");
	cr_assert_str_eq(i->argv[1], "\\x1b[2J");
	cr_assert_str_eq(i->argv[2], "\\xff");
	cr_assert_null(i->argv[3]);
	image_unref(i);
}

Test(image, keeps_empty_arguments_and_a_last_one_without_an_end)
{
	struct image *i = image_new("/x", "/", "x\0\0y", 4, false);

	cr_assert_eq(i->argc, 3);
	cr_assert_str_eq(i->argv[1], "");
	cr_assert_str_eq(i->argv[2], "y");
	image_unref(i);
}

Test(image, of_no_arguments_has_none)
{
	struct image *i = image_new("", "", NULL, 0, false);

	cr_assert_not_null(i);
	cr_assert_eq(i->argc, 0);
	cr_assert_not(i->args_cut);
	cr_assert_null(i->bundle);
	image_unref(i);
}

Test(image, of_more_arguments_than_are_kept_is_marked_as_cut)
{
	char args[2 * 2000];
	struct image *i;

	for (size_t n = 0; n < 2000; n++)
		memcpy(args + 2 * n, "x", 2);
	i = image_new("/x", "/", args, sizeof(args), false);
	cr_assert(i->args_cut);
	cr_assert_eq(i->argc, 1024);
	image_unref(i);
	i = image_new("/x", "/", args, 2 * 1024, false);
	cr_assert_not(i->args_cut);
	cr_assert_eq(i->argc, 1024);
	image_unref(i);
}

Test(image, of_a_runtime_knows_the_bundle_and_the_container)
{
	static const char args[] = "runc\0create\0--bundle\0b\0id1";
	struct image *i = image_new("/usr/bin/runc", "/run/x", args, sizeof(args), false);

	cr_assert_str_eq(i->bundle, "/run/x/b");
	cr_assert_str_eq(i->container_id, "id1");
	image_unref(i);
	i = image_new("/bin/sh", "/", "sh\0-c\0create", 13, false);
	cr_assert_null(i->bundle);
	cr_assert_null(i->container_id);
	image_unref(i);
}

/* --- what records teach --- */

Test(process, knows_what_it_executed)
{
	struct fixture *f = started();
	struct fixture_task task = fixture_host_task(50, 1);
	struct fixture_record r;

	task.comm = "ls";
	fixture_make_exec(&r, &task, "/bin/ls", FIXTURE_ARGS("ls", "-l", "/x y"));
	fixture_feed(f, &r);
	cr_assert_str_eq(find(f, 50)->image->exe, "/bin/ls");
	cr_assert_str_eq(find(f, 50)->image->cwd, "/");
	cr_assert_eq(find(f, 50)->image->argc, 3);
	cr_assert_str_eq(find(f, 50)->image->argv[2], "/x y");
	cr_assert_str_eq(find(f, 50)->comm, "ls");
	cr_assert_eq(find(f, 50)->parent.tgid, 1);
	fixture_free(f);
}

Test(process, name_that_wants_to_drive_the_terminal_becomes_text_and_fits)
{
	struct fixture *f = started();
	struct fixture_task task = fixture_host_task(50, 1);
	const char *comm;

	task.comm = "\x1b\x01\x02\x03\x04\x05\x06\x07\x08\x0b\x0c\x0e\x0f\x10\x11";
	fixture_exec(f, &task, "/x");
	comm = find(f, 50)->comm;
	cr_assert_eq(strlen(comm), 15 * 4);
	cr_assert(text_starts(comm, "\\x1b\\x01"));
	fixture_free(f);
}

Test(process, arguments_of_4096_bytes_are_kept_whole)
{
	struct fixture *f = started();
	struct fixture_task task = fixture_host_task(50, 1);
	struct fixture_record r;
	char args[EV_STR_MAX];

	memset(args, 'a', sizeof(args));
	args[sizeof(args) - 1] = '\0';
	fixture_make_exec(&r, &task, "/x", NULL);
	fixture_bytes(&r, &r.exec.args, EV_STR_ARGS, args, sizeof(args));
	fixture_feed(f, &r);
	cr_assert_eq(find(f, 50)->image->argc, 1);
	cr_assert_str_eq(find(f, 50)->image->argv[0], args);
	cr_assert_not(find(f, 50)->image->args_cut);
	fixture_free(f);
}

Test(process, arguments_that_the_kernel_half_cut_are_marked)
{
	struct fixture *f = started();
	struct fixture_task task = fixture_host_task(50, 1);
	struct fixture_record r;

	fixture_make_exec(&r, &task, "/x", NULL);
	fixture_bytes(&r, &r.exec.args, EV_STR_ARGS, "sh\0-c\0ec", 8);
	r.exec.args.flags = EV_STR_CUT;
	fixture_feed(f, &r);
	cr_assert(find(f, 50)->image->args_cut);
	cr_assert_str_eq(find(f, 50)->image->argv[2], "ec");
	fixture_free(f);
}

Test(process, that_was_forked_shares_its_parents_image_until_it_executes)
{
	struct fixture *f = started();
	struct fixture_task parent = fixture_host_task(50, 1);
	struct fixture_task child = fixture_host_task(51, 50);

	parent.comm = "sh";
	fixture_exec(f, &parent, "/bin/sh");
	fixture_fork(f, &parent, &child);
	cr_assert_eq(find(f, 51)->image, find(f, 50)->image);
	cr_assert_str_eq(find(f, 51)->comm, "sh");
	cr_assert_eq(find(f, 51)->parent.tgid, 50);
	cr_assert_eq(find(f, 51)->parent.start_ns, fixture_start_ns(50));
	fixture_exec(f, &child, "/bin/ls");
	cr_assert_str_eq(find(f, 51)->image->exe, "/bin/ls");
	cr_assert_str_eq(find(f, 50)->image->exe, "/bin/sh");
	fixture_free(f);
}

Test(process, ancestors_that_executed_nothing_run_what_theirs_does)
{
	struct fixture *f = started();
	struct fixture_task shell = fixture_host_task(50, 1);
	struct fixture_task task = fixture_host_task(53, 52);
	struct fixture_record r;

	shell.comm = "sh";
	fixture_exec(f, &shell, "/bin/sh");
	fixture_make_exec(&r, &task, "/bin/ls", FIXTURE_ARGS("ls"));
	for (uint32_t i = 0; i < 3; i++)
		r.exec.ancestors[i] =
			(struct ev_task){ .tgid = 52 - i, .start_ns = fixture_start_ns(52 - i) };
	fixture_feed(f, &r);
	cr_assert_str_eq(find(f, 52)->image->exe, "/bin/sh");
	cr_assert_str_eq(find(f, 51)->image->exe, "/bin/sh");
	cr_assert_str_eq(find(f, 52)->comm, "sh");
	cr_assert_eq(find(f, 52)->parent.tgid, 51);
	cr_assert_eq(find(f, 51)->parent.tgid, 50);
	fixture_free(f);
}

Test(process, ancestors_of_whom_nobody_is_known_are_named_without_an_image)
{
	struct fixture *f = started();
	struct fixture_task task = fixture_host_task(53, 52);
	struct fixture_record r;

	fixture_make_exec(&r, &task, "/bin/ls", FIXTURE_ARGS("ls"));
	for (uint32_t i = 0; i < EV_ANCESTORS; i++)
		r.exec.ancestors[i] =
			(struct ev_task){ .tgid = 52 - i, .start_ns = fixture_start_ns(52 - i) };
	fixture_feed(f, &r);
	cr_assert_str_eq(find(f, 52)->image->exe, "");
	cr_assert_eq(find(f, 52 - EV_ANCESTORS + 2)->parent.tgid, 52 - EV_ANCESTORS + 1);
	cr_assert_not_null(find(f, 52 - EV_ANCESTORS + 1));
	fixture_free(f);
}

Test(process, that_ended_is_still_named_as_an_ancestor)
{
	struct fixture *f = fixture_new();
	struct fixture_task init = fixture_container_task(FIXTURE_INIT, FIXTURE_RUNTIME);
	struct fixture_task child = fixture_container_task(1001, FIXTURE_INIT);
	struct fixture_task grandchild = fixture_container_task(1002, 1001);
	const Keelwatch__Finding *found;

	fixture_run(f, &init);
	fixture_fork(f, &init, &child);
	fixture_exec(f, &child, "/bin/dropper");
	fixture_fork(f, &child, &grandchild);
	fixture_exit(f, &child);
	fixture_file(f, &grandchild, FILE_CREATE, -30, "/etc/x");
	found = fixture_one(f, "readonly-write-attempt");
	cr_assert_geq(found->n_ancestors, 2);
	cr_assert_eq(found->ancestors[0]->pid, 1001);
	cr_assert_str_eq(found->ancestors[0]->exe, "/bin/dropper");
	cr_assert_eq(found->ancestors[1]->pid, FIXTURE_INIT);
	cr_assert_str_eq(found->ancestors[1]->exe, "/bin/app");
	fixture_free(f);
}

/* The oldest of a full table is the one that forks: it is not dropped under its own record. */
Test(process, that_forks_with_the_table_full_outlives_its_own_record)
{
	struct fixture *f = fixture_new();
	struct fixture_task init = fixture_container_task(FIXTURE_INIT, FIXTURE_RUNTIME);

	fixture_run(f, &init);
	for (uint32_t i = 0; i <= PROCESS_MAX + 16; i++) {
		struct fixture_task child = fixture_container_task(2000 + i, FIXTURE_INIT);

		fixture_fork(f, &init, &child);
	}
	cr_assert_leq(process_table_count(model_processes(fixture_model(f))), PROCESS_MAX + 2);
	cr_assert_not_null(find(f, FIXTURE_INIT));
	fixture_free(f);
}

Test(process, that_executes_with_the_table_full_outlives_the_learning_of_its_ancestors)
{
	struct fixture *f = fixture_new();
	struct fixture_task init = fixture_container_task(FIXTURE_INIT, FIXTURE_RUNTIME);
	struct fixture_task other = fixture_container_task(FIXTURE_INIT + 1, FIXTURE_INIT);
	struct fixture_record r;

	fixture_run(f, &init);
	/* Others come until all is taken: init is the oldest of a container that has the most of it. */
	for (uint32_t i = 0; process_table_count(model_processes(fixture_model(f))) < PROCESS_MAX;
	     i++) {
		struct fixture_task child = fixture_container_task(2000 + i, FIXTURE_INIT + 1);

		fixture_fork(f, &other, &child);
	}
	fixture_make_exec(&r, &init, "/bin/again", FIXTURE_ARGS("again"));
	for (uint32_t i = 0; i < EV_ANCESTORS; i++)
		r.exec.ancestors[i] = (struct ev_task){ .tgid = 100000 + i, .start_ns = 1 };
	fixture_feed(f, &r);
	cr_assert_not_null(find(f, FIXTURE_INIT));
	cr_assert_str_eq(find(f, FIXTURE_INIT)->image->exe, "/bin/again");
	fixture_free(f);
}

/*
 * No kernel says so, but a recording may: whoever does it has the number of its own child, ancestor
 * or target, with another start.
 */
static struct fixture *impossible(struct fixture_task *init, struct fixture_task *twin)
{
	struct fixture *f = fixture_new();

	*init = fixture_container_task(FIXTURE_INIT, FIXTURE_RUNTIME);
	*twin = *init;
	twin->start_ns = 12345;
	fixture_run(f, init);
	return f;
}

Test(process, that_is_said_to_fork_itself_does_no_harm)
{
	struct fixture_task init, twin;
	struct fixture *f = impossible(&init, &twin);

	fixture_fork(f, &init, &twin);
	fixture_file(f, &init, FILE_CREATE, -30, "/x");
	fixture_free(f);
}

Test(process, that_is_said_to_be_its_own_ancestor_does_no_harm)
{
	struct fixture_task init, twin;
	struct fixture *f = impossible(&init, &twin);

	init.parent = fixture_name(&twin);
	fixture_exec(f, &init, "/bin/sh");
	fixture_file(f, &init, FILE_CREATE, -30, "/x");
	fixture_free(f);
}

Test(process, that_is_said_to_move_its_own_number_does_no_harm)
{
	struct fixture_task init, twin;
	struct fixture *f = impossible(&init, &twin);
	struct fixture_record r;

	fixture_make_attach(&r, &init, FIXTURE_CGROUP, FIXTURE_CGROUP_PATH, &twin);
	fixture_feed(f, &r);
	fixture_file(f, &init, FILE_CREATE, -30, "/x");
	fixture_free(f);
}

/* Its parent is itself: whoever follows parents must come to an end. */
Test(process, whose_ancestors_go_in_a_circle_are_followed_to_an_end)
{
	struct fixture *f = fixture_new();
	struct fixture_task init = fixture_container_task(FIXTURE_INIT, FIXTURE_INIT);

	alarm(10); /* not criterion's timeout: that leaks in the runner */
	fixture_create(f);
	fixture_exec(f, &init, "/bin/app");
	fixture_attach(f, 6000, "/other.scope", &init);
	fixture_file(f, &init, FILE_CREATE, -30, "/x");
	fixture_free(f);
}

/*
 * A parent is known by its number alone when it was found at the start; the number may have gone to a
 * descendant since. Here the one asked has no table of its own left either.
 */
Test(process, whose_ancestors_go_in_a_circle_is_asked_for_its_mounts_to_an_end)
{
	struct fixture *f = fixture_new();
	struct fixture_task init = fixture_container_task(FIXTURE_INIT, FIXTURE_RUNTIME);
	struct fixture_task a = fixture_container_task(1001, 1002);
	struct fixture_task b = fixture_container_task(1002, 1001);
	struct fixture_record r;

	alarm(10); /* not criterion's timeout: that leaks in the runner */
	fixture_run(f, &init);
	a.ns.mnt = b.ns.mnt = 777;
	fixture_exec(f, &a, "/bin/a");
	fixture_exec(f, &b, "/bin/b");
	fixture_make_mount(&r, &a, MOUNT_MOUNT, "x", "/x", "tmpfs");
	fixture_feed(f, &r);
	fixture_free(f);
}
