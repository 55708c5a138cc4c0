/* SPDX-License-Identifier: Apache-2.0 */
/* Which cgroup is whose container, from its first program on, and until when. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/util.h"
#include "fixture.h"

#include "control.h"

#define OTHER 7000 /* another cgroup */

static struct fixture_task init_task(void)
{
	return fixture_container_task(FIXTURE_INIT, FIXTURE_RUNTIME);
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

/* --- a runtime's create --- */

Test(identity, of_a_container_is_known_from_its_first_program)
{
	struct fixture *f = fixture_new();
	struct fixture_task init = init_task();
	const Keelwatch__Container *c;

	fixture_create(f);
	c = &fixture_container(f)->msg;
	cr_assert_str_eq(c->id, FIXTURE_ID);
	cr_assert_str_eq(c->name, "web");
	cr_assert_str_eq(c->image, "nginx:1.25");
	cr_assert_str_eq(c->runtime, "docker");
	cr_assert_str_eq(c->oci_runtime, "runc");
	cr_assert_str_eq(c->cgroup, FIXTURE_CGROUP_PATH);
	cr_assert_eq(c->cgroup_id, FIXTURE_CGROUP);
	cr_assert_eq(c->attribution, KEELWATCH__ATTRIBUTION__exact);
	cr_assert_not(c->partial);
	cr_assert_str_eq(c->rootfs, FIXTURE_BUNDLE "/rootfs");
	cr_assert_not(fixture_container(f)->started);
	fixture_exec(f, &init, "/bin/app");
	cr_assert(fixture_container(f)->started);
	cr_assert_eq(c->pid, FIXTURE_INIT);
	cr_assert_eq(c->started, FIXTURE_REALTIME_NS + f->now_ns);
	cr_assert(c->read_only);
	cr_assert_eq(find(f, FIXTURE_INIT)->container, fixture_container(f));
	cr_assert_eq(pipeline_totals(f->pipeline).containers, 1);
	fixture_silent(f);
	fixture_free(f);
}

/* "runc init" is executed in the container's cgroup, but in the host's root. */
Test(identity, set_up_of_the_runtime_is_no_program_of_the_container)
{
	struct fixture *f = fixture_new();
	struct fixture_task init = init_task(), setup = fixture_host_task(FIXTURE_INIT, 900);

	fixture_create(f);
	setup.cgroup = FIXTURE_CGROUP;
	fixture_exec(f, &setup, "/proc/self/exe");
	cr_assert_not(fixture_container(f)->started);
	cr_assert_eq(find(f, FIXTURE_INIT)->container, fixture_container(f));
	cr_assert_not(find(f, FIXTURE_INIT)->entered);
	fixture_cred_change(f, &init, CRED_CAPSET);
	fixture_file(f, &init, FILE_MKDIR, -EROFS, "/x");
	fixture_exec(f, &init, "/bin/app");
	cr_assert(fixture_container(f)->started);
	cr_assert(find(f, FIXTURE_INIT)->entered);
	fixture_silent(f);
	fixture_free(f);
}

/* createContainer hooks run in the container's mount namespace, before its root is its own. */
Test(identity, hook_that_runs_before_pivot_root_is_no_program_of_the_container)
{
	struct fixture *f = fixture_new();
	struct fixture_task init = init_task(), hook = fixture_host_task(950, FIXTURE_RUNTIME);

	fixture_create(f);
	hook.cgroup = FIXTURE_CGROUP;
	hook.ns.mnt = init.ns.mnt;
	fixture_attach(f, FIXTURE_CGROUP, FIXTURE_CGROUP_PATH, &hook);
	fixture_exec(f, &hook, "/usr/bin/nvidia-container-cli");
	cr_assert_not(fixture_container(f)->started);
	fixture_exec(f, &init, "/bin/app");
	cr_assert_eq(fixture_container(f)->init_tgid, FIXTURE_INIT);
	fixture_silent(f);
	fixture_free(f);
}

Test(identity, program_in_a_container_without_a_mount_namespace_but_a_root_of_its_own_is_its_first)
{
	struct fixture *f = fixture_new();
	struct fixture_task init = init_task();

	fixture_create(f);
	init.ns.mnt = FIXTURE_HOST_NS;
	fixture_exec(f, &init, "/bin/app");
	cr_assert(fixture_container(f)->started);
	fixture_free(f);
}

static void feed_runtime(struct fixture *f, const char *exe, const char *const *args)
{
	struct fixture_task runtime = fixture_host_task(FIXTURE_RUNTIME, 1);
	struct fixture_record r;

	fixture_make_exec(&r, &runtime, exe, args);
	fixture_feed(f, &r);
}

Test(identity, of_a_runtime_that_runs_from_a_sealed_copy_is_its_first_argument)
{
	struct fixture *f = started();
	struct fixture_task init = init_task();

	feed_runtime(f, "/memfd:runc_cloned:/proc/self/exe",
		     FIXTURE_ARGS("/usr/sbin/runc", "create", "--bundle", FIXTURE_BUNDLE, "x"));
	fixture_mkdir(f, FIXTURE_CGROUP, 1, FIXTURE_CGROUP_PATH);
	fixture_attach(f, FIXTURE_CGROUP, FIXTURE_CGROUP_PATH, &init);
	cr_assert_str_eq(fixture_container(f)->msg.oci_runtime, "runc");
	fixture_free(f);
}

/* A plain "crun run" in a directory of one's own: no engine, no name but the id. */
Test(identity, of_a_container_without_an_engine_is_the_runtimes)
{
	struct fixture *f = started();
	struct fixture_task init = init_task();
	const Keelwatch__Container *c;

	fixture_put(
		f, "/srv/bundle/config.json",
		"{\"root\":{\"path\":\"rootfs\"},\"process\":{\"user\":{\"uid\":0}},\"linux\":{}}");
	feed_runtime(f, "/usr/bin/crun", FIXTURE_ARGS("crun", "run", "-b", "/srv/bundle", "mine"));
	fixture_mkdir(f, FIXTURE_CGROUP, 1, "/user.slice/crun-mine.scope");
	fixture_attach(f, FIXTURE_CGROUP, "/user.slice/crun-mine.scope", &init);
	c = &fixture_container(f)->msg;
	cr_assert_str_eq(c->id, "mine");
	cr_assert_str_eq(c->name, "mine");
	cr_assert_str_eq(c->runtime, "crun");
	cr_assert_str_eq(c->oci_runtime, "crun");
	fixture_free(f);
}

Test(identity, of_a_pods_container_is_that_of_kubernetes)
{
	static const char bundle[] = "/run/containerd/io.containerd.runtime.v2.task/k8s.io/abc";
	struct fixture *f = started();
	struct fixture_task init = init_task();
	const Keelwatch__Container *c;

	fixture_put(
		f, "/run/containerd/io.containerd.runtime.v2.task/k8s.io/abc/config.json",
		"{\"root\":{\"path\":\"rootfs\"},\"process\":{\"user\":{\"uid\":0}},\"linux\":{},"
		"\"annotations\":{\"io.kubernetes.cri.container-type\":\"container\","
		"\"io.kubernetes.cri.container-name\":\"app\","
		"\"io.kubernetes.cri.sandbox-name\":\"pod-1\","
		"\"io.kubernetes.cri.sandbox-namespace\":\"prod\","
		"\"io.kubernetes.cri.sandbox-uid\":\"u-1\","
		"\"io.kubernetes.cri.image-name\":\"docker.io/library/app:1\"}}");
	feed_runtime(f, "/usr/bin/runc", FIXTURE_ARGS("runc", "create", "--bundle", bundle, "abc"));
	fixture_mkdir(f, FIXTURE_CGROUP, 1, "/kubepods.slice/cri-containerd-abc.scope");
	fixture_attach(f, FIXTURE_CGROUP, "/kubepods.slice/cri-containerd-abc.scope", &init);
	c = &fixture_container(f)->msg;
	cr_assert_str_eq(c->name, "app");
	cr_assert_str_eq(c->image, "docker.io/library/app:1");
	cr_assert_not_null(c->kubernetes);
	cr_assert_str_eq(c->kubernetes->pod, "pod-1");
	cr_assert_str_eq(c->kubernetes->namespace_, "prod");
	cr_assert_str_eq(c->kubernetes->uid, "u-1");
	cr_assert_str_eq(c->kubernetes->container, "app");
	fixture_free(f);
}

/* The runtime itself puts its child there, which was forked and has executed nothing. */
Test(identity, is_found_through_the_runtimes_forked_children)
{
	struct fixture *f = started();
	struct fixture_task stage = fixture_host_task(901, FIXTURE_RUNTIME), init = init_task();
	struct fixture_record r;

	feed_runtime(f, "/usr/bin/runc",
		     FIXTURE_ARGS("runc", "create", "--bundle", FIXTURE_BUNDLE, FIXTURE_ID));
	fixture_mkdir(f, FIXTURE_CGROUP, 1, FIXTURE_CGROUP_PATH);
	init.parent = fixture_name(&stage);
	fixture_make_attach(&r, &stage, FIXTURE_CGROUP, FIXTURE_CGROUP_PATH, &init);
	/* Nobody told of the stage: a fork of the host is not reported. Its exec is. */
	fixture_exec(f, &stage, "/proc/self/exe");
	fixture_feed(f, &r);
	cr_assert_str_eq(fixture_container(f)->msg.id, FIXTURE_ID);
	fixture_free(f);
}

Test(identity, of_two_hundred_containers_at_once_is_never_mixed_up)
{
	struct fixture *f = started();

	for (int step = 0; step < 4; step++)
		for (uint32_t i = 0; i < 200; i++) {
			struct fixture_task runtime = fixture_host_task(10000 + i, 1);
			struct fixture_task init = fixture_container_task(20000 + i, 10000 + i);
			char bundle[64], path[64], config[96], id[16];
			struct fixture_record r;

			snprintf(id, sizeof(id), "c%u", i);
			snprintf(bundle, sizeof(bundle), "/srv/%s", id);
			snprintf(config, sizeof(config), "%s/config.json", bundle);
			snprintf(path, sizeof(path), "/%s.scope", id);
			init.cgroup = OTHER + i;
			init.ns.mnt = 5000 + i;
			if (step == 0) {
				fixture_put(
					f, config,
					"{\"root\":{\"path\":\"r\"},\"process\":{},\"linux\":{}}");
				fixture_make_exec(&r, &runtime, "/usr/bin/runc",
						  FIXTURE_ARGS("runc", "run", "-b", bundle, id));
				fixture_feed(f, &r);
			} else if (step == 1) {
				fixture_mkdir(f, OTHER + i, 1, path);
			} else if (step == 2) {
				fixture_make_attach(&r, &runtime, OTHER + i, path, &init);
				fixture_feed(f, &r);
			} else {
				fixture_exec(f, &init, "/bin/true");
				cr_assert_str_eq(find(f, 20000 + i)->container->msg.id, id);
				cr_assert(find(f, 20000 + i)->container->started);
			}
		}
	cr_assert_eq(fixture_alive(f), 200);
	fixture_free(f);
}

/* --- what the specification says, or not --- */

static void expect_partial(struct fixture *f)
{
	struct fixture_task init = init_task();
	const Keelwatch__Container *c;

	fixture_create(f);
	fixture_exec(f, &init, "/bin/app");
	cr_assert_not_null(fixture_container(f));
	c = &fixture_container(f)->msg;
	cr_assert_str_eq(c->id, FIXTURE_ID);
	cr_assert(c->partial);
	cr_assert(c->partial_why[0]);
	cr_assert(c->read_only, "that is the kernel's fact");
	fixture_file(f, &init, FILE_CREATE, -EROFS, "/x");
	cr_assert_str_eq(fixture_one(f, "readonly-write-attempt")->container->id, FIXTURE_ID);
	fixture_free(f);
}

Test(identity, of_a_container_without_a_config_is_partial_and_it_is_watched)
{
	struct fixture *f = fixture_new();

	fixture_remove(f, FIXTURE_BUNDLE "/config.json");
	expect_partial(f);
}

Test(identity, of_a_container_with_half_a_config_is_partial_and_it_is_watched)
{
	struct fixture *f = fixture_new();

	fixture_put(f, FIXTURE_BUNDLE "/config.json", "{\"root\":{\"path\":\"roo");
	expect_partial(f);
}

Test(identity, of_a_container_with_a_huge_config_is_partial_and_it_is_watched)
{
	struct fixture *f = fixture_new();

	fixture_put_error(f, FIXTURE_BUNDLE "/config.json", -EFBIG);
	expect_partial(f);
}

Test(identity, of_a_container_with_a_hostile_config_is_partial_and_it_is_watched)
{
	static const char *const texts[] = {
		"",
		"[]",
		"null",
		"\x00",
		"{\"root\":[],\"process\":7,\"linux\":\"\"}",
		"{\"root\":{\"path\":{}},\"process\":{\"user\":{\"uid\":-1}},\"mounts\":[1,2]}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct fixture *f = fixture_new();

		fixture_put(f, FIXTURE_BUNDLE "/config.json", texts[i]);
		expect_partial(f);
	}
}

/* --- who belongs to it --- */

Test(identity, session_from_outside_belongs_to_the_container)
{
	struct fixture *f = fixture_new();
	struct fixture_task init = init_task();
	struct fixture_task session = fixture_container_task(1500, FIXTURE_RUNTIME);
	struct fixture_task setup = fixture_host_task(1500, FIXTURE_RUNTIME);

	fixture_run(f, &init);
	fixture_attach(f, FIXTURE_CGROUP, FIXTURE_CGROUP_PATH, &session);
	cr_assert_eq(find(f, 1500)->container, fixture_container(f));
	setup.cgroup = FIXTURE_CGROUP;
	fixture_exec(f, &setup, "/proc/self/exe");
	cr_assert_not(find(f, 1500)->entered);
	fixture_exec(f, &session, "/bin/sh");
	cr_assert(find(f, 1500)->entered);
	cr_assert_eq(fixture_container(f)->init_tgid, FIXTURE_INIT);
	cr_assert_eq(fixture_alive(f), 1);
	fixture_exit(f, &session);
	cr_assert_eq(fixture_alive(f), 1, "a session's end is not the container's");
	fixture_silent(f);
	fixture_free(f);
}

Test(identity, nested_cgroup_belongs_to_the_container_around_it)
{
	struct fixture *f = fixture_new();
	struct fixture_task init = init_task();
	struct fixture_task inner = fixture_container_task(1001, FIXTURE_INIT);

	fixture_run(f, &init);
	fixture_mkdir(f, 5001, FIXTURE_CGROUP, FIXTURE_CGROUP_PATH "/init.scope");
	cr_assert_eq(fixture_cgroup(f, 5001)->container, FIXTURE_CGROUP);
	cr_assert_eq(fixture_cgroup(f, 5001)->flags, CGROUP_FILES | CGROUP_STARTED);
	fixture_mkdir(f, 5002, 5001, FIXTURE_CGROUP_PATH "/init.scope/x");
	cr_assert_eq(fixture_cgroup(f, 5002)->container, FIXTURE_CGROUP);
	fixture_fork(f, &init, &inner);
	inner.cgroup = 5002;
	fixture_attach(f, 5002, FIXTURE_CGROUP_PATH "/init.scope/x", &inner);
	fixture_exec(f, &inner, "/bin/sh");
	cr_assert_eq(find(f, 1001)->container, fixture_container(f));
	fixture_rmdir(f, 5002, FIXTURE_CGROUP_PATH "/init.scope/x");
	cr_assert_eq(fixture_alive(f), 1);
	fixture_silent(f);
	fixture_free(f);
}

/* A container in a container: with the outer one's runtime and a bundle that lies within it. */
Test(identity, container_within_a_container_belongs_to_the_outer_one)
{
	struct fixture *f = fixture_new();
	struct fixture_task init = init_task();
	struct fixture_task runc = fixture_container_task(1001, FIXTURE_INIT);
	struct fixture_task inner = fixture_container_task(1002, 1001);
	struct fixture_record r;

	fixture_run(f, &init);
	fixture_fork(f, &init, &runc);
	fixture_make_exec(&r, &runc, "/usr/bin/runc",
			  FIXTURE_ARGS("runc", "run", "--bundle", FIXTURE_BUNDLE, "evil"));
	fixture_feed(f, &r);
	fixture_mkdir(f, 5001, FIXTURE_CGROUP, FIXTURE_CGROUP_PATH "/evil");
	fixture_make_attach(&r, &runc, 5001, FIXTURE_CGROUP_PATH "/evil", &inner);
	fixture_feed(f, &r);
	inner.cgroup = 5001;
	inner.ns.mnt = 888;
	fixture_exec(f, &inner, "/bin/sh");
	cr_assert_eq(fixture_alive(f), 1);
	cr_assert_eq(find(f, 1002)->container, fixture_container(f));
	fixture_free(f);
}

Test(identity, cgroup_made_within_before_the_container_was_known_is_adopted)
{
	struct fixture *f = started();
	struct fixture_task init = init_task();

	feed_runtime(f, "/usr/bin/runc",
		     FIXTURE_ARGS("runc", "create", "--bundle", FIXTURE_BUNDLE, FIXTURE_ID));
	fixture_mkdir(f, FIXTURE_CGROUP, 1, FIXTURE_CGROUP_PATH);
	fixture_mkdir(f, 5001, FIXTURE_CGROUP, FIXTURE_CGROUP_PATH "/inner");
	fixture_mkdir(f, 5002, 1, FIXTURE_CGROUP_PATH "-other");
	fixture_attach(f, FIXTURE_CGROUP, FIXTURE_CGROUP_PATH, &init);
	cr_assert_eq(fixture_cgroup(f, 5001)->container, FIXTURE_CGROUP);
	cr_assert_null(fixture_cgroup(f, 5002));
	fixture_free(f);
}

/* It left the container's cgroup, and stays in its mount namespace. */
Test(identity, process_that_moves_itself_out_of_the_cgroup_stays_with_the_container)
{
	struct fixture *f = fixture_new();
	struct fixture_task init = init_task();

	fixture_run(f, &init);
	init.cgroup = 1;
	fixture_file(f, &init, FILE_CREATE, -EROFS, "/x");
	fixture_one(f, "readonly-write-attempt");
	fixture_free(f);
}

/* --- what is none, and what is made one by its root --- */

static const char *const units[] = { "/system.slice/ssh.service", "/user.slice",
				     "/dev-hugepages.mount", "/docker.socket", "/swap.swap" };

Test(identity, unit_of_systemd_is_never_a_containers)
{
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		struct fixture *f = started();
		struct fixture_task task = init_task();

		task.cgroup = OTHER;
		fixture_mkdir(f, OTHER, 1, units[i]);
		cr_assert_not(f->armed);
		cr_assert(fixture_cgroup(f, OTHER)->gone);
		feed_runtime(f, "/usr/bin/runc",
			     FIXTURE_ARGS("runc", "create", "--bundle", FIXTURE_BUNDLE, "x"));
		fixture_attach(f, OTHER, units[i], &task);
		fixture_exec(f, &task, "/bin/app");
		cr_assert_eq(fixture_alive(f), 0, "%s", units[i]);
		fixture_free(f);
	}
}

Test(identity, program_in_a_root_of_its_own_makes_its_new_cgroup_a_container_of_unknown_origin)
{
	struct fixture *f = started();
	struct fixture_task task = init_task();
	const Keelwatch__Container *c;

	task.cgroup = OTHER;
	fixture_mkdir(f, OTHER, 1, "/machine.slice/thing-abc.scope");
	fixture_exec(f, &task, "/bin/app");
	c = &fixture_container(f)->msg;
	cr_assert_eq(c->attribution, KEELWATCH__ATTRIBUTION__derived);
	cr_assert(c->partial);
	cr_assert_str_eq(c->id, "abc");
	cr_assert(c->read_only);
	cr_assert(fixture_container(f)->started);
	fixture_file(f, &task, FILE_CREATE, -EROFS, "/x");
	fixture_one(f, "readonly-write-attempt");
	fixture_free(f);
}

Test(identity, program_of_the_host_in_a_new_cgroup_makes_no_container)
{
	struct fixture *f = started();
	struct fixture_task task = fixture_host_task(50, 1);

	task.cgroup = OTHER;
	fixture_mkdir(f, OTHER, 1, "/user.slice/session-1.scope");
	fixture_exec(f, &task, "/bin/bash");
	cr_assert_eq(fixture_alive(f), 0);
	fixture_free(f);
}

/* "unshare -m" in a session: the root directory is still the host's. */
Test(identity, program_in_a_mount_namespace_of_its_own_with_the_hosts_root_makes_no_container)
{
	struct fixture *f = started();
	struct fixture_task task = fixture_host_task(50, 1);

	task.cgroup = OTHER;
	task.ns.mnt = 999;
	fixture_mkdir(f, OTHER, 1, "/user.slice/session-1.scope");
	fixture_exec(f, &task, "/bin/bash");
	cr_assert_eq(fixture_alive(f), 0);
	fixture_silent(f);
	fixture_free(f);
}

Test(identity, program_in_a_root_of_its_own_in_an_old_cgroup_makes_no_container)
{
	struct fixture *f = started();
	struct fixture_task task = init_task();

	task.cgroup = OTHER;
	fixture_exec(f, &task, "/bin/app");
	cr_assert_eq(fixture_alive(f), 0);
	fixture_free(f);
}

Test(identity, program_with_a_command_line_like_a_runtimes_but_no_bundle_makes_no_container)
{
	struct fixture *f = started();
	struct fixture_task task = fixture_host_task(50, FIXTURE_RUNTIME);

	feed_runtime(f, "/usr/bin/tool", FIXTURE_ARGS("tool", "run", "job"));
	fixture_mkdir(f, OTHER, 1, "/user.slice/run-1.scope");
	fixture_attach(f, OTHER, "/user.slice/run-1.scope", &task);
	cr_assert_eq(fixture_alive(f), 0);
	fixture_free(f);
}

/* Its exec was held back, as a flood of others was on: what it keeps of its containers says it. */
Test(identity, container_whose_runtime_was_not_seen_is_known_by_its_state)
{
	struct fixture *f = fixture_new();
	struct fixture_task runtime = fixture_host_task(FIXTURE_RUNTIME, 1);
	struct fixture_task init = fixture_container_task(FIXTURE_INIT, FIXTURE_RUNTIME);
	const Keelwatch__Container *c;

	fixture_put(f, "/run/runc/" FIXTURE_ID "/state.json",
		    "{\"init_process_pid\":1000,\"config\":{\"labels\":[\"bundle=" FIXTURE_BUNDLE
		    "\"]}}");
	fixture_start(f);
	fixture_mkdir(f, FIXTURE_CGROUP, 1, FIXTURE_CGROUP_PATH);
	fixture_fork(f, &runtime, &init);
	fixture_attach(f, FIXTURE_CGROUP, FIXTURE_CGROUP_PATH, &init);
	cr_assert_null(fixture_container(f));
	fixture_exec(f, &init, "/bin/app");
	cr_assert_not_null(fixture_container(f));
	c = &fixture_container(f)->msg;
	cr_expect_str_eq(c->id, FIXTURE_ID);
	cr_expect_str_eq(c->runtime, "docker");
	cr_expect_str_eq(c->oci_runtime, "runc");
	cr_expect_eq(c->attribution, KEELWATCH__ATTRIBUTION__cached);
	cr_expect_not(c->partial, "%s", c->partial_why);
	fixture_free(f);
}

/* --- its time --- */

Test(identity, calls_are_of_interest_from_the_new_cgroup_until_the_containers_end)
{
	struct fixture *f = started();
	struct fixture_task init = init_task();

	cr_assert_not(f->armed);
	fixture_mkdir(f, FIXTURE_CGROUP, 1, FIXTURE_CGROUP_PATH);
	cr_assert(f->armed, "before any task runs in it");
	fixture_create(f);
	fixture_exec(f, &init, "/bin/app");
	cr_assert(f->armed);
	cr_assert_eq(f->watched, 1);
	fixture_exit(f, &init);
	cr_assert_not(f->armed);
	cr_assert_eq(f->watched, 0);
	cr_assert_eq(f->arms, 2);
	fixture_free(f);
}

Test(identity, calls_are_of_interest_until_the_last_container_ends)
{
	struct fixture *f = fixture_new();
	struct fixture_task init = init_task(), other = fixture_container_task(3000, 1);

	fixture_run(f, &init);
	other.cgroup = OTHER;
	other.ns.mnt = 444;
	fixture_mkdir(f, OTHER, 1, "/b.scope");
	fixture_exec(f, &other, "/bin/b");
	cr_assert_eq(fixture_alive(f), 2);
	fixture_exit(f, &init);
	cr_assert(f->armed);
	fixture_exit(f, &other);
	cr_assert_not(f->armed);
	fixture_free(f);
}

Test(identity, new_cgroup_that_becomes_nobodys_is_let_go_after_a_while)
{
	struct fixture *f = started();
	struct fixture_task host = fixture_host_task(50, 1);

	fixture_mkdir(f, OTHER, 1, "/user.slice/session-1.scope");
	fixture_wait(f, 55 * NS_PER_S);
	fixture_exec(f, &host, "/bin/ls");
	cr_assert(f->armed);
	fixture_wait(f, 11 * NS_PER_S);
	fixture_exec(f, &host, "/bin/ls");
	cr_assert_not(f->armed);
	cr_assert(fixture_cgroup(f, OTHER)->gone);
	fixture_free(f);
}

Test(identity, new_cgroup_that_is_removed_is_let_go_at_once)
{
	struct fixture *f = started();

	fixture_mkdir(f, OTHER, 1, "/a.scope");
	fixture_rmdir(f, OTHER, "/a.scope");
	cr_assert_not(f->armed);
	fixture_free(f);
}

Test(identity, runtime_may_take_longer_than_a_candidate_lasts)
{
	struct fixture *f = started();
	struct fixture_task init = init_task();

	fixture_mkdir(f, FIXTURE_CGROUP, 1, FIXTURE_CGROUP_PATH);
	fixture_wait(f, 120 * NS_PER_S);
	feed_runtime(f, "/usr/bin/runc",
		     FIXTURE_ARGS("runc", "create", "--bundle", FIXTURE_BUNDLE, FIXTURE_ID));
	cr_assert_not(f->armed);
	fixture_attach(f, FIXTURE_CGROUP, FIXTURE_CGROUP_PATH, &init);
	cr_assert(f->armed);
	cr_assert_eq(fixture_alive(f), 1);
	fixture_free(f);
}

Test(identity, container_ends_with_its_cgroup)
{
	struct fixture *f = fixture_new();
	struct fixture_task init = init_task();

	fixture_run(f, &init);
	fixture_rmdir(f, FIXTURE_CGROUP, FIXTURE_CGROUP_PATH);
	cr_assert_eq(fixture_alive(f), 0);
	cr_assert_not(f->armed);
	cr_assert_eq(f->watched, 0);
	cr_assert_eq(pipeline_totals(f->pipeline).containers, 1);
	fixture_free(f);
}

Test(identity, container_that_never_ran_a_program_ends_with_its_cgroup)
{
	struct fixture *f = fixture_new();

	fixture_create(f);
	fixture_rmdir(f, FIXTURE_CGROUP, FIXTURE_CGROUP_PATH);
	cr_assert_eq(fixture_alive(f), 0);
	cr_assert_not(f->armed);
	fixture_free(f);
}

Test(identity, of_a_container_that_ended_is_still_given_to_its_last_processes)
{
	struct fixture *f = fixture_new();
	struct fixture_task init = init_task();
	struct fixture_task child = fixture_container_task(1001, FIXTURE_INIT);

	fixture_run(f, &init);
	fixture_fork(f, &init, &child);
	fixture_exit(f, &init);
	fixture_rmdir(f, FIXTURE_CGROUP, FIXTURE_CGROUP_PATH);
	fixture_file(f, &child, FILE_CREATE, -EROFS, "/x");
	cr_assert_geq(f->count, 1);
	cr_assert_str_eq(f->findings[0]->container->name, "web");
	fixture_free(f);
}

/* Cgroups are remembered up to a bound; a container can make as many as it likes within its own. */
Test(identity, container_cannot_be_pushed_out_by_a_flood_of_cgroups)
{
	struct fixture *f = fixture_new();
	struct fixture_task init = init_task();

	fixture_run(f, &init);
	for (uint64_t i = 0; i < 17000; i++)
		fixture_mkdir(f, 100000 + i, FIXTURE_CGROUP, FIXTURE_CGROUP_PATH "/x");
	cr_assert_eq(fixture_alive(f), 1);
	cr_assert(f->armed);
	fixture_file(f, &init, FILE_CREATE, -EROFS, "/x");
	fixture_one(f, "readonly-write-attempt");
	fixture_free(f);
}

/* --- those that run at the start --- */

static void put_shim(struct fixture *f, uint32_t pid, const char *cwd)
{
	struct fixture_task shim = fixture_host_task(pid, 1);

	fixture_put_process(f, &shim, "/usr/bin/containerd-shim-runc-v2", cwd,
			    "/system.slice/containerd.service",
			    FIXTURE_ARGS("containerd-shim-runc-v2", "-namespace", "moby", "-id",
					 FIXTURE_ID));
}

static void put_init(struct fixture *f, uint32_t parent, const char *path)
{
	struct fixture_task init = fixture_container_task(FIXTURE_INIT, parent);

	fixture_put_process(f, &init, "/bin/app", "/", path, FIXTURE_ARGS("app", "-x"));
}

static void expect_found(struct fixture *f)
{
	const struct container *c;

	fixture_start(f);
	c = fixture_container(f);
	cr_assert_not_null(c);
	cr_assert_str_eq(c->msg.id, FIXTURE_ID);
	cr_assert_str_eq(c->msg.name, "web");
	cr_assert_str_eq(c->msg.image, "nginx:1.25");
	cr_assert_str_eq(c->msg.runtime, "docker");
	cr_assert_eq(c->msg.attribution, KEELWATCH__ATTRIBUTION__cached);
	cr_assert_eq(c->msg.pid, FIXTURE_INIT);
	cr_assert(c->msg.read_only);
	cr_assert(c->found && c->started);
	cr_assert(f->armed);
	cr_assert_eq(f->watched, 1);
	cr_assert_eq(fixture_cgroup(f, FIXTURE_CGROUP)->flags, CGROUP_FILES | CGROUP_STARTED);
	fixture_silent(f);
}

Test(start, finds_a_running_container_by_its_shims_directory)
{
	struct fixture *f = fixture_new();

	put_shim(f, 800, FIXTURE_BUNDLE);
	put_init(f, 800, FIXTURE_CGROUP_PATH);
	expect_found(f);
	cr_assert_str_eq(find(f, FIXTURE_INIT)->image->exe, "/bin/app");
	cr_assert_str_eq(find(f, FIXTURE_INIT)->image->argv[1], "-x");
	cr_assert_eq(find(f, FIXTURE_INIT)->parent.tgid, 800);
	fixture_free(f);
}

/* Process numbers wrap around: a child's may be lower than its parent's. */
Test(start, finds_a_running_container_whose_shim_has_a_higher_number)
{
	struct fixture *f = fixture_new();

	put_shim(f, 30000, FIXTURE_BUNDLE);
	put_init(f, 30000, FIXTURE_CGROUP_PATH);
	expect_found(f);
	fixture_free(f);
}

/* The shim serves a pod: its directory is the sandbox's, the container's lies beside it. */
Test(start, finds_a_running_container_beside_its_shims_directory)
{
	struct fixture *f = fixture_new();

	fixture_put(f, "/run/containerd/io.containerd.runtime.v2.task/moby/sandbox/config.json",
		    "{}");
	put_shim(f, 800, "/run/containerd/io.containerd.runtime.v2.task/moby/sandbox");
	put_init(f, 800, FIXTURE_CGROUP_PATH);
	expect_found(f);
	fixture_free(f);
}

Test(start, finds_a_running_container_by_conmons_arguments)
{
	static const char dir[] = "/var/lib/containers/storage/overlay-containers";
	struct fixture *f = fixture_new();
	struct fixture_task conmon = fixture_host_task(800, 1);
	char bundle[256], config[300];

	snprintf(bundle, sizeof(bundle), "%s/%s/userdata", dir, FIXTURE_ID);
	snprintf(config, sizeof(config), "%s/config.json", bundle);
	fixture_put(f, config,
		    "{\"root\":{\"path\":\"/m\"},\"process\":{\"user\":{\"uid\":0}},\"linux\":{},"
		    "\"annotations\":{\"io.container.manager\":\"libpod\"}}");
	fixture_put(f, "/var/lib/containers/storage/overlay-containers/containers.json",
		    "[{\"id\":\"" FIXTURE_ID "\",\"names\":[\"pod\"],"
		    "\"metadata\":\"{\\\"image-name\\\":\\\"busybox\\\"}\"}]");
	fixture_put_process(f, &conmon, "/usr/bin/conmon", "/", "/machine.slice/conmon.scope",
			    FIXTURE_ARGS("/usr/bin/conmon", "--api-version", "1", "-c", FIXTURE_ID,
					 "-u", FIXTURE_ID, "-r", "/usr/bin/crun", "-b", bundle));
	put_init(f, 800, "/machine.slice/libpod-" FIXTURE_ID ".scope");
	fixture_start(f);
	cr_assert_str_eq(fixture_container(f)->msg.id, FIXTURE_ID);
	cr_assert_str_eq(fixture_container(f)->msg.name, "pod");
	cr_assert_str_eq(fixture_container(f)->msg.image, "busybox");
	cr_assert_str_eq(fixture_container(f)->msg.runtime, "podman");
	cr_assert_eq(fixture_container(f)->msg.attribution, KEELWATCH__ATTRIBUTION__cached);
	fixture_free(f);
}

static void expect_by_state(const char *path, const char *state)
{
	struct fixture *f = fixture_new();

	fixture_put(f, path, state);
	fixture_put(f, "/run/runc/junk/state.json", "{");
	fixture_put(f, "/srv/mine/config.json",
		    "{\"root\":{\"path\":\"r\"},\"process\":{\"user\":{\"uid\":0}},\"linux\":{}}");
	put_init(f, 1, "/mine");
	fixture_start(f);
	cr_assert_not_null(fixture_container(f));
	cr_assert_str_eq(fixture_container(f)->msg.id, "mine");
	cr_assert_eq(fixture_container(f)->msg.attribution, KEELWATCH__ATTRIBUTION__cached);
	fixture_free(f);
}

Test(start, finds_a_running_container_by_its_runtimes_state)
{
	expect_by_state("/run/runc/mine/state.json",
			"{\"id\":\"mine\",\"init_process_pid\":1000,"
			"\"config\":{\"labels\":[\"x=y\",\"bundle=/srv/mine\"]}}");
	expect_by_state("/run/crun/mine/status", "{\"pid\":1000,\"bundle\":\"/srv/mine\"}");
}

Test(start, finds_a_running_container_of_unknown_origin)
{
	struct fixture *f = fixture_new();

	put_init(f, 1, "/machine.slice/nspawn-box.scope");
	fixture_start(f);
	cr_assert_eq(fixture_container(f)->msg.attribution, KEELWATCH__ATTRIBUTION__derived);
	cr_assert(fixture_container(f)->msg.partial);
	fixture_free(f);
}

Test(start, takes_no_service_with_a_root_of_its_own_for_a_container)
{
	struct fixture *f = fixture_new();

	put_init(f, 1, "/system.slice/named.service");
	fixture_start(f);
	cr_assert_eq(fixture_alive(f), 0);
	cr_assert_not(f->armed);
	fixture_free(f);
}

Test(start, knows_all_processes_of_a_running_container)
{
	struct fixture *f = fixture_new();
	struct fixture_task child = fixture_container_task(1001, FIXTURE_INIT);

	put_shim(f, 800, FIXTURE_BUNDLE);
	put_init(f, 800, FIXTURE_CGROUP_PATH);
	fixture_put_process(f, &child, "/bin/worker", "/", FIXTURE_CGROUP_PATH,
			    FIXTURE_ARGS("worker"));
	expect_found(f);
	cr_assert_eq(find(f, 1001)->container, fixture_container(f));
	cr_assert(find(f, 1001)->entered);
	fixture_file(f, &child, FILE_CREATE, -EROFS, "/x");
	cr_assert_str_eq(fixture_one(f, "readonly-write-attempt")->process->exe, "/bin/worker");
	fixture_free(f);
}

/* Process numbers wrap around: what is oldest is first, not what is lowest. */
Test(start, knows_the_first_process_of_a_running_container_whose_child_has_a_lower_number)
{
	struct fixture *f = fixture_new();
	struct fixture_task child = fixture_container_task(50, FIXTURE_INIT);

	child.start_ns = fixture_start_ns(FIXTURE_INIT) + 1000000000;
	put_shim(f, 800, FIXTURE_BUNDLE);
	put_init(f, 800, FIXTURE_CGROUP_PATH);
	fixture_put_process(f, &child, "/bin/worker", "/", FIXTURE_CGROUP_PATH,
			    FIXTURE_ARGS("worker"));
	expect_found(f);
	fixture_exit(f, &child);
	cr_assert_eq(fixture_alive(f), 1);
	fixture_free(f);
}

Test(start, knows_the_nested_cgroups_of_a_running_container_and_has_them_watched)
{
	struct fixture *f = fixture_new();
	struct fixture_task child = fixture_container_task(1001, FIXTURE_INIT);

	put_shim(f, 800, FIXTURE_BUNDLE);
	put_init(f, 800, FIXTURE_CGROUP_PATH);
	child.cgroup = 5001;
	fixture_put_process(f, &child, "/bin/worker", "/", FIXTURE_CGROUP_PATH "/inner",
			    FIXTURE_ARGS("worker"));
	expect_found(f);
	cr_assert_eq(find(f, 1001)->container, fixture_container(f));
	cr_assert_not_null(fixture_cgroup(f, 5001), "the kernel half was not told");
	cr_assert_eq(fixture_cgroup(f, 5001)->container, FIXTURE_CGROUP);
	fixture_free(f);
}

/* From /proc its start is known to the tick, from its records exactly. */
Test(start, found_container_ends_with_its_first_process)
{
	struct fixture *f = fixture_new();
	struct fixture_task init = fixture_container_task(FIXTURE_INIT, 800);

	put_shim(f, 800, FIXTURE_BUNDLE);
	put_init(f, 800, FIXTURE_CGROUP_PATH);
	expect_found(f);
	fixture_exit(f, &init);
	cr_assert_eq(fixture_alive(f), 0);
	cr_assert_not(f->armed);
	fixture_free(f);
}

Test(start, reads_the_hierarchy_that_names_containers_on_version_1)
{
	const struct fact_stat st = { .ino = FIXTURE_CGROUP, .mode = 040755 };
	struct fixture *f = fixture_new();

	put_shim(f, 800, FIXTURE_BUNDLE);
	put_init(f, 800, "/elsewhere");
	fixture_put(f, "/proc/1000/cgroup",
		    "12:cpu,cpuacct:/x\n5:pids:/docker/" FIXTURE_ID "\n1:name=systemd:/y\n0::/z\n");
	fixture_put_stat(f, "/sys/fs/cgroup/pids/docker/" FIXTURE_ID, &st);
	f->v1_root = "/sys/fs/cgroup/pids";
	expect_found(f);
	cr_assert_str_eq(fixture_container(f)->msg.cgroup, "/docker/" FIXTURE_ID);
	fixture_free(f);
}

Test(start, survives_processes_that_vanish_while_it_looks)
{
	static const char *const parts[] = { "stat",   "status",  "cgroup",   "cmdline",
					     "comm",   "exe",	  "cwd",      "root",
					     "ns/mnt", "ns/user", "mountinfo" };

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		struct fixture *f = fixture_new();
		char path[64];

		put_shim(f, 800, FIXTURE_BUNDLE);
		put_init(f, 800, FIXTURE_CGROUP_PATH);
		snprintf(path, sizeof(path), "/proc/1000/%s", parts[i]);
		fixture_remove(f, path);
		fixture_start(f);
		cr_assert_leq(fixture_alive(f), 1);
		fixture_free(f);
	}
}

Test(start, survives_a_proc_full_of_nonsense)
{
	static const char *const texts[] = { "",    ")", "1 (x) S", "1 (x) S x y z", "\n\n\n",
					     "0::", ":", "::::",    "Uid:",	     "\xff\xff" };
	static const char *const parts[] = { "stat",	"status", "cgroup",
					     "cmdline", "comm",	  "mountinfo" };

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		for (size_t k = 0; k < ARRAY_SIZE(texts); k++) {
			struct fixture *f = fixture_new();
			char path[64];

			put_init(f, 1, FIXTURE_CGROUP_PATH);
			snprintf(path, sizeof(path), "/proc/1000/%s", parts[i]);
			fixture_put(f, path, texts[k]);
			fixture_start(f);
			cr_assert_leq(fixture_alive(f), 1);
			fixture_free(f);
		}
}
