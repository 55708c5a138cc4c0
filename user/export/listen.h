/* SPDX-License-Identifier: Apache-2.0 */
/* The socket that metrics are asked for at. */
#ifndef KEELWATCH_LISTEN_H
#define KEELWATCH_LISTEN_H

#include <sys/types.h>

#include "base/endpoint.h"

/*
 * A listening socket, non-blocking. The folder of a unix socket is made where it is missing; a socket
 * that nobody listens at any more is replaced; group (0: none) may open it. -EADDRINUSE: somebody does.
 */
int listen_at(const struct endpoint *at, gid_t group);

#endif
