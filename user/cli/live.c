/* SPDX-License-Identifier: Apache-2.0 */
/* One thread, one loop: the ring, the signals, a timer, and the mount tables of containers. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/environment.h"
#include "cli/live_priv.h"
#include "output/printer.h"
#include "source/recording.h"

#define DRAIN_MS 2	   /* between two looks at the ring while records come */
#define ARMED_STILL_S 10   /* after the last container's end */
#define HAND_OVER_S 10	   /* for the next monitor to come */
#define LINES_MS 20	   /* between two looks at who reads our lines, while some wait */
#define LINES_LAST_MS 2000 /* at the end */
#define RELOAD_APART_NS NS_PER_S
#define BATCH 4096    /* records taken before the loop looks around */
#define UNSAFE_PART 4 /* this part of the ring at most is kept for what the disk has not taken */

#define TAG_BITS 2
#define TAG_MASK ((1u << TAG_BITS) - 1)
enum { TAG_RING, TAG_SIGNAL, TAG_TIMER, TAG_WATCH };

static uint64_t mark_of_mounts(uint64_t cgroup_id)
{
	return cgroup_id << TAG_BITS | TAG_WATCH;
}

int live_take(struct live *l, const struct ev_head *rec)
{
	int err = 0;

	if (l->recorder)
		err = recorder_write(l->recorder, rec);
	if (!err)
		err = pipeline_feed(l->pipeline, rec);
	if (!err && l->recorder)
		err = recorder_error(l->recorder);
	if (err && !l->error)
		l->error = err;
	return l->error;
}

/* What we did to a ring that a monitor before had left, before it knew us for its reader. */
static bool is_own_doing(const struct live *l, const struct ev_head *rec)
{
	return rec->type == EV_GUARD && rec->tgid == (__u32)getpid() && rec->time_ns >= l->begun_ns;
}

/* first: of those that are taken together. */
static void take_from_ring(struct live *l, const void *data, size_t size, uint64_t place,
			   bool first)
{
	struct stamp_place at = { .ring = probe_ring_id(l->probe), .place = place };
	struct journal *journal = l->options.pipeline.journal;

	if (record_check(data, size)) {
		l->bad++;
		return;
	}
	if (first)
		metrics_lateness(l->options.metrics, ((const struct ev_head *)data)->time_ns);
	if (is_own_doing(l, data) || (l->twins && twins_told(l->twins, data)))
		return;
	if (((struct ev_head *)data)->type == EV_CGROUP_RMDIR)
		live_tell_flood_end(l, ((struct ev_cgroup *)data)->id);
	if (journal)
		journal_place(journal, &at);
	live_take(l, data);
	if (journal)
		journal_place(journal, NULL);
}

/* --- what the model asks for --- */

static void want_cgroup(void *self, uint64_t id, uint64_t container, uint32_t flags)
{
	probe_cgroup(((struct live *)self)->probe, id, container, flags);
}

static void want_cgroup_forgotten(void *self, uint64_t id)
{
	probe_cgroup_forget(((struct live *)self)->probe, id);
}

static void want_root(void *self, uint32_t dev, uint64_t ino, uint64_t container, bool on)
{
	probe_root(((struct live *)self)->probe, dev, ino, container, on);
}

/* Where one container follows on another, what watches system calls is there when it begins. */
static void want_arm(void *self, bool on)
{
	struct live *l = self;

	l->disarm_ns = on ? 0 : clock_boot_ns() + ARMED_STILL_S * NS_PER_S;
	if (on)
		probe_arm(l->probe, true);
}

static void disarm_if_idle(struct live *l)
{
	if (!l->disarm_ns || clock_boot_ns() < l->disarm_ns)
		return;
	l->disarm_ns = 0;
	probe_arm(l->probe, false);
}

static void want_watch(void *self, int handle, uint64_t cgroup_id, bool on)
{
	mount_watch_set(((struct live *)self)->mounts, handle, cgroup_id, on);
}

static void mounts_settled(void *arg, uint64_t cgroup_id)
{
	struct live *l = arg;

	make_mounts_changed(&l->made, cgroup_id);
	live_take(l, &l->made.head);
}

/* --- the loop --- */

static void drain_fd(int fd)
{
	uint64_t sink;

	while (read(fd, &sink, sizeof(sink)) > 0)
		;
}

/* True when one of them says to end. */
static bool take_signals(struct live *l)
{
	struct signalfd_siginfo info;
	bool end = false;

	while (read(l->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGINT)
			l->leave = false;
		if (info.ssi_signo == SIGTERM && l->options.hand_over && !l->hand_over_until) {
			l->hand_over_until = clock_boot_ns() + HAND_OVER_S * NS_PER_S;
		} else if (info.ssi_signo != SIGHUP) {
			end = true;
		} else {
			l->reload_asked = true;
		}
	}
	return end;
}

/* Not as often as somebody may ask: each time is a record. */
static void reload_if_asked(struct live *l)
{
	__u64 now = clock_boot_ns();

	if (!l->reload_asked || !l->options.keeper ||
	    (l->reloaded_ns && now - l->reloaded_ns < RELOAD_APART_NS))
		return;
	l->reload_asked = false;
	l->reloaded_ns = now;
	notify_reloading(l->options.notify);
	keeper_reload(l->options.keeper);
	notify_ready(l->options.notify);
}

/* True when it is time: somebody stands by, or nobody has come. Until then all goes on. */
static bool is_handed_over(struct live *l)
{
	if (!l->hand_over_until)
		return false;
	if (keeper_is_awaited(l->options.keeper))
		return true;
	if (clock_boot_ns() < l->hand_over_until)
		return false;
	l->leave = false;
	return true;
}

static void guard(struct live *l)
{
	pid_t processes[GUARDED_ROLE_MAX] = {
		[GUARDED_MONITOR] = getpid(),
		[GUARDED_SHIPPER] = l->options.keeper ? keeper_shipper(l->options.keeper) : 0,
		[GUARDED_EXPORTER] = metrics_exporter(l->options.metrics),
	};

	guard_tick(l->guard, processes);
}

/* Returns true when it is to end. */
static bool handle(struct live *l, const struct epoll_event *ev)
{
	bool end;

	switch (ev->data.u64 & TAG_MASK) {
	case TAG_SIGNAL:
		end = take_signals(l);
		reload_if_asked(l);
		return end;
	case TAG_TIMER:
		drain_fd(l->timer);
		reload_if_asked(l);
		live_tell(l);
		disarm_if_idle(l);
		guard(l);
		return is_handed_over(l);
	case TAG_WATCH:
		mount_watch_changed(l->mounts, ev->data.u64 >> TAG_BITS);
		break;
	}
	return false;
}

uint64_t live_safe(const struct live *l)
{
	return l->options.keeper ? keeper_safe(l->options.keeper) : UINT64_MAX;
}

/* The room of what is safe. Where the disk does not take it, a part of the ring is left to the kernel all the same. */
static void give_back(struct live *l)
{
	struct journal *journal = l->options.pipeline.journal;
	uint64_t read = ring_read(l->ring), place;

	progress_note(&l->progress, read, journal ? journal_sequence(journal) : 0);
	place = progress_safe(&l->progress, live_safe(l));
	if (place)
		ring_release(l->ring, place);
	if (read - ring_released(l->ring) > ring_size(l->ring) / UNSAFE_PART)
		ring_release(l->ring, read);
	live_told_is_safe(l);
}

/* True when it took something. */
static bool drain(struct live *l)
{
	const void *data;
	uint64_t place;
	size_t size, n;

	for (n = 0; n < BATCH && !l->error && ring_next(l->ring, &data, &size, &place); n++)
		take_from_ring(l, data, size, place, !n);
	if (n || progress_waits(&l->progress))
		give_back(l);
	return n;
}

static bool should_stop(const struct live *l)
{
	return l->error || (l->options.stop && *l->options.stop);
}

int live_take_stock(struct live *l)
{
	struct cgroup_layout layout;
	int err = cgroup_layout_read(&layout);

	if (err)
		return err;
	snprintf(l->view.cgroups, sizeof(l->view.cgroups), "%s", layout.begins);
	err = make_start(&l->made, layout.v1, layout.root);
	if (err)
		return err;
	l->v1 = layout.v1;
	live_take(l, &l->made.head);
	return 0;
}

/* True while who reads them is late. */
static bool push_lines(struct live *l)
{
	return l->options.printer && printer_push(l->options.printer);
}

static int loop(struct live *l)
{
	struct epoll_event events[64];
	bool busy = true, last = false, end = false, lines_wait = false;

	while (!end && !should_stop(l)) {
		bool soon = busy || last || mount_watch_waits(l->mounts) ||
			    progress_waits(&l->progress);
		int idle = lines_wait ? LINES_MS : l->options.stop ? 100 : -1;
		int timeout = soon ? DRAIN_MS : idle;
		int n = epoll_wait(l->epoll, events, ARRAY_SIZE(events), timeout);

		if (n < 0 && errno != EINTR)
			return log_errno(errno, "epoll_wait");
		for (int i = 0; i < n; i++)
			end |= handle(l, &events[i]);
		/* One more look after saying that we sleep: see wake_flags() in the kernel half. */
		last = busy;
		busy = drain(l);
		last = last && !busy;
		if (last)
			probe_asleep(l->probe);
		live_tell_floods(l);
		lines_wait = push_lines(l);
		mount_watch_settle(l->mounts, mounts_settled, l);
		if (l->behind && ring_read(l->ring) >= l->behind_until)
			live_caught_up(l);
	}
	while (!l->error && drain(l))
		;
	return 0;
}

static const char *begins(const struct live *l)
{
	return probe_resumed(l->probe) ? "the monitor goes on where the one before it stopped" :
					 "the monitor watches from now on";
}

static const char *ends(const struct live *l)
{
	return l->leave && probe_is_pinned(l->probe) ?
		       "the monitor ends: the next one reads what happens until then" :
		       "the monitor ends: nothing is seen from now on";
}

static int begin(struct live *l)
{
	int err = probe_resumed(l->probe) ? live_resume(l) : 0;

	if (!err)
		err = live_take_stock(l);
	if (!err && probe_is_pinned(l->probe))
		live_drop_others(l);
	return err;
}

static void begin_keeping(struct live *l)
{
	uint64_t last_ns;
	bool reboot;

	keeper_begin(l->options.keeper, begins(l));
	if (keeper_unclean(l->options.keeper, &last_ns, &reboot))
		guard_unclean(l->guard, last_ns, reboot);
}

static void end(struct live *l)
{
	live_tell_last(l);
	make_stop(&l->made);
	if (!l->error)
		live_take(l, &l->made.head);
	pipeline_finish(l->pipeline);
	l->leave &= l->error != -EPIPE; /* as somebody at a terminal ends it */
	if (l->leave)
		probe_keep(l->probe);
	if (l->options.keeper)
		keeper_end(l->options.keeper, ends(l));
	give_back(l);
	if (l->options.printer)
		printer_finish(l->options.printer, LINES_LAST_MS);
}

int live_run(struct live *l)
{
	int err;

	log_set_patience(LOG_PATIENCE_MS);
	err = begin(l);
	if (err) {
		log_error("the host cannot be read: %s", strerror(-err));
		return EXIT_ERROR;
	}
	log_info("watching this machine's containers (cgroup %s)", l->v1 ? "v1" : "v2");
	if (l->options.keeper)
		begin_keeping(l);
	notify_ready(l->options.notify);
	live_tell_metrics(l);
	err = loop(l);
	notify_stopping(l->options.notify);
	end(l);
	if (l->error && l->error != -EPIPE) {
		log_error("stopped: %s", strerror(-l->error));
		return EXIT_ERROR;
	}
	return err ? EXIT_ERROR : EXIT_FINE;
}

static int add_fd(struct live *l, int fd, __u64 tag, __u32 how)
{
	struct epoll_event ev = { .events = EPOLLIN | how, .data.u64 = tag };

	return fd < 0 || epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &ev) ? -errno : 0;
}

/* One descriptor a container: its mount table is kept open. */
static void allow_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int open_loop(struct live *l)
{
	struct itimerspec period = { .it_interval.tv_sec = LIVE_TICK_S,
				     .it_value.tv_sec = LIVE_TICK_S };
	sigset_t set;
	int err;

	allow_descriptors();
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	if (l->options.keeper)
		sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	l->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	l->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (l->epoll < 0 || l->timer < 0 || timerfd_settime(l->timer, 0, &period, NULL))
		return -errno;
	err = mount_watch_new(l->epoll, mark_of_mounts, &l->mounts);
	if (!err)
		err = ring_open(probe_ring(l->probe), &l->ring);
	/* By its edge: what was read and is not given back yet must not wake us. */
	if (!err)
		err = add_fd(l, probe_ring(l->probe), TAG_RING, EPOLLET);
	if (!err)
		err = add_fd(l, l->signals, TAG_SIGNAL, 0);
	if (!err)
		err = add_fd(l, l->timer, TAG_TIMER, 0);
	return err;
}

static int open_pipeline(struct live *l)
{
	struct facts *facts = &l->facts;
	int err;

	l->facts.ops = &facts_live;
	l->facts.self = &l->view;
	host_view_init(&l->view);
	if (l->options.record_to) {
		err = recorder_new(l->options.record_to, facts, &l->recorder);
		if (err)
			return err;
		facts = recorder_facts(l->recorder);
	}
	l->control = (struct model_control){
		.self = l,
		.cgroup = want_cgroup,
		.cgroup_forget = want_cgroup_forgotten,
		.root = want_root,
		.arm = want_arm,
		.watch = want_watch,
	};
	return pipeline_new(facts, &l->control, &l->options.pipeline, &l->pipeline);
}

static void guard_says(void *arg, const struct ev_head *record)
{
	live_take(arg, record);
}

static int open_guard(struct live *l)
{
	struct keeper *k = l->options.keeper;
	struct guard_options o = {
		.probe = l->probe,
		.config = k ? keeper_config_path(k) : NULL,
		.store = k ? keeper_store_path(k) : NULL,
		.say = guard_says,
		.arg = l,
	};

	return guard_new(&o, &l->guard);
}

/* What environment_check() could not know beforehand. */
static int load_failed(int err)
{
	switch (err) {
	case -ENOSYS:
		log_error("the kernel's BTF (/sys/kernel/btf/vmlinux) cannot be read");
		return EXIT_NOTHING;
	case -ENODEV:
		log_error("no feature could be loaded on this kernel: see `keelwatch doctor`");
		return EXIT_NOTHING;
	}
	log_error("cannot start: %s", strerror(-err));
	return EXIT_ERROR;
}

int live_new(const struct live_options *options, struct live **ret)
{
	struct probe_options probe = { .report_all = options->pipeline.all,
				       .unlimited = options->unlimited,
				       .way = options->way,
				       .pins = options->keeper ? keeper_pins(options->keeper) :
								 NULL };
	_cleanup_(buf_free) struct buf why = {};
	int err, code = environment_check(&why);
	struct live *l;

	if (code) {
		log_error("%s", buf_cstr(&why));
		return code;
	}
	l = calloc(1, sizeof(*l));
	if (!l)
		return load_failed(-ENOMEM);
	l->options = *options;
	l->leave = true;
	l->begun_ns = clock_boot_ns();
	l->epoll = l->signals = l->timer = -1;
	err = probe_new(&probe, &l->probe);
	if (!err)
		err = floods_new(&l->floods);
	if (!err)
		err = open_pipeline(l);
	if (!err)
		err = open_loop(l);
	if (!err)
		err = probe_attach(l->probe);
	if (!err)
		err = open_guard(l);
	if (err) {
		live_free(l);
		return load_failed(err);
	}
	*ret = l;
	return EXIT_FINE;
}

bool live_is_last(const struct live *l)
{
	return !l->leave;
}

void live_free(struct live *l)
{
	if (!l)
		return;
	pipeline_free(l->pipeline);
	mount_watch_free(l->mounts);
	recorder_free(l->recorder);
	floods_free(l->floods);
	guard_free(l->guard);
	ring_free(l->ring);
	twins_free(l->twins);
	probe_free(l->probe);
	cleanup_close(&l->epoll);
	cleanup_close(&l->signals);
	cleanup_close(&l->timer);
	free(l);
}
