/* SPDX-License-Identifier: Apache-2.0 */
/* keelwatch unpin: takes away what a monitor left to the next one. */
#include <argp.h>
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/util.h"
#include "cli/cli.h"
#include "config/config.h"
#include "probe/pins.h"

enum { OPTION_CONFIG = 'c', OPTION_PINS = 256 };

struct unpin_args {
	const char *config, *pins;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct unpin_args *a = state->input;

	switch (key) {
	case OPTION_CONFIG:
		a->config = arg;
		return 0;
	case OPTION_PINS:
		a->pins = arg;
		return 0;
	}
	return parse_nothing(key, arg, state);
}

static const struct argp_option options[] = {
	{ "config", OPTION_CONFIG, "FILE", 0,
	  "Settings (/etc/keelwatch/keelwatch.yaml, where it exists)", 0 },
	{ "pins", OPTION_PINS, "DIR", 0, "The folder itself (/sys/fs/bpf/keelwatch)", 0 },
	{},
};

static const struct argp argp = {
	options,
	parse,
	NULL,
	"Take the programs that a monitor left behind out of the kernel, with what they wrote and nobody "
	"read.\v"
	"Exit codes: 0 nothing is left, 1 something stays, 2 usage or rights missing, or a monitor runs. "
	"See keelwatch-unpin(1).",
	NULL,
	NULL,
	NULL,
};

static int unpin(const char *dir)
{
	int err = pins_remove(dir);

	switch (err) {
	case 0:
		printf("%s: removed\n", dir);
		return EXIT_FINE;
	case -ENOENT:
		printf("%s: nothing is there\n", dir);
		return EXIT_FINE;
	case -EBUSY:
		log_error("%s: a monitor runs: it removes them itself when it is ended by SIGINT",
			  dir);
		return EXIT_CANNOT;
	case -EPERM:
	case -EACCES:
		log_error("%s: needs root, and a folder that is root's alone", dir);
		return EXIT_CANNOT;
	case -ENOTSUP:
		log_error("%s: it is not in a bpffs", dir);
		return EXIT_CANNOT;
	}
	log_error("%s: %s", dir, strerror(-err));
	return EXIT_ERROR;
}

int command_unpin(int argc, char **argv)
{
	_cleanup_(buf_free) struct buf problems = {};
	struct unpin_args args = {};
	struct config *config;
	int err, code;

	if (argp_parse(&argp, argc, argv, 0, NULL, &args))
		return EXIT_CANNOT;
	if (args.pins)
		return unpin(args.pins);
	err = config_load(args.config ? args.config : CONFIG_PATH,
			  args.config ? 0 : CONFIG_OPTIONAL, &problems, &config);
	if (err) {
		log_error("%s", problems.len ? buf_cstr(&problems) : strerror(-err));
		return EXIT_CANNOT;
	}
	code = strcmp(config->pins, PINS_NONE) ? unpin(config->pins) : EXIT_FINE;
	config_free(config);
	return code;
}
