/* SPDX-License-Identifier: Apache-2.0 */
/* How much paths and mounts give away, against a host made of a table, and real containers. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/util.h"
#include "source/facts.h"
#include "model/exposure.h"
#include "model/mounts.h"

#define DATA "tests/data/mounts/"
#define A1 "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1"

#define RUN_DEV 25
#define DOCKER_INO 1001

/* What docker's and a web server's daemons listen on. */
static const char listening[] = "25 1001 /var/run/docker.sock\n"
				"25 1002 /run/www/www.sock\n"
				"26 1003 /srv/engine/podman.sock\n"
				"25 1004 relative/docker.sock\n"
				"25 1005 /inner/docker.sock\n"
				"broken\n\n"
				"25 1006 /reused/docker.sock\n"
				"26 1007 /run/of/its/own/root/docker.sock\n";

static const struct node {
	const char *path;
	uint32_t mode;
	uint32_t dev;
	uint64_t ino;
} nodes[] = {
	{ "/run/docker.sock", S_IFSOCK | 0660, RUN_DEV, DOCKER_INO },
	{ "/var/run/docker.sock", S_IFSOCK | 0660, RUN_DEV, DOCKER_INO },
	{ "/srv/harmless", S_IFSOCK | 0660, RUN_DEV, DOCKER_INO },
	{ "/srv/other", S_IFSOCK | 0660, RUN_DEV, 77 },
	{ "/srv/www.sock", S_IFSOCK | 0660, RUN_DEV, 1002 },
	{ "/srv/engine/podman.sock", S_IFSOCK | 0660, 26, 1003 },
	{ "/reused/docker.sock", S_IFSOCK | 0660, RUN_DEV, 4 },
	{ "/srv/elsewhere/docker.sock", S_IFSOCK | 0660, 26, 1007 },
	{ "/srv/dir/docker.sock", S_IFDIR | 0755, 1, 5 },
	{ "/dev/sda", S_IFBLK | 0660, 6, 6 },
	{ "/srv/disk", S_IFBLK | 0660, 1, 7 },
	{ "/dev/null", S_IFCHR | 0666, 6, 8 },
	{ "/dev/kmsg", S_IFCHR | 0644, 6, 9 },
	{ "/dev/mem", S_IFCHR | 0640, 6, 10 },
	{ "/dev/nvidia0", S_IFCHR | 0666, 6, 11 },
	{ "/dev/mapper", S_IFDIR | 0755, 6, 12 },
};

static int table_stat(void *self, const char *path, struct fact_stat *ret)
{
	size_t i;

	(void)self;
	for (i = 0; i < ARRAY_SIZE(nodes); i++) {
		if (strcmp(nodes[i].path, path))
			continue;
		*ret = (struct fact_stat){ .ino = nodes[i].ino,
					   .dev = nodes[i].dev,
					   .mode = nodes[i].mode };
		return 0;
	}
	return -ENOENT;
}

/* self: what /var/run links to, or NULL for a directory. */
static int table_readlink(void *self, const char *path, struct buf *out)
{
	if (!self || strcmp(path, "/var/run"))
		return -EINVAL;
	buf_str(out, self);
	return 0;
}

static const struct facts_ops table_ops = { .stat = table_stat, .readlink = table_readlink };
static struct facts facts = { &table_ops, (void *)"/run" };

static void expect_level(const char *path, bool read_only, enum exposure expected)
{
	struct exposure_verdict v = exposure_of_path(&facts, path, read_only, listening);

	cr_expect_eq(v.level, expected, "%s %s: %d (%s), not %d", path, read_only ? "ro" : "rw",
		     v.level, v.what, expected);
	cr_expect_not_null(v.what);
}

static void expect_levels(const char *path, enum exposure writable, enum exposure read_only)
{
	expect_level(path, false, writable);
	expect_level(path, true, read_only);
}

static struct mount_table *parse(const char *text, size_t len)
{
	struct mount_table *t = NULL;
	size_t bad = 0;

	cr_assert_eq(mount_table_parse(text, len, &t, &bad), 0);
	cr_assert_eq(bad, 0);
	return t;
}

static struct mount_table *load(const char *name)
{
	char path[256], text[65536];
	size_t len;
	FILE *file;

	snprintf(path, sizeof(path), DATA "%s.mountinfo", name);
	file = fopen(path, "r");
	cr_assert_not_null(file, "%s: run the tests from the repository's top directory", path);
	len = fread(text, 1, sizeof(text), file);
	fclose(file);
	return parse(text, len);
}

/* The verdict on one line against one host, both given as text. */
static void expect_mount(const char *host_text, const char *line_text, enum exposure expected)
{
	struct mount_table *host = parse(host_text, strlen(host_text));
	struct mount_table *t = parse(line_text, strlen(line_text));
	struct exposure_verdict v = exposure_of_mount(&facts, host, &t->lines[0], listening);

	cr_expect_eq(v.level, expected, "%s: %d (%s), not %d", line_text, v.level, v.what,
		     expected);
	mount_table_free(t);
	mount_table_free(host);
}

/* Everything of a container is harmless but for the targets given. */
static void expect_only(const char *host_name, const char *name, const char *const *targets,
			const enum exposure *levels, size_t count)
{
	struct mount_table *host = load(host_name), *t = load(name);
	size_t i, k;

	for (i = 0; i < t->count; i++) {
		const struct mount_line *line = &t->lines[i];
		struct exposure_verdict v = exposure_of_mount(&facts, host, line, listening);
		enum exposure expected = EXPOSURE_NONE;

		for (k = 0; k < count; k++)
			if (!strcmp(targets[k], line->target))
				expected = levels[k];
		cr_expect_eq(v.level, expected, "%s %s: %d (%s), not %d", name, line->target,
			     v.level, v.what, expected);
	}
	mount_table_free(t);
	mount_table_free(host);
}

Test(exposure, the_hosts_own_directories_are_graded_by_what_they_are_and_by_writing)
{
	expect_levels("/", EXPOSURE_CRITICAL, EXPOSURE_HIGH);
	expect_levels("/etc", EXPOSURE_CRITICAL, EXPOSURE_HIGH);
	expect_levels("/root", EXPOSURE_CRITICAL, EXPOSURE_HIGH);
	expect_levels("/home", EXPOSURE_HIGH, EXPOSURE_HIGH);
	expect_levels("/boot", EXPOSURE_CRITICAL, EXPOSURE_MEDIUM);
	expect_levels("/dev", EXPOSURE_CRITICAL, EXPOSURE_CRITICAL);
	expect_levels("/proc", EXPOSURE_CRITICAL, EXPOSURE_HIGH);
	expect_levels("/sys", EXPOSURE_HIGH, EXPOSURE_MEDIUM);
	expect_levels("/run", EXPOSURE_CRITICAL, EXPOSURE_CRITICAL);
	expect_levels("/var/run", EXPOSURE_CRITICAL, EXPOSURE_CRITICAL);
	expect_levels("/usr", EXPOSURE_CRITICAL, EXPOSURE_LOW);
	expect_levels("/lib", EXPOSURE_CRITICAL, EXPOSURE_LOW);
	expect_levels("/usr/lib64", EXPOSURE_CRITICAL, EXPOSURE_LOW);
	expect_levels("/bin", EXPOSURE_CRITICAL, EXPOSURE_LOW);
	expect_levels("/sbin", EXPOSURE_CRITICAL, EXPOSURE_LOW);
	expect_levels("/var/lib/docker", EXPOSURE_CRITICAL, EXPOSURE_HIGH);
	expect_levels("/var/lib/containerd", EXPOSURE_CRITICAL, EXPOSURE_HIGH);
	expect_levels("/var/lib/containers", EXPOSURE_CRITICAL, EXPOSURE_HIGH);
	expect_levels("/var/lib/kubelet", EXPOSURE_CRITICAL, EXPOSURE_HIGH);
	expect_levels("/var/lib/etcd", EXPOSURE_CRITICAL, EXPOSURE_HIGH);
	expect_levels("/etc/kubernetes", EXPOSURE_CRITICAL, EXPOSURE_HIGH);
	expect_levels("/var/log", EXPOSURE_MEDIUM, EXPOSURE_LOW);
}

Test(exposure, a_parent_is_as_sensitive_as_the_worst_within)
{
	static const char *const paths[] = {
		"/etc/shadow",
		"/etc/sudoers.d",
		"/etc/kubernetes/pki",
		"/etc/ssl/private/key.pem",
		"/etc/security/opasswd",
		"/root/.ssh",
		"/home/alice/.ssh",
		"/usr/lib/modules",
		"/usr/local/bin",
		"/proc/kcore",
		"/proc/sys",
		"/sys/kernel/debug",
		"/sys/fs/cgroup",
		"/run/docker.sock",
		"/run/user/1000/podman/podman.sock",
		"/run/systemd/private",
		"/run/containerd/containerd.sock",
		"/run/k3s/containerd/containerd.sock",
		"/run/docker/containerd/containerd.sock",
		"/run/crio/crio.sock",
		"/dev/mem",
		"/var/lib/docker",
		"/var/lib/kubelet/pki",
		"/var/lib/etcd",
		"/var/spool/cron",
		"/boot",
		"/srv/engine/podman.sock",
	};
	char parent[128];
	size_t i, ro;

	for (i = 0; i < ARRAY_SIZE(paths); i++) {
		for (ro = 0; ro < 2; ro++) {
			enum exposure child =
				exposure_of_path(&facts, paths[i], ro, listening).level;

			cr_expect_gt(child, EXPOSURE_NONE, "%s", paths[i]);
			snprintf(parent, sizeof(parent), "%s", paths[i]);
			for (*strrchr(parent, '/') = '\0'; *parent; *strrchr(parent, '/') = '\0')
				cr_expect_geq(exposure_of_path(&facts, parent, ro, listening).level,
					      child, "%s above %s", parent, paths[i]);
		}
	}
	expect_levels("/var", EXPOSURE_CRITICAL, EXPOSURE_HIGH);
	expect_levels("/var/lib", EXPOSURE_CRITICAL, EXPOSURE_HIGH);
}

Test(exposure, what_lies_below_a_tree_counts_less_unless_it_is_a_secret)
{
	expect_levels("/etc/nginx", EXPOSURE_HIGH, EXPOSURE_LOW);
	expect_levels("/etc/shadow", EXPOSURE_CRITICAL, EXPOSURE_HIGH);
	expect_levels("/etc/ssh/ssh_host_ed25519_key", EXPOSURE_CRITICAL, EXPOSURE_HIGH);
	expect_levels("/etc/kubernetes/pki/ca.key", EXPOSURE_CRITICAL, EXPOSURE_HIGH);
	expect_levels("/etc/passwd", EXPOSURE_CRITICAL, EXPOSURE_LOW);
	expect_levels("/etc/cron.d", EXPOSURE_CRITICAL, EXPOSURE_LOW);
	expect_levels("/usr/bin/ls", EXPOSURE_HIGH, EXPOSURE_NONE);
	expect_levels("/usr/src", EXPOSURE_MEDIUM, EXPOSURE_LOW);
	expect_levels("/usr/lib/modules/6.1.0", EXPOSURE_HIGH, EXPOSURE_LOW);
	expect_levels("/var/lib/docker/overlay2", EXPOSURE_HIGH, EXPOSURE_MEDIUM);
	expect_levels("/proc/sys/kernel/core_pattern", EXPOSURE_CRITICAL, EXPOSURE_LOW);
	expect_levels("/etcetera", EXPOSURE_NONE, EXPOSURE_NONE);
}

Test(exposure, harmless_paths_are_harmless)
{
	static const char *const paths[] = {
		"/etc/localtime",
		"/etc/timezone",
		"/etc/resolv.conf",
		"/etc/hosts",
		"/etc/hostname",
		"/etc/ssl/certs",
		"/etc/ssl/certs/ca-certificates.crt",
		"/usr/share/zoneinfo/Etc/UTC",
		"/usr/share/ca-certificates",
		"/usr/share/fonts",
		"/srv/www",
		"/opt/app",
		"/mnt/data",
		"/data",
		"/tmp/build",
		"/var/log/nginx",
		"/run/mysqld/mysqld.sock",
		"/home/alice/project",
		"/root/project",
		"/var/www",
		"/run/systemd/resolve/stub-resolv.conf",
		"relative",
		"",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(paths); i++)
		expect_levels(paths[i], EXPOSURE_NONE, EXPOSURE_NONE);
}

Test(exposure, a_home_counts_and_its_secrets_but_not_its_projects)
{
	expect_levels("/home/alice", EXPOSURE_HIGH, EXPOSURE_HIGH);
	expect_levels("/home/alice/.kube/config", EXPOSURE_HIGH, EXPOSURE_HIGH);
	expect_levels("/home/alice/backup/.ssh", EXPOSURE_HIGH, EXPOSURE_HIGH);
	expect_levels("/export/home/bob/.aws", EXPOSURE_HIGH, EXPOSURE_HIGH);
	expect_levels("/root/.ssh/authorized_keys", EXPOSURE_CRITICAL, EXPOSURE_HIGH);
	expect_levels("/root/.bashrc", EXPOSURE_HIGH, EXPOSURE_NONE);
	expect_levels("/home/alice/.m2", EXPOSURE_NONE, EXPOSURE_NONE);
	expect_levels("/home/alice/project", EXPOSURE_NONE, EXPOSURE_NONE);
}

Test(exposure, an_engines_own_files_are_no_exposure)
{
	expect_levels("/var/lib/docker/volumes/db/_data", EXPOSURE_NONE, EXPOSURE_NONE);
	expect_levels("/var/lib/docker/containers/" A1 "/hosts", EXPOSURE_NONE, EXPOSURE_NONE);
	expect_levels("/var/lib/docker/containers/" A1, EXPOSURE_HIGH, EXPOSURE_MEDIUM);
	expect_levels("/etc/volumes/db/_data", EXPOSURE_HIGH, EXPOSURE_LOW);
}

Test(exposure, a_runtimes_socket_is_critical_read_only_or_not_and_under_any_name)
{
	expect_levels("/run/docker.sock", EXPOSURE_CRITICAL, EXPOSURE_CRITICAL);
	expect_levels("/var/run/docker.sock", EXPOSURE_CRITICAL, EXPOSURE_CRITICAL);
	expect_levels("/srv/harmless", EXPOSURE_CRITICAL, EXPOSURE_CRITICAL);
	expect_levels("/gone/containerd.sock", EXPOSURE_CRITICAL, EXPOSURE_CRITICAL);
	expect_levels("/srv/other", EXPOSURE_NONE, EXPOSURE_NONE);
	expect_levels("/srv/www.sock", EXPOSURE_NONE, EXPOSURE_NONE);
	expect_levels("/srv/dir/docker.sock", EXPOSURE_NONE, EXPOSURE_NONE);
	cr_expect_eq(exposure_of_path(&facts, "/srv/harmless", true, NULL).level, EXPOSURE_NONE);
	cr_expect_eq(exposure_of_path(&facts, "/run/docker.sock", true, NULL).level,
		     EXPOSURE_CRITICAL);
}

Test(exposure, a_directory_that_holds_a_listening_socket_is_critical)
{
	struct facts unlinked = { &table_ops, NULL };

	expect_levels("/srv/engine", EXPOSURE_CRITICAL, EXPOSURE_CRITICAL);
	expect_levels("/srv", EXPOSURE_CRITICAL, EXPOSURE_CRITICAL);
	expect_levels("/srv/eng", EXPOSURE_NONE, EXPOSURE_NONE);
	/* Of a runtime with a root of its own: what it calls the socket is no path of the host. */
	expect_levels("/srv/elsewhere", EXPOSURE_CRITICAL, EXPOSURE_CRITICAL);
	expect_levels("/run/www", EXPOSURE_NONE, EXPOSURE_NONE);
	/* A container's, whose name means nothing here, and one whose name is another's by now. */
	expect_levels("/inner", EXPOSURE_NONE, EXPOSURE_NONE);
	expect_levels("/reused", EXPOSURE_NONE, EXPOSURE_NONE);
	/* Through a link, /var does not hold what is in /run; without one it does. */
	expect_level("/var", true, EXPOSURE_HIGH);
	cr_expect_eq(exposure_of_path(&unlinked, "/var", true, listening).level, EXPOSURE_CRITICAL);
}

Test(exposure, a_devices_node_counts_by_its_kind_not_its_name)
{
	expect_levels("/dev/sda", EXPOSURE_CRITICAL, EXPOSURE_CRITICAL);
	expect_levels("/srv/disk", EXPOSURE_CRITICAL, EXPOSURE_CRITICAL);
	expect_levels("/dev/kmsg", EXPOSURE_HIGH, EXPOSURE_HIGH);
	expect_levels("/dev/mem", EXPOSURE_HIGH, EXPOSURE_HIGH);
	expect_levels("/dev/mapper", EXPOSURE_HIGH, EXPOSURE_HIGH);
	expect_levels("/dev/vanished", EXPOSURE_HIGH, EXPOSURE_HIGH);
	expect_levels("/dev/null", EXPOSURE_NONE, EXPOSURE_NONE);
	expect_levels("/dev/nvidia0", EXPOSURE_NONE, EXPOSURE_NONE);
	expect_levels("/dev/urandom", EXPOSURE_NONE, EXPOSURE_NONE);
}

Test(exposure, of_a_docker_container_only_what_was_asked_for_counts)
{
	static const char *const targets[] = { "/logs", "/var/run/docker.sock" };
	static const enum exposure levels[] = { EXPOSURE_LOW, EXPOSURE_CRITICAL };

	expect_only("host", "docker", targets, levels, ARRAY_SIZE(targets));
}

Test(exposure, of_a_podman_container_only_what_was_asked_for_counts)
{
	static const char *const targets[] = { "/homes" };
	static const enum exposure levels[] = { EXPOSURE_HIGH };

	expect_only("host", "podman", targets, levels, ARRAY_SIZE(targets));
}

Test(exposure, of_a_runc_container_only_what_was_asked_for_counts)
{
	static const char *const targets[] = { "/host/etc", "/hostroot", "/hostproc", "/hostdev" };
	static const enum exposure levels[] = { EXPOSURE_HIGH, EXPOSURE_CRITICAL, EXPOSURE_HIGH,
						EXPOSURE_CRITICAL };

	expect_only("host", "runc", targets, levels, ARRAY_SIZE(targets));
}

Test(exposure, a_container_in_a_user_namespace_and_a_pod_are_harmless)
{
	expect_only("host", "runc-userns", NULL, NULL, 0);
	expect_only("kubernetes-host", "kubernetes", NULL, NULL, 0);
}

Test(exposure, of_a_container_with_the_whole_host_every_part_counts)
{
	static const struct {
		const char *target;
		enum exposure level;
	} expected[] = {
		{ "/", EXPOSURE_NONE },
		{ "/v", EXPOSURE_CRITICAL },
		{ "/host", EXPOSURE_HIGH },
		{ "/host/proc", EXPOSURE_CRITICAL },
		{ "/host/sys", EXPOSURE_HIGH },
		{ "/host/dev", EXPOSURE_CRITICAL },
		{ "/hostrun", EXPOSURE_CRITICAL },
		{ "/host/sys/fs/cgroup/cpu", EXPOSURE_HIGH },
		{ "/sys", EXPOSURE_MEDIUM },
		{ "/dev2", EXPOSURE_CRITICAL },
		{ "/dev/shm", EXPOSURE_LOW },
		{ "/dev/console", EXPOSURE_NONE },
		{ "/etc/hosts", EXPOSURE_NONE },
		{ "/host/var/lib/docker", EXPOSURE_CRITICAL },
	};
	struct mount_table *host = load("host"), *t = load("docker-host");
	size_t i, k;

	for (i = 0; i < t->count; i++) {
		const struct mount_line *line = &t->lines[i];

		for (k = 0; k < ARRAY_SIZE(expected); k++)
			if (!strcmp(expected[k].target, line->target))
				cr_expect_eq(exposure_of_mount(&facts, host, line, listening).level,
					     expected[k].level, "%s", line->target);
	}
	mount_table_free(t);
	mount_table_free(host);
}

Test(exposure, a_root_counts_only_where_it_is_the_hosts_own)
{
	static const char host[] = "1 0 8:1 / / rw - ext4 d rw\n";

	expect_mount(host, "9 8 8:1 / / rw - ext4 d rw", EXPOSURE_CRITICAL);
	expect_mount(host, "9 8 8:1 / / ro - ext4 d rw", EXPOSURE_HIGH);
	expect_mount(host, "9 8 8:1 /usr / rw - ext4 d rw", EXPOSURE_CRITICAL);
	expect_mount(host, "9 8 8:1 /var / rw - ext4 d rw", EXPOSURE_CRITICAL);
	expect_mount(host, "9 8 8:1 /usr/lib/machines/a / rw - ext4 d rw", EXPOSURE_NONE);
	expect_mount(host, "9 8 8:1 /home/rootfs / rw - ext4 d rw", EXPOSURE_NONE);
	expect_mount(host, "9 8 8:1 /srv/engine / rw - ext4 d rw", EXPOSURE_NONE);
	expect_mount(host, "9 8 8:1 /var/lib/docker/overlay2/x/merged / rw - ext4 d rw",
		     EXPOSURE_NONE);
}

Test(exposure, another_name_that_the_host_has_for_a_path_hides_nothing)
{
	static const char host[] =
		"1 0 8:1 / / rw - ext4 d rw\n"
		"2 1 8:1 /etc /srv/jail/etc rw - ext4 d rw\n"
		"3 1 8:1 /etc /var/lib/docker/volumes/v/_data rw - ext4 d rw\n"
		"4 1 8:1 /srv/app /var/lib/docker/volumes/w/_data rw - ext4 d rw\n";

	expect_mount(host, "9 8 8:1 /etc /x rw - ext4 d rw", EXPOSURE_CRITICAL);
	expect_mount(host, "9 8 8:1 /etc/shadow /x ro - ext4 d rw", EXPOSURE_HIGH);
	expect_mount(host, "9 8 8:1 /etc/shadow//deleted /x ro - ext4 d rw", EXPOSURE_HIGH);
	expect_mount(host, "9 8 8:1 /srv/app /x rw - ext4 d rw", EXPOSURE_NONE);
}

Test(exposure, a_parent_of_what_the_host_mounts_shows_it)
{
	static const char host[] = "1 0 0:30 /@ / rw - btrfs /dev/sda rw\n"
				   "2 1 0:30 /@srv /srv/x rw - btrfs /dev/sda rw\n";

	expect_mount(host, "9 8 0:30 / /x rw - btrfs /dev/sda rw", EXPOSURE_CRITICAL);
	expect_mount(host, "9 8 0:30 /@/etc /x ro - btrfs /dev/sda rw", EXPOSURE_HIGH);
	expect_mount(host, "9 8 0:30 /@srv /x rw - btrfs /dev/sda rw", EXPOSURE_NONE);
}

Test(exposure, a_read_only_superblock_is_read_only)
{
	expect_mount("1 0 8:1 / / ro - ext4 d ro\n", "9 8 8:1 /boot /x rw - ext4 d ro",
		     EXPOSURE_MEDIUM);
}

Test(exposure, file_systems_of_the_kernel_count_where_they_are_the_hosts)
{
	static const char host[] = "1 0 8:1 / / rw - ext4 d rw\n"
				   "2 1 0:21 / /proc rw - proc proc rw\n"
				   "3 1 0:22 / /sys rw - sysfs sysfs rw\n"
				   "4 1 0:6 / /dev rw - devtmpfs udev rw\n"
				   "5 1 0:7 / /sys/fs/bpf rw - bpf bpf rw\n";

	expect_mount(host, "9 8 0:21 / /proc rw - proc proc rw", EXPOSURE_HIGH);
	expect_mount(host, "9 8 0:21 / /p rw - proc proc rw", EXPOSURE_CRITICAL);
	expect_mount(host, "9 8 0:21 / /p ro - proc proc rw", EXPOSURE_HIGH);
	expect_mount(host, "9 8 0:21 /sys /p rw - proc proc rw", EXPOSURE_CRITICAL);
	expect_mount(host, "9 8 0:99 / /proc rw - proc proc rw", EXPOSURE_NONE);
	expect_mount(host, "9 8 0:22 / /sys ro - sysfs sysfs rw", EXPOSURE_NONE);
	expect_mount(host, "9 8 0:22 / /sys rw - sysfs sysfs rw", EXPOSURE_MEDIUM);
	expect_mount(host, "9 8 0:22 / /s rw - sysfs sysfs rw", EXPOSURE_HIGH);
	expect_mount(host, "9 8 0:22 / /s ro - sysfs sysfs rw", EXPOSURE_MEDIUM);
	expect_mount(host, "9 8 0:50 / /c rw - cgroup cgroup rw,rdma", EXPOSURE_HIGH);
	expect_mount(host, "9 8 0:50 /docker/x /sys/fs/cgroup/rdma rw - cgroup cgroup rw",
		     EXPOSURE_NONE);
	expect_mount(host, "9 8 0:51 / /sys/fs/cgroup ro - cgroup2 cgroup rw", EXPOSURE_NONE);
	expect_mount(host, "9 8 0:6 / /d ro - devtmpfs udev rw", EXPOSURE_CRITICAL);
	expect_mount(host, "9 8 0:6 /sda /dev/xvda rw - devtmpfs udev rw", EXPOSURE_CRITICAL);
	expect_mount(host, "9 8 0:6 /null /dev/null rw - devtmpfs udev rw", EXPOSURE_NONE);
	expect_mount(host, "9 8 0:7 / /sys/fs/bpf rw - bpf bpf rw", EXPOSURE_HIGH);
	expect_mount(host, "9 8 0:52 / /sys/fs/bpf rw - bpf bpf rw", EXPOSURE_NONE);
	expect_mount(host, "9 8 0:53 / /sys/kernel/debug rw - debugfs d rw", EXPOSURE_HIGH);
}

Test(exposure, a_disk_that_the_host_has_not_mounted_counts)
{
	static const char host[] = "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n";

	expect_mount(host, "9 8 8:17 / /x rw - ext4 /dev/sdb1 rw", EXPOSURE_HIGH);
	expect_mount(host, "9 8 8:17 / /x ro - ext4 /dev/sdb1 rw", EXPOSURE_MEDIUM);
	expect_mount(host, "9 8 0:60 / /x rw - btrfs /dev/sdc rw", EXPOSURE_HIGH);
	expect_mount(host, "9 8 0:61 / /x rw - nfs4 server:/x rw", EXPOSURE_NONE);
	expect_mount(host, "9 8 0:62 / /x rw - tmpfs tmpfs rw", EXPOSURE_NONE);
	expect_mount(host, "9 8 0:63 / /x rw - overlay overlay rw", EXPOSURE_LOW);
	expect_mount(host, "9 8 8:1 / /x rw - ext4 /dev/sda1 rw", EXPOSURE_CRITICAL);
}
