/* SPDX-License-Identifier: Apache-2.0 */
/* Containers whose runtime has a root or mounts of its own. */
#include <criterion/criterion.h>
#include <string.h>

#include "fixture.h"

#define DAEMON 700 /* which started the runtime, and stays */
#define SHIM 800
#define OWN_DEV 77   /* of the runtime's root, which */
#define OWN_INO 4242 /* the host has not mounted */
#define OWN_NS 301
#define BUNDLE "/run/own/mine"

/* The runtime's /srv is the host's /data/srv, its /run/own is nobody else's. */
static const char own_mounts[] = "300 7 0:77 / / rw - overlay overlay rw\n"
				 "301 300 8:1 /data/srv /srv rw - ext4 /dev/sda1 rw\n"
				 "302 300 8:1 / /host rw - ext4 /dev/sda1 rw\n"
				 "303 300 0:78 / /run/own rw - tmpfs tmpfs rw\n";

static const char config[] =
	"{\"root\":{\"path\":\"/srv/root\"},\"process\":{\"user\":{\"uid\":0}},\"linux\":{},"
	"\"mounts\":[{\"destination\":\"/a\",\"type\":\"bind\",\"source\":\"/srv/a\"},"
	"{\"destination\":\"/h\",\"type\":\"bind\",\"source\":\"/host\"},"
	"{\"destination\":\"/e\",\"type\":\"bind\",\"source\":\"/host/etc\"},"
	"{\"destination\":\"/o\",\"type\":\"bind\",\"source\":\"/etc\"}]}";

static struct fixture_task own_task(uint32_t tgid, uint32_t parent)
{
	struct fixture_task task = fixture_host_task(tgid, parent);

	task.ns.mnt = OWN_NS;
	task.root_dev = OWN_DEV;
	task.root_ino = OWN_INO;
	return task;
}

static void put_in_root(struct fixture *f, uint32_t pid, const char *path, const char *text)
{
	char full[512];

	snprintf(full, sizeof(full), "/proc/%u/root%s", pid, path);
	fixture_put(f, full, text);
}

/* A process that stands in the runtime's root, through which all of that is to be seen. */
static void put_own(struct fixture *f, uint32_t pid, const char *cwd, const char *cgroup,
		    const char *const *args)
{
	struct fixture_task task = own_task(pid, 1);
	char path[64];

	if (!strcmp(cgroup, "/"))
		task.cgroup = 1;
	else
		task.cgroup = 6000;
	fixture_put_process(f, &task, "/usr/bin/own", cwd, cgroup, args);
	snprintf(path, sizeof(path), "/proc/%u/mountinfo", pid);
	fixture_put(f, path, own_mounts);
	put_in_root(f, pid, BUNDLE "/config.json", config);
}

static struct fixture *with_daemon(void)
{
	struct fixture *f = fixture_new();

	put_own(f, DAEMON, "/", "/system.slice/own.service", FIXTURE_ARGS("owd"));
	return f;
}

static void create_in(struct fixture *f, const char *bundle, const char *id, const char *cgroup)
{
	struct fixture_task runtime = own_task(FIXTURE_RUNTIME, DAEMON);
	struct fixture_task init = fixture_container_task(FIXTURE_INIT, FIXTURE_RUNTIME);
	struct fixture_record r;

	fixture_make_exec(&r, &runtime, "/usr/bin/runc",
			  FIXTURE_ARGS("runc", "create", "--bundle", bundle, id));
	fixture_feed(f, &r);
	fixture_make_cgroup(&r, EV_CGROUP_MKDIR, &runtime, FIXTURE_CGROUP, 1, cgroup);
	fixture_feed(f, &r);
	fixture_make_attach(&r, &runtime, FIXTURE_CGROUP, cgroup, &init);
	fixture_feed(f, &r);
}

static void create(struct fixture *f)
{
	create_in(f, BUNDLE, "mine", "/mine");
}

static const char *source_of(const struct spec *s, const char *destination)
{
	for (size_t i = 0; i < s->mount_count; i++)
		if (!strcmp(s->mounts[i].destination, destination))
			return s->mounts[i].source;
	return "no such mount";
}

/* The runtime itself is gone by the time that its bundle is looked for. */
Test(view, bundle_is_looked_for_from_the_root_of_its_runtime)
{
	struct fixture *f = with_daemon();
	const struct container *c;

	fixture_start(f);
	create(f);
	c = fixture_container(f);
	cr_assert_not_null(c);
	cr_assert_str_eq(c->msg.id, "mine");
	cr_assert_str_eq(c->msg.oci_runtime, "runc");
	cr_assert_eq(c->msg.attribution, KEELWATCH__ATTRIBUTION__exact);
	cr_assert_not(c->msg.partial, "%s", c->msg.partial_why);
	fixture_free(f);
}

/* Known by its runtime's arguments, and nothing taken from a file that is not its own. */
static void expect_known_by_arguments_alone(struct fixture *f)
{
	const struct container *c = fixture_container(f);

	cr_assert_eq(c->msg.attribution, KEELWATCH__ATTRIBUTION__derived);
	cr_assert(c->msg.partial);
	cr_assert_null(c->spec->rootfs);
	cr_assert_eq(c->spec->mount_count, 0);
}

Test(view, bundle_of_the_host_by_the_same_name_is_another)
{
	struct fixture *f = fixture_new();

	fixture_put(f, BUNDLE "/config.json", config);
	fixture_start(f);
	create(f);
	expect_known_by_arguments_alone(f);
	fixture_free(f);
}

Test(view, nobody_is_looked_through_who_stands_elsewhere_by_now)
{
	const struct fact_stat inner = { .ino = 300, .dev = FIXTURE_ROOT_DEV, .mode = 040755 };
	struct fixture *f = with_daemon();

	fixture_start(f);
	fixture_put_stat(f, "/proc/700/root", &inner);
	create(f);
	expect_known_by_arguments_alone(f);
	fixture_free(f);
}

/* Through who stands where it stood, docker's files are to be seen all the same. */
Test(view, a_container_whose_bundle_is_gone_is_named_by_its_engine)
{
	struct fixture *f = with_daemon();
	const struct container *c;

	put_in_root(f, DAEMON, "/var/lib/docker/containers/" FIXTURE_ID "/config.v2.json",
		    "{\"ID\":\"" FIXTURE_ID "\",\"Name\":\"/web\",\"Config\":{\"Image\":\"img\"}}");
	fixture_start(f);
	/* The host has one too by that name: another's. */
	create_in(f, FIXTURE_BUNDLE, FIXTURE_ID, FIXTURE_CGROUP_PATH);
	c = fixture_container(f);
	cr_assert_not_null(c);
	cr_expect_str_eq(c->msg.name, "web");
	cr_expect_str_eq(c->msg.image, "img");
	cr_expect_str_eq(c->msg.runtime, "docker");
	cr_expect_eq(c->msg.attribution, KEELWATCH__ATTRIBUTION__derived);
	cr_expect(c->msg.partial);
	cr_expect_not(c->msg.read_only);
	fixture_free(f);
}

Test(view, paths_of_the_specification_get_the_hosts_names)
{
	struct fixture *f = with_daemon();
	const struct spec *s;

	fixture_start(f);
	create(f);
	s = fixture_container(f)->spec;
	cr_assert_str_eq(s->rootfs, "/data/srv/root");
	cr_assert_str_eq(source_of(s, "/a"), "/data/srv/a");
	cr_assert_str_eq(source_of(s, "/h"), "/");
	cr_assert_str_eq(source_of(s, "/e"), "/etc");
	cr_assert_null(source_of(s, "/o"), "its own /etc is not the host's");
	fixture_free(f);
}

/* "runc init" is executed in the container's cgroup and in the runtime's root. */
Test(view, set_up_of_a_runtime_in_a_root_of_its_own_is_no_program_of_the_container)
{
	struct fixture *f = with_daemon();
	struct fixture_task init = fixture_container_task(FIXTURE_INIT, FIXTURE_RUNTIME);
	struct fixture_task setup = own_task(FIXTURE_INIT, FIXTURE_RUNTIME);

	fixture_start(f);
	create(f);
	setup.cgroup = FIXTURE_CGROUP;
	fixture_exec(f, &setup, "/proc/self/exe");
	cr_assert_not(fixture_container(f)->started);
	fixture_exec(f, &init, "/bin/app");
	cr_assert(fixture_container(f)->started);
	fixture_silent(f);
	fixture_free(f);
}

Test(view, engine_is_asked_in_the_runtimes_root)
{
	struct fixture *f = with_daemon();
	struct fixture_task runtime = own_task(FIXTURE_RUNTIME, DAEMON);
	struct fixture_task init = fixture_container_task(FIXTURE_INIT, FIXTURE_RUNTIME);
	struct fixture_record r;

	put_in_root(f, DAEMON, FIXTURE_BUNDLE "/config.json", config);
	put_in_root(f, DAEMON, "/var/lib/docker/containers/" FIXTURE_ID "/config.v2.json",
		    "{\"ID\":\"" FIXTURE_ID
		    "\",\"Name\":\"/inner\",\"Config\":{\"Image\":\"i:2\"}}");
	fixture_start(f);
	fixture_make_exec(&r, &runtime, "/usr/bin/runc",
			  FIXTURE_ARGS("runc", "create", "-b", FIXTURE_BUNDLE, FIXTURE_ID));
	fixture_feed(f, &r);
	fixture_make_cgroup(&r, EV_CGROUP_MKDIR, &runtime, FIXTURE_CGROUP, 1, FIXTURE_CGROUP_PATH);
	fixture_feed(f, &r);
	fixture_make_attach(&r, &runtime, FIXTURE_CGROUP, FIXTURE_CGROUP_PATH, &init);
	fixture_feed(f, &r);
	cr_assert_str_eq(fixture_container(f)->msg.name, "inner");
	cr_assert_str_eq(fixture_container(f)->msg.image, "i:2");
	cr_assert_str_eq(fixture_container(f)->msg.runtime, "docker");
	fixture_free(f);
}

/* --- those that run at the start --- */

static void put_init(struct fixture *f, uint32_t parent)
{
	struct fixture_task init = fixture_container_task(FIXTURE_INIT, parent);

	fixture_put_process(f, &init, "/bin/app", "/", "/mine", FIXTURE_ARGS("app"));
}

static void expect_found(struct fixture *f)
{
	fixture_start(f);
	cr_assert_eq(fixture_alive(f), 1);
	cr_assert_str_eq(fixture_container(f)->msg.id, "mine");
	cr_assert_eq(fixture_container(f)->msg.attribution, KEELWATCH__ATTRIBUTION__cached);
	cr_assert_not(fixture_container(f)->msg.partial);
	fixture_free(f);
}

Test(view, running_container_is_found_by_a_runtime_in_a_root_of_its_own)
{
	struct fixture *f = with_daemon();

	put_own(f, SHIM, "/", "/system.slice/own.service",
		FIXTURE_ARGS("runc", "run", "-b", BUNDLE, "mine"));
	put_init(f, SHIM);
	expect_found(f);
}

/* By chroot(2): /proc names its folders from the reader's root. */
Test(view, running_container_is_found_by_the_folder_of_a_chrooted_runtime)
{
	struct fixture *f = fixture_new();

	put_own(f, SHIM, "/chroot" BUNDLE, "/system.slice/own.service",
		FIXTURE_ARGS("runc", "run", "mine"));
	fixture_put_link(f, "/proc/800/root", "/chroot");
	put_init(f, SHIM);
	expect_found(f);
}

static const char state[] = "{\"init_process_pid\":1000,\"config\":{\"labels\":[\"bundle=" BUNDLE
			    "\"]}}";

Test(view, running_container_is_found_by_state_in_another_root_of_the_host)
{
	struct fixture *f = with_daemon();

	put_in_root(f, DAEMON, "/run/runc/mine/state.json", state);
	put_init(f, 1);
	expect_found(f);
}

/* The cgroup is the session's: a process of the host is in it too. */
Test(view, program_in_a_root_of_its_own_in_the_cgroup_of_a_session_is_no_container)
{
	struct fixture *f = fixture_new();
	struct fixture_task shell = fixture_host_task(650, 1);

	shell.cgroup = 6000;
	fixture_put_process(f, &shell, "/bin/sh", "/", "/user.slice/s1.scope", FIXTURE_ARGS("sh"));
	put_own(f, DAEMON, "/", "/user.slice/s1.scope", FIXTURE_ARGS("owd"));
	put_in_root(f, DAEMON, "/run/runc/mine/state.json", state);
	put_init(f, 1);
	expect_found(f);
}

/* A container may say what it likes of others in its own /run. */
Test(view, container_is_not_believed_about_another)
{
	struct fixture *f = fixture_new();
	const struct process *init;

	put_own(f, DAEMON, "/", "/liar", FIXTURE_ARGS("liar"));
	put_in_root(f, DAEMON, "/run/runc/mine/state.json", state);
	put_init(f, 1);
	fixture_start(f);
	cr_assert_eq(fixture_alive(f), 2);
	init = process_find(model_processes(fixture_model(f)), FIXTURE_INIT, 0);
	cr_assert_eq(init->container->msg.attribution, KEELWATCH__ATTRIBUTION__derived);
	fixture_free(f);
}
