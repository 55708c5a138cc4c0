/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS as a client, by OpenSSL: 1.2 or later, the receiver verified unless the settings say otherwise.
 * Certificates and keys come from memory, for the shipper may not read files of its choice.
 */
#ifndef KEELWATCH_TLS_H
#define KEELWATCH_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/ssl.h>

#include "config/config.h"
#include "ship/patience.h"

struct buf;
struct tls;

/* name: of the receiver, when the settings name none. 0, -ENOMEM, -EINVAL with why. */
int tls_new(const struct config_tls *settings, const char *name, struct buf *why, struct tls **ret);
void tls_free(struct tls *t);

/*
 * Shakes hands over a connected socket that does not block, which stays the caller's. TLS 1.3 lets a
 * client speak before the server has judged its certificate: so waits a moment for that word. NULL: why
 * says what is wrong, in words for an operator.
 */
SSL *tls_connect(struct tls *t, int fd, const struct patience *p, char *why, size_t why_size);
void tls_close(SSL *ssl); /* says good-bye, as far as that does not wait; NULL is fine */

/*
 * What a call that returned result means. 0: poll for *events and call again; -ECONNRESET: it is
 * over, why says how.
 */
int tls_judge(SSL *ssl, int result, short *events, char *why, size_t why_size);

#endif
