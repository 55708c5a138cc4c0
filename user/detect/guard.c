/* SPDX-License-Identifier: Apache-2.0 */
/* What is done to keelwatch itself. */
#include <signal.h>

#include "base/clock.h"
#include "detect/detect_priv.h"
#include "control.h"

#define SEVERITY_NONE (-1)
#define CLOCK_BIG_S 60 /* what no time service makes good again and again */

static bool asks_to_end(unsigned int signal)
{
	return signal == SIGTERM || signal == SIGINT || signal == SIGQUIT || signal == SIGHUP;
}

static bool stops(unsigned int signal)
{
	return signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
}

/* A service manager, a shell's job, a runtime's shim: those that began it, and the first process. */
static bool is_manager(const struct ev_guard *e)
{
	return e->head.tgid == 1 || (e->how & GUARD_BY_PARENT);
}

/* What ends it in order is no attack unless it comes from a container; it is a record of its own anyway. */
static int grade_signal(const struct judgement *j, const struct ev_guard *e)
{
	if (e->how & GUARD_BY_KERNEL) {
		if (asks_to_end(e->detail)) /* a terminal: Ctrl-C, or its end */
			return SEVERITY_NONE;
		return stops(e->detail) ? KEELWATCH__SEVERITY__notice : KEELWATCH__SEVERITY__error;
	}
	if (j->mo->container && !is_manager(e))
		return KEELWATCH__SEVERITY__critical;
	if (asks_to_end(e->detail))
		return is_manager(e) || e->detail == SIGHUP ? SEVERITY_NONE :
							      KEELWATCH__SEVERITY__notice;
	if (is_manager(e))
		return KEELWATCH__SEVERITY__warning;
	return e->role == GUARDED_MONITOR ? KEELWATCH__SEVERITY__critical :
					    KEELWATCH__SEVERITY__error;
}

static int grade(const struct judgement *j, const struct ev_guard *e)
{
	if (e->op == GUARD_SIGNAL)
		return grade_signal(j, e);
	if (e->ret)
		return KEELWATCH__SEVERITY__warning;
	/* To list all maps of a machine takes a descriptor of each. */
	if (e->op == GUARD_OPEN && !j->mo->container)
		return KEELWATCH__SEVERITY__notice;
	return KEELWATCH__SEVERITY__critical;
}

static void say_what(struct draft *f, const struct ev_guard *e, const Keelwatch__Guard *g)
{
	const char *refused = e->ret ? ", and was refused" : "";
	const char *colon = g->name[0] ? ": " : "";

	switch (e->op) {
	case GUARD_SIGNAL:
		draft_message(f, "%s was sent to the %s", g->signal, g->target);
		break;
	case GUARD_TRACE:
		draft_message(f, "the %s is traced%s", g->target, refused);
		break;
	case GUARD_MEMORY:
		draft_message(f, "the memory of the %s was opened%s", g->target, refused);
		break;
	case GUARD_DESCRIPTOR:
		draft_message(f, "a descriptor of the %s was taken%s", g->target, refused);
		break;
	case GUARD_OPEN:
		draft_message(f, "a BPF %s of the monitor was opened%s%s", g->target, colon,
			      g->name);
		break;
	case GUARD_CHANGE:
		draft_message(f, "a BPF %s of the monitor was changed%s%s", g->target, colon,
			      g->name);
		break;
	case GUARD_FREEZE:
		draft_message(f, "the monitor's control group is frozen: %s", g->name);
		break;
	}
}

static void add_evidence(struct draft *f, const struct ev_guard *e, const Keelwatch__Guard *g)
{
	draft_evidence(f, "act", "%s", g->operation);
	draft_evidence(f, "target", "%s", g->target);
	if (g->target_pid)
		draft_evidence(f, "target_pid", "%u", g->target_pid);
	if (g->signal[0])
		draft_evidence(f, "signal", "%s", g->signal);
	if (g->name[0])
		draft_evidence(f, "name", "%s", g->name);
	if (e->op == GUARD_OPEN || e->op == GUARD_CHANGE)
		draft_evidence(f, "bpf_command", "%u", e->detail);
	if (g->error[0])
		draft_evidence(f, "error", "%s", g->error);
	if (e->how & GUARD_BY_PARENT)
		draft_evidence(f, "sender", "the parent");
	else if (e->how & GUARD_BY_KERNEL)
		draft_evidence(f, "sender", "the kernel");
}

static void judge_act(const struct judgement *j, const struct ev_guard *e)
{
	const Keelwatch__Guard *g = j->event->guard;
	int severity = grade(j, e);
	struct draft f;

	if (severity == SEVERITY_NONE)
		return;
	draft_begin(&f, j, RULE_MONITOR_TAMPERING, severity);
	/* Who lists the machine's maps opens all of them. */
	draft_key(&f, "%s|%s|%s|%s|%d|%s", g->operation, g->target, g->signal,
		  e->op == GUARD_OPEN ? "" : g->name, e->ret,
		  j->event->process ? j->event->process->exe : "");
	if (e->how & GUARD_BY_KERNEL) {
		/* Whoever ran when the kernel decided did not ask for it. */
		f.finding.process = NULL;
		f.finding.n_ancestors = 0;
		f.container = NULL;
	}
	say_what(&f, e, g);
	add_evidence(&f, e, g);
	draft_end(&f);
}

/* --- what is noticed, and nobody is known who did it --- */

static void judge_unclean(const struct judgement *j, const struct ev_guard *e)
{
	bool reboot = e->how & UNCLEAN_REBOOT;
	struct draft f;

	draft_begin(&f, j, RULE_MONITOR_INTERRUPTED,
		    reboot ? KEELWATCH__SEVERITY__notice : KEELWATCH__SEVERITY__error);
	draft_key(&f, "unclean");
	draft_message(&f, reboot ? "the machine went down while the monitor ran" :
				   "the monitor before this one was killed, or crashed");
	draft_evidence(&f, "act", "unclean-end");
	draft_evidence(&f, "last_record_before", "%.0f s",
		       ((double)j->mo->epoch_ns - (double)e->value) / (double)NS_PER_S);
	draft_end(&f);
}

static void judge_stood(const struct judgement *j, const struct ev_guard *e)
{
	static const char *const why[STOOD_MAX] = {
		[STOOD_STILL] = "it was stopped or frozen, or its output was not read",
		[STOOD_STARVED] = "it got no processor",
		[STOOD_BUSY] = "it had too much to do",
	};
	struct draft f;

	draft_begin(&f, j, RULE_MONITOR_INTERRUPTED,
		    e->detail == STOOD_BUSY ? KEELWATCH__SEVERITY__notice :
					      KEELWATCH__SEVERITY__warning);
	draft_key(&f, "stood|%u", e->detail);
	draft_message(&f, "the monitor looked at nothing for %.1f s: %s",
		      e->value / (double)NS_PER_S,
		      e->detail < STOOD_MAX && why[e->detail] ? why[e->detail] : "");
	draft_evidence(&f, "act", "standstill");
	draft_evidence(&f, "seconds", "%.1f", e->value / (double)NS_PER_S);
	draft_evidence(&f, "instead", "%s", j->event->guard->detail);
	draft_end(&f);
}

static void judge_clock(const struct judgement *j, const struct ev_guard *e)
{
	double seconds = e->value / (double)NS_PER_S;
	bool big = seconds > CLOCK_BIG_S || seconds < -CLOCK_BIG_S;
	struct draft f;

	draft_begin(&f, j, RULE_CLOCK_CHANGED,
		    big ? KEELWATCH__SEVERITY__warning : KEELWATCH__SEVERITY__notice);
	draft_key(&f, "clock|%d|%s", big, j->event->guard->detail);
	draft_message(&f, "the clock was set %s by %.1f s", j->event->guard->detail,
		      seconds < 0 ? -seconds : seconds);
	draft_evidence(&f, "act", "clock");
	draft_evidence(&f, "seconds", "%+.1f", seconds);
	draft_end(&f);
}

static void judge_altered(const struct judgement *j, const struct ev_guard *e)
{
	const Keelwatch__Guard *g = j->event->guard;
	bool changed = e->op == GUARD_FILE && e->detail == FILE_CHANGED;
	struct draft f;

	draft_begin(&f, j, RULE_MONITOR_ALTERED,
		    changed ? KEELWATCH__SEVERITY__notice : KEELWATCH__SEVERITY__critical);
	draft_key(&f, "%s|%s|%s", g->operation, g->name, g->detail);
	if (e->op == GUARD_FILE && e->detail == FILE_UNPINNED)
		draft_message(&f, "a pin of the monitor was removed, and is put back: %s", g->name);
	else if (e->op == GUARD_FILE)
		draft_message(&f, "a file of the monitor was %s: %s", g->detail, g->name);
	else if (e->op == GUARD_MAP)
		draft_message(&f, "a BPF map of the monitor was changed, and is put right: %s",
			      g->name);
	else
		draft_message(&f, "the monitor was moved to another control group: %s", g->name);
	draft_evidence(&f, "act", "%s", g->operation);
	draft_evidence(&f, "name", "%s", g->name);
	if (g->detail[0])
		draft_evidence(&f, "how", "%s", g->detail);
	draft_end(&f);
}

void guard_judge(const struct judgement *j)
{
	const struct ev_guard *e = (const void *)j->mo->rec;

	switch (e->op) {
	case GUARD_UNCLEAN:
		judge_unclean(j, e);
		return;
	case GUARD_STOOD:
		judge_stood(j, e);
		return;
	case GUARD_CLOCK:
		judge_clock(j, e);
		return;
	case GUARD_FILE:
	case GUARD_MAP:
	case GUARD_MOVED:
		judge_altered(j, e);
		return;
	default:
		judge_act(j, e);
	}
}
