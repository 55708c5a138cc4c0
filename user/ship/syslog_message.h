/* SPDX-License-Identifier: Apache-2.0 */
/* A record as a syslog message of RFC 5424. */
#ifndef KEELWATCH_SYSLOG_MESSAGE_H
#define KEELWATCH_SYSLOG_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "event.pb-c.h"

struct buf;

/*
 * No private enterprise number is registered for keelwatch: this is the one for documentation (RFC
 * 5612), which nobody's structured data can collide with by right.
 */
#define SYSLOG_SD_ID "keelwatch@32473"
#define SYSLOG_SEQUENCE_MAX 2147483647 /* RFC 5424, 7.3.1: then it begins at 1 again */

/*
 * Appends the message. text is the record in format, one line. In MSG, UTF-8 must begin with a byte
 * order mark (RFC 5424, 6.4), and JSON must not (RFC 8259, 8.1; rsyslog hands the mark on in msg,
 * where JSON parsers refuse it, syslog-ng takes it off): so JSON is written in ASCII, what is beyond
 * it as \uXXXX. CEF goes as it is, as octets of no said encoding: its own text asks for UTF-8 and for
 * "CEF:" at the beginning. 0, -EINVAL (no record we know), -ENOMEM.
 */
int syslog_message(struct buf *b, const Keelwatch__Record *record, uint32_t facility,
		   uint32_t sequence, enum record_format format, const char *text, size_t len);

#endif
