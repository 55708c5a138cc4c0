/* SPDX-License-Identifier: Apache-2.0 */
#include "ship/syslog_message.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/util.h"
#include "base/version.h"
#include "message/head.h"

#define HOSTNAME_MAX 255 /* RFC 5424, 6: of the header's fields */
#define MSGID_MAX 32
#define SEVERITY_UNKNOWN 5 /* notice */

static const uint8_t severities[] = {
	[KEELWATCH__SEVERITY__critical] = 2, [KEELWATCH__SEVERITY__error] = 3,
	[KEELWATCH__SEVERITY__warning] = 4,  [KEELWATCH__SEVERITY__notice] = 5,
	[KEELWATCH__SEVERITY__info] = 6,     [KEELWATCH__SEVERITY__debug] = 7,
};

/* What a kind calls its own: the rule, ... */
static const char *const what_names[KIND_MAX] = {
	[KIND_FINDING] = "rule",
	[KIND_LIFECYCLE] = "operation",
	[KIND_GAP] = "reason",
	[KIND_MONITOR] = "operation",
};

static bool is_printable(char c)
{
	return c > ' ' && c <= '~';
}

/* A field of the header: printable US-ASCII without a space; "-" where there is nothing. */
static void add_field(struct buf *b, const char *text, size_t max)
{
	size_t len = strnlen(text, max);

	for (size_t i = 0; i < len; i++)
		buf_char(b, is_printable(text[i]) ? text[i] : '?');
	if (!len)
		buf_char(b, '-');
}

/* RFC 5424 allows six digits of a second, and receivers refuse more. */
static void add_time(struct buf *b, uint64_t epoch_ns)
{
	time_t seconds = epoch_ns / NS_PER_S;
	struct tm tm;
	char date[32];

	gmtime_r(&seconds, &tm);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	buf_fmt(b, "%s.%06uZ", date, (unsigned int)(epoch_ns % NS_PER_S / NS_PER_US));
}

/* Nothing where there is no value. */
static void add_param(struct buf *b, const char *name, const char *value)
{
	if (!value || !*value)
		return;
	buf_fmt(b, " %s=\"", name);
	for (; *value; value++) {
		if (*value == '"' || *value == '\\' || *value == ']')
			buf_char(b, '\\');
		buf_char(b, *value);
	}
	buf_char(b, '"');
}

static void add_container(struct buf *b, const Keelwatch__Container *c)
{
	if (!c)
		return;
	add_param(b, "container", c->id);
	add_param(b, "container_name", c->name);
	add_param(b, "image", c->image);
	if (!c->kubernetes)
		return;
	add_param(b, "namespace", c->kubernetes->namespace_);
	add_param(b, "pod", c->kubernetes->pod);
}

static void add_data(struct buf *b, const struct record_head *head, uint32_t sequence)
{
	char number[24];

	buf_str(b, "[" SYSLOG_SD_ID);
	add_param(b, "id", head->metadata->id);
	snprintf(number, sizeof(number), "%" PRIu64, head->metadata->sequence);
	add_param(b, "sequence", number);
	add_param(b, "kind", record_kind_name(head->kind));
	add_param(b, what_names[head->kind], head->what);
	add_param(b, "severity", severity_name(head->severity));
	add_container(b, head->container);
	buf_fmt(b, "][meta sequenceId=\"%" PRIu32 "\"]", sequence);
}

/* The code point of a well-formed sequence, and its length. */
static uint32_t code_at(const unsigned char *s, size_t *len)
{
	uint32_t code;

	*len = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	code = s[0] & (0xff >> (*len + 1));
	for (size_t i = 1; i < *len; i++)
		code = code << 6 | (s[i] & 0x3f);
	return code;
}

/* JSON has other characters than ASCII in its strings alone, where each can be written as \uXXXX. */
static void add_json(struct buf *b, const char *text, size_t len)
{
	const unsigned char *at = (const unsigned char *)text, *end = at + len;

	while (at < end) {
		const unsigned char *plain = at;
		size_t bytes;
		uint32_t code;

		while (at < end && *at < 0x80)
			at++;
		buf_add(b, plain, at - plain);
		if (at == end)
			return;
		code = code_at(at, &bytes);
		if (bytes > (size_t)(end - at))
			return;
		at += bytes;
		if (code < 0x10000)
			buf_fmt(b, "\\u%04x", code);
		else
			buf_fmt(b, "\\u%04x\\u%04x", 0xd800 | ((code - 0x10000) >> 10),
				0xdc00 | (code & 0x3ff));
	}
}

int syslog_message(struct buf *b, const Keelwatch__Record *record, uint32_t facility,
		   uint32_t sequence, enum record_format format, const char *text, size_t len)
{
	char id[MSGID_MAX + 1];
	struct record_head head;
	unsigned int severity;

	if (record_head(record, &head) || !head.metadata)
		return -EINVAL;
	severity = (size_t)head.severity < ARRAY_SIZE(severities) ? severities[head.severity] :
								    SEVERITY_UNKNOWN;
	snprintf(id, sizeof(id), "%s/%s", record_kind_name(head.kind), head.what);
	buf_fmt(b, "<%u>1 ", facility * 8 + severity);
	add_time(b, head.time_ns);
	buf_char(b, ' ');
	add_field(b, head.metadata->host ? head.metadata->host->name : "", HOSTNAME_MAX);
	buf_str(b, " " KEELWATCH_PRODUCT " - ");
	add_field(b, id, MSGID_MAX);
	buf_char(b, ' ');
	add_data(b, &head, sequence);
	buf_char(b, ' ');
	if (format == FORMAT_CEF)
		buf_add(b, text, len);
	else
		add_json(b, text, len);
	return b->failed ? -ENOMEM : 0;
}
