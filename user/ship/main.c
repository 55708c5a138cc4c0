/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keelwatch-shipper: brings what the monitor has stored to the receivers. Begun by the monitor, which
 * hands it the settings and a socket for each sink; it gives up all it can before the first word to
 * the network.
 */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/text.h"
#include "base/util.h"
#include "base/version.h"
#include "config/config.h"
#include "ship/sinks.h"
#include "ship/worker.h"

/* Exit codes the monitor tells apart. */
enum { EXIT_DONE = 0, EXIT_BROKEN = 1, EXIT_SETTINGS = 2 };

#define FOLDER_MODE 0750

struct lane {
	struct worker worker;
	pthread_t thread;
	bool running;
};

struct shipper {
	int config_fd, control_fd, stop;
	const char *config_name;
	const char *dead_letters; /* the folder, or NULL: a test */
	struct config *config;
	struct rights rights;
	struct reach reach;
	struct lane lanes[CONFIG_SINKS_MAX];
	const char *lane_names[CONFIG_SINKS_MAX]; /* NAME=FD, as given */
	size_t lane_count;
};

enum {
	OPTION_CONFIG = 256,
	OPTION_NAME,
	OPTION_CONTROL,
	OPTION_DEAD,
	OPTION_LOG,
	OPTION_VERBOSE = 'v'
};

static int parse_fd(const char *text, struct argp_state *state)
{
	uint64_t fd;

	if (text_u64(text, &fd) || fd > INT32_MAX || fcntl(fd, F_GETFD) < 0)
		argp_error(state, "%s: no open descriptor", text);
	return fd;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct shipper *s = state->input;

	switch (key) {
	case OPTION_CONFIG:
		s->config_fd = parse_fd(arg, state);
		return 0;
	case OPTION_NAME:
		s->config_name = arg;
		return 0;
	case OPTION_CONTROL:
		s->control_fd = parse_fd(arg, state);
		return 0;
	case OPTION_DEAD:
		s->dead_letters = arg;
		return 0;
	case OPTION_LOG:
		if (!strcmp(arg, "json"))
			log_set_format(LOG_JSON);
		return 0;
	case OPTION_VERBOSE:
		log_set_level(LOG_DEBUG);
		return 0;
	case ARGP_KEY_ARG:
		if (s->lane_count == CONFIG_SINKS_MAX || !strchr(arg, '='))
			argp_error(state, "%s: not SINK=DESCRIPTOR, or one too many", arg);
		s->lanes[s->lane_count].worker.feed = parse_fd(strchr(arg, '=') + 1, state);
		s->lane_names[s->lane_count++] = arg;
		return 0;
	case ARGP_KEY_END:
		if (s->config_fd < 0 || s->control_fd < 0 || !s->lane_count)
			argp_error(state, "it is begun by `keelwatch run`, not by hand");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp_option options[] = {
	{ "config-fd", OPTION_CONFIG, "FD", 0, "Where the settings are read from", 0 },
	{ "config-name", OPTION_NAME, "NAME", 0, "What they are called in errors", 0 },
	{ "control-fd", OPTION_CONTROL, "FD", 0, "Ends the shipper when it is closed", 0 },
	{ "dead-letters", OPTION_DEAD, "DIR", 0,
	  "Where refused records go; without it each record is tried once", 0 },
	{ "log", OPTION_LOG, "FORMAT", 0, "Lines on standard error: text or json", 0 },
	{ "verbose", OPTION_VERBOSE, NULL, 0, "Say more on standard error", 0 },
	{},
};

static const struct argp argp = {
	options,
	parse,
	"SINK=FD...",
	"Bring records to their receivers, for `keelwatch run`, which begins and feeds it.",
	NULL,
	NULL,
	NULL,
};

/* --- while we may still read everything --- */

static int read_config(struct shipper *s)
{
	_cleanup_(buf_free) struct buf text = { .max = CONFIG_FILE_MAX }, problems = {};
	char chunk[4096];
	ssize_t n;
	int err;

	while ((n = read(s->config_fd, chunk, sizeof(chunk))) > 0)
		buf_add(&text, chunk, n);
	close(s->config_fd);
	if (n < 0 || text.failed)
		return log_errno(EIO, "the settings cannot be read");
	err = config_parse(buf_cstr(&text), text.len, s->config_name, CONFIG_SECRETS, &problems,
			   &s->config);
	if (err)
		log_error("%s", buf_cstr(&problems));
	return err;
}

static const struct config_sink *lane_settings(const struct shipper *s, size_t lane)
{
	_cleanup_free_ char *name = strndup(s->lane_names[lane], strcspn(s->lane_names[lane], "="));

	return name ? config_sink_find(s->config, name) : NULL;
}

/* A folder that is missing is made, and belongs to the one who writes in it: else it goes again. */
static int own_folder(const struct shipper *s, const char *path)
{
	int err;

	if (mkdir(path, FOLDER_MODE))
		return errno == EEXIST ? 0 : -errno;
	if (geteuid() != 0 || !lchown(path, s->rights.uid, s->rights.gid))
		return 0;
	err = -errno;
	rmdir(path);
	return err;
}

static int add_sink(struct shipper *s, size_t i)
{
	struct worker *w = &s->lanes[i].worker;
	int err;

	w->settings = lane_settings(s, i);
	if (!w->settings) {
		log_error("%s: there is no such sink in %s", s->lane_names[i], s->config_name);
		return -ENOENT;
	}
	w->ops = sink_of_type(w->settings->type);
	w->stop = s->stop;
	w->once = !s->dead_letters;
	err = reach_add(&s->reach, w->settings);
	if (!err && s->dead_letters)
		err = dead_letter_new(s->dead_letters, w->settings->name,
				      s->config->dead_letter_max_bytes, &w->dead_letters);
	if (!err && w->settings->type == SINK_FILE) {
		int made = own_folder(s, s->reach.writable[s->reach.writable_count - 1]);

		if (made)
			log_about(LOG_WARN, "sink", w->settings->name, "%s: %s",
				  s->reach.writable[s->reach.writable_count - 1], strerror(-made));
	}
	return err;
}

static int prepare(struct shipper *s)
{
	int err = rights_user(s->config->ship_user, &s->rights.uid, &s->rights.gid);

	if (err)
		return log_errno(-err, "shipper.user: %s", s->config->ship_user);
	s->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->stop < 0)
		return log_errno(errno, "eventfd");
	if (s->dead_letters) {
		err = own_folder(s, s->dead_letters);
		if (!err)
			err = reach_add_folder(&s->reach, s->dead_letters);
		if (err)
			return log_errno(-err, "%s", s->dead_letters);
	}
	for (size_t i = 0; i < s->lane_count; i++) {
		err = add_sink(s, i);
		if (err)
			return err;
	}
	return 0;
}

static int give_up_rights(struct shipper *s)
{
	_cleanup_(buf_free) struct buf what = {};
	int err;

	s->rights.writable = (const char *const *)s->reach.writable;
	s->rights.writable_count = s->reach.writable_count;
	s->rights.reachable = (const char *const *)s->reach.reachable;
	s->rights.reachable_count = s->reach.reachable_count;
	s->rights.ports = s->reach.any_port ? NULL : s->reach.ports;
	s->rights.port_count = s->reach.port_count;
	err = sandbox_enter(&s->rights, &what);
	return err ? log_errno(-err, "%s: nothing is sent", buf_cstr(&what)) : 0;
}

/* --- and afterwards --- */

static void *run_lane(void *arg)
{
	struct lane *lane = arg;
	int err = worker_run(&lane->worker);

	if (err && err != -EPIPE)
		log_about(LOG_ERROR, "sink", lane->worker.settings->name,
			  "the monitor's word is not understood: %s", strerror(-err));
	/* A sink without its worker is noticed by the monitor, which begins all anew. */
	shutdown(lane->worker.feed, SHUT_RDWR);
	return NULL;
}

static int start_lanes(struct shipper *s)
{
	for (size_t i = 0; i < s->lane_count; i++) {
		int err = pthread_create(&s->lanes[i].thread, NULL, run_lane, &s->lanes[i]);

		if (err)
			return log_errno(err, "a thread for %s", s->lane_names[i]);
		s->lanes[i].running = true;
	}
	return 0;
}

static void wait_for_end(const struct shipper *s, int signals)
{
	struct pollfd fds[] = {
		{ .fd = s->control_fd, .events = POLLIN },
		{ .fd = signals, .events = POLLIN },
	};

	while (poll(fds, ARRAY_SIZE(fds), -1) <= 0)
		;
}

static void end_lanes(struct shipper *s)
{
	uint64_t one = 1;

	if (write(s->stop, &one, sizeof(one)) != sizeof(one))
		log_warn("eventfd: %s", strerror(errno));
	for (size_t i = 0; i < s->lane_count; i++) {
		if (s->lanes[i].running)
			pthread_join(s->lanes[i].thread, NULL);
		dead_letter_free(s->lanes[i].worker.dead_letters);
	}
}

int main(int argc, char **argv)
{
	struct shipper s = { .config_fd = -1, .control_fd = -1, .config_name = "settings" };
	int signals, code = EXIT_DONE;
	sigset_t set;

	log_set_component("shipper");
	log_set_patience(LOG_PATIENCE_MS);
	argp_err_exit_status = EXIT_SETTINGS;
	argp_program_version = "keelwatch-shipper " KEELWATCH_VERSION;
	if (argp_parse(&argp, argc, argv, 0, NULL, &s))
		return EXIT_SETTINGS;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signals = signalfd(-1, &set, SFD_CLOEXEC);
	if (signals < 0 || read_config(&s) || prepare(&s))
		return EXIT_SETTINGS;
	if (give_up_rights(&s) || start_lanes(&s))
		code = EXIT_BROKEN;
	else
		wait_for_end(&s, signals);
	end_lanes(&s);
	reach_free(&s.reach);
	config_free(s.config);
	return code;
}
