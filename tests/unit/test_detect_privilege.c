/* SPDX-License-Identifier: Apache-2.0 */
/* Powers: those a container starts with, those brought in from outside, and the way out. */
#include <criterion/criterion.h>
#include <linux/capability.h>
#include <string.h>

#include "base/util.h"
#include "fixture.h"

#define CAP_BIT(cap) (1ULL << (cap))
#define HOST_MNT FIXTURE_HOST_NS
#define HOST_PID (FIXTURE_HOST_NS + 1)
#define HOST_NET (FIXTURE_HOST_NS + 2)

/* No covers over parts of /proc. */
static const char unmasked_mounts[] = "100 7 0:40 / / rw - overlay overlay rw\n"
				      "101 100 0:50 / /proc rw - proc proc rw\n"
				      "103 100 0:51 / /dev rw - tmpfs tmpfs rw\n";

static struct fixture_task init_task(void)
{
	return fixture_container_task(FIXTURE_INIT, FIXTURE_RUNTIME);
}

/* --- at the start --- */

/* As --privileged starts it, with what the test changes. */
static struct fixture_task privileged_task(void)
{
	struct fixture_task t = init_task();

	t.cred = fixture_cred(0, FIXTURE_ALL_CAPS);
	t.seccomp = 0;
	t.flags &= ~EVF_ROOT_MNT_RO;
	return t;
}

static struct fixture *start(const struct fixture_task *task, const char *mounts)
{
	struct fixture *f = fixture_new();

	if (mounts)
		fixture_put(f, "/proc/1000/mountinfo", mounts);
	fixture_create(f);
	fixture_exec(f, task, "/bin/app");
	return f;
}

Test(privileged, container_is_one_with_all_capabilities_no_seccomp_and_nothing_masked)
{
	struct fixture_task t = privileged_task();
	struct fixture *f = start(&t, unmasked_mounts);
	const Keelwatch__Finding *found = fixture_one(f, "privileged-container");

	cr_assert_eq(f->count, 1, "no added-capability beside it");
	cr_assert_eq(found->severity, KEELWATCH__SEVERITY__critical);
	cr_assert_str_eq(found->technique, "T1610");
	cr_assert_str_eq(fixture_evidence(found, "seccomp"), "off");
	cr_assert_str_eq(fixture_evidence(found, "masked_paths"), "no");
	cr_assert_str_eq(fixture_evidence(found, "host_namespaces"), "");
	cr_assert(found->container->privileged);
	cr_assert_str_eq(found->process->exe, "/bin/app");
	fixture_free(f);
}

Test(privileged, container_in_the_hosts_pid_namespace_is_one_and_says_so)
{
	struct fixture_task t = privileged_task();
	struct fixture *f;

	t.ns.pid = t.ns.pid_for_children = HOST_PID;
	f = start(&t, unmasked_mounts);
	cr_assert_str_eq(
		fixture_evidence(fixture_one(f, "privileged-container"), "host_namespaces"), "pid");
	cr_assert_eq(f->count, 1, "to be in a namespace it was given is no escape");
	fixture_free(f);
}

Test(privileged, container_that_starts_as_another_user_has_its_powers_in_reach)
{
	struct fixture_task t = privileged_task();
	struct fixture *f;

	t.cred = fixture_cred(1000, 0);
	t.cred.bounding = FIXTURE_ALL_CAPS;
	f = start(&t, unmasked_mounts);
	fixture_one(f, "privileged-container");
	fixture_free(f);
}

Test(privileged, container_with_seccomp_is_none_but_has_added_capabilities)
{
	struct fixture_task t = privileged_task();
	struct fixture *f;

	t.seccomp = 2;
	f = start(&t, unmasked_mounts);
	cr_assert_eq(f->count, 1);
	cr_assert_str_eq(fixture_evidence(fixture_one(f, "added-capability"), "seccomp"), "filter");
	fixture_free(f);
}

Test(privileged, container_with_masked_paths_is_none_but_has_added_capabilities)
{
	struct fixture_task t = privileged_task();
	struct fixture *f = start(&t, NULL);

	cr_assert_eq(f->count, 1);
	cr_assert_str_eq(fixture_evidence(fixture_one(f, "added-capability"), "masked_paths"),
			 "yes");
	fixture_free(f);
}

Test(privileged, container_in_a_user_namespace_of_its_own_is_none)
{
	struct fixture_task t = privileged_task();
	struct fixture *f;

	t.ns.user = 999;
	f = start(&t, unmasked_mounts);
	fixture_silent(f);
	fixture_free(f);
}

Test(privileged, container_with_one_capability_less_is_none)
{
	struct fixture_task t = privileged_task();
	struct fixture *f;

	t.cred = fixture_cred(0, FIXTURE_ALL_CAPS & ~CAP_BIT(CAP_SYS_BOOT));
	f = start(&t, unmasked_mounts);
	cr_assert_eq(fixture_count(f, "privileged-container"), 0);
	fixture_one(f, "added-capability");
	fixture_free(f);
}

/* Its table was gone: what was declared says that paths are masked. */
Test(privileged, container_whose_mounts_are_gone_is_judged_by_its_specification)
{
	struct fixture_task t = privileged_task();
	struct fixture *f = fixture_new();

	fixture_remove(f, "/proc/1000/mountinfo");
	fixture_create(f);
	fixture_exec(f, &t, "/bin/app");
	fixture_one(f, "added-capability");
	cr_assert_eq(fixture_count(f, "privileged-container"), 0);
	fixture_free(f);
}

static void expect_added(int cap, Keelwatch__Severity severity)
{
	struct fixture_task t = init_task();
	const Keelwatch__Finding *found;
	struct fixture *f;

	t.cred = fixture_cred(0, FIXTURE_DEFAULT_CAPS | CAP_BIT(cap));
	f = start(&t, NULL);
	found = fixture_one(f, "added-capability");
	cr_assert_eq(found->severity, severity, "capability %d: %d", cap, found->severity);
	fixture_free(f);
}

Test(capability, beyond_the_default_is_graded_by_what_it_gives)
{
	expect_added(CAP_SYS_ADMIN, KEELWATCH__SEVERITY__error);
	expect_added(CAP_SYS_MODULE, KEELWATCH__SEVERITY__error);
	expect_added(CAP_DAC_READ_SEARCH, KEELWATCH__SEVERITY__error);
	expect_added(CAP_NET_ADMIN, KEELWATCH__SEVERITY__warning);
	expect_added(CAP_SYS_TIME, KEELWATCH__SEVERITY__warning);
	expect_added(CAP_IPC_LOCK, KEELWATCH__SEVERITY__notice);
	expect_added(CAP_WAKE_ALARM, KEELWATCH__SEVERITY__notice);
}

Test(capability, beyond_the_default_is_named_each)
{
	struct fixture_task t = init_task();
	const Keelwatch__Finding *found;
	struct fixture *f;

	t.cred = fixture_cred(0, FIXTURE_DEFAULT_CAPS | CAP_BIT(CAP_NET_ADMIN) |
					 CAP_BIT(CAP_SYS_PTRACE));
	f = start(&t, NULL);
	found = fixture_one(f, "added-capability");
	cr_assert_eq(f->count, 1);
	cr_assert_eq(found->severity, KEELWATCH__SEVERITY__error, "the worst of them counts");
	cr_assert_not_null(strstr(found->message, "CAP_NET_ADMIN, CAP_SYS_PTRACE"), "%s",
			   found->message);
	fixture_free(f);
}

Test(capability, set_of_the_runtimes_default_raises_nothing)
{
	struct fixture_task t = init_task();
	struct fixture *f = start(&t, NULL);

	fixture_silent(f);
	t.cred = fixture_cred(1000, 0);
	fixture_free(f);
	f = start(&t, NULL);
	fixture_silent(f);
	fixture_free(f);
}

Test(capability, beyond_the_default_in_a_user_namespace_of_its_own_raises_nothing)
{
	struct fixture_task t = init_task();
	struct fixture *f;

	t.cred = fixture_cred(0, FIXTURE_DEFAULT_CAPS | CAP_BIT(CAP_SYS_ADMIN));
	t.ns.user = 999;
	f = start(&t, NULL);
	fixture_silent(f);
	fixture_free(f);
}

/* --- sessions --- */

/* A task that "docker exec" puts into the running container. */
static struct fixture_task session_task(struct fixture *f, uint32_t tgid)
{
	struct fixture_task t = fixture_container_task(tgid, FIXTURE_RUNTIME);

	fixture_attach(f, FIXTURE_CGROUP, FIXTURE_CGROUP_PATH, &t);
	return t;
}

Test(session, with_what_the_first_process_has_raises_nothing)
{
	struct fixture *f = fixture_new();
	struct fixture_task init = init_task(), t;

	fixture_run(f, &init);
	t = session_task(f, 1500);
	fixture_exec(f, &t, "/bin/sh");
	t.cred = fixture_cred(1000, 0);
	fixture_cred_change(f, &t, CRED_SETUID);
	fixture_silent(f);
	fixture_free(f);
}

Test(session, with_more_capabilities_than_the_first_process_is_found)
{
	struct fixture *f = fixture_new();
	struct fixture_task init = init_task(), t;
	const Keelwatch__Finding *found;

	fixture_run(f, &init);
	t = session_task(f, 1500);
	t.cred = fixture_cred(0, FIXTURE_ALL_CAPS);
	fixture_exec(f, &t, "/bin/sh");
	found = fixture_one(f, "privileged-exec-session");
	cr_assert_eq(f->count, 1, "that it has them is no gain beside it");
	cr_assert_eq(found->severity, KEELWATCH__SEVERITY__error);
	cr_assert_str_eq(found->technique, "T1609");
	cr_assert_not_null(strstr(fixture_evidence(found, "more"), "CAP_SYS_ADMIN"));
	cr_assert_str_eq(found->process->exe, "/bin/sh");
	fixture_free(f);
}

Test(session, that_is_unknown_until_it_executes_is_found_where_records_are_lost_too)
{
	struct fixture *f = fixture_new();
	struct fixture_task init = init_task(), t = fixture_container_task(1500, 1);

	fixture_run(f, &init);
	t.cred = fixture_cred(0, FIXTURE_ALL_CAPS);
	t.lost = 1;
	fixture_cred_change(f, &t, CRED_SETUID);
	fixture_exec(f, &t, "/bin/sh");
	fixture_one(f, "privileged-exec-session");
	fixture_free(f);
}

Test(session, as_root_where_the_first_process_is_not_is_found)
{
	struct fixture *f = fixture_new();
	struct fixture_task init = init_task(), t;
	const Keelwatch__Finding *found;

	init.cred = fixture_cred(1000, 0);
	fixture_run(f, &init);
	t = session_task(f, 1500);
	fixture_exec(f, &t, "/bin/sh");
	found = fixture_one(f, "privileged-exec-session");
	cr_assert_eq(f->count, 1);
	cr_assert_eq(found->severity, KEELWATCH__SEVERITY__warning);
	cr_assert_str_eq(fixture_evidence(found, "euid"), "0, first process 1000");
	fixture_free(f);
}

Test(session, is_judged_once_and_what_it_executes_later_is_its_own)
{
	struct fixture *f = fixture_new();
	struct fixture_task init = init_task(), t;

	init.cred = fixture_cred(1000, 0);
	fixture_run(f, &init);
	t = session_task(f, 1500);
	fixture_exec(f, &t, "/bin/sh");
	fixture_exec(f, &t, "/bin/bash");
	cr_assert_eq(f->count, 1);
	fixture_free(f);
}

/* nsenter into the mount namespace alone: it stays in its own cgroup. */
Test(session, that_joins_the_mount_namespace_without_the_cgroup_is_found)
{
	struct fixture *f = fixture_new();
	struct fixture_task init = init_task();
	struct fixture_task t = fixture_host_task(1500, 1);

	fixture_run(f, &init);
	t.ns.mnt = FIXTURE_CONTAINER_NS;
	t.root_dev = FIXTURE_ROOT_DEV;
	t.root_ino = 300;
	fixture_exec(f, &t, "/bin/sh");
	cr_assert_str_eq(fixture_one(f, "privileged-exec-session")->container->id, FIXTURE_ID);
	fixture_free(f);
}

/* --- the way out --- */

static struct fixture *running(struct fixture_task *init)
{
	struct fixture *f = fixture_new();

	fixture_run(f, init);
	return f;
}

Test(escape, by_setns_into_the_hosts_mount_namespace_is_found)
{
	struct fixture_task init = init_task();
	struct fixture *f = running(&init);
	const Keelwatch__Finding *found;
	struct fixture_record r;

	init.ns.mnt = HOST_MNT;
	fixture_make_ns(&r, &init, NS_SETNS, HOST_MNT);
	fixture_feed(f, &r);
	found = fixture_one(f, "namespace-escape");
	cr_assert_eq(found->severity, KEELWATCH__SEVERITY__critical);
	cr_assert_str_eq(found->technique, "T1611");
	cr_assert_str_eq(fixture_evidence(found, "seen_at"), "setns");
	cr_assert_str_eq(fixture_evidence(found, "namespaces"), "mnt");
	cr_assert_eq(found->namespaces->n_host, 1);
	fixture_free(f);
}

/* The caller's own pid namespace never changes; it holds for the children that it makes. */
Test(escape, by_setns_into_the_hosts_pid_namespace_is_found_at_the_call)
{
	struct fixture_task init = init_task();
	struct fixture *f = running(&init);
	struct fixture_record r;

	init.ns.pid_for_children = HOST_PID;
	fixture_make_ns(&r, &init, NS_SETNS, HOST_PID);
	fixture_feed(f, &r);
	cr_assert_str_eq(fixture_evidence(fixture_one(f, "namespace-escape"), "namespaces"), "pid");
	fixture_free(f);
}

Test(escape, by_opening_a_namespace_of_the_host_is_found)
{
	struct fixture_task init = init_task();
	struct fixture *f = running(&init);
	const Keelwatch__Finding *found;
	struct fixture_record r;

	fixture_make_ns(&r, &init, NS_OPEN, HOST_NET);
	fixture_feed(f, &r);
	found = fixture_one(f, "namespace-escape");
	cr_assert_str_eq(fixture_evidence(found, "seen_at"), "open");
	cr_assert_str_eq(fixture_evidence(found, "namespaces"), "net");
	cr_assert_not_null(strstr(found->message, "opened"));
	fixture_free(f);
}

Test(escape, that_a_program_is_found_in_is_one_whatever_brought_it_there)
{
	struct fixture_task init = init_task();
	struct fixture *f = running(&init);
	struct fixture_task child = fixture_container_task(1001, FIXTURE_INIT);

	fixture_fork(f, &init, &child);
	child.ns.pid = HOST_PID;
	child.ns.net = HOST_NET;
	fixture_exec(f, &child, "/bin/sh");
	cr_assert_str_eq(fixture_evidence(fixture_one(f, "namespace-escape"), "namespaces"),
			 "pid, net");
	fixture_free(f);
}

Test(escape, seen_at_a_write_is_one)
{
	struct fixture_task init = init_task();
	struct fixture *f = running(&init);

	init.ns.mnt = HOST_MNT;
	fixture_file(f, &init, FILE_OPEN, 0, "/tmp/x");
	cr_assert_str_eq(fixture_evidence(fixture_one(f, "namespace-escape"), "seen_at"), "file");
	fixture_free(f);
}

Test(escape, is_none_where_the_container_was_given_the_namespace)
{
	struct fixture_task init = init_task(), child;
	struct fixture_record r;
	struct fixture *f;

	init.ns.pid = init.ns.pid_for_children = HOST_PID;
	init.ns.net = HOST_NET;
	f = running(&init);
	child = init;
	child.tgid = 1001;
	fixture_fork(f, &init, &child);
	fixture_exec(f, &child, "/bin/sh");
	fixture_make_ns(&r, &child, NS_OPEN, HOST_PID);
	fixture_feed(f, &r);
	fixture_make_ns(&r, &child, NS_OPEN, HOST_NET);
	fixture_feed(f, &r);
	fixture_silent(f);
	fixture_make_ns(&r, &child, NS_OPEN, HOST_MNT);
	fixture_feed(f, &r);
	fixture_one(f, "namespace-escape");
	fixture_free(f);
}

Test(escape, is_none_where_a_process_makes_or_joins_namespaces_that_are_not_the_hosts)
{
	struct fixture_task init = init_task();
	struct fixture *f = running(&init);
	struct fixture_record r;

	fixture_make_ns(&r, &init, NS_OPEN, FIXTURE_CONTAINER_NS);
	fixture_feed(f, &r);
	init.ns.net = 555;
	fixture_make_ns(&r, &init, NS_UNSHARE, 0);
	fixture_feed(f, &r);
	fixture_silent(f);
	fixture_free(f);
}

Test(escape, is_none_while_the_runtime_prepares_a_session)
{
	struct fixture_task init = init_task();
	struct fixture *f = running(&init);
	struct fixture_task t = session_task(f, 1500);
	struct fixture_task outside = t;
	struct fixture_record r;

	outside.ns = fixture_host_task(1, 0).ns;
	outside.root_dev = fixture_host_task(1, 0).root_dev;
	outside.root_ino = fixture_host_task(1, 0).root_ino;
	fixture_exec(f, &outside, "/proc/self/exe");
	fixture_make_ns(&r, &outside, NS_OPEN, FIXTURE_CONTAINER_NS);
	fixture_feed(f, &r);
	fixture_make_ns(&r, &t, NS_SETNS, FIXTURE_CONTAINER_NS);
	fixture_feed(f, &r);
	fixture_exec(f, &t, "/bin/sh");
	fixture_silent(f);
	fixture_free(f);
}

Test(escape, of_the_same_kind_by_the_same_program_is_said_once)
{
	struct fixture_task init = init_task();
	struct fixture *f = running(&init);

	init.ns.mnt = HOST_MNT;
	for (int i = 0; i < 10; i++)
		fixture_file(f, &init, FILE_OPEN, 0, "/tmp/x");
	fixture_one(f, "namespace-escape");
	fixture_free(f);
}
