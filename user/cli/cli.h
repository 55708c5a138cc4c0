/* SPDX-License-Identifier: Apache-2.0 */
/* The subcommands, and what they share. */
#ifndef KEELWATCH_CLI_H
#define KEELWATCH_CLI_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/version.h"
#include "probe/probe.h"

/* Exit codes of every subcommand. */
enum exit_code {
	EXIT_FINE = 0,
	EXIT_ERROR = 1,	  /* something failed on the way */
	EXIT_CANNOT = 2,  /* wrong usage, or rights missing */
	EXIT_NOTHING = 3, /* no feature works on this kernel */
};

struct command {
	const char *name;
	const char *summary;
	int (*main)(int argc, char **argv);
	bool hidden;
};

/* The end of every option parser: what takes no argument refuses one. */
error_t parse_nothing(int key, char *arg, struct argp_state *state);

/* --way WAY, a child of the option parsers of what loads the kernel half; its input: enum way. */
extern const struct argp way_argp;

int command_run(int argc, char **argv);
int command_doctor(int argc, char **argv);
int command_ps(int argc, char **argv);
int command_selftest(int argc, char **argv);
int command_record(int argc, char **argv);
int command_replay(int argc, char **argv);
int command_config(int argc, char **argv);
int command_events(int argc, char **argv);
int command_status(int argc, char **argv);
int command_verify(int argc, char **argv);
int command_unpin(int argc, char **argv);
int command_sink(int argc, char **argv);
int command_selftest_inside(int argc, char **argv); /* runs within the container of selftest */
int command_exporter_inside(int argc, char **argv); /* begun by run, to answer for metrics */

/* Says which of the capabilities (bits) are missing, and returns EXIT_CANNOT; or EXIT_FINE. */
int check_capabilities(const char *command, uint64_t wanted);

#endif
