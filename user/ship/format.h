/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records in the schemas that receivers speak. Their strings are clean text: what was read from a file
 * or a socket has been through message_clean(), so that nothing in it can break a format.
 */
#ifndef KEELWATCH_FORMAT_H
#define KEELWATCH_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "event.pb-c.h"

struct buf;

/*
 * Appends a record as one line without a newline: a JSON object (native: the proto; ECS 9.5; OCSF
 * 1.9.0), or CEF:0. 0, -EINVAL (it holds nothing, or has no id), -ENOMEM.
 */
int format_record(struct buf *b, enum record_format format, const Keelwatch__Record *record);

/*
 * Appends an opentelemetry.proto.collector.logs.v1.ExportLogsServiceRequest of n records: the body of
 * each is the record in format, its attributes what people filter by, its resource the host. 0, -EINVAL,
 * -ENOMEM.
 */
int format_otlp_request(struct buf *b, enum record_format format,
			const Keelwatch__Record *const *records, size_t n);

/*
 * How many records a reply (ExportLogsServiceResponse, in protobuf) says were rejected for good, and in
 * words why (clean text, appended). 0, or -EINVAL where it is none.
 */
int format_otlp_rejected(const struct buf *reply, uint64_t *rejected, struct buf *words);

#endif
