/* SPDX-License-Identifier: Apache-2.0 */
/* keelwatch record and replay: what was seen, to a file and back. */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/live.h"
#include "source/recording.h"

enum {
	OPTION_ALL = 'a',
	OPTION_JSON = 'j',
	OPTION_FORCE = 'f',
	OPTION_COUNT = 'c',
	OPTION_UNLIMITED = 'u'
};

struct file_args {
	struct pipeline_options pipeline;
	bool force;
	bool count;
	bool unlimited;
	const char *path;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct file_args *a = state->input;

	switch (key) {
	case OPTION_ALL:
		a->pipeline.all = true;
		return 0;
	case OPTION_JSON:
		a->pipeline.json = true;
		return 0;
	case OPTION_FORCE:
		a->force = true;
		return 0;
	case OPTION_UNLIMITED:
		a->unlimited = true;
		return 0;
	case OPTION_COUNT:
		a->count = true;
		return 0;
	case ARGP_KEY_ARG:
		if (a->path)
			argp_error(state, "one file only");
		a->path = arg;
		return 0;
	case ARGP_KEY_END:
		if (!a->path)
			argp_error(state, "a file is missing");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp_option record_options[] = {
	{ "all", OPTION_ALL, NULL, 0,
	  "Record every write in containers, not only the first on each mount", 0 },
	{ "force", OPTION_FORCE, NULL, 0, "Replace the file if it exists", 0 },
	{ "unlimited", OPTION_UNLIMITED, NULL, 0,
	  "Hold nothing back of a container that does more than its share", 0 },
	{},
};

static const struct argp record_argp = {
	record_options,
	parse,
	"FILE",
	"Record what the kernel reports and what was read to understand it, until Ctrl-C.\v"
	"A recording holds names, paths and arguments of this machine's processes; it is made "
	"readable for its owner alone. Exit codes: 0 fine, 1 failed on the way, 2 usage, rights or file, "
	"3 nothing works on this kernel. See keelwatch-record(1).",
	NULL,
	NULL,
	NULL,
};

static FILE *open_recording(const struct file_args *args)
{
	int fd =
		open(args->path,
		     O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | (args->force ? O_TRUNC : O_EXCL),
		     0600);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "we");

	if (!f)
		fprintf(stderr, "keelwatch record: %s: %s%s\n", args->path, strerror(errno),
			errno == EEXIST ? " (--force replaces it)" : "");
	return f;
}

int command_record(int argc, char **argv)
{
	struct file_args args = {};
	struct live_options options = {};
	_cleanup_fclose_ FILE *file = NULL;
	struct live *live;
	int code;

	if (argp_parse(&record_argp, argc, argv, 0, NULL, &args))
		return EXIT_CANNOT;
	code = check_capabilities("record", CAPABILITIES_TO_WATCH);
	if (code)
		return code;
	file = open_recording(&args);
	if (!file)
		return EXIT_CANNOT;
	options.pipeline = args.pipeline;
	options.record_to = file;
	options.unlimited = args.unlimited;
	code = live_new(&options, &live);
	if (code)
		return code;
	code = live_run(live);
	live_summary(live);
	live_free(live);
	if (fflush(file)) {
		log_error("%s: %s", args.path, strerror(errno));
		return EXIT_ERROR;
	}
	return code;
}

static const struct argp_option replay_options[] = {
	{ "all", OPTION_ALL, NULL, 0, "Show every event, the host's own too, not only findings",
	  0 },
	{ "json", OPTION_JSON, NULL, 0, "One JSON object a line", 0 },
	{ "count", OPTION_COUNT, NULL, 0, "Print nothing but the totals", 0 },
	{},
};

static const struct argp replay_argp = {
	replay_options,
	parse,
	"FILE",
	"Run a recording through the same detection; needs neither root nor a kernel.\v"
	"Exit codes: 0 fine, 1 the recording is damaged or cut, 2 usage or no recording. See "
	"keelwatch-record(1).",
	NULL,
	NULL,
	NULL,
};

static int replay_all(struct replay *replay, struct pipeline *pipeline, const char *path)
{
	const struct ev_head *rec;
	unsigned int last = 0;
	int err;

	while ((err = replay_next(replay, &rec)) > 0) {
		last = rec->type;
		err = pipeline_feed(pipeline, rec);
		if (err == -EPIPE)
			return EXIT_FINE;
		if (err) {
			log_error("%s: %s", path, strerror(-err));
			return EXIT_ERROR;
		}
	}
	pipeline_finish(pipeline);
	if (!err && last != EV_STOP) {
		log_error("%s: ends without its end: cut off, or still being written", path);
		return EXIT_ERROR;
	}
	if (err < 0) {
		log_error("%s: damaged after %llu records", path,
			  (unsigned long long)pipeline_totals(pipeline).records);
		return EXIT_ERROR;
	}
	return EXIT_FINE;
}

static void say_totals(struct pipeline_totals totals)
{
	_cleanup_(buf_free) struct buf text = {};

	add_totals(&text, totals);
	log_info("%s", buf_cstr(&text));
}

int command_replay(int argc, char **argv)
{
	struct file_args args = { .pipeline = { .print = print_to_file, .out = stdout } };
	_cleanup_fclose_ FILE *file = NULL;
	struct pipeline *pipeline = NULL;
	struct replay *replay = NULL;
	int code, err;

	if (argp_parse(&replay_argp, argc, argv, 0, NULL, &args))
		return EXIT_CANNOT;
	if (args.count)
		args.pipeline.print = NULL;
	args.pipeline.colour = !args.pipeline.json && isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
	file = fopen(args.path, "re");
	if (!file) {
		fprintf(stderr, "keelwatch replay: %s: %s\n", args.path, strerror(errno));
		return EXIT_CANNOT;
	}
	err = replay_new(file, &replay);
	if (err) {
		fprintf(stderr, "keelwatch replay: %s: not a recording of this version\n",
			args.path);
		return EXIT_CANNOT;
	}
	err = pipeline_new(replay_facts(replay), NULL, &args.pipeline, &pipeline);
	code = err ? EXIT_ERROR : replay_all(replay, pipeline, args.path);
	if (pipeline) {
		say_totals(pipeline_totals(pipeline));
	}
	pipeline_free(pipeline);
	replay_free(replay);
	return code;
}
