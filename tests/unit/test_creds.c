/* SPDX-License-Identifier: Apache-2.0 */
/* Gains of privileges: which have an explanation by the kernel's rules, which have none. */
#include <criterion/criterion.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/stat.h>

#include "base/util.h"
#include "fixture.h"

#define CAP_BIT(cap) (1ULL << (cap))
#define CHILD_USER_NS 999

/* A container whose init forked a process of uid 1000 without capabilities, which runs /bin/user. */
struct scene {
	struct fixture *f;
	struct fixture_task init;
	struct fixture_task user;
};

static struct scene begin(void)
{
	struct scene s = {
		.f = fixture_new(),
		.init = fixture_container_task(FIXTURE_INIT, FIXTURE_RUNTIME),
		.user = fixture_container_task(1001, FIXTURE_INIT),
	};
	struct fixture_task dropped = s.user;

	fixture_run(s.f, &s.init);
	fixture_fork(s.f, &s.init, &s.user);
	dropped.cred = fixture_cred(1000, 0);
	fixture_cred_change(s.f, &dropped, CRED_SETUID);
	s.user = dropped;
	fixture_exec(s.f, &s.user, "/bin/user");
	fixture_silent(s.f);
	return s;
}

/* As the scene, with credentials of the test's choice instead. */
static struct scene begin_with(struct ev_cred cred)
{
	struct scene s = begin();

	s.user = fixture_container_task(1002, FIXTURE_INIT);
	fixture_fork(s.f, &s.init, &s.user);
	s.user.cred = cred;
	fixture_cred_change(s.f, &s.user, CRED_SETUID);
	fixture_forget(s.f);
	return s;
}

static void expect(const struct scene *s, const char *rule, const char *explanation,
		   Keelwatch__Severity severity)
{
	const Keelwatch__Finding *found = fixture_one(s->f, rule);

	cr_assert_eq(s->f->count, 1);
	cr_assert_str_eq(fixture_evidence(found, "explanation"), explanation);
	cr_assert_not_null(found->credentials);
	cr_assert_str_eq(found->credentials->explanation, explanation);
	cr_assert_eq(found->severity, severity, "severity %d", found->severity);
	cr_assert_str_eq(found->container->id, FIXTURE_ID);
}

static void expect_gained(const struct scene *s, const char *explanation,
			  Keelwatch__Severity severity)
{
	expect(s, "privilege-gained", explanation, severity);
	fixture_free(s->f);
}

static void expect_unexplained(const struct scene *s)
{
	expect(s, "privilege-unexplained", "none", KEELWATCH__SEVERITY__critical);
	fixture_free(s->f);
}

/* --- files --- */

/* The user executes a file; what it then has is uid 1000 with euid 0 and the default set. */
static void make_setuid_exec(struct scene *s, struct fixture_record *r)
{
	s->user.cred = fixture_cred(0, FIXTURE_DEFAULT_CAPS);
	s->user.cred.uid = 1000;
	fixture_make_exec(r, &s->user, "/usr/bin/su", FIXTURE_ARGS("su"));
	r->exec.exe_mode |= S_ISUID;
	r->exec.exe_uid = 0;
	r->exec.secureexec = 1;
}

Test(creds, uid_0_from_a_setuid_file_is_explained_by_it)
{
	struct scene s = begin();
	struct fixture_record r;
	const Keelwatch__Finding *found;

	make_setuid_exec(&s, &r);
	fixture_feed(s.f, &r);
	found = fixture_one(s.f, "privilege-gained");
	cr_assert_str_eq(found->technique, "T1548.001");
	cr_assert_eq(found->credentials->old_euid, 1000);
	cr_assert_eq(found->credentials->new_euid, 0);
	cr_assert_str_eq(found->process->exe, "/usr/bin/su");
	expect_gained(&s, "setuid-file", KEELWATCH__SEVERITY__warning);
}

Test(creds, uid_0_from_a_setuid_file_on_a_nosuid_mount_has_no_explanation)
{
	struct scene s = begin();
	struct fixture_record r;

	make_setuid_exec(&s, &r);
	r.exec.exe_nosuid = 1;
	fixture_feed(s.f, &r);
	expect_unexplained(&s);
}

Test(creds, uid_0_from_a_setuid_file_under_no_new_privs_has_no_explanation)
{
	struct scene s = begin();
	struct fixture_record r;

	make_setuid_exec(&s, &r);
	r.exec.no_new_privs = 1;
	fixture_feed(s.f, &r);
	expect_unexplained(&s);
}

Test(creds, uid_0_from_a_setuid_file_of_another_user_has_no_explanation)
{
	struct scene s = begin();
	struct fixture_record r;

	make_setuid_exec(&s, &r);
	r.exec.exe_uid = 1001;
	fixture_feed(s.f, &r);
	expect_unexplained(&s);
}

Test(creds, uid_0_from_an_ordinary_file_has_no_explanation)
{
	struct scene s = begin();
	struct fixture_record r;

	make_setuid_exec(&s, &r);
	r.exec.exe_mode &= ~S_ISUID;
	fixture_feed(s.f, &r);
	expect_unexplained(&s);
}

/* The user executes a file and then has CAP_NET_RAW. */
static void make_file_capability_exec(struct scene *s, struct fixture_record *r)
{
	s->user.cred = fixture_cred(1000, CAP_BIT(CAP_NET_RAW));
	fixture_make_exec(r, &s->user, "/usr/bin/ping", FIXTURE_ARGS("ping"));
	r->exec.secureexec = 1;
}

Test(creds, capability_of_a_file_is_explained_by_it)
{
	struct scene s = begin();
	struct fixture_record r;

	make_file_capability_exec(&s, &r);
	fixture_feed(s.f, &r);
	cr_assert_eq(s.f->findings[0]->credentials->n_gained, 1);
	cr_assert_str_eq(s.f->findings[0]->credentials->gained[0], "CAP_NET_RAW");
	expect_gained(&s, "file-capability", KEELWATCH__SEVERITY__warning);
}

Test(creds, capability_of_a_file_that_gave_none_has_no_explanation)
{
	struct scene s = begin();
	struct fixture_record r;

	make_file_capability_exec(&s, &r);
	r.exec.secureexec = 0;
	fixture_feed(s.f, &r);
	expect_unexplained(&s);
}

Test(creds, capability_of_a_file_on_a_nosuid_mount_has_no_explanation)
{
	struct scene s = begin();
	struct fixture_record r;

	make_file_capability_exec(&s, &r);
	r.exec.exe_nosuid = 1;
	fixture_feed(s.f, &r);
	expect_unexplained(&s);
}

Test(creds, capability_of_a_file_beyond_the_bounding_set_has_no_explanation)
{
	struct scene s = begin();
	struct fixture_record r;

	make_file_capability_exec(&s, &r);
	r.head.cred.permitted |= CAP_BIT(CAP_SYS_ADMIN);
	fixture_feed(s.f, &r);
	expect_unexplained(&s);
}

Test(creds, root_that_executes_gets_back_what_it_had_dropped)
{
	struct ev_cred cred = fixture_cred(0, CAP_BIT(CAP_CHOWN));
	struct scene s = begin_with(cred);

	s.user.cred = fixture_cred(0, FIXTURE_DEFAULT_CAPS);
	fixture_exec(s.f, &s.user, "/bin/sh");
	expect_gained(&s, "root-exec", KEELWATCH__SEVERITY__info);
}

/* Root in a container whose credentials an exploit replaced executes: the bounding set never grows. */
Test(creds, root_that_executes_with_more_than_its_bounding_set_has_no_explanation)
{
	struct ev_cred cred = fixture_cred(0, FIXTURE_DEFAULT_CAPS);
	struct scene s = begin_with(cred);

	s.user.cred = fixture_cred(0, FIXTURE_ALL_CAPS);
	fixture_exec(s.f, &s.user, "/bin/sh");
	expect_unexplained(&s);
}

/* --- calls --- */

Test(creds, return_to_a_saved_uid_0_is_explained_and_of_little_weight)
{
	struct ev_cred cred = fixture_cred(0, FIXTURE_DEFAULT_CAPS);
	struct scene s;

	cred.euid = 1000;
	cred.effective = 0;
	s = begin_with(cred);
	s.user.cred = fixture_cred(0, FIXTURE_DEFAULT_CAPS);
	fixture_cred_change(s.f, &s.user, CRED_SETUID);
	expect_gained(&s, "setuid-call", KEELWATCH__SEVERITY__info);
}

Test(creds, uid_0_by_cap_setuid_is_explained)
{
	struct scene s = begin_with(fixture_cred(1000, CAP_BIT(CAP_SETUID)));

	s.user.cred = fixture_cred(0, CAP_BIT(CAP_SETUID));
	fixture_cred_change(s.f, &s.user, CRED_SETUID);
	expect_gained(&s, "setuid-call", KEELWATCH__SEVERITY__warning);
}

Test(creds, uid_0_by_a_setuid_call_without_the_right_to_it_has_no_explanation)
{
	struct scene s = begin();

	s.user.cred = fixture_cred(0, 0);
	fixture_cred_change(s.f, &s.user, CRED_SETUID);
	expect_unexplained(&s);
}

Test(creds, capabilities_permitted_by_a_setuid_call_have_no_explanation)
{
	struct scene s = begin_with(fixture_cred(1000, CAP_BIT(CAP_SETUID)));

	s.user.cred = fixture_cred(0, FIXTURE_DEFAULT_CAPS);
	fixture_cred_change(s.f, &s.user, CRED_SETUID);
	expect_unexplained(&s);
}

Test(creds, raise_by_capset_of_what_was_permitted_is_explained_and_of_little_weight)
{
	struct ev_cred cred = fixture_cred(1000, CAP_BIT(CAP_NET_RAW) | CAP_BIT(CAP_CHOWN));
	struct scene s;

	cred.effective = CAP_BIT(CAP_CHOWN);
	s = begin_with(cred);
	s.user.cred.effective |= CAP_BIT(CAP_NET_RAW);
	fixture_cred_change(s.f, &s.user, CRED_CAPSET);
	cr_assert_str_eq(s.f->findings[0]->credentials->gained[0], "CAP_NET_RAW");
	expect_gained(&s, "capset", KEELWATCH__SEVERITY__info);
}

Test(creds, capset_beyond_what_was_permitted_has_no_explanation)
{
	struct scene s = begin_with(fixture_cred(1000, CAP_BIT(CAP_CHOWN)));

	s.user.cred = fixture_cred(1000, CAP_BIT(CAP_CHOWN) | CAP_BIT(CAP_SYS_ADMIN));
	fixture_cred_change(s.f, &s.user, CRED_CAPSET);
	expect_unexplained(&s);
}

Test(creds, gain_seen_at_a_call_that_gives_none_has_no_explanation)
{
	static const enum ev_cred_op ops[] = { CRED_SETGID, CRED_PRCTL };

	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		struct scene s = begin();

		s.user.cred = fixture_cred(0, FIXTURE_ALL_CAPS);
		fixture_cred_change(s.f, &s.user, ops[i]);
		expect_unexplained(&s);
	}
}

/* Another record than one of credentials: they are in every head. */
Test(creds, gain_seen_at_a_write_has_no_explanation)
{
	struct scene s = begin();

	s.user.cred = fixture_cred(0, FIXTURE_ALL_CAPS);
	fixture_file(s.f, &s.user, FILE_OPEN, 0, "/tmp/x");
	cr_assert_str_eq(fixture_evidence(fixture_one(s.f, "privilege-unexplained"), "seen_at"),
			 "file");
	fixture_free(s.f);
}

/* --- user namespaces --- */

Test(creds, all_capabilities_in_a_user_namespace_made_by_unshare_are_explained_and_light)
{
	struct scene s = begin();
	struct fixture_record r;

	s.user.cred = fixture_cred(1000, FIXTURE_ALL_CAPS);
	s.user.ns.user = CHILD_USER_NS;
	fixture_make_ns(&r, &s.user, NS_UNSHARE, 0);
	fixture_feed(s.f, &r);
	cr_assert(s.f->findings[0]->credentials->child_user_namespace);
	expect_gained(&s, "user-namespace", KEELWATCH__SEVERITY__info);
}

Test(creds, all_capabilities_in_a_user_namespace_made_by_clone_are_explained_and_light)
{
	struct scene s = begin();
	struct fixture_task child = fixture_container_task(1003, 1001);

	child.cred = fixture_cred(1000, FIXTURE_ALL_CAPS);
	child.ns.user = CHILD_USER_NS;
	fixture_fork(s.f, &s.user, &child);
	cr_assert(s.f->findings[0]->credentials->child_user_namespace);
	expect_gained(&s, "user-namespace", KEELWATCH__SEVERITY__info);
}

Test(creds, uid_0_by_a_map_in_a_user_namespace_of_its_own_is_light)
{
	struct scene s = begin();
	struct fixture_record r;

	s.user.cred = fixture_cred(1000, FIXTURE_ALL_CAPS);
	s.user.ns.user = CHILD_USER_NS;
	fixture_make_ns(&r, &s.user, NS_UNSHARE, 0);
	fixture_feed(s.f, &r);
	fixture_forget(s.f);
	/* ids are the initial namespace's: mapped to 0 or not, it stays 1000 */
	fixture_exec(s.f, &s.user, "/bin/sh");
	fixture_silent(s.f);
	fixture_free(s.f);
}

/*
 * The last step of many kernel exploits: from a user namespace of its own (which gave it the reach)
 * to the credentials of init_cred, whose namespace is the initial one. Nobody comes back to that by
 * any call.
 */
Test(creds, return_to_the_initial_user_namespace_with_capabilities_has_no_explanation)
{
	struct scene s = begin();
	struct fixture_record r;

	s.user.cred = fixture_cred(1000, 0);
	s.user.ns.user = CHILD_USER_NS;
	fixture_make_ns(&r, &s.user, NS_UNSHARE, 0);
	fixture_feed(s.f, &r);
	fixture_forget(s.f);
	s.user.cred = fixture_cred(0, FIXTURE_ALL_CAPS);
	s.user.ns.user = FIXTURE_HOST_NS + 6;
	fixture_cred_change(s.f, &s.user, CRED_SETUID);
	expect_unexplained(&s);
}

/* --- what is not known --- */

Test(creds, gain_after_records_were_lost_is_put_down_to_that)
{
	struct scene s = begin();

	s.user.cred = fixture_cred(0, FIXTURE_ALL_CAPS);
	s.user.lost = 1;
	fixture_cred_change(s.f, &s.user, CRED_SETUID);
	expect_gained(&s, "events-lost", KEELWATCH__SEVERITY__warning);
}

Test(creds, gain_that_was_lost_before_the_last_known_is_no_excuse)
{
	struct scene s = begin();

	s.user.lost = 1;
	fixture_cred_change(s.f, &s.user, CRED_SETGID);
	s.user.cred = fixture_cred(0, FIXTURE_ALL_CAPS);
	fixture_cred_change(s.f, &s.user, CRED_SETUID);
	expect_unexplained(&s);
}

Test(creds, child_with_more_after_records_were_lost_is_put_down_to_that)
{
	struct scene s = begin();
	struct fixture_task child = fixture_container_task(1003, 1001);

	s.user.lost = 7;
	child.cred = fixture_cred(0, FIXTURE_ALL_CAPS);
	fixture_fork(s.f, &s.user, &child);
	expect_gained(&s, "events-lost", KEELWATCH__SEVERITY__warning);
}

Test(creds, child_with_more_than_its_parent_has_no_explanation)
{
	struct scene s = begin();
	struct fixture_task child = fixture_container_task(1003, 1001);

	child.cred = fixture_cred(0, FIXTURE_DEFAULT_CAPS);
	fixture_fork(s.f, &s.user, &child);
	expect_unexplained(&s);
}

Test(creds, threads_with_credentials_of_their_own_are_no_gain)
{
	struct scene s = begin_with(fixture_cred(0, FIXTURE_DEFAULT_CAPS));

	s.user.threads = 3;
	for (int i = 0; i < 4; i++) {
		s.user.cred = fixture_cred(1000, 0); /* one thread drops, by the bare system call */
		fixture_cred_change(s.f, &s.user, CRED_SETUID);
		s.user.cred = fixture_cred(0, FIXTURE_DEFAULT_CAPS); /* another did not */
		fixture_file(s.f, &s.user, FILE_OPEN, 0, "/tmp/x");
	}
	cr_assert_eq(fixture_count(s.f, "privilege-unexplained"), 0);
	cr_assert_eq(fixture_count(s.f, "privilege-gained"), 0);
	fixture_free(s.f);
}

Test(creds, child_of_a_thread_that_dropped_nothing_is_no_gain)
{
	struct scene s = begin_with(fixture_cred(0, FIXTURE_DEFAULT_CAPS));
	struct fixture_task child = fixture_container_task(1003, 1002);

	s.user.threads = 2;
	s.user.cred = fixture_cred(1000, 0);
	fixture_cred_change(s.f, &s.user, CRED_SETUID);
	s.user.cred = fixture_cred(0, FIXTURE_DEFAULT_CAPS);
	fixture_fork(s.f, &s.user, &child);
	fixture_silent(s.f);
	fixture_free(s.f);
}

Test(creds, thread_with_more_than_any_had_has_no_explanation)
{
	struct scene s = begin_with(fixture_cred(1000, CAP_BIT(CAP_CHOWN)));

	s.user.threads = 3;
	s.user.cred = fixture_cred(1000, 0);
	fixture_cred_change(s.f, &s.user, CRED_CAPSET);
	s.user.cred = fixture_cred(1000, CAP_BIT(CAP_SYS_ADMIN));
	fixture_file(s.f, &s.user, FILE_OPEN, 0, "/tmp/x");
	cr_assert_eq(fixture_count(s.f, "privilege-unexplained"), 1);
	fixture_free(s.f);
}

/* After an exec there is one thread, and what others had before is gone. */
Test(creds, exec_ends_what_the_threads_had)
{
	struct scene s = begin_with(fixture_cred(0, FIXTURE_DEFAULT_CAPS));

	s.user.threads = 3;
	s.user.cred = fixture_cred(1000, 0);
	fixture_cred_change(s.f, &s.user, CRED_SETUID);
	s.user.threads = 1;
	fixture_exec(s.f, &s.user, "/bin/user");
	fixture_silent(s.f);
	s.user.cred = fixture_cred(0, FIXTURE_DEFAULT_CAPS);
	fixture_cred_change(s.f, &s.user, CRED_PRCTL);
	expect_unexplained(&s);
}

Test(creds, drops_are_silent)
{
	struct scene s = begin_with(fixture_cred(0, FIXTURE_DEFAULT_CAPS));

	s.user.cred = fixture_cred(0, CAP_BIT(CAP_CHOWN));
	fixture_cred_change(s.f, &s.user, CRED_CAPSET);
	s.user.cred.bounding = CAP_BIT(CAP_CHOWN);
	fixture_cred_change(s.f, &s.user, CRED_PRCTL);
	s.user.cred.effective = 0;
	fixture_cred_change(s.f, &s.user, CRED_CAPSET);
	s.user.cred = fixture_cred(1000, 0);
	fixture_cred_change(s.f, &s.user, CRED_SETUID);
	fixture_exec(s.f, &s.user, "/bin/user");
	fixture_silent(s.f);
	fixture_free(s.f);
}

/* nginx, postgres and their like: the master stays root, the workers drop. */
Test(creds, server_that_forks_workers_and_drops_is_silent)
{
	struct scene s = begin();

	for (uint32_t i = 0; i < 8; i++) {
		struct fixture_task worker = fixture_container_task(1100 + i, FIXTURE_INIT);

		fixture_fork(s.f, &s.init, &worker);
		worker.cred = fixture_cred(33, 0);
		fixture_cred_change(s.f, &worker, CRED_SETGID);
		fixture_cred_change(s.f, &worker, CRED_SETUID);
		fixture_exec(s.f, &worker, "/usr/bin/worker");
		fixture_exit(s.f, &worker);
	}
	fixture_silent(s.f);
	fixture_free(s.f);
}

Test(creds, same_gain_again_is_one_finding)
{
	struct scene s = begin();

	for (int i = 0; i < 5; i++) {
		struct fixture_record r;
		struct scene again = s;

		make_setuid_exec(&again, &r);
		fixture_feed(s.f, &r);
		fixture_cred_change(s.f, &s.user, CRED_SETUID);
	}
	cr_assert_eq(s.f->count, 1);
	pipeline_finish(s.f->pipeline);
	cr_assert_eq(s.f->count, 2);
	cr_assert_eq(s.f->findings[1]->count, 5);
	fixture_free(s.f);
}
