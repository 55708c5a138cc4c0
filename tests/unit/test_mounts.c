/* SPDX-License-Identifier: Apache-2.0 */
/* Mount tables of real containers, and forged ones: parsed, compared, found on the host, classed. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/util.h"
#include "model/mount_class.h"
#include "model/mounts.h"

#define DATA "tests/data/mounts/"
#define A1 "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1"

static struct mount_table *parse(const char *text)
{
	struct mount_table *t = NULL;
	size_t bad = 0;

	cr_assert_eq(mount_table_parse(text, strlen(text), &t, &bad), 0);
	cr_expect_eq(bad, 0, "%s", text);
	return t;
}

static void read_fixture(const char *name, struct buf *text)
{
	char path[256], chunk[4096];
	FILE *file;
	size_t got;

	snprintf(path, sizeof(path), DATA "%s.mountinfo", name);
	file = fopen(path, "r");
	cr_assert_not_null(file, "%s: run the tests from the repository's top directory", path);
	while ((got = fread(chunk, 1, sizeof(chunk), file)) > 0)
		buf_add(text, chunk, got);
	fclose(file);
}

static struct mount_table *load(const char *name)
{
	struct buf text = { 0 };
	struct mount_table *t;

	read_fixture(name, &text);
	t = parse(buf_cstr(&text));
	buf_free(&text);
	return t;
}

/* The last line at a target. */
static const struct mount_line *at(const struct mount_table *t, const char *target)
{
	const struct mount_line *found = NULL;
	size_t i;

	for (i = 0; i < t->count; i++)
		if (!strcmp(t->lines[i].target, target))
			found = &t->lines[i];
	cr_assert_not_null(found, "no mount at %s", target);
	return found;
}

static void expect_bad(const char *text, size_t len)
{
	struct mount_table *t = NULL;
	size_t bad = 0;

	cr_assert_eq(mount_table_parse(text, len, &t, &bad), 0);
	cr_expect_eq(t->count, 0, "taken: %s", text);
	cr_expect_eq(bad, 1, "%s", text);
	mount_table_free(t);
}

/* The path that the host's table gives for a container's line; "-" for none. */
static void expect_path(const char *host_text, const char *line_text, const char *expected)
{
	struct mount_table *host = parse(host_text), *t = parse(line_text);
	struct buf path = { 0 };

	if (!mount_host_path(host, &t->lines[0], &path))
		buf_str(&path, "-");
	cr_expect_str_eq(buf_cstr(&path), expected, "%s", line_text);
	buf_free(&path);
	mount_table_free(t);
	mount_table_free(host);
}

static void expect_class(const struct mount_table *host, const char *line_text,
			 enum mount_class expected)
{
	struct mount_table *t = parse(line_text);
	enum mount_class class = mount_classify(host, &t->lines[0]);

	cr_expect_eq(class, expected, "%s: %s, not %s", line_text, mount_class_name(class),
		     mount_class_name(expected));
	mount_table_free(t);
}

Test(mounts, a_line_of_mountinfo_is_read_whole)
{
	struct mount_table *t = parse("36 35 98:7 /mnt1 /mnt2 ro,noatime,nosuid master:1 - "
				      "ext3 /dev/root rw,errors=continue\n");
	const struct mount_line *l = &t->lines[0];

	cr_assert_eq(t->count, 1);
	cr_expect_eq(l->id, 36);
	cr_expect_eq(l->parent, 35);
	cr_expect_eq(l->dev, 98u << 20 | 7);
	cr_expect_str_eq(l->root, "/mnt1");
	cr_expect_str_eq(l->target, "/mnt2");
	cr_expect_str_eq(l->fstype, "ext3");
	cr_expect_str_eq(l->source, "/dev/root");
	cr_expect(l->mnt_ro && l->nosuid && !l->noexec && !l->nodev && !l->sb_ro);
	cr_expect_eq(l->master_group, 1);
	cr_expect_eq(l->propagation, PROPAGATION_SLAVE);
	mount_table_free(t);
}

Test(mounts, shared_wins_over_slave_and_unknown_optional_fields_are_passed_over)
{
	struct mount_table *t =
		parse("1 0 0:1 / /a rw shared:5 master:6 propagate_from:2 new:9 x - t s rw\n"
		      "2 0 0:1 / /b rw unbindable - t s rw\n"
		      "3 0 0:1 / /c rw - t s ro,x");

	cr_assert_eq(t->count, 3);
	cr_expect_eq(t->lines[0].propagation, PROPAGATION_SHARED);
	cr_expect_eq(t->lines[0].shared_group, 5);
	cr_expect_eq(t->lines[0].master_group, 6);
	cr_expect_eq(t->lines[1].propagation, PROPAGATION_UNBINDABLE);
	cr_expect_eq(t->lines[2].propagation, PROPAGATION_PRIVATE);
	cr_expect(t->lines[2].sb_ro);
	mount_table_free(t);
}

Test(mounts, the_kernels_escapes_are_undone_and_nothing_else_is)
{
	struct mount_table *t =
		parse("1 0 0:1 /a\\040b\\134c /x\\011\\012y\\043\\134040 rw - t \\134 rw\n"
		      "2 0 0:1 /\\000\\101\\04 /\\ rw - t s\\ rw\n");

	cr_expect_str_eq(t->lines[0].root, "/a b\\c");
	cr_expect_str_eq(t->lines[0].target, "/x\t\ny#\\040");
	cr_expect_str_eq(t->lines[0].source, "\\");
	cr_expect_str_eq(t->lines[1].root, "/\\000\\101\\04");
	cr_expect_str_eq(t->lines[1].target, "/\\");
	cr_expect_str_eq(t->lines[1].source, "s\\");
	mount_table_free(t);
}

Test(mounts, an_empty_source_is_a_source)
{
	struct mount_table *t = parse("1 0 0:1 / / rw - tmpfs  ro,size=1k\n");

	cr_expect_str_eq(t->lines[0].source, "");
	cr_expect(t->lines[0].sb_ro);
	mount_table_free(t);
}

Test(mounts, the_word_ro_in_a_file_systems_own_options_is_not_read_only)
{
	struct mount_table *t = parse("1 0 0:1 / / rw - overlay o rw,lowerdir=/a,ro,b\n");

	cr_expect_not(t->lines[0].sb_ro);
	mount_table_free(t);
}

Test(mounts, lines_that_are_none_are_counted_and_passed_over)
{
	static const char *const bad[] = {
		"x",
		" ",
		"-",
		"1 2 3",
		"1 0 0:1 / / rw",
		"1 0 0:1 / / rw -",
		"1 0 0:1 / / rw - t",
		"1 0 0:1 / / rw - t s",
		"1 0 0:1 / / rw shared:1 t s rw",
		"1 0 01 / / rw - t s rw",
		"1 0 0:1 / relative rw - t s rw",
		"1 0 0:1  / rw - t s rw",
		"1 0 0:1 / / rw -  s rw",
		"-1 0 0:1 / / rw - t s rw",
		"4294967296 0 0:1 / / rw - t s rw",
		"1 0 4096:1 / / rw - t s rw",
		"1 0 0:1048576 / / rw - t s rw",
		"1 0 : / / rw - t s rw",
		"1 0 0:1 / / rw shared:x - t s rw",
		"  1 0 0:1 / / rw - t s rw",
	};
	struct mount_table *t = NULL;
	size_t i, count = 0;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		expect_bad(bad[i], strlen(bad[i]));
	expect_bad("1 0 0:1 /\0x / rw - t s rw", sizeof("1 0 0:1 /\0x / rw - t s rw") - 1);
	cr_assert_eq(mount_table_parse("junk\n\n1 0 0:1 / / rw - t s rw\n", 30, &t, &count), 0);
	cr_expect_eq(t->count, 1);
	cr_expect_eq(count, 2);
	mount_table_free(t);
	cr_assert_eq(mount_table_parse(NULL, 0, &t, NULL), 0);
	cr_expect_eq(t->count, 0);
	mount_table_free(t);
}

Test(mounts, a_table_beyond_the_bound_is_refused)
{
	struct mount_table *t = NULL;
	struct buf text = { 0 };
	size_t i;

	for (i = 0; i < MOUNT_TABLE_MAX; i++)
		buf_char(&text, '\n');
	cr_assert_eq(mount_table_parse(text.data, text.len, &t, NULL), 0);
	mount_table_free(t);
	buf_char(&text, 'x');
	cr_expect_eq(mount_table_parse(text.data, text.len, &t, NULL), -E2BIG);
	buf_free(&text);
}

Test(mounts, every_prefix_of_a_real_table_parses_without_fault, .timeout = 60)
{
	struct mount_table *host = load("host"), *t = NULL;
	struct buf text = { 0 }, path = { 0 };
	size_t len, i;
	char *copy;

	read_fixture("docker", &text);
	for (len = 0; len <= text.len; len++) {
		copy = malloc(len ? len : 1); /* so that a step beyond the end is seen */
		memcpy(copy, text.data, len);
		cr_assert_eq(mount_table_parse(copy, len, &t, NULL), 0);
		free(copy);
		for (i = 0; i < t->count; i++) {
			buf_reset(&path);
			mount_host_path(host, &t->lines[i], &path);
			mount_classify(host, &t->lines[i]);
		}
		mount_table_free(t);
	}
	buf_free(&text);
	buf_free(&path);
	mount_table_free(host);
}

Test(mounts, a_path_lies_on_the_last_of_the_longest_targets)
{
	struct mount_table *t = parse("1 0 0:1 / / rw - t s rw\n"
				      "2 1 0:2 / /a rw - t s rw\n"
				      "3 2 0:3 / /a/b rw - t s rw\n"
				      "4 2 0:4 / /a/b rw - t s rw\n");

	cr_expect_eq(mount_table_find(t, "/")->id, 1);
	cr_expect_eq(mount_table_find(t, "/ab")->id, 1);
	cr_expect_eq(mount_table_find(t, "/a")->id, 2);
	cr_expect_eq(mount_table_find(t, "/a/bc")->id, 2);
	cr_expect_eq(mount_table_find(t, "/a/b/c")->id, 4);
	cr_expect_null(mount_table_find(t, "a"));
	cr_expect_null(mount_table_find(t, ""));
	cr_expect_eq(mount_table_by_id(t, 3)->dev, 3);
	cr_expect_null(mount_table_by_id(t, 5));
	mount_table_free(t);
}

Test(mounts, the_root_is_the_topmost_mount_at_slash)
{
	struct mount_table *t = parse("1 0 0:1 / / rw - rootfs r rw\n2 1 0:2 / / rw - t s rw\n"
				      "3 2 0:3 / /a rw - t s rw\n");
	struct mount_table *none = parse("3 2 0:3 / /a rw - t s rw\n");

	cr_expect_eq(mount_table_root(t)->id, 2);
	cr_expect_null(mount_table_root(none));
	cr_expect_null(mount_table_find(none, "/b"));
	mount_table_free(t);
	mount_table_free(none);
}

Test(mounts, a_difference_names_what_was_added_removed_and_changed)
{
	struct mount_table *before = parse("9 1 0:9 / /same rw - t s rw\n"
					   "1 0 0:1 / / ro - t s rw\n"
					   "2 1 0:2 / /gone rw - t s rw\n"
					   "4 1 0:4 / /m rw shared:1 - t s rw\n");
	struct mount_table *after = parse("1 0 0:1 / / rw - t s rw\n"
					  "3 1 0:3 / /new rw - t s rw\n"
					  "4 1 0:4 / /m rw - t s rw\n"
					  "9 1 0:9 / /same rw - t s rw\n");
	struct mount_change *c = NULL;
	size_t count = 0;

	cr_assert_eq(mount_table_diff(before, after, &c, &count), 0);
	cr_assert_eq(count, 4);
	cr_expect(c[0].kind == MOUNT_CHANGED && c[0].before->mnt_ro && !c[0].after->mnt_ro);
	cr_expect(c[1].kind == MOUNT_REMOVED && c[1].before->id == 2 && !c[1].after);
	cr_expect(c[2].kind == MOUNT_ADDED && c[2].after->id == 3 && !c[2].before);
	cr_expect(c[3].kind == MOUNT_CHANGED && c[3].after->id == 4);
	free(c);
	cr_assert_eq(mount_table_diff(after, after, &c, &count), 0);
	cr_expect_eq(count, 0);
	free(c);
	mount_table_free(before);
	mount_table_free(after);
}

Test(mounts, a_mount_that_got_the_id_of_another_is_a_new_one)
{
	struct mount_table *before = parse("5 1 8:1 /srv /x rw - ext4 d rw\n");
	struct mount_table *after = parse("5 1 8:1 /etc /x rw - ext4 d rw\n");
	struct mount_table *deleted = parse("5 1 8:1 /srv//deleted /x rw - ext4 d rw\n");
	struct mount_change *c = NULL;
	size_t count = 0;

	cr_assert_eq(mount_table_diff(before, after, &c, &count), 0);
	cr_assert_eq(count, 2);
	cr_expect_eq(c[0].kind, MOUNT_REMOVED);
	cr_expect_eq(c[1].kind, MOUNT_ADDED);
	free(c);
	cr_assert_eq(mount_table_diff(before, deleted, &c, &count), 0);
	cr_expect_eq(count, 0);
	free(c);
	mount_table_free(before);
	mount_table_free(after);
	mount_table_free(deleted);
}

Test(mounts, a_path_of_the_host_is_found_by_superblock_and_root)
{
	static const char root[] = "1 0 8:1 / / rw - ext4 d rw\n"
				   "2 1 8:2 /sub /mnt rw - ext4 e rw\n"
				   "3 1 0:25 / /run rw - tmpfs t rw\n";

	expect_path(root, "9 8 8:1 /etc /x rw - ext4 d rw", "/etc");
	expect_path(root, "9 8 8:1 / /x rw - ext4 d rw", "/");
	expect_path(root, "9 8 8:2 /sub/a /x rw - ext4 e rw", "/mnt/a");
	expect_path(root, "9 8 8:2 /sub /x rw - ext4 e rw", "/mnt");
	expect_path(root, "9 8 0:25 /docker.sock /x rw - tmpfs t rw", "/run/docker.sock");
	expect_path(root, "9 8 8:2 /subway /x rw - ext4 e rw", "-");
	expect_path(root, "9 8 8:3 / /x rw - ext4 f rw", "-");
}

Test(mounts, of_several_mounts_of_the_host_the_longest_root_gives_the_path)
{
	static const char host[] = "1 0 0:30 /@ / rw - btrfs d rw\n"
				   "2 1 0:30 / /top rw - btrfs d rw\n"
				   "3 1 0:30 /@home /home rw - btrfs d rw\n";

	expect_path(host, "9 8 0:30 /@home/alice /x rw - btrfs d rw", "/home/alice");
	expect_path(host, "9 8 0:30 /@/etc /x rw - btrfs d rw", "/etc");
	expect_path(host, "9 8 0:30 /@snap /x rw - btrfs d rw", "/top/@snap");
}

Test(mounts, a_parent_of_what_the_host_mounts_has_the_path_of_the_nearest_part)
{
	static const char host[] = "1 0 0:30 /vol/@/deep /deep rw - btrfs d rw\n"
				   "2 1 0:30 /vol/@ /data rw - btrfs d rw\n";

	expect_path(host, "9 8 0:30 / /x rw - btrfs d rw", "/data");
	expect_path(host, "9 8 0:30 /vol /x rw - btrfs d rw", "/data");
	expect_path(host, "9 8 0:30 /other /x rw - btrfs d rw", "-");
}

Test(mounts, a_root_that_was_deleted_is_named_by_where_it_was)
{
	static const char host[] = "1 0 8:1 / / rw - ext4 d rw\n";

	expect_path(host, "9 8 8:1 /etc/passwd//deleted /x rw - ext4 d rw", "/etc/passwd");
}

Test(mounts, what_an_engine_bound_into_its_storage_keeps_its_name)
{
	static const char host[] = "1 0 8:1 / / rw - ext4 d rw\n"
				   "2 1 8:1 /etc /var/lib/docker/volumes/v/_data rw - ext4 d rw\n";

	expect_path(host, "9 8 8:1 /etc /x rw - ext4 d rw", "/etc");
}

Test(mounts, a_namespace_handle_is_no_path)
{
	static const char host[] = "1 0 8:1 / / rw - ext4 d rw\n"
				   "2 1 0:4 net:[4026532181] /run/netns/a rw - nsfs nsfs rw\n";

	expect_path(host, "9 8 0:4 net:[4026532181] /x rw - nsfs nsfs rw", "/run/netns/a");
	expect_path(host, "9 8 0:4 net:[4026532182] /x rw - nsfs nsfs rw", "-");
}

Test(mounts, an_ordinary_docker_container_is_classed)
{
	struct mount_table *host = load("host"), *t = load("docker");
	static const struct {
		const char *target;
		enum mount_class class;
	} expected[] = {
		{ "/", MOUNT_CLASS_ROOTFS },
		{ "/proc", MOUNT_CLASS_KERNEL },
		{ "/dev", MOUNT_CLASS_TMPFS },
		{ "/dev/pts", MOUNT_CLASS_KERNEL },
		{ "/dev/shm", MOUNT_CLASS_TMPFS },
		{ "/dev/mqueue", MOUNT_CLASS_KERNEL },
		{ "/sys", MOUNT_CLASS_KERNEL },
		{ "/sys/fs/cgroup", MOUNT_CLASS_KERNEL },
		{ "/tmp", MOUNT_CLASS_TMPFS },
		{ "/sys/fs/cgroup/memory", MOUNT_CLASS_KERNEL },
		{ "/data", MOUNT_CLASS_VOLUME },
		{ "/etc/hosts", MOUNT_CLASS_VOLUME },
		{ "/etc/hostname", MOUNT_CLASS_VOLUME },
		{ "/etc/resolv.conf", MOUNT_CLASS_VOLUME },
		{ "/logs", MOUNT_CLASS_HOST },
		{ "/etc/localtime", MOUNT_CLASS_HOST },
		{ "/proc/sys", MOUNT_CLASS_KERNEL },
		{ "/proc/keys", MOUNT_CLASS_KERNEL },
		{ "/proc/acpi", MOUNT_CLASS_KERNEL },
		{ "/sys/firmware", MOUNT_CLASS_KERNEL },
		{ "/var/run/docker.sock", MOUNT_CLASS_HOST },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(expected); i++)
		cr_expect_eq(mount_classify(host, at(t, expected[i].target)), expected[i].class,
			     "%s", expected[i].target);
	mount_table_free(t);
	mount_table_free(host);
}

Test(mounts, podmans_files_and_volumes_are_volumes)
{
	struct mount_table *host = load("host"), *t = load("podman");

	cr_expect_eq(mount_classify(host, at(t, "/")), MOUNT_CLASS_ROOTFS);
	cr_expect_eq(mount_classify(host, at(t, "/data")), MOUNT_CLASS_VOLUME);
	cr_expect_eq(mount_classify(host, at(t, "/dev/shm")), MOUNT_CLASS_VOLUME);
	cr_expect_eq(mount_classify(host, at(t, "/run/.containerenv")), MOUNT_CLASS_VOLUME);
	cr_expect_eq(mount_classify(host, at(t, "/etc/hosts")), MOUNT_CLASS_VOLUME);
	cr_expect_eq(mount_classify(host, at(t, "/homes")), MOUNT_CLASS_HOST);
	mount_table_free(t);
	mount_table_free(host);
}

Test(mounts, what_a_user_namespace_makes_a_runtime_bind_is_the_kernels)
{
	struct mount_table *host = load("host"), *t = load("runc-userns");
	size_t i;

	for (i = 0; i < t->count; i++) {
		enum mount_class class = mount_classify(host, &t->lines[i]);

		cr_expect(class != MOUNT_CLASS_HOST && class != MOUNT_CLASS_DEVICE, "%s",
			  t->lines[i].target);
	}
	cr_expect_eq(mount_classify(host, at(t, "/dev/null")), MOUNT_CLASS_KERNEL);
	cr_expect_eq(mount_classify(host, at(t, "/proc/keys")), MOUNT_CLASS_KERNEL);
	mount_table_free(t);
	mount_table_free(host);
}

Test(mounts, what_a_kubelet_gives_a_pod_is_a_volume_but_a_host_path_is_not)
{
	static const char *const volumes[] = {
		"/secrets",
		"/cache",
		"/memory",
		"/etc/hosts",
		"/etc/hostname",
		"/etc/resolv.conf",
		"/dev/termination-log",
		"/dev/shm",
		"/run/secrets/kubernetes.io/serviceaccount",
		"/pv",
	};
	struct mount_table *host = load("kubernetes-host"), *t = load("kubernetes");
	struct buf path = { 0 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(volumes); i++)
		cr_expect_eq(mount_classify(host, at(t, volumes[i])), MOUNT_CLASS_VOLUME, "%s",
			     volumes[i]);
	cr_expect_eq(mount_classify(host, at(t, "/config")), MOUNT_CLASS_HOST);
	cr_expect(mount_host_path(host, at(t, "/config"), &path));
	cr_expect_str_eq(buf_cstr(&path), "/srv/app/config");
	cr_expect_eq(mount_classify(host, at(t, "/sys/fs/cgroup")), MOUNT_CLASS_KERNEL);
	buf_free(&path);
	mount_table_free(t);
	mount_table_free(host);
}

Test(mounts, a_docker_volume_that_is_a_bind_of_etc_is_the_hosts)
{
	struct mount_table *host = load("host"), *t = load("docker-host");
	struct buf path = { 0 };

	cr_expect_eq(mount_classify(host, at(t, "/v")), MOUNT_CLASS_HOST);
	cr_expect(mount_host_path(host, at(t, "/v"), &path));
	cr_expect_str_eq(buf_cstr(&path), "/etc");
	cr_expect_eq(mount_classify(host, at(t, "/host/proc")), MOUNT_CLASS_HOST);
	cr_expect_eq(mount_classify(host, at(t, "/dev2")), MOUNT_CLASS_HOST);
	cr_expect_eq(mount_classify(host, at(t, "/dev/console")), MOUNT_CLASS_KERNEL);
	buf_free(&path);
	mount_table_free(t);
	mount_table_free(host);
}

Test(mounts, managed_storage_is_known_by_its_shape_and_not_below_sensitive_trees)
{
	struct mount_table *host = parse("1 0 8:1 / / rw - ext4 d rw\n");

	expect_class(host, "9 8 8:1 /big/disk/volumes/db/_data /x rw - ext4 d rw",
		     MOUNT_CLASS_VOLUME);
	expect_class(host, "9 8 8:1 /big/disk/volumes/db/_data/sub /x rw - ext4 d rw",
		     MOUNT_CLASS_VOLUME);
	expect_class(host, "9 8 8:1 /d/containers/" A1 "/hosts /x rw - ext4 d rw",
		     MOUNT_CLASS_VOLUME);
	expect_class(host, "9 8 8:1 /d/containers/short/hosts /x rw - ext4 d rw", MOUNT_CLASS_HOST);
	expect_class(host, "9 8 8:1 /d/containers/" A1 "/config.v2.json /x rw - ext4 d rw",
		     MOUNT_CLASS_HOST);
	expect_class(host, "9 8 8:1 /d/volumes/db /x rw - ext4 d rw", MOUNT_CLASS_HOST);
	expect_class(host, "9 8 8:1 /d/volumes /x rw - ext4 d rw", MOUNT_CLASS_HOST);
	expect_class(host, "9 8 8:1 /etc/volumes/x/_data /x rw - ext4 d rw", MOUNT_CLASS_HOST);
	expect_class(host, "9 8 8:1 /root/volumes/x/_data /x rw - ext4 d rw", MOUNT_CLASS_HOST);
	expect_class(host, "9 8 8:1 /var/lib/kubelet/pods /x rw - ext4 d rw", MOUNT_CLASS_HOST);
	expect_class(
		host,
		"9 8 8:1 /home/a/.local/share/containers/storage/volumes/v/_data /x rw - ext4 d rw",
		MOUNT_CLASS_VOLUME);
	mount_table_free(host);
}

Test(mounts, what_the_host_has_not_mounted_is_the_containers_own_but_for_overlays)
{
	struct mount_table *host =
		parse("1 0 8:1 / / rw - ext4 d rw\n2 1 0:6 / /dev rw - devtmpfs d rw\n");

	expect_class(host, "9 8 8:9 / /data rw - ext4 /dev/sdb rw", MOUNT_CLASS_DEVICE);
	expect_class(host, "9 8 0:90 / /data rw - nfs4 server:/x rw", MOUNT_CLASS_DEVICE);
	expect_class(host, "9 8 0:91 / /o rw - overlay overlay rw", MOUNT_CLASS_HOST);
	expect_class(host, "9 8 0:91 / / rw - overlay overlay rw", MOUNT_CLASS_ROOTFS);
	expect_class(host, "9 8 0:92 / /t rw - ramfs r rw", MOUNT_CLASS_TMPFS);
	expect_class(host, "9 8 0:93 / /d rw - debugfs d rw", MOUNT_CLASS_KERNEL);
	expect_class(host, "9 8 0:6 /null /dev/null rw - devtmpfs d rw", MOUNT_CLASS_KERNEL);
	expect_class(host, "9 8 0:6 /null /proc/kcore rw - devtmpfs d rw", MOUNT_CLASS_KERNEL);
	expect_class(host, "9 8 0:6 /sda /dev/sda rw - devtmpfs d rw", MOUNT_CLASS_HOST);
	expect_class(host, "9 8 0:6 /null /x rw - devtmpfs d rw", MOUNT_CLASS_HOST);
	mount_table_free(host);
}
