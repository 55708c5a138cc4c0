/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers GET /metrics, /healthz and /readyz from the monitor's snapshot. Whoever asks is a stranger: few
 * at a time, short requests, little time, one answer a connection.
 */
#ifndef KEELWATCH_SERVER_H
#define KEELWATCH_SERVER_H

#include "export/snapshot.h"

struct server;

#define SERVER_STALE_S 10 /* a snapshot older than that means that the monitor's loop stands */

int server_new(const struct snapshot_board *board,
	       struct server **ret); /* borrows the board. -ENOMEM */
void server_free(struct server *s);
/* Takes connections of listener (non-blocking) until control is closed at its other end. */
void server_run(struct server *s, int listener, int control);

#endif
