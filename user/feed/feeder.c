/* SPDX-License-Identifier: Apache-2.0 */
#include "feed/feeder.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/util.h"
#include "feed/lane.h"
#include "feed/spawn.h"

#define END_NS (5 * NS_PER_S) /* to end by itself, before it is killed */
#define DEAD_LETTERS "dead-letter"

enum phase {
	PHASE_NONE, /* no shipper: there are no sinks, or restart_ns is to come */
	PHASE_RUNNING,
	PHASE_ENDING, /* asked to end; killed at kill_ns */
};

struct feeder {
	struct store *store;
	char *dead_letters;
	pthread_t thread;
	int wake;	      /* an eventfd: next or end was set */
	pthread_mutex_t lock; /* over what follows, up to the blank line */
	struct config *next;  /* owned */
	bool has_next, end;
	struct feeder_sink shown[CONFIG_SINKS_MAX]; /* how the sinks were after the last step */
	size_t shown_count;
	uint64_t shown_restarts;
	pid_t shown_pid;

	/* the thread's own */
	struct lane *lanes;
	size_t lane_count;
	uint64_t restarts;
	struct store_reader *reader;
	bool unreadable; /* the store, as it was said */
	struct config *config;
	struct shipper_process process;
	enum phase phase;
	uint64_t kill_ns;
	struct child_pace pace;
};

/* --- the sinks --- */

static void lanes_free(struct lane *lanes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		lane_free(&lanes[i]);
	free(lanes);
}

static const struct lane *lane_find(const struct lane *lanes, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(lanes[i].name, name))
			return &lanes[i];
	return NULL;
}

/* Where a sink goes on: at what it acknowledged to us, or to one before us; or where it is told to begin. */
static void lane_begin(struct feeder *f, struct lane *l, const struct config_sink *s)
{
	const struct lane *old = lane_find(f->lanes, f->lane_count, s->name);
	bool known;

	snprintf(l->name, sizeof(l->name), "%s", s->name);
	l->kinds = s->kinds;
	l->min_severity = s->min_severity;
	l->fd = -1;
	known = store_acknowledged(f->reader, s->name, &l->settled);
	if (old && old->settled > l->settled)
		l->settled = old->settled;
	if (!known && !old && s->begin == BEGIN_NEWEST) {
		l->settled = store_newest(f->reader);
		store_acknowledge(f->store, l->name, l->settled);
	}
	l->acknowledged = l->settled;
	if (old)
		lane_inherit(l, old);
}

/* A clean slate for the sinks of f->config; counts of those that stay are kept. */
static int lanes_set(struct feeder *f)
{
	const char *names[CONFIG_SINKS_MAX];
	struct lane *lanes, *old = f->lanes;
	size_t count = 0, old_count = f->lane_count;

	lanes = calloc(CONFIG_SINKS_MAX, sizeof(*lanes));
	if (!lanes)
		return -ENOMEM;
	for (size_t i = 0; f->config && i < f->config->sink_count; i++) {
		const struct config_sink *s = &f->config->sinks[i];

		if (!s->enabled || count == CONFIG_SINKS_MAX)
			continue;
		lane_begin(f, &lanes[count], s);
		names[count] = lanes[count].name;
		count++;
	}
	store_sinks(f->store, names, count);
	f->lanes = lanes;
	f->lane_count = count;
	lanes_free(old, old_count);
	return 0;
}

/* --- the shipper --- */

static void start_shipper(struct feeder *f)
{
	const char *names[CONFIG_SINKS_MAX];
	int err;

	f->pace.restart_ns = 0;
	if (!f->lane_count)
		return;
	for (size_t i = 0; i < f->lane_count; i++)
		names[i] = f->lanes[i].name;
	f->pace.started_ns = clock_boot_ns();
	err = shipper_spawn(f->config, names, f->lane_count, f->dead_letters, &f->process);
	if (err) {
		log_error("the shipper cannot be started: %s", strerror(-err));
		child_died(&f->pace);
		return;
	}
	for (size_t i = 0; i < f->lane_count; i++)
		lane_connect(&f->lanes[i], f->process.feeds[i]);
	f->phase = PHASE_RUNNING;
	log_debug("shipper: pid %d", f->process.pid);
}

static void ask_to_end(struct feeder *f)
{
	cleanup_close(&f->process.control);
	f->process.control = -1;
	f->phase = PHASE_ENDING;
	f->kill_ns = clock_boot_ns() + END_NS;
}

static void kill_shipper(struct feeder *f)
{
	if (syscall(SYS_pidfd_send_signal, f->process.pidfd, SIGKILL, NULL, 0))
		log_warn("the shipper cannot be killed: %s", strerror(errno));
	f->kill_ns = UINT64_MAX;
}

/* Its last words are taken in before its sockets go. */
static void shipper_ended(struct feeder *f)
{
	char room[CHILD_HOW];
	const char *how = shipper_reap(&f->process, room);

	for (size_t i = 0; i < f->lane_count; i++) {
		if (f->lanes[i].fd >= 0)
			lane_read(&f->lanes[i], f->store);
		lane_connect(&f->lanes[i], -1);
	}
	shipper_close(&f->process);
	if (f->phase == PHASE_RUNNING) {
		child_died(&f->pace);
		f->restarts++;
		log_warn("the shipper %s; starting it again in %.1f s", how,
			 (double)f->pace.backoff_ns / NS_PER_S);
	}
	f->phase = PHASE_NONE;
}

/* --- the loop --- */

/* Said once when it begins: each commit of the writer's asks again. */
static void note_reading(struct feeder *f, const struct lane *l, int err)
{
	if (err == -EBADMSG)
		store_suspect(f->store);
	if (err && !f->unreadable)
		log_about(LOG_ERROR, "sink", l->name, "the store cannot be read: %s",
			  err == -EBADMSG ? "it is damaged" : strerror(-err));
	f->unreadable = err;
}

static void serve(struct feeder *f)
{
	for (size_t i = 0; i < f->lane_count && f->phase == PHASE_RUNNING; i++) {
		struct lane *l = &f->lanes[i];
		int err = lane_serve(l, f->store, f->reader);

		if (err || f->unreadable)
			note_reading(f, l, err);
	}
}

static void on_lane(struct feeder *f, struct lane *l, short events)
{
	int err = 0;

	if (events & POLLOUT)
		err = lane_write(l);
	if (!err && events & (POLLIN | POLLHUP | POLLERR))
		err = lane_read(l, f->store);
	if (!err)
		return;
	l->fd = -1;
	/* Of one that is to end, or has ended, the sockets go first. */
	if (f->phase != PHASE_RUNNING)
		return;
	if (err == -EPROTO)
		log_about(LOG_ERROR, "sink", l->name,
			  "the shipper says what it may not: it is ended");
	kill_shipper(f);
}

static void drain(int fd)
{
	uint64_t count;

	while (read(fd, &count, sizeof(count)) > 0)
		;
}

/* Takes what was asked of us. True when all is to end. */
static bool take_orders(struct feeder *f)
{
	bool end, has_next;

	drain(f->wake);
	pthread_mutex_lock(&f->lock);
	end = f->end;
	has_next = f->has_next;
	pthread_mutex_unlock(&f->lock);
	if ((end || has_next) && f->phase == PHASE_RUNNING)
		ask_to_end(f);
	if (f->phase != PHASE_NONE)
		return false;
	if (end)
		return true;
	if (has_next) {
		config_free(f->config);
		pthread_mutex_lock(&f->lock);
		f->config = TAKE(f->next);
		f->has_next = false;
		pthread_mutex_unlock(&f->lock);
		if (lanes_set(f))
			log_error("the sinks: out of memory");
		f->pace.backoff_ns = 0;
		f->pace.restart_ns = clock_boot_ns();
	}
	return false;
}

static int timeout_ms(const struct feeder *f)
{
	uint64_t now = clock_boot_ns(), at = UINT64_MAX;

	if (f->phase == PHASE_NONE && f->pace.restart_ns)
		at = f->pace.restart_ns;
	else if (f->phase == PHASE_ENDING)
		at = f->kill_ns;
	if (at == UINT64_MAX)
		return -1;
	return at <= now ? 0 : (at - now) / NS_PER_MS + 1;
}

static void on_time(struct feeder *f)
{
	uint64_t now = clock_boot_ns();

	if (f->phase == PHASE_NONE && f->pace.restart_ns && f->pace.restart_ns <= now)
		start_shipper(f);
	else if (f->phase == PHASE_ENDING && f->kill_ns <= now)
		kill_shipper(f);
}

static void step(struct feeder *f)
{
	enum { WAKE, STORE, PROCESS, LANES };
	struct pollfd fds[LANES + CONFIG_SINKS_MAX] = {
		[WAKE] = { .fd = f->wake, .events = POLLIN },
		[STORE] = { .fd = store_committed_fd(f->store), .events = POLLIN },
		[PROCESS] = { .fd = f->phase == PHASE_NONE ? -1 : f->process.pidfd,
			      .events = POLLIN },
	};

	for (size_t i = 0; i < f->lane_count; i++)
		fds[LANES + i] = (struct pollfd){
			.fd = f->lanes[i].fd,
			.events = POLLIN | (lane_is_writing(&f->lanes[i]) ? POLLOUT : 0),
		};
	if (poll(fds, LANES + f->lane_count, timeout_ms(f)) < 0)
		return;
	if (fds[STORE].revents)
		drain(fds[STORE].fd);
	for (size_t i = 0; i < f->lane_count; i++)
		if (f->lanes[i].fd >= 0 && fds[LANES + i].revents)
			on_lane(f, &f->lanes[i], fds[LANES + i].revents);
	if (fds[PROCESS].revents)
		shipper_ended(f);
	on_time(f);
	serve(f);
}

static void show(struct feeder *f)
{
	pthread_mutex_lock(&f->lock);
	f->shown_count = f->lane_count;
	for (size_t i = 0; i < f->lane_count; i++)
		lane_status(&f->lanes[i], &f->shown[i]);
	f->shown_restarts = f->restarts;
	f->shown_pid = f->phase == PHASE_NONE ? 0 : f->process.pid;
	pthread_mutex_unlock(&f->lock);
}

static void *run(void *arg)
{
	struct feeder *f = arg;
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	while (!take_orders(f)) {
		step(f);
		show(f);
	}
	return NULL;
}

/* --- from outside --- */

static void wake(struct feeder *f)
{
	uint64_t one = 1;

	if (write(f->wake, &one, sizeof(one)) != sizeof(one))
		log_warn("eventfd: %s", strerror(errno));
}

int feeder_new(struct store *store, const char *state_dir, struct feeder **ret)
{
	struct feeder *f = calloc(1, sizeof(*f));
	int err;

	if (!f)
		return -ENOMEM;
	f->store = store;
	f->process = (struct shipper_process){ .pid = -1, .pidfd = -1, .control = -1 };
	pthread_mutex_init(&f->lock, NULL);
	f->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (asprintf(&f->dead_letters, "%s/" DEAD_LETTERS, state_dir) < 0)
		f->dead_letters = NULL;
	err = f->wake < 0     ? -errno :
	      f->dead_letters ? store_reader_new(state_dir, &f->reader) :
				-ENOMEM;
	if (!err)
		err = -pthread_create(&f->thread, NULL, run, f);
	if (err) {
		store_reader_free(f->reader);
		cleanup_close(&f->wake);
		free(f->dead_letters);
		free(f);
		return err;
	}
	*ret = f;
	return 0;
}

void feeder_free(struct feeder *f)
{
	if (!f)
		return;
	pthread_mutex_lock(&f->lock);
	f->end = true;
	pthread_mutex_unlock(&f->lock);
	wake(f);
	pthread_join(f->thread, NULL);
	lanes_free(f->lanes, f->lane_count);
	store_reader_free(f->reader);
	config_free(f->config);
	config_free(f->next);
	cleanup_close(&f->wake);
	pthread_mutex_destroy(&f->lock);
	free(f->dead_letters);
	free(f);
}

int feeder_set(struct feeder *f, const struct config *config)
{
	_cleanup_(buf_free) struct buf problems = {};
	struct config *copy = NULL, *old;
	int err = 0;

	if (config->text)
		err = config_parse(config->text, config->text_len, config->path, 0, &problems,
				   &copy);
	if (err)
		return err;
	pthread_mutex_lock(&f->lock);
	old = f->next;
	f->next = copy;
	f->has_next = true;
	pthread_mutex_unlock(&f->lock);
	config_free(old);
	wake(f);
	return 0;
}

size_t feeder_stats(struct feeder *f, struct feeder_sink *sinks, uint64_t *restarts)
{
	size_t count;

	pthread_mutex_lock(&f->lock);
	count = f->shown_count;
	memcpy(sinks, f->shown, count * sizeof(*sinks));
	if (restarts)
		*restarts = f->shown_restarts;
	pthread_mutex_unlock(&f->lock);
	return count;
}

pid_t feeder_shipper(struct feeder *f)
{
	pid_t pid;

	pthread_mutex_lock(&f->lock);
	pid = f->shown_pid;
	pthread_mutex_unlock(&f->lock);
	return pid;
}

uint64_t feeder_behind(const struct feeder_sink *sink, uint64_t newest)
{
	return newest > sink->acknowledged ? newest - sink->acknowledged : 0;
}

const char *feed_state_name(enum feed_state state)
{
	static const char *const names[] = {
		[FEED_CONNECTING] = "connecting",
		[FEED_WORKING] = "working",
		[FEED_WAITING] = "waiting",
	};

	return state < FEED_STATE_MAX ? names[state] : NULL;
}
