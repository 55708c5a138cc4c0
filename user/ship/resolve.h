/* SPDX-License-Identifier: Apache-2.0 */
/* A receiver's name to its addresses, without waiting longer than one has patience for. */
#ifndef KEELWATCH_RESOLVE_H
#define KEELWATCH_RESOLVE_H

#include <stddef.h>

#include <netdb.h>

#include "ship/patience.h"

struct resolver;

/* host: a name or an address, borrowed only for the call. NULL: no memory. */
struct resolver *resolver_new(const char *host, const char *port, int socket_type);
void resolver_free(struct resolver *r);

/*
 * Asks anew; the answer is borrowed until the next call. 0, or -errno, having written to why what is
 * wrong. A question that was not answered in time goes on, and the next call waits for the same.
 */
int resolver_ask(struct resolver *r, const struct patience *p, const struct addrinfo **ret,
		 char *why, size_t why_size);

#endif
