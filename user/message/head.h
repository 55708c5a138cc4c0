/* SPDX-License-Identifier: Apache-2.0 */
/* What the messages that a record can hold have in common. */
#ifndef KEELWATCH_HEAD_H
#define KEELWATCH_HEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "event.pb-c.h"

enum record_kind {
	KIND_FINDING,
	KIND_LIFECYCLE, /* "container" on the wire and in settings */
	KIND_GAP,
	KIND_MONITOR,
	KIND_MAX,
};
#define KINDS_ALL ((1u << KIND_MAX) - 1)

/* All borrowed from the record; text is never NULL, messages may be. */
struct record_head {
	const ProtobufCMessage *message; /* the one inside: what json_message() writes */
	enum record_kind kind;
	const char *what; /* the rule, the operation or the reason */
	const char *text; /* the message for people */
	Keelwatch__Severity severity;
	uint64_t time_ns;
	Keelwatch__Metadata *metadata;
	const Keelwatch__Container *container;
	const Keelwatch__Process *process;
};

/* 0, or -EINVAL when it holds nothing we know. */
int record_head(const Keelwatch__Record *record, struct record_head *ret);

/*
 * True when each text in it went through text_clean(), as it does on its way in: one from a file that
 * somebody else may have written could drive a terminal.
 */
bool record_is_clean(const Keelwatch__Record *record);

const char *record_kind_name(enum record_kind kind);
const char *severity_name(Keelwatch__Severity severity);

#endif
