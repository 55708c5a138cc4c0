/* SPDX-License-Identifier: Apache-2.0 */
/* keelwatch config: whether the settings are right, and which are in force. */
#include <argp.h>
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/util.h"
#include "cli/cli.h"
#include "config/config.h"

enum verb { VERB_CHECK, VERB_SHOW, VERB_DEFAULTS, VERB_NONE };

static const char *const verbs[] = { "check", "show", "defaults" };

struct config_args {
	enum verb verb;
	const char *path;
};

static enum verb find_verb(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (!strcmp(word, verbs[i]))
			return i;
	return VERB_NONE;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct config_args *a = state->input;

	switch (key) {
	case ARGP_KEY_ARG:
		if (a->verb == VERB_NONE)
			a->verb = find_verb(arg);
		else if (!a->path && a->verb != VERB_DEFAULTS)
			a->path = arg;
		else
			argp_error(state, "unexpected argument: %s", arg);
		if (a->verb == VERB_NONE)
			argp_error(state, "no such word: %s (check, show, defaults)", arg);
		return 0;
	case ARGP_KEY_END:
		if (a->verb == VERB_NONE)
			argp_error(state, "what is to be done: check, show or defaults?");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp argp = {
	NULL,
	parse,
	"check [FILE]\nshow [FILE]\ndefaults",
	"Check the settings, show those in force and where each comes from, or every one there is with its "
	"default.\v"
	"FILE is /etc/keelwatch/keelwatch.yaml otherwise. check also reads the secrets and certificates "
	"that it names. Exit codes: 0 fine, 1 the settings are wrong, 2 usage, or the file cannot be read. "
	"See keelwatch-config(1) and keelwatch.yaml(5).",
	NULL,
	NULL,
	NULL,
};

static int show(const struct config *c)
{
	_cleanup_(buf_free) struct buf out = {};

	config_show(c, &out);
	return fputs(buf_cstr(&out), stdout) < 0 || fflush(stdout) ? EXIT_ERROR : EXIT_FINE;
}

static int show_defaults(void)
{
	_cleanup_(buf_free) struct buf out = {};

	config_show_defaults(&out);
	return fputs(buf_cstr(&out), stdout) < 0 || fflush(stdout) ? EXIT_ERROR : EXIT_FINE;
}

static int say_fine(const struct config *c)
{
	printf("%s: fine", c->path);
	for (size_t i = 0; i < c->sink_count; i++)
		printf("%s%s (%s%s)", i ? ", " : ": ", c->sinks[i].name,
		       config_sink_type_name(c->sinks[i].type), c->sinks[i].enabled ? "" : ", off");
	puts(c->sink_count ? "" : ", no sinks");
	return EXIT_FINE;
}

int command_config(int argc, char **argv)
{
	_cleanup_(buf_free) struct buf problems = {};
	struct config_args args = { .verb = VERB_NONE };
	struct config *config;
	bool check;
	int err, code;

	if (argp_parse(&argp, argc, argv, 0, NULL, &args))
		return EXIT_CANNOT;
	if (args.verb == VERB_DEFAULTS)
		return show_defaults();
	check = args.verb == VERB_CHECK;
	err = config_load(args.path ? args.path : CONFIG_PATH,
			  (check ? CONFIG_SECRETS : 0) | (args.path ? 0 : CONFIG_OPTIONAL),
			  &problems, &config);
	if (problems.len)
		fprintf(stderr, "%s\n", buf_cstr(&problems));
	if (err)
		return err == -EINVAL ? EXIT_ERROR : EXIT_CANNOT;
	code = check ? say_fine(config) : show(config);
	config_free(config);
	return code;
}
