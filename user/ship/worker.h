/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One sink's work, the same for all: asks the monitor for records, formats them, has the sink send
 * them until the receiver has each or refuses it for good, and tells the monitor so.
 */
#ifndef KEELWATCH_WORKER_H
#define KEELWATCH_WORKER_H

#include "ship/dead_letter.h"
#include "ship/sink.h"

struct worker {
	const struct config_sink *settings; /* with secrets; borrowed */
	const struct sink_ops *ops;
	struct dead_letter *dead_letters; /* owned by the caller; NULL: a test, refused is refused */
	int feed;			  /* the socket to the monitor */
	int stop;			  /* an eventfd: readable when all is to end */
	bool once;			  /* one attempt, no retry: `keelwatch sink test` */
};

/* Works until the monitor closes the socket or stop is readable. 0, or -errno of the socket. */
int worker_run(const struct worker *settings);

#endif
