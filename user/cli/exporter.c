/* SPDX-License-Identifier: Apache-2.0 */
/* The process that answers for metrics: begun by the monitor, of no use by hand. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "cli/cli.h"
#include "export/exporter.h"

int command_exporter_inside(int argc, char **argv)
{
	uint64_t board, control;

	if (argc < 5 || text_u64(argv[1], &board) || text_u64(argv[2], &control) ||
	    board > INT32_MAX || control > INT32_MAX) {
		fprintf(stderr, "keelwatch: it is begun by `keelwatch run`, not by hand\n");
		return EXIT_CANNOT;
	}
	log_set_component("exporter");
	log_set_patience(LOG_PATIENCE_MS);
	log_set_format(strcmp(argv[4], "json") ? LOG_TEXT : LOG_JSON);
	return exporter_main(board, control, argv[3], argc > 5 && !strcmp(argv[5], "quiet"));
}
