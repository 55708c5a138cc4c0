/* SPDX-License-Identifier: Apache-2.0 */
/* keelwatch verify: that nothing in the store was altered, taken out or moved. */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/state.h"

enum { OPTION_CONFIG = 'c', OPTION_STATE = 256 };

#define PROGRESS_EVERY 100000 /* records between two words on a terminal */
#define FILES_MAX 64

struct verify_args {
	const char *config, *state;
	const char *files[FILES_MAX];
	size_t count;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct verify_args *a = state->input;

	switch (key) {
	case OPTION_CONFIG:
		a->config = arg;
		return 0;
	case OPTION_STATE:
		a->state = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (a->count == FILES_MAX)
			argp_error(state, "more than %d files", FILES_MAX);
		a->files[a->count++] = arg;
		return 0;
	case ARGP_KEY_END:
		if (a->count && (a->state || a->config))
			argp_error(state, "files, or --state or --config, not both");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp_option options[] = {
	{ "config", OPTION_CONFIG, "FILE", 0,
	  "Settings (/etc/keelwatch/keelwatch.yaml, where it exists)", 0 },
	{ "state", OPTION_STATE, "DIR", 0, "Where findings are kept (/var/lib/keelwatch)", 0 },
	{},
};

static const struct argp argp = {
	options,
	parse,
	NULL,
	"Walk the chain of the store and say the first record that was altered, is missing or out of place.\v"
	"Exit codes: 0 the chain is whole, 1 it is broken, 2 usage, or there is no store. See "
	"keelwatch-verify(1).",
	NULL,
	NULL,
	NULL,
};

static void progress(const struct store_walk *walk)
{
	if (walk->count % PROGRESS_EVERY < STORE_WALK_STEP)
		fprintf(stderr, "\r%" PRIu64 " records, of %" PRIu64 " to %" PRIu64 " ",
			walk->count, walk->first, walk->newest);
}

/* Name: only where there are several. */
static int verify(const char *name, struct store_reader *reader)
{
	_cleanup_(buf_free) struct buf what = {};
	bool terminal = isatty(STDERR_FILENO);
	struct store_walk walk = { .progress = terminal ? progress : NULL };
	int err = store_verify(reader, &what, &walk);

	if (terminal)
		fputs("\r\033[K", stderr);
	if (name)
		printf("%s: ", name);
	if (err == -EBADMSG)
		printf("broken: %s; %" PRIu64 " records before it are whole\n", buf_cstr(&what),
		       walk.count);
	else if (err)
		printf("not read: %s\n", strerror(-err));
	else if (walk.count)
		printf("whole: %" PRIu64 " records, %" PRIu64 " to %" PRIu64 "\n", walk.count,
		       walk.first, walk.last);
	else
		puts("whole: no records");
	store_reader_free(reader);
	return !err ? EXIT_FINE : err == -EBADMSG ? EXIT_ERROR : EXIT_CANNOT;
}

int command_verify(int argc, char **argv)
{
	struct verify_args args = {};
	struct store_reader *reader;
	int code = EXIT_FINE, one;

	if (argp_parse(&argp, argc, argv, 0, NULL, &args))
		return EXIT_CANNOT;
	if (!args.count) {
		code = state_open("verify", args.state, args.config, &reader);
		return code ? code : verify(NULL, reader);
	}
	/* The worst of them is the code: what is broken above what cannot be read. */
	for (size_t i = 0; i < args.count; i++) {
		one = state_open_file("verify", args.files[i], &reader);
		if (!one)
			one = verify(args.count > 1 ? args.files[i] : NULL, reader);
		if (one == EXIT_ERROR || code == EXIT_FINE)
			code = one;
	}
	return code;
}
