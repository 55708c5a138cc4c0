/* SPDX-License-Identifier: Apache-2.0 */
/* Writes on read-only containers: refused, let through where they may be, or the protection undone. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "base/util.h"
#include "fixture.h"

#include "control.h"

#define MOUNTINFO "/proc/1000/mountinfo"
#define MINUTE 60000000000ULL

/* The container's table line by line, so that a test can change one. */
#define PROC \
	"101 100 0:50 / /proc rw,nosuid - proc proc rw\n102 101 0:50 /sys /proc/sys ro - proc proc rw\n"
#define REST                                                   \
	"103 100 0:51 / /dev rw,nosuid - tmpfs tmpfs rw\n"     \
	"106 100 0:53 / /tmp rw,nosuid - tmpfs tmpfs rw\n"     \
	"107 100 8:1 /srv/data /data rw - ext4 /dev/sda1 rw\n" \
	"108 100 8:1 /srv/conf /conf ro - ext4 /dev/sda1 rw\n" \
	"109 100 8:1 /var/lib/docker/volumes/v/_data /vol rw - ext4 /dev/sda1 rw\n"

static const char read_only[] = "100 7 0:40 / / ro,relatime - overlay overlay rw\n" PROC REST;
static const char writable[] = "100 7 0:40 / / rw,relatime - overlay overlay rw\n" PROC REST;

struct scene {
	struct fixture *f;
	struct fixture_task init;
};

static struct scene begin(void)
{
	struct scene s = { fixture_new(), fixture_container_task(FIXTURE_INIT, FIXTURE_RUNTIME) };

	fixture_put(s.f, MOUNTINFO, read_only);
	fixture_run(s.f, &s.init);
	return s;
}

static struct scene begin_writable(void)
{
	struct scene s = { fixture_new(), fixture_container_task(FIXTURE_INIT, FIXTURE_RUNTIME) };

	s.init.flags &= ~EVF_ROOT_MNT_RO;
	fixture_put(s.f, MOUNTINFO, writable);
	fixture_run(s.f, &s.init);
	return s;
}

static void end(struct scene *s)
{
	fixture_free(s->f);
}

/* --- attempts --- */

Test(readonly, write_that_is_refused_is_found_with_its_path_here_and_on_the_host)
{
	struct scene s = begin();
	const Keelwatch__Finding *found;

	fixture_file(s.f, &s.init, FILE_MKDIR, -EROFS, "/etc/new");
	found = fixture_one(s.f, "readonly-write-attempt");
	cr_assert_eq(s.f->count, 1);
	cr_assert_eq(found->severity, KEELWATCH__SEVERITY__warning);
	cr_assert_str_eq(found->technique, "T1565.001");
	cr_assert_str_eq(found->file->operation, "mkdir");
	cr_assert_str_eq(found->file->path, "/etc/new");
	cr_assert_str_eq(found->file->host_path, "/var/lib/docker/overlay2/abc/merged/etc/new");
	cr_assert_str_eq(found->file->error, "EROFS");
	cr_assert_not(found->file->path_from_user);
	cr_assert_str_eq(found->container->name, "web");
	cr_assert_str_eq(found->container->image, "nginx:1.25");
	cr_assert_str_eq(found->process->exe, "/bin/app");
	cr_assert_str_eq(fixture_evidence(found, "root"), "mount read-only");
	cr_assert_str_eq(fixture_evidence(found, "declared"), "readonly");
	cr_assert_str_eq(found->kind, "finding");
	end(&s);
}

Test(readonly, write_refused_on_a_read_only_superblock_is_found_too)
{
	struct scene s = { fixture_new(), fixture_container_task(FIXTURE_INIT, FIXTURE_RUNTIME) };
	const Keelwatch__Finding *found;

	s.init.flags = EVF_TRACKED | EVF_ROOT_SB_RO;
	fixture_run(s.f, &s.init);
	fixture_file(s.f, &s.init, FILE_UNLINK, -EROFS, "/bin/sh");
	found = fixture_one(s.f, "readonly-write-attempt");
	cr_assert_str_eq(fixture_evidence(found, "root"), "superblock read-only");
	end(&s);
}

static void feed_user_path(struct scene *s, const char *dir, const char *word)
{
	struct fixture_record r;

	fixture_make_file(&r, &s->init, FILE_CREATE, -EROFS, dir);
	fixture_text(&r, &r.file.user_path, word);
	r.file.user_path.flags = EV_STR_USER;
	fixture_feed(s->f, &r);
}

Test(readonly, path_that_is_the_callers_word_starts_where_it_was_and_is_marked)
{
	struct scene s = begin();
	const Keelwatch__Finding *found;

	feed_user_path(&s, "/var", "www/../lib//./x");
	found = fixture_one(s.f, "readonly-write-attempt");
	cr_assert_str_eq(found->file->path, "/var/lib/x");
	cr_assert(found->file->path_from_user);
	cr_assert_str_eq(fixture_evidence(found, "path"), "as the caller gave it");
	fixture_forget(s.f);
	feed_user_path(&s, "/var", "/etc/y");
	cr_assert_str_eq(fixture_one(s.f, "readonly-write-attempt")->file->path, "/etc/y");
	fixture_forget(s.f);
	feed_user_path(&s, "/", "../../../z/");
	cr_assert_str_eq(fixture_one(s.f, "readonly-write-attempt")->file->path, "/z");
	end(&s);
}

Test(readonly, hostile_path_becomes_one_line_of_text)
{
	struct scene s = begin();
	const Keelwatch__Finding *found;

	fixture_file(s.f, &s.init, FILE_CREATE, -EROFS, "/a\n\x1b[2J\xff");
	found = fixture_one(s.f, "readonly-write-attempt");
	cr_assert_str_eq(found->file->path, "/a\\n\\x1b[2J\\xff");
	cr_assert_null(strpbrk(found->message, "\n\x1b"));
	end(&s);
}

Test(readonly, path_of_4095_bytes_is_whole_and_one_that_was_cut_is_marked)
{
	struct scene s = begin();
	const Keelwatch__Finding *found;
	char path[EV_STR_MAX];
	struct fixture_record r;

	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	fixture_make_file(&r, &s.init, FILE_CREATE, -EROFS, path);
	r.file.path.flags = EV_STR_CUT;
	fixture_feed(s.f, &r);
	found = fixture_one(s.f, "readonly-write-attempt");
	cr_assert(found->file->path_cut);
	cr_assert(text_starts(found->file->path, "/.../x"));
	fixture_forget(s.f);
	fixture_file(s.f, &s.init, FILE_CREATE, -EROFS, path);
	cr_assert_str_eq(fixture_one(s.f, "readonly-write-attempt")->file->path, path);
	end(&s);
}

Test(readonly, same_write_again_is_one_finding_with_a_count)
{
	struct scene s = begin();

	for (int i = 0; i < 1000; i++)
		fixture_file(s.f, &s.init, FILE_CREATE, -EROFS, "/etc/x");
	cr_assert_eq(s.f->count, 1);
	cr_assert_eq(s.f->findings[0]->count, 1);
	pipeline_finish(s.f->pipeline);
	cr_assert_eq(s.f->count, 2);
	cr_assert_eq(s.f->findings[1]->count, 1000);
	cr_assert_str_eq(s.f->findings[1]->file->path, "/etc/x");
	cr_assert_str_eq(s.f->findings[1]->container->id, FIXTURE_ID);
	pipeline_finish(s.f->pipeline);
	cr_assert_eq(s.f->count, 2, "a count is not said twice");
	cr_assert_eq(pipeline_totals(s.f->pipeline).findings, 1);
	end(&s);
}

Test(readonly, same_write_is_summed_up_when_a_minute_has_gone_by)
{
	struct scene s = begin();

	fixture_file(s.f, &s.init, FILE_CREATE, -EROFS, "/etc/x");
	fixture_file(s.f, &s.init, FILE_CREATE, -EROFS, "/etc/x");
	cr_assert_eq(s.f->count, 1);
	fixture_wait(s.f, MINUTE);
	fixture_file(s.f, &s.init, FILE_CREATE, -EROFS, "/etc/x");
	cr_assert_eq(s.f->count, 2);
	cr_assert_eq(s.f->findings[1]->count, 3);
	end(&s);
}

Test(readonly, same_write_is_summed_up_when_the_container_ends)
{
	struct scene s = begin();

	for (int i = 0; i < 3; i++)
		fixture_file(s.f, &s.init, FILE_CREATE, -EROFS, "/etc/x");
	fixture_exit(s.f, &s.init);
	cr_assert_eq(s.f->count, 2);
	cr_assert_eq(s.f->findings[1]->count, 3);
	end(&s);
}

/* --pid=host: the first process is gone, others go on. */
Test(readonly, same_write_again_is_one_finding_also_after_the_first_process_ended)
{
	struct scene s = begin();
	struct fixture_task child = fixture_container_task(1001, FIXTURE_INIT);

	fixture_fork(s.f, &s.init, &child);
	fixture_exit(s.f, &s.init);
	for (int i = 0; i < 10; i++)
		fixture_file(s.f, &child, FILE_CREATE, -EROFS, "/etc/x");
	cr_assert_eq(fixture_count(s.f, "readonly-write-attempt"), 1);
	end(&s);
}

Test(readonly, another_operation_path_or_program_is_another_finding)
{
	struct scene s = begin();

	fixture_file(s.f, &s.init, FILE_CREATE, -EROFS, "/etc/x");
	fixture_file(s.f, &s.init, FILE_UNLINK, -EROFS, "/etc/x");
	fixture_file(s.f, &s.init, FILE_CREATE, -EROFS, "/etc/y");
	fixture_exec(s.f, &s.init, "/bin/other");
	fixture_file(s.f, &s.init, FILE_CREATE, -EROFS, "/etc/x");
	cr_assert_eq(fixture_count(s.f, "readonly-write-attempt"), 4);
	end(&s);
}

/* So many refused writes, each of a name of its own. */
static void write_many(struct scene *s, const struct fixture_task *task, int count)
{
	char path[32];

	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "/etc/%d", i);
		fixture_file(s->f, task, FILE_CREATE, -EROFS, path);
	}
}

/* The counts of all findings of write attempts: each at its last word. */
static uint64_t counted(struct scene *s)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < s->f->count; i++) {
		bool last = true;

		for (size_t j = i + 1; j < s->f->count; j++)
			last &= strcmp(s->f->findings[j]->message, s->f->findings[i]->message) != 0;
		if (last && !strcmp(s->f->findings[i]->rule, "readonly-write-attempt"))
			sum += s->f->findings[i]->count;
	}
	return sum;
}

Test(readonly, different_writes_beyond_a_bound_are_one_finding_and_all_are_counted)
{
	struct scene s = begin();
	size_t told;

	write_many(&s, &s.init, 3000);
	told = fixture_count(s.f, "readonly-write-attempt");
	cr_assert_geq(told, DETECT_TOLD_AT_ONCE + 1);
	cr_assert_leq(told, DETECT_TOLD_AT_ONCE + 20, "%zu", told);
	pipeline_finish(s.f->pipeline);
	cr_assert_eq(counted(&s), 3000);
	end(&s);
}

Test(readonly, different_writes_beyond_a_bound_leave_room_for_what_is_found_by_another_rule)
{
	struct scene s = begin();

	write_many(&s, &s.init, DETECT_TOLD_AT_ONCE + 100);
	fixture_file(s.f, &s.init, FILE_OPEN, 0, "/tmp/a");
	cr_assert_eq(fixture_count(s.f, "readonly-writable-path"), 1);
	end(&s);
}

Test(readonly, different_writes_are_told_one_by_one_again_when_time_has_gone_by)
{
	struct scene s = begin();
	size_t told;

	write_many(&s, &s.init, DETECT_TOLD_AT_ONCE + 100);
	fixture_wait(s.f, MINUTE);
	told = s.f->count;
	fixture_file(s.f, &s.init, FILE_CREATE, -EROFS, "/etc/later");
	cr_assert_eq(s.f->count, told + 1);
	cr_assert_str_eq(s.f->findings[told]->file->path, "/etc/later");
	cr_assert_eq(s.f->findings[told]->count, 1);
	end(&s);
}

/* Twice what is remembered at all, in long names and over hours, so that each is told by itself. */
Test(readonly, who_tells_much_makes_no_other_container_be_told_again)
{
	struct scene s = begin();
	struct fixture_task other = fixture_container_task(3000, 1);
	size_t before;

	other.cgroup = 7000;
	other.ns.mnt = 400;
	fixture_file(s.f, &s.init, FILE_CREATE, -EROFS, "/etc/x");
	fixture_mkdir(s.f, 7000, 1, "/other.scope");
	fixture_exec(s.f, &other, "/bin/evil");
	for (int i = 0; i < 18; i++) {
		fixture_wait(s.f, 20 * MINUTE);
		fixture_exec(s.f, &other, (char[]){ '/', 'a' + i, 0 });
		write_many(&s, &other, 500);
	}
	before = s.f->count;
	cr_assert_gt(before, 2 * DETECT_REPEATS);
	pipeline_finish(s.f->pipeline);
	before = s.f->count;
	fixture_file(s.f, &s.init, FILE_CREATE, -EROFS, "/etc/x");
	cr_assert_eq(s.f->count, before + 1, "it is summed up");
	cr_assert_eq(s.f->findings[before]->count, 2, "and was not forgotten");
	end(&s);
}

/* Of one that tells much itself, what goes on is one finding still. */
Test(readonly, what_happens_again_and_again_is_not_forgotten_for_what_happened_once)
{
	struct scene s = begin();
	size_t told = 0;

	for (int i = 0; i < 18; i++) {
		fixture_wait(s.f, 20 * MINUTE);
		fixture_exec(s.f, &s.init, (char[]){ '/', 'a' + i, 0 });
		fixture_exec(s.f, &s.init, "/bin/evil");
		fixture_file(s.f, &s.init, FILE_CREATE, -EROFS, "/same");
		fixture_exec(s.f, &s.init, (char[]){ '/', 'a' + i, 0 });
		write_many(&s, &s.init, 490);
	}
	cr_assert_gt(fixture_count(s.f, "readonly-write-attempt"), 2 * DETECT_REPEATS);
	for (size_t i = 0; i < s.f->count; i++)
		if (!strcmp(s.f->findings[i]->file->path, "/same"))
			cr_assert_eq(s.f->findings[i]->count, ++told, "it is the same one");
	cr_assert_eq(told, 18);
	end(&s);
}

Test(readonly, write_refused_for_another_reason_is_none)
{
	struct scene s = begin();

	fixture_file(s.f, &s.init, FILE_CREATE, -EACCES, "/etc/x");
	fixture_file(s.f, &s.init, FILE_CREATE, -EEXIST, "/etc/x");
	fixture_silent(s.f);
	end(&s);
}

Test(readonly, write_refused_in_a_writable_container_is_none)
{
	struct scene s = begin_writable();

	fixture_file(s.f, &s.init, FILE_CREATE, -EROFS, "/proc/sys/x");
	fixture_file(s.f, &s.init, FILE_OPEN, 0, "/etc/x");
	fixture_silent(s.f);
	end(&s);
}

Test(readonly, write_of_the_runtimes_set_up_is_none)
{
	struct fixture *f = fixture_new();
	struct fixture_task init = fixture_container_task(FIXTURE_INIT, FIXTURE_RUNTIME);

	fixture_create(f);
	fixture_file(f, &init, FILE_MKDIR, -EROFS, "/etc/x");
	fixture_file(f, &init, FILE_OPEN, 0, "/data/x");
	fixture_silent(f);
	fixture_exec(f, &init, "/bin/app");
	fixture_silent(f);
	fixture_free(f);
}

Test(readonly, write_of_a_sessions_set_up_is_none_and_that_of_the_session_is_found)
{
	struct scene s = begin();
	struct fixture_task session = fixture_container_task(1500, FIXTURE_RUNTIME);

	fixture_attach(s.f, FIXTURE_CGROUP, FIXTURE_CGROUP_PATH, &session);
	fixture_file(s.f, &session, FILE_MKDIR, -EROFS, "/etc/x");
	fixture_silent(s.f);
	fixture_exec(s.f, &session, "/bin/sh");
	fixture_file(s.f, &session, FILE_MKDIR, -EROFS, "/etc/x");
	fixture_one(s.f, "readonly-write-attempt");
	end(&s);
}

Test(readonly, write_of_a_process_that_nobody_saw_begin_is_found_where_records_are_lost)
{
	struct scene s = begin();
	struct fixture_task unknown = fixture_container_task(1600, FIXTURE_INIT);

	fixture_file(s.f, &unknown, FILE_MKDIR, -EROFS, "/etc/x");
	fixture_silent(s.f);
	unknown.lost = 1;
	fixture_file(s.f, &unknown, FILE_MKDIR, -EROFS, "/etc/x");
	fixture_one(s.f, "readonly-write-attempt");
	end(&s);
}

Test(readonly, write_of_the_host_is_none)
{
	struct scene s = begin();
	struct fixture_task host = fixture_host_task(700, 1);

	fixture_file(s.f, &host, FILE_CREATE, -EROFS, "/mnt/cdrom/x");
	fixture_silent(s.f);
	end(&s);
}

/* --- where it may write --- */

Test(readonly, first_write_to_a_tmpfs_is_told)
{
	struct scene s = begin();
	const Keelwatch__Finding *found;

	fixture_file(s.f, &s.init, FILE_OPEN, 0, "/tmp/a");
	fixture_file(s.f, &s.init, FILE_OPEN, 0, "/tmp/b");
	found = fixture_one(s.f, "readonly-writable-path");
	cr_assert_eq(found->severity, KEELWATCH__SEVERITY__info);
	cr_assert_str_eq(found->file->mount_point, "/tmp");
	cr_assert_str_eq(found->file->mount_class, "tmpfs");
	cr_assert_str_eq(fixture_evidence(found, "path"), "/tmp/a");
	end(&s);
}

Test(readonly, first_write_to_a_volume_is_told)
{
	struct scene s = begin();
	const Keelwatch__Finding *found;

	fixture_file(s.f, &s.init, FILE_OPEN, 0, "/vol/a");
	found = fixture_one(s.f, "readonly-writable-path");
	cr_assert_eq(found->severity, KEELWATCH__SEVERITY__info);
	cr_assert_str_eq(found->file->mount_class, "volume");
	end(&s);
}

Test(readonly, first_write_to_a_path_of_the_host_is_a_warning)
{
	struct scene s = begin();
	const Keelwatch__Finding *found;

	fixture_file(s.f, &s.init, FILE_OPEN, 0, "/data/sub/a");
	found = fixture_one(s.f, "readonly-writable-path");
	cr_assert_eq(found->severity, KEELWATCH__SEVERITY__warning);
	cr_assert_str_eq(found->file->mount_class, "host");
	cr_assert_str_eq(found->file->host_path, "/srv/data/sub/a");
	cr_assert_str_eq(fixture_evidence(found, "host_path"), "/srv/data/sub/a");
	end(&s);
}

Test(readonly, write_to_each_mount_is_told_once)
{
	struct scene s = begin();

	for (int i = 0; i < 3; i++) {
		fixture_file(s.f, &s.init, FILE_OPEN, 0, "/tmp/a");
		fixture_file(s.f, &s.init, FILE_OPEN, 0, "/data/a");
		fixture_file(s.f, &s.init, FILE_OPEN, 0, "/vol/a");
		fixture_file(s.f, &s.init, FILE_OPEN, 0, "/dev/shm-like");
	}
	cr_assert_eq(fixture_count(s.f, "readonly-writable-path"), 4);
	end(&s);
}

Test(readonly, write_to_a_file_system_of_the_kernel_is_none)
{
	struct scene s = begin();

	fixture_file(s.f, &s.init, FILE_OPEN, 0, "/proc/self/oom_score_adj");
	fixture_silent(s.f);
	end(&s);
}

/* --- the protection undone --- */

static struct fixture_record mount_record(const struct fixture_task *task, enum ev_mount_op op,
					  const char *target)
{
	struct fixture_record r;

	fixture_make_mount(&r, task, op, "", target, "");
	return r;
}

static void expect_defeated(struct scene *s, enum ev_mount_op op, const char *now, const char *how,
			    const char *target)
{
	const Keelwatch__Finding *found;
	struct fixture_record r = mount_record(&s->init, op, "/x");

	fixture_put(s->f, MOUNTINFO, now);
	fixture_feed(s->f, &r);
	found = fixture_one(s->f, "readonly-defeated");
	cr_assert_eq(found->severity, KEELWATCH__SEVERITY__critical);
	cr_assert_str_eq(found->technique, "T1562.001");
	cr_assert_str_eq(fixture_evidence(found, "how"), how);
	cr_assert_str_eq(found->mount->target, target);
	cr_assert_not(found->mount->read_only);
	end(s);
}

Test(defeated, by_a_remount_of_the_root)
{
	struct scene s = begin();

	expect_defeated(&s, MOUNT_REMOUNT, writable, "remount of the root", "/");
}

Test(defeated, by_mount_setattr_of_the_root)
{
	struct scene s = begin();

	expect_defeated(&s, MOUNT_SETATTR, writable, "remount of the root", "/");
}

Test(defeated, by_a_remount_of_a_mount_that_was_read_only)
{
	struct scene s = begin();
	_cleanup_free_ char *now = strdup(read_only);
	char *conf = strstr(now, "/srv/conf /conf ro");

	memcpy(conf + strlen("/srv/conf /conf "), "rw", 2);
	expect_defeated(&s, MOUNT_REMOUNT, now, "remount of a part", "/conf");
}

Test(defeated, by_a_mount_over_the_root)
{
	struct scene s = begin();
	_cleanup_(buf_free) struct buf now = {};

	buf_str(&now, read_only);
	buf_str(&now, "120 100 0:60 / / rw - tmpfs tmpfs rw\n");
	fixture_put(s.f, MOUNTINFO, buf_cstr(&now));
	fixture_feed(s.f, &(struct fixture_record[]){ mount_record(&s.init, MOUNT_MOUNT, "/") }[0]);
	cr_assert_geq(fixture_count(s.f, "readonly-defeated"), 1);
	end(&s);
}

Test(defeated, by_a_mount_over_a_part_of_the_root)
{
	struct scene s = begin();
	_cleanup_(buf_free) struct buf now = {};

	buf_str(&now, read_only);
	buf_str(&now, "120 100 0:60 / /etc rw - tmpfs tmpfs rw\n");
	expect_defeated(&s, MOUNT_MOUNT, buf_cstr(&now), "mount over a part", "/etc");
}

/* Of a collector that comes late: the first table that it reads has all of it already. */
static struct scene begin_late(const char *more)
{
	struct scene s = { fixture_new(), fixture_container_task(FIXTURE_INIT, FIXTURE_RUNTIME) };

	fixture_put(s.f, MOUNTINFO, read_only);
	fixture_append(s.f, MOUNTINFO, more);
	fixture_run(s.f, &s.init);
	return s;
}

Test(defeated, by_a_mount_that_the_first_table_has_already)
{
	static const enum ev_mount_op ops[] = { MOUNT_MOUNT, MOUNT_BIND, MOUNT_MOVE };

	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		struct scene s = begin_late("120 100 0:60 / /etc rw - tmpfs tmpfs rw\n");
		struct fixture_record r = mount_record(&s.init, ops[i], "/etc");
		const Keelwatch__Finding *found;

		fixture_feed(s.f, &r);
		fixture_feed(s.f, &r);
		pipeline_finish(s.f->pipeline);
		found = fixture_one(s.f, "readonly-defeated");
		cr_expect_str_eq(fixture_evidence(found, "how"), "mount over a part");
		cr_expect_str_eq(found->mount->target, "/etc");
		cr_expect_eq(found->count, 1);
		end(&s);
	}
}

/* Its runtime's last deed was seen in time, the program's start was not. */
Test(defeated, by_a_mount_that_is_there_when_the_first_program_is_seen)
{
	struct scene s = { fixture_new(), fixture_container_task(FIXTURE_INIT, FIXTURE_RUNTIME) };
	struct fixture_record r = mount_record(&s.init, MOUNT_PIVOT_ROOT, ".");
	const Keelwatch__Finding *found;

	fixture_put(s.f, MOUNTINFO, read_only);
	fixture_create(s.f);
	fixture_feed(s.f, &r);
	fixture_cred_change(s.f, &s.init, CRED_CAPSET);
	fixture_append(s.f, MOUNTINFO, "120 100 0:60 / /etc rw - tmpfs tmpfs rw\n");
	fixture_exec(s.f, &s.init, "/bin/app");
	found = fixture_one(s.f, "readonly-defeated");
	cr_expect_str_eq(fixture_evidence(found, "how"), "mount over a part");
	cr_expect_str_eq(found->mount->target, "/etc");
	end(&s);
}

Test(defeated, by_a_mount_that_the_table_shows_nothing_of)
{
	struct scene s = begin();
	struct fixture_record r = mount_record(&s.init, MOUNT_MOUNT, "/etc");
	const Keelwatch__Finding *found;

	fixture_feed(s.f, &r);
	found = fixture_one(s.f, "readonly-defeated");
	cr_expect_str_eq(found->mount->target, "/etc");
	cr_expect_str_eq(fixture_evidence(found, "table"),
			 "gone before it could be read: judged by the call alone");
	end(&s);
}

Test(defeated, is_none_where_the_call_made_nothing_writable_that_was_not)
{
	static const struct {
		const char *more, *target;
		enum ev_mount_op op;
	} cases[] = {
		{ "", "/tmp/x", MOUNT_MOUNT }, /* gone, and lay on what is writable */
		{ "", "/data", MOUNT_MOUNT },  /* which the container was given writable */
		{ "", "relative", MOUNT_MOUNT },
		{ "", "/etc", MOUNT_BIND }, /* gone: read-only or not, nobody knows */
		{ "120 100 0:60 / /etc ro - tmpfs tmpfs rw\n", "/etc", MOUNT_MOUNT },
		{ "120 100 0:60 / /etc rw - proc proc rw\n", "/etc", MOUNT_MOUNT },
		{ "120 106 0:60 / /tmp/x rw - tmpfs tmpfs rw\n", "/tmp/x", MOUNT_MOUNT },
		{ "120 100 0:60 / /etc rw - tmpfs tmpfs rw\n", "/etc", MOUNT_UMOUNT },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct scene s = begin_late(cases[i].more);
		struct fixture_record r = mount_record(&s.init, cases[i].op, cases[i].target);

		fixture_feed(s.f, &r);
		cr_expect_eq(fixture_count(s.f, "readonly-defeated"), 0, "%zu", i);
		end(&s);
	}
}

Test(defeated, in_a_mount_namespace_of_its_own)
{
	struct scene s = begin();
	struct fixture_task child = fixture_container_task(1001, FIXTURE_INIT);
	const Keelwatch__Finding *found;
	struct fixture_record r;

	fixture_fork(s.f, &s.init, &child);
	child.ns.mnt = 777;
	fixture_put(s.f, "/proc/1001/mountinfo",
		    "300 0 0:40 / / rw,relatime - overlay overlay rw\n"
		    "301 300 0:50 / /proc rw,nosuid - proc proc rw\n"
		    "302 300 0:53 / /tmp rw,nosuid - tmpfs tmpfs rw\n");
	r = mount_record(&child, MOUNT_REMOUNT, "/");
	fixture_feed(s.f, &r);
	found = fixture_one(s.f, "readonly-defeated");
	cr_assert_str_eq(found->mount->target, "/");
	cr_assert_str_eq(fixture_evidence(found, "where"), "in a mount namespace of its own");
	end(&s);
}

Test(defeated, is_none_where_a_mount_namespace_of_its_own_is_as_it_was)
{
	struct scene s = begin();
	struct fixture_task child = fixture_container_task(1001, FIXTURE_INIT);
	struct fixture_record r;

	fixture_fork(s.f, &s.init, &child);
	child.ns.mnt = 777;
	fixture_put(s.f, "/proc/1001/mountinfo",
		    "300 0 0:40 / / ro,relatime - overlay overlay rw\n"
		    "301 300 0:50 / /proc rw,nosuid - proc proc rw\n"
		    "302 300 0:53 / /tmp rw,nosuid - tmpfs tmpfs rw\n");
	r = mount_record(&child, MOUNT_PROPAGATION, "/");
	fixture_feed(s.f, &r);
	fixture_silent(s.f);
	end(&s);
}

Test(defeated, is_none_where_a_writable_mount_is_mounted_over)
{
	struct scene s = begin();
	struct fixture_record r = mount_record(&s.init, MOUNT_MOUNT, "/tmp/x");

	fixture_append(s.f, MOUNTINFO, "120 106 0:60 / /tmp/x rw - tmpfs tmpfs rw\n");
	fixture_feed(s.f, &r);
	cr_assert_eq(fixture_count(s.f, "readonly-defeated"), 0);
	end(&s);
}

Test(defeated, is_none_where_the_container_is_writable)
{
	struct scene s = begin_writable();
	struct fixture_record r = mount_record(&s.init, MOUNT_MOUNT, "/etc");

	fixture_append(s.f, MOUNTINFO, "120 100 0:60 / /etc rw - tmpfs tmpfs rw\n");
	fixture_feed(s.f, &r);
	cr_assert_eq(fixture_count(s.f, "readonly-defeated"), 0);
	end(&s);
}

Test(defeated, is_none_while_the_runtime_prepares_the_container)
{
	struct fixture *f = fixture_new();
	struct fixture_task init = fixture_container_task(FIXTURE_INIT, FIXTURE_RUNTIME);
	struct fixture_record r;

	fixture_put(f, MOUNTINFO, writable);
	fixture_create(f);
	r = mount_record(&init, MOUNT_PIVOT_ROOT, ".");
	fixture_feed(f, &r);
	r = mount_record(&init, MOUNT_REMOUNT, "/");
	fixture_put(f, MOUNTINFO, read_only);
	fixture_feed(f, &r);
	fixture_exec(f, &init, "/bin/app");
	fixture_silent(f);
	fixture_free(f);
}

/* What the program itself does without any change of the table. */
Test(defeated, is_none_where_the_call_changed_nothing)
{
	struct scene s = begin();
	struct fixture_record r = mount_record(&s.init, MOUNT_REMOUNT, "/");

	r.mount.ret = -EPERM;
	fixture_feed(s.f, &r);
	fixture_silent(s.f);
	end(&s);
}

/* --- from outside --- */

static void feed_outside(struct scene *s, const struct fixture_task *task, uint64_t owner)
{
	struct fixture_record r;

	fixture_make_file(&r, task, FILE_OPEN, 0, "/var/lib/docker/overlay2/abc/merged/etc/passwd");
	r.file.container = owner;
	r.file.open_flags = 1;
	fixture_feed(s->f, &r);
}

Test(defeated, by_a_process_of_the_host_that_writes_to_the_root)
{
	struct scene s = begin();
	struct fixture_task host = fixture_host_task(700, 1);
	const Keelwatch__Finding *found;

	fixture_exec(s.f, &host, "/usr/bin/vi");
	feed_outside(&s, &host, FIXTURE_CGROUP);
	found = fixture_one(s.f, "readonly-defeated");
	cr_assert_eq(s.f->count, 1);
	cr_assert_eq(found->severity, KEELWATCH__SEVERITY__critical);
	cr_assert_str_eq(found->container->id, FIXTURE_ID);
	cr_assert_str_eq(found->process->exe, "/usr/bin/vi");
	cr_assert_str_eq(fixture_evidence(found, "writer"), "a process of the host");
	cr_assert_str_eq(found->file->host_path, "/var/lib/docker/overlay2/abc/merged/etc/passwd");
	cr_assert_str_eq(fixture_evidence(found, "flags"), "O_WRONLY");
	end(&s);
}

Test(defeated, by_a_process_of_another_container_that_writes_to_the_root)
{
	struct scene s = begin();
	struct fixture_task other = fixture_container_task(3000, 1);
	const Keelwatch__Finding *found;

	other.cgroup = 7000;
	other.ns.mnt = 400;
	fixture_mkdir(s.f, 7000, 1, "/other.scope");
	fixture_exec(s.f, &other, "/bin/evil");
	fixture_forget(s.f);
	feed_outside(&s, &other, FIXTURE_CGROUP);
	found = fixture_one(s.f, "readonly-defeated");
	cr_assert_str_eq(found->container->id, FIXTURE_ID);
	cr_assert_str_eq(fixture_evidence(found, "writer"), "other");
	end(&s);
}

Test(defeated, is_none_where_the_container_writes_itself)
{
	struct scene s = begin();

	feed_outside(&s, &s.init, FIXTURE_CGROUP);
	cr_assert_eq(fixture_count(s.f, "readonly-defeated"), 0);
	end(&s);
}

Test(defeated, is_none_where_the_container_has_ended)
{
	struct scene s = begin();
	struct fixture_task host = fixture_host_task(700, 1);

	fixture_exit(s.f, &s.init);
	feed_outside(&s, &host, FIXTURE_CGROUP);
	fixture_silent(s.f);
	end(&s);
}

/* --- what is asked of the kernel half --- */

Test(readonly, container_has_its_writes_reported_and_its_root_guarded)
{
	struct scene s = begin();
	const struct fixture_wish *wish = fixture_cgroup(s.f, FIXTURE_CGROUP);

	cr_assert_eq(wish->flags, CGROUP_FILES | CGROUP_STARTED);
	cr_assert_eq(wish->container, FIXTURE_CGROUP);
	cr_assert_eq(s.f->root_count, 1);
	cr_assert_eq(s.f->roots[0].dev, FIXTURE_ROOT_DEV);
	cr_assert_eq(s.f->roots[0].id, 0, "an overlay is the container's as a whole");
	cr_assert_eq(s.f->roots[0].container, FIXTURE_CGROUP);
	fixture_exit(s.f, &s.init);
	cr_assert(s.f->roots[0].gone);
	end(&s);
}

Test(readonly, container_on_a_shared_file_system_has_its_directory_guarded)
{
	struct scene s = { fixture_new(), fixture_container_task(FIXTURE_INIT, FIXTURE_RUNTIME) };

	s.init.root_dev = 8 << 20 | 1;
	fixture_put(s.f, MOUNTINFO, "100 7 8:1 /srv/rootfs / ro - ext4 /dev/sda1 rw\n");
	fixture_run(s.f, &s.init);
	cr_assert_eq(s.f->root_count, 1);
	cr_assert_eq(s.f->roots[0].id, 300);
	end(&s);
}

Test(readonly, writable_container_is_spared)
{
	struct scene s = begin_writable();

	cr_assert_eq(fixture_cgroup(s.f, FIXTURE_CGROUP)->flags, CGROUP_STARTED);
	cr_assert_eq(s.f->root_count, 0);
	end(&s);
}

/* The table may have changed meanwhile; what was asked for is what must be taken back. */
Test(readonly, guard_that_was_set_is_the_one_that_is_taken_away)
{
	struct scene s = begin();
	struct fixture_record r = mount_record(&s.init, MOUNT_MOUNT, "/");

	fixture_append(s.f, MOUNTINFO, "120 100 0:60 / / rw - tmpfs tmpfs rw\n");
	fixture_feed(s.f, &r);
	fixture_exit(s.f, &s.init);
	for (size_t i = 0; i < s.f->root_count; i++)
		cr_assert(s.f->roots[i].gone, "dev %u ino %lu is still guarded", s.f->roots[i].dev,
			  (unsigned long)s.f->roots[i].id);
	end(&s);
}
