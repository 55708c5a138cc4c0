/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One thread, one loop: the ring, the signals, a timer for the loss counters, and the mount tables of
 * containers.
 */
#include "cli/live.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

#include <bpf/libbpf.h>
#include <uthash.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/text.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/environment.h"
#include "source/recording.h"
#include "source/start.h"

#define DRAIN_MS 2		/* between two looks at the ring while records come */
#define LOSS_PERIOD_S 1
#define BATCH 4096		/* records taken before the loop looks around */
/*
 * A table's change is reported before the call that made it returns. This long after it the call's own
 * record has been taken in, and what is still new came from outside.
 */
#define MOUNTS_SETTLE_NS 50000000ULL

enum { TAG_RING, TAG_SIGNAL, TAG_TIMER, TAG_WATCH };

struct watch {
	__u64 cgroup_id;
	int handle;
	__u64 due_ns;	/* 0: nothing pending */
	UT_hash_handle hh;
};

struct live {
	struct live_options options;
	struct probe *probe;
	struct facts facts;
	struct recorder *recorder;
	struct model_control control;
	struct pipeline *pipeline;
	struct ring_buffer *ring;
	int epoll, signals, timer;
	struct watch *watches;
	size_t pending;
	size_t batch;
	struct ev_counts counts[CLASS_MAX];
	__u64 bad;	/* records that did not pass the check */
	int error;
	union made_record made;
};

static int take(struct live *l, const struct ev_head *rec)
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

static int on_record(void *arg, void *data, size_t size)
{
	struct live *l = arg;

	if (record_check(data, size)) {
		l->bad++;
		return 0;
	}
	if (take(l, data))
		return l->error;
	return ++l->batch >= BATCH ? -EAGAIN : 0;
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

static void want_arm(void *self, bool on)
{
	probe_arm(((struct live *)self)->probe, on);
}

static void watch_drop(struct live *l, struct watch *w)
{
	epoll_ctl(l->epoll, EPOLL_CTL_DEL, w->handle, NULL);
	if (w->due_ns)
		l->pending--;
	HASH_DEL(l->watches, w);
	free(w);
}

static void want_watch(void *self, int handle, uint64_t cgroup_id, bool on)
{
	struct epoll_event ev = { .events = EPOLLPRI };
	struct live *l = self;
	struct watch *w;
	__u64 key = cgroup_id;

	HASH_FIND(hh, l->watches, &key, sizeof(key), w);
	if (w)
		watch_drop(l, w);
	if (!on)
		return;
	w = calloc(1, sizeof(*w));
	if (!w)
		return;
	w->cgroup_id = cgroup_id;
	w->handle = handle;
	ev.data.u64 = (cgroup_id << 2) | TAG_WATCH;
	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, handle, &ev)) {
		free(w);
		return;
	}
	HASH_ADD(hh, l->watches, cgroup_id, sizeof(w->cgroup_id), w);
}

static void mounts_changed(struct live *l, __u64 cgroup_id)
{
	struct watch *w;

	HASH_FIND(hh, l->watches, &cgroup_id, sizeof(cgroup_id), w);
	if (!w || w->due_ns)
		return;
	w->due_ns = boot_time_ns() + MOUNTS_SETTLE_NS;
	l->pending++;
}

static void settle_mounts(struct live *l)
{
	struct watch *w, *next;
	__u64 now;

	if (!l->pending)
		return;
	now = boot_time_ns();
	HASH_ITER(hh, l->watches, w, next) {
		if (!w->due_ns || w->due_ns > now)
			continue;
		w->due_ns = 0;
		l->pending--;
		make_mounts_changed(&l->made, w->cgroup_id);
		take(l, &l->made.head);
	}
}

/* --- the loop --- */

static void check_losses(struct live *l)
{
	struct ev_counts now[CLASS_MAX];
	__u64 gone = 0;

	probe_counts(l->probe, now);
	for (size_t i = 0; i < CLASS_MAX; i++)
		gone += now[i].lost + now[i].busy + now[i].limited - l->counts[i].lost -
			l->counts[i].busy - l->counts[i].limited;
	memcpy(l->counts, now, sizeof(now));
	if (!gone)
		return;
	log_warn("%llu events were lost in the last %d s (see the summary)",
		 (unsigned long long)gone, LOSS_PERIOD_S);
	make_loss(&l->made, l->counts);
	take(l, &l->made.head);
}

static void drain_fd(int fd)
{
	char sink[sizeof(struct signalfd_siginfo)];

	while (read(fd, sink, sizeof(sink)) > 0)
		;
}

/* Returns true when a signal says to end. */
static bool handle(struct live *l, const struct epoll_event *ev)
{
	switch (ev->data.u64 & 3) {
	case TAG_SIGNAL:
		return true;
	case TAG_TIMER:
		drain_fd(l->timer);
		check_losses(l);
		break;
	case TAG_WATCH:
		mounts_changed(l, ev->data.u64 >> 2);
		break;
	}
	return false;
}

/* True when it took something. */
static bool drain(struct live *l)
{
	int n;

	l->batch = 0;
	n = ring_buffer__consume(l->ring);
	return n > 0 || l->batch;
}

static bool should_stop(const struct live *l)
{
	return l->error || (l->options.stop && *l->options.stop);
}

static int loop(struct live *l)
{
	struct epoll_event events[64];
	bool busy = true, last = false, end = false;

	while (!end && !should_stop(l)) {
		int timeout = busy || last || l->pending ? DRAIN_MS : l->options.stop ? 100 : -1;
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
		settle_mounts(l);
	}
	while (!l->error && drain(l))
		;
	return 0;
}

int live_run(struct live *l)
{
	struct cgroup_layout layout;
	int err = cgroup_layout_read(&layout);

	if (!err)
		err = make_start(&l->made, layout.v1, layout.root);
	if (err) {
		log_error("the host cannot be read: %s", strerror(-err));
		return EXIT_ERROR;
	}
	take(l, &l->made.head);
	fprintf(stderr, "keelwatch: watching %s (cgroup %s)\n", "this machine's containers",
		layout.v1 ? "v1" : "v2");
	fflush(stderr);
	err = loop(l);
	make_stop(&l->made);
	if (!l->error)
		take(l, &l->made.head);
	pipeline_finish(l->pipeline);
	if (l->error && l->error != -EPIPE) {
		log_error("stopped: %s", strerror(-l->error));
		return EXIT_ERROR;
	}
	return err ? EXIT_ERROR : EXIT_FINE;
}

static int add_fd(struct live *l, int fd, __u64 tag)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = tag };

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
	struct itimerspec period = { .it_interval.tv_sec = LOSS_PERIOD_S,
				     .it_value.tv_sec = LOSS_PERIOD_S };
	sigset_t set;
	int err;

	allow_descriptors();
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	l->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	l->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (l->epoll < 0 || l->timer < 0 || timerfd_settime(l->timer, 0, &period, NULL))
		return -errno;
	l->ring = ring_buffer__new(probe_ring(l->probe), on_record, l, NULL);
	if (!l->ring)
		return -errno;
	err = add_fd(l, ring_buffer__epoll_fd(l->ring), TAG_RING);
	if (!err)
		err = add_fd(l, l->signals, TAG_SIGNAL);
	if (!err)
		err = add_fd(l, l->timer, TAG_TIMER);
	return err;
}

static int open_pipeline(struct live *l)
{
	struct facts *facts = &l->facts;
	int err;

	l->facts.ops = &facts_live;
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
				       .way = options->way };
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
	l->epoll = l->signals = l->timer = -1;
	err = probe_new(&probe, &l->probe);
	if (!err)
		err = open_pipeline(l);
	if (!err)
		err = open_loop(l);
	if (!err)
		err = probe_attach(l->probe);
	if (err) {
		live_free(l);
		return load_failed(err);
	}
	*ret = l;
	return EXIT_FINE;
}

void live_free(struct live *l)
{
	struct watch *w, *next;

	if (!l)
		return;
	pipeline_free(l->pipeline);
	HASH_ITER(hh, l->watches, w, next)
		watch_drop(l, w);
	recorder_free(l->recorder);
	ring_buffer__free(l->ring);
	probe_free(l->probe);
	cleanup_close(&l->epoll);
	cleanup_close(&l->signals);
	cleanup_close(&l->timer);
	free(l);
}

void live_summary(struct live *l)
{
	bool lost = false;

	probe_counts(l->probe, l->counts);
	print_totals(pipeline_totals(l->pipeline));
	for (size_t i = 0; i < CLASS_MAX; i++) {
		const struct ev_counts *c = &l->counts[i];

		if (!(c->lost + c->busy + c->limited))
			continue;
		lost = true;
		fprintf(stderr, "\nkeelwatch: lost of %s: %llu (ring full), %llu (no slot), %llu (held back)"
				" beside %llu sent",
			record_class_name(i), c->lost, c->busy, c->limited, c->sent);
	}
	fprintf(stderr, lost ? "\n" : ", 0 lost\n");
	if (l->bad)
		fprintf(stderr, "keelwatch: %llu records of the ring were damaged\n", l->bad);
}
