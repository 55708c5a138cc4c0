/* SPDX-License-Identifier: Apache-2.0 */
/* keelwatch run: watch this machine and print what is found. */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "base/util.h"
#include "base/buf.h"
#include "cli/cli.h"
#include "cli/environment.h"
#include "cli/live.h"
#include "cli/monitor_rights.h"
#include "output/printer.h"

#define OUTPUT_PIPE (1024 * 1024)	/* what anybody may have, see pipe(7) */
#define OUTPUT_ROOM (16u * 1024 * 1024) /* of lines that wait for their reader */

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

enum {
	OPTION_ALL = 'a',
	OPTION_CONFIG = 'c',
	OPTION_JSON = 'j',
	OPTION_VERBOSE = 'v',
	OPTION_NO_COLOUR = 256,
	OPTION_FORGET,
	OPTION_HAND_OVER,
	OPTION_NO_STORE,
	OPTION_STATE,
	OPTION_LOG,
};

struct run_args {
	struct pipeline_options pipeline;
	struct keeper_options keeper;
	enum way way;
	enum log_format log;
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
	case OPTION_CONFIG:
		a->keeper.config = arg;
		return 0;
	case OPTION_STATE:
		a->keeper.state_dir = arg;
		return 0;
	case OPTION_NO_STORE:
		a->keeper.no_store = true;
		return 0;
	case OPTION_HAND_OVER:
		a->keeper.hand_over = true;
		return 0;
	case OPTION_FORGET:
		a->keeper.forget = true;
		return 0;
	case OPTION_NO_COLOUR:
		a->no_colour = true;
		return 0;
	case OPTION_LOG:
		a->log = strcmp(arg, "json") ? LOG_TEXT : LOG_JSON;
		if (a->log == LOG_TEXT && strcmp(arg, "text"))
			argp_error(state, "--log: neither text nor json: %s", arg);
		log_set_format(a->log);
		a->keeper.log = &a->log;
		return 0;
	case OPTION_VERBOSE:
		log_set_level(LOG_DEBUG);
		return 0;
	case ARGP_KEY_END:
		if (a->keeper.forget && !a->keeper.hand_over)
			argp_error(state, "--forget goes with --hand-over");
		return 0;
	}
	return parse_nothing(key, arg, state);
}

static const struct argp_option options[] = {
	{ "all", OPTION_ALL, NULL, 0, "Show every event, the host's own too, not only findings",
	  0 },
	{ "config", OPTION_CONFIG, "FILE", 0,
	  "Settings (/etc/keelwatch/keelwatch.yaml, where it exists)", 0 },
	{ "forget", OPTION_FORGET, NULL, 0,
	  "With --hand-over: where none follows, remove the store too, once all has arrived", 0 },
	{ "hand-over", OPTION_HAND_OVER, NULL, 0,
	  "Stand by until a monitor before has ended; at the end, leave all to one that stands by",
	  0 },
	{ "json", OPTION_JSON, NULL, 0, "One JSON object a line", 0 },
	{ "log", OPTION_LOG, "FORMAT", 0,
	  "Lines on standard error: text or json (as the settings say; text)", 0 },
	{ "no-store", OPTION_NO_STORE, NULL, 0, "Keep nothing on disk, ship nothing", 0 },
	{ "state", OPTION_STATE, "DIR", 0, "Where findings are kept (/var/lib/keelwatch)", 0 },
	{ "no-colour", OPTION_NO_COLOUR, NULL, 0, "Plain text on a terminal too", 0 },
	{ "no-color", 0, NULL, OPTION_ALIAS, NULL, 0 },
	{ "verbose", OPTION_VERBOSE, NULL, 0, "Say more on standard error", 0 },
	{},
};

static const struct argp_child children[] = { { &way_argp, 0, NULL, 0 }, {} };

static const struct argp argp = {
	options,
	parse,
	NULL,
	"Watch the containers of this machine and print findings as they happen.\v"
	"Ends on Ctrl-C with a summary on standard error. Exit codes: 0 fine, 1 failed on the way, "
	"2 usage or rights missing, 3 nothing works on this kernel. See keelwatch-run(1).",
	children,
	NULL,
	NULL,
};

static struct notify *new_notify(void)
{
	struct notify *n;
	int err = notify_new(&n);

	if (err)
		log_warn("the service manager is not told how it goes: NOTIFY_SOCKET: %s",
			 strerror(-err));
	return n;
}

static void count_finding(void *arg, const Keelwatch__Finding *finding)
{
	metrics_finding(arg, finding);
}

/* Goes where it needs powers to go, and gives them up. */
static int give_up_rights(void)
{
	_cleanup_(buf_free) struct buf why = {};
	int code = environment_enter(&why), err;

	if (code) {
		log_error("%s", buf_cstr(&why));
		return code;
	}
	err = monitor_rights_give_up(&why);
	if (!err)
		return EXIT_FINE;
	log_error("rights cannot be given up: %s: %s", buf_cstr(&why), strerror(-err));
	return EXIT_ERROR;
}

/* What a run is made of. */
struct run {
	struct notify *notify;
	struct keeper *keeper;
	struct metrics *metrics;
	struct printer *printer; /* NULL: who reads our lines is waited for */
	struct live *live;
};

static void run_free(struct run *r)
{
	bool last = r->live && live_is_last(r->live);

	live_free(r->live);
	printer_free(r->printer);
	metrics_free(r->metrics);
	keeper_free(r->keeper, last);
	notify_free(r->notify);
}

/* A pipe holds 64 KiB: with more in it, who reads our lines late does not hold up the ring as soon. */
static void widen_output(void)
{
	if (fcntl(STDOUT_FILENO, F_SETPIPE_SZ, OUTPUT_PIPE) < 0)
		log_debug("standard output: %s", strerror(errno));
}

/* What the store has too need not be waited for. */
static int open_output(struct run *r, struct pipeline_options *o)
{
	o->print = print_to_file;
	o->out = stdout;
	widen_output();
	if (o->all || !keeper_store_path(r->keeper))
		return 0;
	if (printer_new(STDOUT_FILENO, OUTPUT_ROOM, &r->printer))
		return -ENOMEM;
	o->print = printer_print;
	o->out = r->printer;
	return 0;
}

static int run_open(struct run *r, struct run_args *args)
{
	struct live_options options = { .way = args->way, .hand_over = args->keeper.hand_over };
	int code;

	r->notify = new_notify();
	code = keeper_new(&args->keeper, &r->keeper);
	if (code)
		return code;
	r->metrics = metrics_new(r->keeper);
	if (open_output(r, &args->pipeline)) {
		log_error("cannot start: %s", strerror(ENOMEM));
		return EXIT_ERROR;
	}
	args->pipeline.journal = keeper_journal(r->keeper);
	args->pipeline.on_finding = count_finding;
	args->pipeline.arg = r->metrics;
	options.pipeline = args->pipeline;
	options.keeper = r->keeper;
	options.metrics = r->metrics;
	options.notify = r->notify;
	options.printer = r->printer;
	return live_new(&options, &r->live);
}

int command_run(int argc, char **argv)
{
	struct run_args args = {};
	struct run run = {};
	_cleanup_close_ int measuring = -1;
	int code;

	if (argp_parse(&argp, argc, argv, 0, NULL, &args))
		return EXIT_CANNOT;
	code = check_capabilities("run", CAPABILITIES_TO_WATCH);
	if (code)
		return code;
	args.pipeline.colour = !args.no_colour && !args.pipeline.json && isatty(STDOUT_FILENO) &&
			       !getenv("NO_COLOR");
	measuring = metrics_measure(args.keeper.config);
	code = give_up_rights();
	if (code)
		return code;
	code = run_open(&run, &args);
	if (!code) {
		code = live_run(run.live);
		live_summary(run.live);
		keeper_summary(run.keeper);
	}
	run_free(&run);
	return code;
}
