/* SPDX-License-Identifier: Apache-2.0 */
/* What is done to the monitor itself: by whom it is an attack, and by whom a day's work. */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "fixture.h"
#include "control.h"

#define MONITOR 4000
#define RULE "monitor-tampering"

enum { NOTHING = -1 };

static struct fixture_record act(const struct fixture_task *who, enum guard_op op)
{
	struct fixture_record r;

	fixture_make_head(&r, EV_GUARD, sizeof(r.guard), who);
	r.guard.op = op;
	r.guard.kind = GUARDED_THREAD;
	r.guard.target = MONITOR;
	return r;
}

static struct fixture_record sent(const struct fixture_task *who, int signal, int how)
{
	struct fixture_record r = act(who, GUARD_SIGNAL);

	r.guard.detail = signal;
	r.guard.how = how;
	return r;
}

/* The severity of the one finding, or NOTHING. */
static int judged(struct fixture *f, struct fixture_record r)
{
	int severity = NOTHING;

	fixture_forget(f);
	fixture_feed(f, &r);
	cr_assert_leq(f->count, 1);
	if (f->count) {
		cr_assert_str_eq(f->findings[0]->rule, RULE);
		severity = f->findings[0]->severity;
	}
	return severity;
}

static struct fixture *host(void)
{
	struct fixture *f = fixture_new();

	fixture_start(f);
	return f;
}

Test(guard, a_signal_that_ends_or_stops_it_is_critical_whoever_of_the_host_sends_it)
{
	struct fixture_task who = fixture_host_task(600, 1);
	struct fixture *f = host();

	cr_assert_eq(judged(f, sent(&who, SIGKILL, 0)), KEELWATCH__SEVERITY__critical);
	cr_assert_str_eq(fixture_evidence(f->findings[0], "act"), "signal");
	cr_assert_str_eq(fixture_evidence(f->findings[0], "signal"), "SIGKILL");
	cr_assert_str_eq(fixture_evidence(f->findings[0], "target"), "monitor");
	cr_assert_str_eq(fixture_evidence(f->findings[0], "target_pid"), "4000");
	cr_assert_str_eq(f->findings[0]->message, "SIGKILL was sent to the monitor");
	cr_assert_eq(f->findings[0]->process->pid, 600);
	cr_assert_null(f->findings[0]->container);
	cr_assert_eq(judged(f, sent(&who, SIGSTOP, 0)), KEELWATCH__SEVERITY__critical);
	cr_assert_eq(judged(f, sent(&who, SIGSEGV, 0)), KEELWATCH__SEVERITY__critical);
	fixture_free(f);
}

Test(guard, an_ordinary_end_is_no_attack)
{
	struct fixture_task who = fixture_host_task(600, 1), first = fixture_host_task(1, 0);
	static const int ends[] = { SIGTERM, SIGINT, SIGQUIT };
	struct fixture *f = host();

	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		cr_assert_eq(judged(f, sent(&first, ends[i], 0)), NOTHING);
		cr_assert_eq(judged(f, sent(&who, ends[i], GUARD_BY_PARENT)), NOTHING);
		cr_assert_eq(judged(f, sent(&who, ends[i], GUARD_BY_KERNEL)), NOTHING);
		cr_assert_eq(judged(f, sent(&who, ends[i], 0)), KEELWATCH__SEVERITY__notice);
	}
	cr_assert_eq(judged(f, sent(&who, SIGHUP, 0)), NOTHING, "a reload");
	cr_assert_eq(judged(f, sent(&first, SIGKILL, 0)), KEELWATCH__SEVERITY__warning,
		     "a service that did not end in time");
	fixture_free(f);
}

Test(guard, what_the_kernel_sends_has_no_sender)
{
	struct fixture_task who = fixture_host_task(600, 1);
	struct fixture *f = host();

	cr_assert_eq(judged(f, sent(&who, SIGKILL, GUARD_BY_KERNEL)), KEELWATCH__SEVERITY__error);
	cr_assert_null(f->findings[0]->process);
	cr_assert_eq(f->findings[0]->n_ancestors, 0);
	cr_assert_str_eq(fixture_evidence(f->findings[0], "sender"), "the kernel");
	cr_assert_eq(judged(f, sent(&who, SIGTSTP, GUARD_BY_KERNEL)), KEELWATCH__SEVERITY__notice);
	fixture_free(f);
}

Test(guard, a_container_that_reaches_it_is_named_and_critical_in_all_it_does)
{
	struct fixture_task who = fixture_container_task(FIXTURE_INIT, FIXTURE_RUNTIME);
	static const int signals[] = { SIGTERM, SIGHUP, SIGKILL };
	struct fixture *f = fixture_new();

	fixture_run(f, &who);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
		cr_assert_eq(judged(f, sent(&who, signals[i], 0)), KEELWATCH__SEVERITY__critical);
		cr_assert_str_eq(f->findings[0]->container->id, FIXTURE_ID);
	}
	cr_assert_eq(judged(f, act(&who, GUARD_OPEN)), KEELWATCH__SEVERITY__critical);
	fixture_free(f);
}

Test(guard, access_is_critical_and_a_try_that_was_refused_a_warning)
{
	static const enum guard_op ops[] = { GUARD_TRACE, GUARD_MEMORY, GUARD_DESCRIPTOR };
	struct fixture_task who = fixture_host_task(600, 1);
	struct fixture *f = host();

	for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++) {
		struct fixture_record r = act(&who, ops[i]);

		cr_assert_eq(judged(f, r), KEELWATCH__SEVERITY__critical);
		r.guard.ret = -EPERM;
		cr_assert_eq(judged(f, r), KEELWATCH__SEVERITY__warning);
		cr_assert_str_eq(fixture_evidence(f->findings[0], "error"), "EPERM");
	}
	fixture_free(f);
}

Test(guard, a_map_that_is_listed_is_worth_a_note_and_one_that_is_changed_an_alarm)
{
	struct fixture_task who = fixture_host_task(600, 1);
	struct fixture_record r = act(&who, GUARD_OPEN);
	struct fixture *f = host();

	r.guard.kind = GUARDED_MAP;
	r.guard.target = 0;
	fixture_text(&r, &r.guard.name, "shared_control");
	cr_assert_eq(judged(f, r), KEELWATCH__SEVERITY__notice);
	cr_assert_str_eq(f->findings[0]->message,
			 "a BPF map of the monitor was opened: shared_control");
	r.guard.op = GUARD_CHANGE;
	cr_assert_eq(judged(f, r), KEELWATCH__SEVERITY__critical);
	cr_assert_str_eq(fixture_evidence(f->findings[0], "name"), "shared_control");
	fixture_free(f);
}

Test(guard, a_frozen_control_group_is_critical)
{
	struct fixture_task who = fixture_host_task(600, 1);
	struct fixture_record r = act(&who, GUARD_FREEZE);
	struct fixture *f = host();

	r.guard.kind = GUARDED_CGROUP;
	fixture_text(&r, &r.guard.name, "/system.slice/keelwatch.service");
	cr_assert_eq(judged(f, r), KEELWATCH__SEVERITY__critical);
	cr_assert_str_eq(fixture_evidence(f->findings[0], "target"), "cgroup");
	fixture_free(f);
}

/* --- what is noticed, and nobody is known who did it --- */

static struct fixture_record noticed(enum guard_op op, int detail, int64_t value, const char *name)
{
	struct fixture_record r;

	memset(&r, 0, sizeof(r));
	r.guard.head.type = EV_GUARD;
	r.guard.head.len = sizeof(r.guard);
	r.guard.op = op;
	r.guard.detail = detail;
	r.guard.value = value;
	if (name)
		fixture_text(&r, &r.guard.name, name);
	return r;
}

static void expect_noticed(struct fixture_record r, const char *rule, Keelwatch__Severity severity,
			   const char *message)
{
	struct fixture *f = host();

	fixture_feed(f, &r);
	cr_assert_eq(f->count, 1);
	cr_assert_str_eq(f->findings[0]->rule, rule);
	cr_assert_eq(f->findings[0]->severity, severity, "%s", message);
	cr_assert_str_eq(f->findings[0]->message, message);
	cr_assert_null(f->findings[0]->process);
	fixture_free(f);
}

Test(guard, an_end_without_a_word_is_told_by_the_next_start)
{
	struct fixture_record r = noticed(GUARD_UNCLEAN, 0, FIXTURE_REALTIME_NS, NULL);

	expect_noticed(r, "monitor-interrupted", KEELWATCH__SEVERITY__error,
		       "the monitor before this one was killed, or crashed");
	r.guard.how = UNCLEAN_REBOOT;
	expect_noticed(r, "monitor-interrupted", KEELWATCH__SEVERITY__notice,
		       "the machine went down while the monitor ran");
}

Test(guard, a_standstill_says_what_it_did_instead)
{
	expect_noticed(noticed(GUARD_STOOD, STOOD_STARVED, 12500000000, NULL),
		       "monitor-interrupted", KEELWATCH__SEVERITY__warning,
		       "the monitor looked at nothing for 12.5 s: it got no processor");
	expect_noticed(noticed(GUARD_STOOD, STOOD_BUSY, 11000000000, NULL), "monitor-interrupted",
		       KEELWATCH__SEVERITY__notice,
		       "the monitor looked at nothing for 11.0 s: it had too much to do");
}

Test(guard, a_clock_that_jumps_far_weighs_more_than_one_that_is_put_right)
{
	expect_noticed(noticed(GUARD_CLOCK, 0, -3600000000000, NULL), "clock-changed",
		       KEELWATCH__SEVERITY__warning, "the clock was set back by 3600.0 s");
	expect_noticed(noticed(GUARD_CLOCK, 0, 2000000000, NULL), "clock-changed",
		       KEELWATCH__SEVERITY__notice, "the clock was set forward by 2.0 s");
}

Test(guard, settings_that_are_written_are_a_days_work_and_a_store_that_is_gone_is_not)
{
	expect_noticed(noticed(GUARD_FILE, FILE_CHANGED, 0, "/etc/keelwatch/keelwatch.yaml"),
		       "monitor-altered", KEELWATCH__SEVERITY__notice,
		       "a file of the monitor was changed: /etc/keelwatch/keelwatch.yaml");
	expect_noticed(noticed(GUARD_FILE, FILE_REMOVED, 0, "/var/lib/keelwatch/store.db"),
		       "monitor-altered", KEELWATCH__SEVERITY__critical,
		       "a file of the monitor was removed: /var/lib/keelwatch/store.db");
	expect_noticed(noticed(GUARD_FILE, FILE_UNPINNED, 0, "shared_ring"), "monitor-altered",
		       KEELWATCH__SEVERITY__critical,
		       "a pin of the monitor was removed, and is put back: shared_ring");
	expect_noticed(noticed(GUARD_MAP, 0, 0, "shared_control"), "monitor-altered",
		       KEELWATCH__SEVERITY__critical,
		       "a BPF map of the monitor was changed, and is put right: shared_control");
	expect_noticed(noticed(GUARD_MOVED, 0, 0, "/sys/fs/cgroup/cage"), "monitor-altered",
		       KEELWATCH__SEVERITY__critical,
		       "the monitor was moved to another control group: /sys/fs/cgroup/cage");
}
