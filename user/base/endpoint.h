/* SPDX-License-Identifier: Apache-2.0 */
/* Where somebody listens: "unix:/path" or "ADDRESS:PORT", by number, so that no resolver is asked. */
#ifndef KEELWATCH_ENDPOINT_H
#define KEELWATCH_ENDPOINT_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

struct endpoint {
	union {
		struct sockaddr any;
		struct sockaddr_un un;
		struct sockaddr_storage room;
	} address;
	socklen_t len;
	bool loopback; /* nobody but this host's own processes reaches it; true of a unix socket */
};

/*
 * "unix:/run/x.sock", "127.0.0.1:9470", "[::1]:9470"; localhost stands for 127.0.0.1. 0, or -EINVAL:
 * it is none of these, or the path is too long for a socket.
 */
int endpoint_parse(const char *text, struct endpoint *ret);
bool endpoint_is_unix(const struct endpoint *e);
/* A stream socket, close-on-exec and with SO_SNDTIMEO and SO_RCVTIMEO of so many seconds. Or -errno. */
int endpoint_connect(const struct endpoint *e, int seconds);

#endif
