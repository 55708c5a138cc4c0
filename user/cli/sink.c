/* SPDX-License-Identifier: Apache-2.0 */
/* keelwatch sink test: one marked record by the way of all others, and what came back. */
#include <argp.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "base/util.h"
#include "cli/cli.h"
#include "config/config.h"
#include "feed/link.h"
#include "feed/spawn.h"
#include "message/stamp.h"

/* Beyond the sink's own timeout: for the shipper to start, and to say how it went. */
#define GRACE_S 5

enum { OPTION_CONFIG = 'c' };

struct sink_args {
	const char *config;
	const char *verb, *name;
};

struct trial {
	const struct config_sink *sink;
	struct shipper_process process;
	struct link *link;
	struct stamp *stamp;
	char id[STAMP_ID_SIZE];
	struct buf body; /* the packed record */
	uint64_t began_ns;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct sink_args *a = state->input;

	switch (key) {
	case OPTION_CONFIG:
		a->config = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (!a->verb)
			a->verb = arg;
		else if (!a->name)
			a->name = arg;
		else
			argp_error(state, "unexpected argument: %s", arg);
		if (strcmp(a->verb, "test"))
			argp_error(state, "no such thing to do with a sink: %s (test)", a->verb);
		return 0;
	case ARGP_KEY_END:
		if (!a->name)
			argp_error(state, "the sink's name is missing");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp_option options[] = {
	{ "config", OPTION_CONFIG, "FILE", 0, "Settings (/etc/keelwatch/keelwatch.yaml)", 0 },
	{},
};

static const struct argp argp = {
	options,
	parse,
	"test NAME",
	"Send one marked record to a sink of the settings, once, and say what came back.\v"
	"The record is of kind \"monitor\", operation \"test\"; nothing is stored and no cursor moves. Exit "
	"codes: 0 the receiver has it, 1 it has not, 2 usage or settings. See keelwatch-sink(1).",
	NULL,
	NULL,
	NULL,
};

static int make_record(struct trial *t)
{
	Keelwatch__Record record = KEELWATCH__RECORD__INIT;
	Keelwatch__Monitor monitor = KEELWATCH__MONITOR__INIT;
	Keelwatch__Metadata metadata;
	size_t size;

	stamp_metadata(t->stamp, t->id, &metadata);
	monitor.kind = (char *)"monitor";
	monitor.operation = (char *)"test";
	monitor.severity = KEELWATCH__SEVERITY__info;
	monitor.time = clock_epoch_ns();
	monitor.message = (char *)"a test record of `keelwatch sink test`: nothing has happened";
	monitor.metadata = &metadata;
	record.body_case = KEELWATCH__RECORD__BODY_MONITOR;
	record.monitor = &monitor;
	size = keelwatch__record__get_packed_size(&record);
	t->body.data = malloc(size + 1);
	if (!t->body.data)
		return -ENOMEM;
	t->body.cap = size + 1;
	t->body.len = keelwatch__record__pack(&record, (uint8_t *)t->body.data);
	return 0;
}

static int hand_over(struct trial *t)
{
	int err = link_write(t->link, FEED_RECORD, 1, t->body.data, t->body.len);

	return err ? err : link_write(t->link, FEED_END, 1, NULL, 0);
}

static int say(const struct trial *t, const struct feed_status *status)
{
	double seconds = (double)(clock_boot_ns() - t->began_ns) / NS_PER_S;
	const char *why = status->why[0] ? status->why : "no reason was given";

	if (status->delivered) {
		printf("sink %s: delivered in %.2f s: record %s\n", t->sink->name, seconds, t->id);
		return EXIT_FINE;
	}
	if (status->refused)
		printf("sink %s: refused for good: %s\n", t->sink->name, why);
	else
		printf("sink %s: not delivered: %s\n", t->sink->name, why);
	return EXIT_ERROR;
}

static int converse(struct trial *t)
{
	struct feed_status status;
	struct feed_head head;
	int err;

	while ((err = link_read(t->link, &head)) > 0) {
		if (head.type == FEED_WANT && hand_over(t))
			break;
		if (head.type != FEED_STATUS || head.len != sizeof(status))
			continue;
		memcpy(&status, t->link->body.data, sizeof(status));
		status.why[sizeof(status.why) - 1] = '\0';
		return say(t, &status);
	}
	log_about(LOG_ERROR, "sink", t->sink->name, "%s",
		  err < 0 ? strerror(-err) :
			    "no answer within the time, or the shipper could not start");
	return EXIT_ERROR;
}

static int open_clock(const struct config_sink *sink)
{
	uint64_t ns = sink->timeout_ns + GRACE_S * NS_PER_S;
	struct itimerspec at = { .it_value = { ns / NS_PER_S, ns % NS_PER_S } };
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);

	if (fd >= 0 && timerfd_settime(fd, 0, &at, NULL))
		cleanup_close(&fd);
	return fd;
}

static int try_sink(struct trial *t, const struct config *config)
{
	_cleanup_close_ int clock = open_clock(t->sink);
	const char *name = t->sink->name;
	char room[CHILD_HOW];
	int err, code = EXIT_ERROR;

	t->link = calloc(1, sizeof(*t->link));
	err = t->link ? stamp_new(&t->stamp) : -ENOMEM;
	if (!err)
		err = make_record(t);
	t->began_ns = clock_boot_ns();
	if (!err)
		err = shipper_spawn(config, &name, 1, NULL, &t->process);
	if (err) {
		log_error("the shipper cannot be started: %s", strerror(-err));
		return EXIT_ERROR;
	}
	t->link->fd = t->process.feeds[0];
	t->link->stop = clock;
	code = converse(t);
	kill(t->process.pid, SIGKILL);
	shipper_reap(&t->process, room);
	return code;
}

int command_sink(int argc, char **argv)
{
	_cleanup_(buf_free) struct buf problems = {};
	struct sink_args args = {};
	struct config *config = NULL;
	struct trial t = { .process = { .pid = -1, .pidfd = -1, .control = -1 } };
	int code = EXIT_CANNOT;

	if (argp_parse(&argp, argc, argv, 0, NULL, &args))
		return EXIT_CANNOT;
	if (config_load(args.config ? args.config : CONFIG_PATH, 0, &problems, &config)) {
		fprintf(stderr, "keelwatch sink: %s\n", buf_cstr(&problems));
		return EXIT_CANNOT;
	}
	t.sink = config_sink_find(config, args.name);
	if (t.sink)
		code = try_sink(&t, config);
	else
		fprintf(stderr, "keelwatch sink: %s: there is no such sink in %s\n", args.name,
			config->path);
	if (t.link)
		buf_free(&t.link->body);
	free(t.link);
	buf_free(&t.body);
	stamp_free(t.stamp);
	shipper_close(&t.process);
	config_free(config);
	return code;
}
