/* SPDX-License-Identifier: Apache-2.0 */
/* Sensitive paths of the host: those a container starts with, and those that come later. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/util.h"
#include "fixture.h"

#define MOUNTINFO "/proc/1000/mountinfo"
#define BASE                                                   \
	"100 7 0:40 / / rw,relatime - overlay overlay rw\n"    \
	"101 100 0:50 / /proc rw,nosuid - proc proc rw\n"      \
	"103 100 0:51 / /dev rw,nosuid - tmpfs tmpfs rw\n"     \
	"104 101 0:51 /null /proc/kcore rw - tmpfs tmpfs rw\n" \
	"106 100 0:53 / /tmp rw,nosuid - tmpfs tmpfs rw\n"

static struct fixture_task init_task(void)
{
	struct fixture_task t = fixture_container_task(FIXTURE_INIT, FIXTURE_RUNTIME);

	t.flags &= ~EVF_ROOT_MNT_RO;
	return t;
}

/* A container that starts with these mounts beside the base. */
static struct fixture *start(const char *more)
{
	struct fixture *f = fixture_new();
	struct fixture_task t = init_task();

	fixture_put(f, MOUNTINFO, BASE);
	fixture_append(f, MOUNTINFO, more);
	fixture_create(f);
	fixture_exec(f, &t, "/bin/app");
	return f;
}

static void expect_start(const char *line, Keelwatch__Severity severity, const char *host_path,
			 const char *access)
{
	struct fixture *f = start(line);
	const Keelwatch__Finding *found = fixture_one(f, "sensitive-host-mount");

	cr_assert_eq(f->count, 1);
	cr_assert_eq(found->severity, severity, "%s: %d", line, found->severity);
	cr_assert_str_eq(found->technique, "T1611");
	cr_assert_str_eq(fixture_evidence(found, "host_path"), host_path);
	cr_assert_str_eq(fixture_evidence(found, "target"), "/h");
	cr_assert_str_eq(fixture_evidence(found, "access"), access);
	cr_assert_str_eq(fixture_evidence(found, "source"), "kernel");
	cr_assert_str_eq(found->mount->host_path, host_path);
	cr_assert_str_eq(found->container->id, FIXTURE_ID);
	fixture_free(f);
}

/* --- at the start --- */

Test(mounts, of_the_host_that_matter_are_found_at_the_start_and_graded)
{
	expect_start("110 100 8:1 / /h rw - ext4 /dev/sda1 rw\n", KEELWATCH__SEVERITY__critical,
		     "/", "read-write");
	expect_start("110 100 8:1 / /h ro - ext4 /dev/sda1 rw\n", KEELWATCH__SEVERITY__error, "/",
		     "read-only");
	expect_start("110 100 8:1 /etc /h ro - ext4 /dev/sda1 rw\n", KEELWATCH__SEVERITY__error,
		     "/etc", "read-only");
	expect_start("110 100 8:1 /etc /h rw - ext4 /dev/sda1 rw\n", KEELWATCH__SEVERITY__critical,
		     "/etc", "read-write");
	expect_start("110 100 8:1 /var/log /h ro - ext4 /dev/sda1 rw\n",
		     KEELWATCH__SEVERITY__notice, "/var/log", "read-only");
	expect_start("110 100 0:8 / /h rw - tmpfs tmpfs rw\n", KEELWATCH__SEVERITY__critical,
		     "/run", "read-write");
}

Test(mounts, of_a_runtimes_socket_are_found_under_any_name)
{
	const struct fact_stat socket = { .ino = 77, .dev = 8, .mode = S_IFSOCK | 0660 };
	struct fixture *f = fixture_new();
	struct fixture_task t = init_task();

	buf_str(&f->sockets, "8 77 /run/docker.sock\n");
	fixture_put_stat(f, "/run/harmless", &socket);
	fixture_put(f, MOUNTINFO, BASE);
	fixture_append(f, MOUNTINFO, "110 100 0:8 /harmless /h rw - tmpfs tmpfs rw\n");
	fixture_create(f);
	fixture_exec(f, &t, "/bin/app");
	cr_assert_eq(fixture_one(f, "sensitive-host-mount")->severity,
		     KEELWATCH__SEVERITY__critical);
	fixture_free(f);
}

Test(mounts, that_every_container_has_raise_nothing)
{
	struct fixture *f =
		start("110 100 8:1 /srv/data /data rw - ext4 /dev/sda1 rw\n"
		      "111 100 8:1 /var/lib/docker/volumes/v/_data /v rw - ext4 /dev/sda1 rw\n"
		      "112 100 8:1 /var/lib/docker/containers/" FIXTURE_ID
		      "/hosts /etc/hosts rw - ext4 /dev/sda1 rw\n"
		      "113 100 0:61 / /sys ro - sysfs sysfs ro\n"
		      "114 113 0:9 / /sys/fs/cgroup ro - cgroup2 cgroup rw\n"
		      "115 103 0:62 / /dev/pts rw - devpts devpts rw\n"
		      "116 103 0:63 / /dev/mqueue rw - mqueue mqueue rw\n"
		      "117 103 0:64 / /dev/shm rw - tmpfs shm rw\n");

	fixture_silent(f);
	fixture_free(f);
}

Test(mounts, each_of_them_is_a_finding_of_its_own)
{
	struct fixture *f = start("110 100 8:1 /etc /a rw - ext4 /dev/sda1 rw\n"
				  "111 100 8:1 /root /b rw - ext4 /dev/sda1 rw\n"
				  "112 100 8:1 /boot /c rw - ext4 /dev/sda1 rw\n");

	cr_assert_eq(fixture_count(f, "sensitive-host-mount"), 3);
	fixture_free(f);
}

/* "docker run -v /:/host" brings /proc, /sys, /run along: one finding says it. */
Test(mounts, that_came_along_with_a_worse_one_are_not_said_beside_it)
{
	struct fixture *f = start("110 100 8:1 / /host rw - ext4 /dev/sda1 rw\n"
				  "111 110 0:5 / /host/proc rw - proc proc rw\n"
				  "112 110 0:6 / /host/sys rw - sysfs sysfs rw\n"
				  "113 110 0:8 / /host/run rw - tmpfs tmpfs rw\n");

	cr_assert_str_eq(fixture_one(f, "sensitive-host-mount")->mount->target, "/host");
	fixture_free(f);
}

Test(mounts, that_are_covered_at_the_same_place_are_not_said)
{
	struct fixture *f = start("110 100 8:1 /etc /h rw - ext4 /dev/sda1 rw\n"
				  "111 110 0:65 / /h rw - tmpfs tmpfs rw\n");

	fixture_silent(f);
	fixture_free(f);
}

/* The container ended before its table could be read. */
Test(mounts, are_those_of_the_specification_where_the_table_is_gone)
{
	struct fixture *f = fixture_new();
	struct fixture_task t = init_task();
	const Keelwatch__Finding *found;

	fixture_remove(f, MOUNTINFO);
	fixture_put(f, FIXTURE_BUNDLE "/config.json",
		    "{\"root\":{\"path\":\"rootfs\"},\"process\":{\"user\":{\"uid\":0}},"
		    "\"mounts\":[{\"destination\":\"/h\",\"type\":\"none\",\"source\":\"/etc\","
		    "\"options\":[\"rbind\",\"ro\"]},{\"destination\":\"/tmp\",\"type\":\"tmpfs\","
		    "\"source\":\"tmpfs\"},{\"destination\":\"/d\",\"type\":\"bind\","
		    "\"source\":\"/srv/data\"}],\"linux\":{\"maskedPaths\":[\"/proc/kcore\"]}}");
	fixture_create(f);
	fixture_exec(f, &t, "/bin/app");
	found = fixture_one(f, "sensitive-host-mount");
	cr_assert_eq(f->count, 1);
	cr_assert_eq(found->severity, KEELWATCH__SEVERITY__error);
	cr_assert_str_eq(fixture_evidence(found, "host_path"), "/etc");
	cr_assert_eq(strncmp(fixture_evidence(found, "source"), "specification", 13), 0);
	fixture_free(f);
}

Test(mounts, table_that_was_kept_at_pivot_root_outlives_the_process)
{
	struct fixture *f = fixture_new();
	struct fixture_task t = init_task();
	struct fixture_record r;

	fixture_put(f, MOUNTINFO, BASE);
	fixture_append(f, MOUNTINFO, "110 100 8:1 /etc /h rw - ext4 /dev/sda1 rw\n");
	fixture_create(f);
	fixture_make_mount(&r, &t, MOUNT_PIVOT_ROOT, "", ".", "");
	fixture_feed(f, &r);
	fixture_remove(f, MOUNTINFO);
	fixture_exec(f, &t, "/bin/app");
	cr_assert_str_eq(fixture_evidence(fixture_one(f, "sensitive-host-mount"), "source"),
			 "kernel");
	fixture_free(f);
}

Test(mounts, block_device_that_was_declared_is_found)
{
	struct fixture *f = fixture_new();
	struct fixture_task t = init_task();
	const Keelwatch__Finding *found;

	fixture_put(f, MOUNTINFO, BASE);
	fixture_put(
		f, FIXTURE_BUNDLE "/config.json",
		"{\"root\":{\"path\":\"rootfs\"},\"process\":{\"user\":{\"uid\":0}},"
		"\"linux\":{\"devices\":[{\"path\":\"/dev/sda\",\"type\":\"b\",\"major\":8,"
		"\"minor\":0},{\"path\":\"/dev/fuse\",\"type\":\"c\",\"major\":10,\"minor\":229}]}}");
	fixture_create(f);
	fixture_exec(f, &t, "/bin/app");
	found = fixture_one(f, "sensitive-host-mount");
	cr_assert_eq(found->severity, KEELWATCH__SEVERITY__critical);
	cr_assert_str_eq(fixture_evidence(found, "device"), "/dev/sda");
	fixture_free(f);
}

/* --- later --- */

struct scene {
	struct fixture *f;
	struct fixture_task init;
};

static struct scene begin(const char *more)
{
	struct scene s = { start(more), init_task() };

	fixture_forget(s.f);
	return s;
}

/* The program mounts something; the table then has this line more. */
static void feed_mount(struct scene *s, const char *line)
{
	struct fixture_record r;

	fixture_append(s->f, MOUNTINFO, line);
	fixture_make_mount(&r, &s->init, MOUNT_MOUNT, "src", "/m", "");
	fixture_feed(s->f, &r);
}

static void expect_later(const char *line, Keelwatch__Severity severity)
{
	struct scene s = begin("");
	const Keelwatch__Finding *found;

	feed_mount(&s, line);
	found = fixture_one(s.f, "sensitive-mount-runtime");
	cr_assert_eq(s.f->count, 1);
	cr_assert_eq(found->severity, severity, "%s: %d", line, found->severity);
	cr_assert_str_eq(found->mount->target, "/m");
	cr_assert_str_eq(fixture_evidence(found, "call"), "mount");
	cr_assert_str_eq(found->process->exe, "/bin/app");
	fixture_free(s.f);
}

Test(mounts, of_a_procfs_while_it_runs_are_found)
{
	expect_later("120 100 0:70 / /m rw - proc proc rw\n", KEELWATCH__SEVERITY__warning);
}

Test(mounts, of_a_sysfs_while_it_runs_are_found)
{
	expect_later("120 100 0:71 / /m rw - sysfs sysfs rw\n", KEELWATCH__SEVERITY__warning);
}

Test(mounts, of_a_cgroup_file_system_while_it_runs_are_found)
{
	expect_later("120 100 0:9 / /m rw - cgroup2 none rw\n", KEELWATCH__SEVERITY__error);
	expect_later("120 100 0:72 / /m rw - cgroup none rw,rdma\n", KEELWATCH__SEVERITY__error);
}

Test(mounts, of_a_block_device_while_it_runs_are_found)
{
	expect_later("120 100 8:2 / /m rw - ext4 /dev/sda2 rw\n", KEELWATCH__SEVERITY__error);
	expect_later("120 100 8:1 / /m rw - ext4 /dev/sda1 rw\n", KEELWATCH__SEVERITY__critical);
}

Test(mounts, of_a_path_of_the_host_while_it_runs_are_found)
{
	expect_later("120 100 8:1 /etc /m rw - ext4 /dev/sda1 rw\n", KEELWATCH__SEVERITY__critical);
}

Test(mounts, of_an_overlay_while_it_runs_are_found)
{
	struct scene s = begin("");

	feed_mount(&s, "120 100 0:73 / /m rw - overlay overlay rw\n");
	fixture_one(s.f, "sensitive-mount-runtime");
	fixture_free(s.f);
}

Test(mounts, of_a_tmpfs_while_it_runs_raise_nothing)
{
	struct scene s = begin("");

	feed_mount(&s, "120 100 0:74 / /m rw - tmpfs tmpfs rw\n");
	fixture_silent(s.f);
	fixture_free(s.f);
}

Test(mounts, same_one_again_is_one_finding)
{
	struct scene s = begin("");

	feed_mount(&s, "120 100 0:70 / /m rw - proc proc rw\n");
	for (int i = 0; i < 5; i++) {
		struct fixture_record r;

		fixture_make_mount(&r, &s.init, MOUNT_MOUNT, "src", "/m", "");
		fixture_feed(s.f, &r);
	}
	fixture_one(s.f, "sensitive-mount-runtime");
	fixture_free(s.f);
}

Test(mounts, bind_of_what_was_there_is_silent)
{
	struct scene s = begin("110 100 8:1 /etc /h rw - ext4 /dev/sda1 rw\n");

	feed_mount(&s, "120 100 0:50 / /m rw - proc proc rw\n");
	feed_mount(&s, "121 100 8:1 /etc/ssh /n rw - ext4 /dev/sda1 rw\n");
	feed_mount(&s, "122 100 0:40 /usr /o rw - overlay overlay rw\n");
	fixture_silent(s.f);
	fixture_free(s.f);
}

Test(mounts, writable_bind_of_what_was_read_only_is_found)
{
	struct scene s = begin("110 100 8:1 /etc /h ro - ext4 /dev/sda1 rw\n");

	feed_mount(&s, "120 100 8:1 /etc /m rw - ext4 /dev/sda1 rw\n");
	fixture_one(s.f, "sensitive-mount-runtime");
	fixture_free(s.f);
}

Test(mounts, made_shared_are_found)
{
	struct scene s = begin("");
	const Keelwatch__Finding *found;
	struct fixture_record r;

	fixture_put(s.f, MOUNTINFO,
		    "100 7 0:40 / / rw,relatime shared:5 - overlay overlay rw\n"
		    "101 100 0:50 / /proc rw,nosuid - proc proc rw\n"
		    "103 100 0:51 / /dev rw,nosuid - tmpfs tmpfs rw\n"
		    "104 101 0:51 /null /proc/kcore rw - tmpfs tmpfs rw\n"
		    "106 100 0:53 / /tmp rw,nosuid - tmpfs tmpfs rw\n");
	fixture_make_mount(&r, &s.init, MOUNT_PROPAGATION, "", "/", "");
	fixture_feed(s.f, &r);
	found = fixture_one(s.f, "sensitive-mount-runtime");
	cr_assert_eq(found->severity, KEELWATCH__SEVERITY__error);
	cr_assert_str_eq(found->mount->target, "/");
	cr_assert_str_eq(found->mount->propagation, "shared");
	fixture_free(s.f);
}

/* Of a collector that comes late: the first table that it reads has all of it already. */
static void expect_in_first_table(const char *line, enum ev_mount_op op, const char *fstype,
				  const char *message)
{
	struct scene s = begin(line);
	const Keelwatch__Finding *found;
	struct fixture_record r;

	for (int i = 0; i < 2; i++) {
		fixture_make_mount(&r, &s.init, op, "src", "/m", fstype);
		r.mount.flags = op == MOUNT_PROPAGATION ? MS_SHARED | MS_REC : 0;
		r.mount.propagation = op == MOUNT_SETATTR ? MS_SHARED : 0;
		fixture_feed(s.f, &r);
	}
	pipeline_finish(s.f->pipeline);
	found = fixture_one(s.f, "sensitive-mount-runtime");
	cr_expect_str_eq(found->message, message);
	cr_expect_eq(found->count, 1);
	cr_expect_str_eq(found->mount->target, "/m");
	fixture_free(s.f);
}

Test(mounts, table_that_was_first_read_after_the_call_shows_what_it_made)
{
	expect_in_first_table("120 100 0:70 / /m rw - proc proc rw\n", MOUNT_MOUNT, "proc",
			      "mounted while running at /m: a procfs");
	expect_in_first_table("120 100 0:70 / /m rw - sysfs sysfs rw\n", MOUNT_MOVE, "",
			      "mounted while running at /m: a sysfs");
	expect_in_first_table("120 100 0:70 / /m rw shared:9 - tmpfs tmpfs rw\n", MOUNT_PROPAGATION,
			      "", "propagation of /m was made shared");
	expect_in_first_table("120 100 0:70 / /m rw shared:9 - tmpfs tmpfs rw\n", MOUNT_SETATTR, "",
			      "propagation of /m was made shared");
}

Test(mounts, call_that_changed_nothing_raises_nothing_by_what_was_there)
{
	struct scene s = begin("120 100 0:50 / /m rw - proc proc rw\n"
			       "121 100 0:70 / /p rw - sysfs sysfs rw\n"
			       "122 100 0:71 / /s rw shared:9 - tmpfs tmpfs rw\n");
	static const struct {
		enum ev_mount_op op;
		const char *target, *fstype;
	} calls[] = {
		{ MOUNT_MOVE, "/m", "" },     /* the container's own /proc has another name */
		{ MOUNT_MOUNT, "p", "proc" }, /* the table has it by a name that we cannot know */
		{ MOUNT_REMOUNT, "/p", "sysfs" }, { MOUNT_BIND, "/p", "" },
		{ MOUNT_MOUNT, "/p", "tmpfs" },	  { MOUNT_PROPAGATION, "/s", "" }, /* private */
		{ MOUNT_MOVE, "relative", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		struct fixture_record r;

		fixture_make_mount(&r, &s.init, calls[i].op, "src", calls[i].target,
				   calls[i].fstype);
		fixture_feed(s.f, &r);
		fixture_silent(s.f);
	}
	fixture_free(s.f);
}

/* As when it was taken away again at once, or by a table that is a dead process's. */
Test(mounts, call_that_the_table_shows_nothing_of_is_found_by_itself)
{
	struct scene s = begin("120 100 0:70 / /m rw - tmpfs tmpfs rw\n");
	const Keelwatch__Finding *found;
	struct fixture_record r;

	fixture_make_mount(&r, &s.init, MOUNT_MOUNT, "proc", "/m", "proc");
	fixture_feed(s.f, &r);
	found = fixture_one(s.f, "sensitive-mount-runtime");
	cr_expect_str_eq(found->message, "mounted while running at /m: a procfs");
	cr_expect_str_eq(fixture_evidence(found, "table"),
			 "gone before it could be read: judged by the call alone");
	fixture_forget(s.f);
	fixture_make_mount(&r, &s.init, MOUNT_PROPAGATION, "", "/m", "");
	r.mount.flags = MS_SHARED;
	fixture_feed(s.f, &r);
	found = fixture_one(s.f, "sensitive-mount-runtime");
	cr_expect_eq(found->severity, KEELWATCH__SEVERITY__error);
	cr_expect_str_eq(found->message, "propagation of /m was made shared");
	fixture_free(s.f);
}

Test(mounts, in_a_mount_namespace_of_its_own_are_found_by_what_they_show)
{
	struct scene s = begin("");
	struct fixture_task child = init_task();
	const Keelwatch__Finding *found;
	struct fixture_record r;

	child.tgid = 1001;
	child.parent = fixture_name(&s.init);
	fixture_fork(s.f, &s.init, &child);
	child.ns.mnt = 777;
	fixture_put(s.f, "/proc/1001/mountinfo",
		    "300 7 0:40 / / rw - overlay overlay rw\n"
		    "301 300 0:50 / /proc rw - proc proc rw\n"
		    "302 300 0:70 / /m rw - proc proc rw\n");
	fixture_make_mount(&r, &child, MOUNT_MOUNT, "proc", "/m", "proc");
	fixture_feed(s.f, &r);
	found = fixture_one(s.f, "sensitive-mount-runtime");
	cr_assert_str_eq(found->mount->target, "/m");
	cr_assert_str_eq(fixture_evidence(found, "where"), "in a mount namespace of its own");
	fixture_free(s.f);
}

static void feed_change(struct scene *s, const char *line)
{
	struct fixture_record r;

	fixture_append(s->f, MOUNTINFO, line);
	fixture_make_mounts_changed(&r, FIXTURE_CGROUP);
	fixture_feed(s->f, &r);
}

Test(mounts, that_arrive_from_the_host_are_found)
{
	struct scene s = begin("");
	const Keelwatch__Finding *found;

	feed_change(&s, "120 100 8:1 /srv/secret /m rw - ext4 /dev/sda1 rw\n");
	found = fixture_one(s.f, "sensitive-mount-runtime");
	cr_assert_eq(found->severity, KEELWATCH__SEVERITY__notice);
	cr_assert_str_eq(fixture_evidence(found, "call"), "none in the container");
	cr_assert_str_eq(fixture_evidence(found, "host_path"), "/srv/secret");
	cr_assert_null(found->process);
	fixture_forget(s.f);
	feed_change(&s, "121 100 8:1 /etc /n rw - ext4 /dev/sda1 rw\n");
	cr_assert_eq(fixture_one(s.f, "sensitive-mount-runtime")->severity,
		     KEELWATCH__SEVERITY__critical);
	fixture_free(s.f);
}

Test(mounts, change_that_the_call_already_told_of_is_silent)
{
	struct scene s = begin("");

	feed_mount(&s, "120 100 0:70 / /m rw - proc proc rw\n");
	fixture_forget(s.f);
	feed_change(&s, "");
	fixture_silent(s.f);
	fixture_free(s.f);
}

Test(mounts, change_in_a_container_that_is_unknown_or_has_ended_is_silent)
{
	struct scene s = begin("");
	struct fixture_record r;

	fixture_make_mounts_changed(&r, 424242);
	fixture_feed(s.f, &r);
	fixture_exit(s.f, &s.init);
	feed_change(&s, "120 100 8:1 /etc /m rw - ext4 /dev/sda1 rw\n");
	fixture_silent(s.f);
	fixture_free(s.f);
}

Test(mounts, of_the_runtimes_set_up_are_silent)
{
	struct fixture *f = fixture_new();
	struct fixture_task t = init_task();
	struct fixture_record r;

	fixture_put(f, MOUNTINFO, BASE);
	fixture_create(f);
	fixture_make_mount(&r, &t, MOUNT_MOUNT, "proc", "/proc", "proc");
	fixture_feed(f, &r);
	fixture_make_mount(&r, &t, MOUNT_BIND, "/etc", "/h", "");
	fixture_feed(f, &r);
	fixture_make_mount(&r, &t, MOUNT_PIVOT_ROOT, "", ".", "");
	fixture_feed(f, &r);
	fixture_silent(f);
	fixture_free(f);
}

Test(mounts, table_of_hostile_names_makes_findings_of_clean_text)
{
	struct fixture *f = start("110 100 8:1 /etc /h\\012\x1b\xff rw - ext4 /dev/sda1 rw\n");
	const Keelwatch__Finding *found = fixture_one(f, "sensitive-host-mount");

	cr_assert_str_eq(found->mount->target, "/h\\n\\x1b\\xff");
	cr_assert_null(strpbrk(found->message, "\n\x1b\xff"));
	fixture_free(f);
}

Test(mounts, table_that_cannot_be_parsed_does_no_harm)
{
	struct fixture *f = start("garbage\n1 2 3\n\n-1 0 0:0 / / rw - x x rw\n");

	fixture_silent(f);
	fixture_free(f);
}
