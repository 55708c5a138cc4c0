/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A way to a syslog receiver: TLS (RFC 5425), TCP (RFC 6587, octet counting), UDP (RFC 5426), or a Unix
 * socket: of datagrams where there is one, else a stream whose messages end with a line feed, as
 * receivers at such sockets want it. One connection at a time; messages in, whole.
 */
#ifndef KEELWATCH_STREAM_H
#define KEELWATCH_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "ship/patience.h"

#define STREAM_PORT_TLS 6514
#define STREAM_PORT_TCP 601
#define STREAM_PORT_UDP 514

struct buf;
struct stream;

/* settings: borrowed. 0, -ENOMEM, -EINVAL with why. */
int stream_new(const struct config_sink *settings, struct buf *why, struct stream **ret);
void stream_free(struct stream *s);

/* Tries the receiver's addresses in turn. 0 or -errno with why. Closes what was open. */
int stream_connect(struct stream *s, const struct patience *p, char *why, size_t why_size);
bool stream_is_open(const struct stream *s);
void stream_close(struct stream *s);

/*
 * Writes one message. 0; -EMSGSIZE: it is longer than a datagram, and nothing was sent; -ETIMEDOUT,
 * -ECANCELED or another -errno: the connection is of no more use, for a part may have been sent.
 */
int stream_send(struct stream *s, const char *message, size_t len, const struct patience *p,
		char *why, size_t why_size);

/* Whether the receiver has closed or refused meanwhile: 0, or -errno with why. Does not wait. */
int stream_look(struct stream *s, char *why, size_t why_size);

/*
 * Waits until the receiver's kernel has acknowledged every byte (a Unix socket's receiver has read it),
 * and on a new connection for a moment whether it closes again. 0 or -errno with why.
 */
int stream_settle(struct stream *s, const struct patience *p, char *why, size_t why_size);

bool stream_has_settled(const struct stream *s); /* ever, this connection */

/* Bytes of this connection, framing included: that were written, and that settled at least. */
uint64_t stream_written(const struct stream *s);
uint64_t stream_acknowledged(const struct stream *s);

#endif
