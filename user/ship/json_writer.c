/* SPDX-License-Identifier: Apache-2.0 */
#include "ship/json_writer.h"

#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/text.h"
#include "output/output.h"

void json_begin(struct buf *b)
{
	buf_char(b, '{');
}

void json_end(struct buf *b)
{
	buf_char(b, '}');
}

/* A text ends with a quote: a bracket at the end is one that has just been opened. */
static bool is_first(const struct buf *b)
{
	char last = b->len ? b->data[b->len - 1] : '{';

	return last == '{' || last == '[';
}

/* NULL: only the comma, where one is needed. */
static void json_key(struct buf *b, const char *key)
{
	if (!is_first(b))
		buf_char(b, ',');
	if (!key)
		return;
	buf_char(b, '"');
	buf_str(b, key);
	buf_add(b, "\":", 2);
}

size_t json_open(struct buf *b, const char *key, char bracket)
{
	size_t at = b->len;

	json_key(b, key);
	buf_char(b, bracket);
	return at;
}

void json_close(struct buf *b, size_t at, char bracket)
{
	if (is_first(b) && b->len > at) {
		b->len = at;
		b->data[at] = '\0';
		return;
	}
	buf_char(b, bracket);
}

void json_text(struct buf *b, const char *key, const char *text)
{
	if (!text || !*text)
		return;
	json_key(b, key);
	text_json(b, text);
}

void json_texts(struct buf *b, const char *key, char *const *texts, size_t count)
{
	if (!count)
		return;
	json_key(b, key);
	for (size_t i = 0; i < count; i++) {
		buf_char(b, i ? ',' : '[');
		text_json(b, texts[i]);
	}
	buf_char(b, ']');
}

void json_words(struct buf *b, const char *key, char *const *texts, size_t count)
{
	if (!count)
		return;
	json_key(b, key);
	for (size_t i = 0; i < count; i++) {
		buf_char(b, i ? ' ' : '"');
		text_json_part(b, texts[i]);
	}
	buf_char(b, '"');
}

void json_number(struct buf *b, const char *key, uint64_t number)
{
	json_key(b, key);
	text_number(b, number < INT64_MAX ? number : INT64_MAX, false);
}

void json_int(struct buf *b, const char *key, int64_t number)
{
	json_key(b, key);
	text_number(b, number < 0 ? -(uint64_t)number : (uint64_t)number, number < 0);
}

void json_bool(struct buf *b, const char *key, bool value)
{
	json_key(b, key);
	buf_str(b, value ? "true" : "false");
}

void json_time(struct buf *b, const char *key, uint64_t epoch_ns)
{
	if (epoch_ns)
		json_time_always(b, key, epoch_ns);
}

void json_time_always(struct buf *b, const char *key, uint64_t epoch_ns)
{
	json_key(b, key);
	buf_char(b, '"');
	text_time(b, epoch_ns);
	buf_char(b, '"');
}

void json_millis(struct buf *b, const char *key, uint64_t epoch_ns)
{
	if (epoch_ns)
		json_number(b, key, epoch_ns / NS_PER_MS);
}

void json_number_text(struct buf *b, const char *key, uint64_t number)
{
	json_key(b, key);
	buf_char(b, '"');
	text_number(b, number, false);
	buf_char(b, '"');
}

void json_part(struct buf *b, const char *key, const ProtobufCMessage *message)
{
	if (!message)
		return;
	json_key(b, key);
	json_message(b, message);
}

void json_parts(struct buf *b, const char *key, void *const *messages, size_t count)
{
	if (!count)
		return;
	json_key(b, key);
	for (size_t i = 0; i < count; i++) {
		buf_char(b, i ? ',' : '[');
		json_message(b, messages[i]);
	}
	buf_char(b, ']');
}
