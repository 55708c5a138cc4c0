/* SPDX-License-Identifier: Apache-2.0 */
/* A collector that is late: the container is gone, and with it its mount table, its specification or both. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "fixture.h"

#define MOUNTINFO "/proc/1000/mountinfo"
#define CONFIG FIXTURE_BUNDLE "/config.json"
#define HOST_DISK (8u << 20 | 1)
#define OWN_DEV 77u /* of no mount of the host, no block device */
#define RULE "readonly-writable-path"

#define BIND(source, destination)                                                     \
	"{\"destination\":\"" destination "\",\"type\":\"bind\",\"source\":\"" source \
	"\",\"options\":[\"rbind\"]}"
#define OWN(type, destination) \
	"{\"destination\":\"" destination "\",\"type\":\"" type "\",\"source\":\"" type "\"}"

static const char config[] =
	"{\"root\":{\"path\":\"rootfs\",\"readonly\":true},\"process\":{\"user\":{\"uid\":0}},"
	"\"linux\":{\"maskedPaths\":[\"/proc/kcore\"]},\"mounts\":[" OWN("proc", "/proc") "," OWN("tmpfs", "/dev") "," OWN(
		"devpts",
		"/dev/pts") "," OWN("tmpfs",
				    "/tmp") "," BIND("/srv/data",
						     "/data") "," BIND("/var/lib/docker/volumes/v/_data",
								       "/vol") "," BIND("/srv/link",
											"/linked") "," BIND("/run",
													    "/all") "]}";

struct scene {
	struct fixture *f;
	struct fixture_task init;
};

static struct scene prepare(const char *text)
{
	struct scene s = { fixture_new(), fixture_container_task(FIXTURE_INIT, FIXTURE_RUNTIME) };

	fixture_remove(s.f, MOUNTINFO);
	if (text)
		fixture_put(s.f, CONFIG, text);
	else
		fixture_remove(s.f, CONFIG);
	fixture_put_link(s.f, "/srv/link", "../etc");
	return s;
}

/* text: of its config.json; NULL: that is gone, too. */
static struct scene begin(const char *text)
{
	struct scene s = prepare(text);

	fixture_run(s.f, &s.init);
	return s;
}

static void end(struct scene *s)
{
	fixture_free(s->f);
}

static void feed_write(struct scene *s, const char *path, uint32_t dev)
{
	struct fixture_record r;

	fixture_make_file(&r, &s->init, FILE_OPEN, 0, path);
	r.file.dev = dev;
	fixture_feed(s->f, &r);
}

/* From here on it is a child of the first program, 1001, that does things. */
static void take_child(struct scene *s)
{
	struct fixture_task child = fixture_container_task(1001, FIXTURE_INIT);

	fixture_fork(s->f, &s->init, &child);
	s->init = child;
}

static const Keelwatch__Finding *after_write(struct scene *s, const char *path, uint32_t dev)
{
	fixture_forget(s->f);
	feed_write(s, path, dev);
	return fixture_one(s->f, RULE);
}

static void expect_silence(struct scene *s, const char *path, uint32_t dev)
{
	fixture_forget(s->f);
	feed_write(s, path, dev);
	cr_assert_eq(s->f->count, 0, "%s", path);
}

/* --- the specification is there --- */

Test(late, write_is_placed_by_the_specification_and_says_so)
{
	struct scene s = begin(config);
	const Keelwatch__Finding *found = after_write(&s, "/data/sub/x", HOST_DISK);

	cr_assert_eq(found->severity, KEELWATCH__SEVERITY__warning);
	cr_assert_str_eq(found->file->mount_point, "/data");
	cr_assert_str_eq(found->file->mount_class, "host");
	cr_assert_str_eq(found->file->filesystem, "ext4");
	cr_assert_str_eq(found->file->host_path, "/srv/data/sub/x");
	cr_assert_str_eq(fixture_evidence(found, "host_path"), "/srv/data/sub/x");
	cr_assert_str_eq(fixture_evidence(found, "table"),
			 "gone before it could be read: placed by the specification");
	end(&s);
}

Test(late, write_to_what_was_declared_is_graded_by_what_it_is)
{
	struct scene s = begin(config);
	const Keelwatch__Finding *found = after_write(&s, "/tmp/x", OWN_DEV);

	cr_assert_eq(found->severity, KEELWATCH__SEVERITY__info);
	cr_assert_str_eq(found->file->mount_class, "tmpfs");
	found = after_write(&s, "/vol/x", HOST_DISK);
	cr_assert_eq(found->severity, KEELWATCH__SEVERITY__info);
	cr_assert_str_eq(found->file->mount_class, "volume");
	expect_silence(&s, "/proc/self/oom_score_adj", OWN_DEV);
	expect_silence(&s, "/dev/pts/0", OWN_DEV);
	end(&s);
}

Test(late, second_write_to_the_same_mount_is_not_told_again)
{
	struct scene s = begin(config);

	feed_write(&s, "/data/x", HOST_DISK);
	feed_write(&s, "/data/y", HOST_DISK);
	feed_write(&s, "/data/z", 0);
	cr_assert_eq(fixture_count(s.f, RULE), 1);
	end(&s);
}

Test(late, link_to_what_was_bound_is_followed)
{
	struct scene s = prepare(config);
	const Keelwatch__Finding *found;

	fixture_create(s.f);
	fixture_exec(s.f, &s.init, "/bin/app");
	found = NULL;
	for (size_t i = 0; i < s.f->count; i++)
		if (s.f->findings[i]->mount && !strcmp(s.f->findings[i]->mount->target, "/linked"))
			found = s.f->findings[i];
	cr_assert_not_null(found);
	cr_assert_str_eq(found->rule, "sensitive-host-mount");
	cr_assert_str_eq(found->mount->host_path, "/etc");
	cr_assert_eq(strncmp(fixture_evidence(found, "source"), "specification", 13), 0);
	end(&s);
}

Test(late, links_that_lead_in_a_circle_are_no_place)
{
	struct scene s = prepare(config);

	fixture_put_link(s.f, "/srv/link", "other");
	fixture_put_link(s.f, "/srv/other", "link");
	fixture_run(s.f, &s.init);
	cr_assert_str_eq(after_write(&s, "/linked/x", HOST_DISK)->file->mount_class, "unknown");
	end(&s);
}

Test(late, write_below_a_bind_to_what_the_host_has_mounted_there_is_placed)
{
	static const char all[] = "{\"root\":{\"path\":\"r\"},\"process\":{},\"linux\":{},"
				  "\"mounts\":[" BIND("/", "/all") "]}";
	struct scene s = begin(all);
	const Keelwatch__Finding *found = after_write(&s, "/all/run/x", 8);

	cr_assert_str_eq(found->file->mount_point, "/all");
	cr_assert_str_eq(found->file->host_path, "/run/x");
	end(&s);
}

/* Something else is mounted there: by a hook, or by the container. */
Test(late, write_that_contradicts_the_specification_is_placed_by_the_record)
{
	struct scene s = begin(config);
	const Keelwatch__Finding *found = after_write(&s, "/data/x", OWN_DEV);

	cr_assert_str_eq(found->file->mount_class, "unknown");
	cr_assert_str_eq(found->file->mount_point, "");
	cr_assert_str_eq(found->file->host_path, "");
	cr_assert_eq(found->severity, KEELWATCH__SEVERITY__info);
	found = after_write(&s, "/tmp/x", HOST_DISK);
	cr_assert_str_eq(found->file->mount_class, "unknown");
	cr_assert_eq(found->severity, KEELWATCH__SEVERITY__warning);
	end(&s);
}

Test(late, attempt_says_where_it_would_have_been)
{
	struct scene s = begin(config);
	const Keelwatch__Finding *found;

	fixture_file(s.f, &s.init, FILE_MKDIR, -EROFS, "/data/x");
	found = fixture_one(s.f, "readonly-write-attempt");
	cr_assert_str_eq(fixture_evidence(found, "host_path"), "/srv/data/x");
	cr_assert_neq(*fixture_evidence(found, "table"), '\0');
	end(&s);
}

static void feed_mount(struct scene *s, const char *type, const char *target)
{
	struct fixture_record r;

	fixture_make_mount(&r, &s->init, MOUNT_MOUNT, type, target, type);
	fixture_feed(s->f, &r);
}

Test(late, mount_over_what_was_read_only_is_found_and_over_what_was_writable_is_not)
{
	struct scene s = begin(config);

	feed_mount(&s, "tmpfs", "/tmp/below");
	feed_mount(&s, "proc", "/mnt");
	cr_assert_eq(fixture_count(s.f, "readonly-defeated"), 0);
	feed_mount(&s, "tmpfs", "/etc");
	cr_assert_str_eq(fixture_one(s.f, "readonly-defeated")->mount->target, "/etc");
	end(&s);
}

Test(late, mount_of_a_disk_is_known_by_its_call)
{
	struct scene s = begin(config);
	const Keelwatch__Finding *found;

	feed_mount(&s, "ext2", "/tmp/disk");
	found = fixture_one(s.f, "sensitive-mount-runtime");
	cr_assert_eq(found->severity, KEELWATCH__SEVERITY__error);
	cr_assert_str_eq(found->mount->target, "/tmp/disk");
	end(&s);
}

/* --- the specification is gone as well --- */

Test(late, write_off_the_root_is_found_without_a_specification)
{
	struct scene s = begin(NULL);
	const Keelwatch__Finding *found = after_write(&s, "/data/x", HOST_DISK);

	cr_assert_eq(found->severity, KEELWATCH__SEVERITY__warning);
	cr_assert_str_eq(found->file->mount_class, "unknown");
	cr_assert_str_eq(found->file->filesystem, "ext4");
	cr_assert_str_eq(fixture_evidence(found, "device"), "8:1, which the host has mounted now");
	found = after_write(&s, "/tmp/x", OWN_DEV);
	cr_assert_eq(found->severity, KEELWATCH__SEVERITY__info);
	cr_assert_str_eq(fixture_evidence(found, "device"),
			 "0:77, which the host has not mounted now");
	found = after_write(&s, "/disk/x", 9u << 20);
	cr_assert_eq(found->severity, KEELWATCH__SEVERITY__warning);
	cr_assert_str_eq(found->file->mount_class, "device");
	found = after_write(&s, "/somewhere/x", 0);
	cr_assert_eq(found->severity, KEELWATCH__SEVERITY__warning);
	cr_assert_str_eq(fixture_evidence(found, "device"), "");
	end(&s);
}

Test(late, write_to_the_kernels_file_systems_raises_nothing_without_a_specification)
{
	struct scene s = begin(NULL);

	expect_silence(&s, "/proc/self/oom_score_adj", OWN_DEV);
	expect_silence(&s, "/sys/x", 0);
	expect_silence(&s, "/dev/mqueue/q", OWN_DEV);
	expect_silence(&s, "/cgroup/x", 9);    /* the host's cgroup2 */
	expect_silence(&s, "/proc/1/comm", 8); /* a number that the host's /run has by now */
	end(&s);
}

Test(late, write_that_may_be_to_the_root_raises_nothing)
{
	struct scene s = begin(NULL);
	struct fixture_record r;

	fixture_make_file(&r, &s.init, FILE_CHMOD, 0, "/data/x");
	r.file.dev = HOST_DISK;
	r.file.mnt_ro = 1;
	fixture_feed(s.f, &r);
	/* Somebody remounted it: that is found, and what is written to it then is no news. */
	s.init.flags &= ~EVF_ROOT_MNT_RO;
	expect_silence(&s, "/data/x", HOST_DISK);
	cr_assert_eq(s.f->count, 0);
	end(&s);
}

Test(late, write_in_a_writable_container_raises_nothing)
{
	struct scene s = prepare(NULL);

	s.init.flags &= ~EVF_ROOT_MNT_RO;
	fixture_run(s.f, &s.init);
	expect_silence(&s, "/data/x", HOST_DISK);
	end(&s);
}

Test(late, container_whose_bundle_was_removed_is_known_by_its_runtimes_arguments)
{
	struct scene s = begin(NULL);
	const Keelwatch__Container *c = &fixture_container(s.f)->msg;

	cr_assert_eq(c->attribution, KEELWATCH__ATTRIBUTION__derived);
	cr_assert(c->partial);
	cr_assert_str_eq(c->id, FIXTURE_ID);
	cr_assert_str_eq(c->name, "web", "docker's own file is there still");
	cr_assert_str_eq(c->runtime, "docker");
	end(&s);
}

Test(late, powers_are_not_said_to_be_unmasked_where_nobody_knows)
{
	struct scene s = prepare(NULL);
	const Keelwatch__Finding *found;

	s.init.cred = fixture_cred(0, FIXTURE_ALL_CAPS);
	s.init.cred.bounding = FIXTURE_ALL_CAPS;
	s.init.seccomp = 0;
	fixture_create(s.f);
	fixture_exec(s.f, &s.init, "/bin/app");
	found = fixture_one(s.f, "privileged-container");
	cr_assert_null(strstr(found->message, "masked"));
	cr_assert_eq(strncmp(fixture_evidence(found, "masked_paths"), "unknown", 7), 0);
	end(&s);
}

/* --- the table can be had after all --- */

static const char table[] = "100 7 0:40 / / ro,relatime - overlay overlay rw\n"
			    "107 100 8:1 /srv/other /data rw - ext4 /dev/sda1 rw\n";

Test(late, table_is_learned_from_another_process_that_lives)
{
	struct scene s = begin(config);
	const Keelwatch__Finding *found;

	fixture_put(s.f, "/proc/1001/mountinfo", table);
	take_child(&s);
	found = after_write(&s, "/data/x", HOST_DISK);
	cr_assert_str_eq(found->file->host_path, "/srv/other/x");
	cr_assert_str_eq(fixture_evidence(found, "table"), "");
	end(&s);
}

Test(late, table_of_a_process_that_has_the_number_now_is_not_taken)
{
	struct scene s = begin(config);

	fixture_put(s.f, "/proc/1001/mountinfo", table);
	fixture_put_link(s.f, "/proc/1001/ns/mnt", "mnt:[4026531840]");
	take_child(&s);
	cr_assert_str_eq(after_write(&s, "/data/x", HOST_DISK)->file->host_path, "/srv/data/x");
	end(&s);
}

Test(late, table_of_a_process_that_has_the_first_programs_number_now_is_not_taken)
{
	struct scene s = prepare(config);

	fixture_put(s.f, MOUNTINFO, table);
	fixture_put_link(s.f, "/proc/1000/ns/mnt", "mnt:[4026531840]");
	fixture_run(s.f, &s.init);
	cr_assert_str_eq(after_write(&s, "/data/x", HOST_DISK)->file->host_path, "/srv/data/x");
	end(&s);
}

Test(late, table_of_a_process_with_another_root_is_not_taken)
{
	struct scene s = begin(config);

	fixture_put(s.f, "/proc/1001/mountinfo",
		    "107 100 8:1 /srv/other /data rw - ext4 sda1 rw\n");
	take_child(&s);
	cr_assert_str_eq(after_write(&s, "/data/x", HOST_DISK)->file->host_path, "/srv/data/x");
	end(&s);
}

/* The first look at the table came after the call. */
Test(late, remount_that_the_first_table_shows_already_is_found)
{
	struct scene s = prepare(config);
	struct fixture_record r;

	fixture_put(s.f, MOUNTINFO, "100 7 0:40 / / rw,relatime - overlay overlay rw\n");
	fixture_run(s.f, &s.init);
	s.init.flags &= ~EVF_ROOT_MNT_RO;
	fixture_make_mount(&r, &s.init, MOUNT_REMOUNT, "none", "/", "");
	fixture_feed(s.f, &r);
	cr_assert_str_eq(fixture_one(s.f, "readonly-defeated")->mount->target, "/");
	end(&s);
}

Test(late, remount_that_left_the_root_read_only_raises_nothing)
{
	struct scene s = prepare(config);
	struct fixture_record r;

	fixture_put(s.f, MOUNTINFO, table);
	fixture_run(s.f, &s.init);
	fixture_make_mount(&r, &s.init, MOUNT_REMOUNT, "none", "/", "");
	fixture_feed(s.f, &r);
	cr_assert_eq(s.f->count, 0);
	end(&s);
}
