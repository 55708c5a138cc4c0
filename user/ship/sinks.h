/* SPDX-License-Identifier: Apache-2.0 */
/* The table of sinks, and what each may reach. */
#ifndef KEELWATCH_SINKS_H
#define KEELWATCH_SINKS_H

#include "ship/sandbox.h"
#include "ship/sink.h"

const struct sink_ops *sink_of_type(enum sink_type type);

/* What all the sinks of a list need, gathered for the sandbox. */
struct reach {
	char **writable;
	size_t writable_count;
	char **reachable;
	size_t reachable_count;
	uint16_t *ports;
	size_t port_count;
	bool any_port; /* a sink's receiver names further ones itself */
};

/* Adds what one sink needs: ports of its address, folders of its file, its socket. 0 or -ENOMEM. */
int reach_add(struct reach *r, const struct config_sink *sink);
int reach_add_folder(struct reach *r, const char *path);
void reach_free(struct reach *r);

#endif
