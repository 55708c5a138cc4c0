/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the monitor and the shipper say to each other: one stream socket for each sink, messages of a
 * head and a body. Neither believes the other: the monitor takes nothing but these few fixed shapes,
 * the shipper checks every record it unpacks.
 *
 *   shipper  FEED_WANT (how much), then waits
 *   monitor  FEED_RECORD (0 or more), FEED_END: at once, or when there is something
 *   shipper  FEED_DONE: the receiver has everything up to and with this one; FEED_STATUS: how it goes
 */
#ifndef KEELWATCH_FEED_H
#define KEELWATCH_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FEED_BODY_MAX (1u << 20) /* bytes; a record is far below it */

enum feed_type {
	FEED_WANT = 1,
	FEED_RECORD,
	FEED_END,
	FEED_DONE,
	FEED_STATUS,
};

struct feed_head {
	uint32_t type;
	uint32_t len; /* of the body that follows */
	uint64_t sequence; /* RECORD: its own; END: looked at up to here; DONE: acknowledged up to here */
};

struct feed_want {
	uint32_t records;
	uint32_t bytes; /* of bodies; one record may go beyond */
};

enum feed_state {
	FEED_CONNECTING,
	FEED_WORKING,
	FEED_WAITING, /* the receiver failed; why says how, and it is tried again */
	FEED_STATE_MAX,
};

#define FEED_WHY 256

/* Counts since the shipper began. */
struct feed_status {
	uint32_t state;
	uint32_t result; /* errno-like of the last attempt, 0: fine */
	uint64_t delivered, retried, refused, dead_lettered;
	uint64_t lost;	   /* dead letters that their bound pushed out */
	uint64_t rejected; /* among the refused: the receiver does not say which, so no dead letters */
	char why[FEED_WHY]; /* clean text, NUL-terminated */
};

#endif
