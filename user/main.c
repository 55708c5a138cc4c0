/* SPDX-License-Identifier: Apache-2.0 */
/* keelwatch: the table of subcommands. */
#include <argp.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "cli/cli.h"

static const struct command commands[] = {
	{ "run", "watch this machine's containers and print findings", command_run, false },
	{ "doctor", "what this kernel lets us see, and how", command_doctor, false },
	{ "ps", "the containers that run, and what is wrong with them", command_ps, false },
	{ "status", "how the keelwatch that runs here is", command_status, false },
	{ "selftest", "make a throw-away container, do the three things, see them caught",
	  command_selftest, false },
	{ "record", "write what is seen to a file", command_record, false },
	{ "replay", "run a recorded file through the same detection", command_replay, false },
	{ "events", "what was found and kept", command_events, false },
	{ "verify", "prove that nothing of what was kept was altered", command_verify, false },
	{ "config", "check the settings, or show those in force", command_config, false },
	{ "sink", "send a test record to a receiver and say what came back", command_sink, false },
	{ "unpin", "take out of the kernel what a monitor left to the next one", command_unpin,
	  false },
	{ "selftest-inside", NULL, command_selftest_inside, true },
	{ "exporter-inside", NULL, command_exporter_inside, true },
};

static void usage(FILE *to)
{
	fputs("usage: keelwatch COMMAND [OPTION...]\n\n", to);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (!commands[i].hidden)
			fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].summary);
	fputs("\n`keelwatch COMMAND --help` says more; so does keelwatch(1).\n", to);
}

int main(int argc, char **argv)
{
	argp_err_exit_status = EXIT_CANNOT;
	if (argc < 2) {
		usage(stderr);
		return EXIT_CANNOT;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "help") || !strcmp(argv[1], "-h")) {
		usage(stdout);
		return EXIT_FINE;
	}
	if (!strcmp(argv[1], "--version")) {
		puts("keelwatch " KEELWATCH_VERSION);
		return EXIT_FINE;
	}
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		char name[64];

		if (strcmp(argv[1], commands[i].name))
			continue;
		/* What the help texts call the program. */
		snprintf(name, sizeof(name), "keelwatch %s", commands[i].name);
		argv[1] = name;
		return commands[i].main(argc - 1, argv + 1);
	}
	fprintf(stderr, "keelwatch: unknown command: %s\n\n", argv[1]);
	usage(stderr);
	return EXIT_CANNOT;
}
