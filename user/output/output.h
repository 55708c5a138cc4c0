/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of the schema as text: JSON lines for machines, two lines for people. */
#ifndef KEELWATCH_OUTPUT_H
#define KEELWATCH_OUTPUT_H

#include <stdbool.h>

#include <protobuf-c/protobuf-c.h>

#include "event.pb-c.h"

struct buf;

/* Appends a message as one JSON object, without a newline. */
void json_message(struct buf *b, const ProtobufCMessage *message);

/* Appends a finding as people read it: a line of what, a line of evidence, each with its newline. */
void people_finding(struct buf *b, const Keelwatch__Finding *finding, bool colour);

/* Appends an event as one line with its newline. */
void people_event(struct buf *b, const Keelwatch__Event *event, bool colour);

/* Appends what the store keeps, with the day before the time; a finding as people_finding() has it. */
void people_record(struct buf *b, const Keelwatch__Record *record, bool colour);

#endif
