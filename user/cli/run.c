/* SPDX-License-Identifier: Apache-2.0 */
/* keelwatch run: watch this machine and print what is found. */
#include <argp.h>
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/live.h"

int check_capabilities(const char *command, uint64_t wanted)
{
	uint64_t missing = missing_capabilities(wanted);

	if (!missing)
		return EXIT_FINE;
	fprintf(stderr, "keelwatch %s: needs root, or these capabilities too:", command);
	for (unsigned int i = 0; i < 64; i++)
		if (missing >> i & 1 && text_capability(i))
			fprintf(stderr, " %s", text_capability(i));
	fputc('\n', stderr);
	return EXIT_CANNOT;
}

error_t parse_nothing(int key, char *arg, struct argp_state *state)
{
	if (key != ARGP_KEY_ARG)
		return ARGP_ERR_UNKNOWN;
	argp_error(state, "unexpected argument: %s", arg);
	return EINVAL;
}

static error_t parse_way(int key, char *arg, struct argp_state *state)
{
	if (key != 'w')
		return ARGP_ERR_UNKNOWN;
	if (!way_of_name(arg, state->input))
		argp_error(state, "--way: no such way: %s (fexit, tracepoint)", arg);
	return 0;
}

static const struct argp_option way_options[] = {
	{ "way", 'w', "WAY", 0,
	  "Hook by this way alone: fexit or tracepoint (the best of each feature)", 0 },
	{},
};

const struct argp way_argp = { way_options, parse_way, NULL, NULL, NULL, NULL, NULL };

enum { OPTION_ALL = 'a', OPTION_JSON = 'j', OPTION_VERBOSE = 'v', OPTION_NO_COLOUR = 256 };

struct run_args {
	struct pipeline_options pipeline;
	enum way way;
	bool no_colour;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct run_args *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->way;
		return 0;
	case OPTION_ALL:
		a->pipeline.all = true;
		return 0;
	case OPTION_JSON:
		a->pipeline.json = true;
		return 0;
	case OPTION_NO_COLOUR:
		a->no_colour = true;
		return 0;
	case OPTION_VERBOSE:
		log_set_level(LOG_DEBUG);
		return 0;
	}
	return parse_nothing(key, arg, state);
}

static const struct argp_option options[] = {
	{ "all", OPTION_ALL, NULL, 0, "Show every event, the host's own too, not only findings", 0 },
	{ "json", OPTION_JSON, NULL, 0, "One JSON object a line", 0 },
	{ "no-colour", OPTION_NO_COLOUR, NULL, 0, "Plain text on a terminal too", 0 },
	{ "no-color", 0, NULL, OPTION_ALIAS, NULL, 0 },
	{ "verbose", OPTION_VERBOSE, NULL, 0, "Say more on standard error", 0 },
	{},
};

static const struct argp_child children[] = { { &way_argp, 0, NULL, 0 }, {} };

static const struct argp argp = {
	options, parse, NULL,
	"Watch the containers of this machine and print findings as they happen.\v"
	"Ends on Ctrl-C with a summary on standard error. Exit codes: 0 fine, 1 failed on the way, "
	"2 usage or rights missing, 3 nothing works on this kernel. See keelwatch-run(1).",
	children, NULL, NULL,
};

int command_run(int argc, char **argv)
{
	struct run_args args = { .pipeline.out = stdout };
	struct live_options options = {};
	struct live *live;
	int code;

	if (argp_parse(&argp, argc, argv, 0, NULL, &args))
		return EXIT_CANNOT;
	code = check_capabilities("run", CAPABILITIES_TO_WATCH);
	if (code)
		return code;
	args.pipeline.colour = !args.no_colour && !args.pipeline.json && isatty(STDOUT_FILENO) &&
			       !getenv("NO_COLOR");
	options.pipeline = args.pipeline;
	options.way = args.way;
	code = live_new(&options, &live);
	if (code)
		return code;
	code = live_run(live);
	live_summary(live);
	live_free(live);
	return code;
}
