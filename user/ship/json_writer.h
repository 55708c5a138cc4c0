/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON objects written straight into a buffer, key by key. Keys are ours (no escapes), texts are clean.
 * What is empty is left out: texts, lists, times of 0, and objects into which nothing was written.
 */
#ifndef KEELWATCH_JSON_WRITER_H
#define KEELWATCH_JSON_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

struct buf;

/* The outermost object; what stands in the buffer before it is of no account. */
void json_begin(struct buf *b);
void json_end(struct buf *b);

/* An object ('{') or a list ('['); key is NULL in a list. Returns what json_close() wants back. */
size_t json_open(struct buf *b, const char *key, char bracket);
void json_close(struct buf *b, size_t at, char bracket);

void json_text(struct buf *b, const char *key, const char *text);
void json_texts(struct buf *b, const char *key, char *const *texts, size_t count);
void json_words(struct buf *b, const char *key, char *const *texts, size_t count); /* one text */
/* All of JSON's readers that we feed keep 63 bits: what is above them is written as their greatest. */
void json_number(struct buf *b, const char *key, uint64_t number);
void json_int(struct buf *b, const char *key, int64_t number);
void json_bool(struct buf *b, const char *key, bool value);
void json_time(struct buf *b, const char *key, uint64_t epoch_ns); /* RFC 3339 */
void json_time_always(struct buf *b, const char *key, uint64_t epoch_ns);
void json_millis(struct buf *b, const char *key, uint64_t epoch_ns); /* a number */
void json_number_text(struct buf *b, const char *key, uint64_t number);
void json_part(struct buf *b, const char *key, const ProtobufCMessage *message); /* NULL is fine */
void json_parts(struct buf *b, const char *key, void *const *messages, size_t count);

#endif
