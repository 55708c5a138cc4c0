/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile bytes made into text, and the texts of numbers: times, capabilities, errors. */
#include "base/text.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/util.h"
#include "base/clock.h"

#define NUMBER_MAX 21 /* the digits of 2^64 - 1, and a sign */

static bool is_continuation(unsigned char c)
{
	return (c & 0xc0) == 0x80;
}

/*
 * Length of the well-formed UTF-8 sequence at s (Unicode 15, table 3-7: no overlong forms, no
 * surrogates, nothing above U+10FFFF) and its code point; 0 when there is none.
 */
static size_t utf8_decode(const unsigned char *s, size_t len, uint32_t *code)
{
	static const uint32_t least[] = { [2] = 0x80, [3] = 0x800, [4] = 0x10000 };
	size_t need;
	uint32_t c;

	if (s[0] < 0x80) {
		*code = s[0];
		return 1;
	}
	if ((s[0] & 0xe0) == 0xc0) {
		need = 2;
		c = s[0] & 0x1f;
	} else if ((s[0] & 0xf0) == 0xe0) {
		need = 3;
		c = s[0] & 0x0f;
	} else if ((s[0] & 0xf8) == 0xf0) {
		need = 4;
		c = s[0] & 0x07;
	} else {
		return 0;
	}
	if (len < need)
		return 0;
	for (size_t i = 1; i < need; i++) {
		if (!is_continuation(s[i]))
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least[need] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*code = c;
	return need;
}

/* Code points that must not reach a terminal or a line as they are; sorted. */
static const struct {
	uint32_t first, last;
} unsafe[] = {
	{ 0x0000, 0x001f }, /* C0 */
	{ '\\', '\\' },	    /* begins an escape */
	{ 0x007f, 0x009f }, /* DEL, C1 */
	{ 0x061c, 0x061c }, /* Arabic letter mark */
	{ 0x200e, 0x200f }, /* left-to-right, right-to-left mark */
	{ 0x2028, 0x202e }, /* line and paragraph separator, embeddings, overrides */
	{ 0x2066, 0x2069 }, /* isolates */
};

static bool is_safe(uint32_t code)
{
	for (size_t i = 0; i < ARRAY_SIZE(unsafe) && code >= unsafe[i].first; i++)
		if (code <= unsafe[i].last)
			return false;
	return true;
}

/* Bytes from the start of s that clean text keeps as they are. */
static size_t clean_span(const unsigned char *s, size_t len)
{
	size_t at = 0;

	while (at < len) {
		uint32_t code;
		size_t n = utf8_decode(s + at, len - at, &code);

		if (!n || !is_safe(code))
			break;
		at += n;
	}
	return at;
}

static const char hex_digits[] = "0123456789abcdef";

static void escape_byte(struct buf *b, unsigned char c)
{
	char hex[] = { '\\', 'x', hex_digits[c >> 4], hex_digits[c & 0xf] };

	switch (c) {
	case '\n':
		buf_add(b, "\\n", 2);
		break;
	case '\r':
		buf_add(b, "\\r", 2);
		break;
	case '\t':
		buf_add(b, "\\t", 2);
		break;
	case '\\':
		buf_add(b, "\\\\", 2);
		break;
	default:
		buf_add(b, hex, sizeof(hex));
	}
}

void text_clean(struct buf *b, const char *bytes, size_t len)
{
	const unsigned char *s = (const unsigned char *)bytes;

	while (len) {
		size_t n = clean_span(s, len);

		buf_add(b, s, n);
		if (n == len)
			return;
		/* One byte is enough: no continuation byte left behind starts a sequence. */
		escape_byte(b, s[n]);
		s += n + 1;
		len -= n + 1;
	}
}

void text_cut(char *room, size_t size, const char *text)
{
	size_t fits = strnlen(text, size - 1);

	while (fits && (text[fits] & 0xc0) == 0x80)
		fits--;
	memcpy(room, text, fits);
	room[fits] = '\0';
}

void text_clean_cut(char *room, size_t size, const char *bytes, size_t len)
{
	_cleanup_(buf_free) struct buf clean = {};

	text_clean(&clean, bytes, len);
	text_cut(room, size, buf_cstr(&clean));
}

/* One escape: its byte into ret. How long it is; 0: it is none. */
static size_t escape_read(const char *text, char *ret)
{
	static const char names[] = "nrt\\", bytes[] = "\n\r\t\\";
	const char *name, *high, *low;

	if (text[0] != '\\' || !text[1])
		return 0;
	name = strchr(names, text[1]);
	if (name) {
		*ret = bytes[name - names];
		return 2;
	}
	if (text[1] != 'x' || !text[2] || !text[3])
		return 0;
	high = strchr(hex_digits, text[2]);
	low = strchr(hex_digits, text[3]);
	if (!high || !low)
		return 0;
	*ret = (char)((high - hex_digits) << 4 | (low - hex_digits));
	return 4;
}

void text_read_back(struct buf *b, const char *clean)
{
	while (*clean) {
		char byte = *clean;
		size_t len = escape_read(clean, &byte);

		buf_char(b, byte);
		clean += len ?: 1;
	}
}

bool text_is_clean(const char *bytes, size_t len)
{
	return clean_span((const unsigned char *)bytes, len) == len;
}

bool text_is_line(const char *bytes, size_t len)
{
	const unsigned char *s = (const unsigned char *)bytes;
	size_t at = clean_span(s, len);

	while (at < len && s[at] == '\\') {
		at++;
		at += clean_span(s + at, len - at);
	}
	return at == len;
}

void text_json_part(struct buf *b, const char *s)
{
	for (;;) {
		const char *from = s;

		while ((unsigned char)*s >= ' ' && *s != '"' && *s != '\\')
			s++;
		buf_add(b, from, s - from);
		if (!*s)
			break;
		if (*s == '"' || *s == '\\') {
			buf_char(b, '\\');
			buf_char(b, *s);
		} else {
			buf_fmt(b, "\\u%04x", (unsigned int)*s);
		}
		s++;
	}
}

void text_json(struct buf *b, const char *s)
{
	buf_char(b, '"');
	text_json_part(b, s);
	buf_char(b, '"');
}

/* Writes value as exactly width digits, and returns where they end. */
static char *put_digits(char *to, unsigned int value, int width)
{
	for (int i = width - 1; i >= 0; i--) {
		to[i] = '0' + value % 10;
		value /= 10;
	}
	return to + width;
}

void text_time(struct buf *b, uint64_t epoch_ns)
{
	time_t seconds = epoch_ns / NS_PER_S;
	char out[sizeof("2026-01-02T03:04:05.000000006Z")];
	char *to = out;
	struct tm tm;

	gmtime_r(&seconds, &tm); /* cannot fail: 64 bits of nanoseconds end in 2554 */
	to = put_digits(to, tm.tm_year + 1900, 4);
	*to++ = '-';
	to = put_digits(to, tm.tm_mon + 1, 2);
	*to++ = '-';
	to = put_digits(to, tm.tm_mday, 2);
	*to++ = 'T';
	to = put_digits(to, tm.tm_hour, 2);
	*to++ = ':';
	to = put_digits(to, tm.tm_min, 2);
	*to++ = ':';
	to = put_digits(to, tm.tm_sec, 2);
	*to++ = '.';
	to = put_digits(to, epoch_ns % NS_PER_S, 9);
	*to++ = 'Z';
	buf_add(b, out, to - out);
}

void text_number(struct buf *b, uint64_t magnitude, bool negative)
{
	char digits[NUMBER_MAX];
	size_t at = sizeof(digits);

	do {
		digits[--at] = '0' + magnitude % 10;
		magnitude /= 10;
	} while (magnitude);
	if (negative)
		digits[--at] = '-';
	buf_add(b, digits + at, sizeof(digits) - at);
}

int text_u64(const char *s, uint64_t *ret)
{
	bool overflow = false;
	uint64_t value = 0;

	if (!*s)
		return -EINVAL;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return -EINVAL;
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*s - '0'), &value))
			overflow = true;
	}
	if (overflow)
		return -ERANGE;
	*ret = value;
	return 0;
}

bool text_starts(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

bool text_ends(const char *s, const char *suffix)
{
	size_t len = strlen(s), tail = strlen(suffix);

	return len >= tail && !memcmp(s + len - tail, suffix, tail);
}

/* include/uapi/linux/capability.h, as of Linux 5.9 and unchanged since */
static const char *const capabilities[] = {
	[0] = "CAP_CHOWN",
	[1] = "CAP_DAC_OVERRIDE",
	[2] = "CAP_DAC_READ_SEARCH",
	[3] = "CAP_FOWNER",
	[4] = "CAP_FSETID",
	[5] = "CAP_KILL",
	[6] = "CAP_SETGID",
	[7] = "CAP_SETUID",
	[8] = "CAP_SETPCAP",
	[9] = "CAP_LINUX_IMMUTABLE",
	[10] = "CAP_NET_BIND_SERVICE",
	[11] = "CAP_NET_BROADCAST",
	[12] = "CAP_NET_ADMIN",
	[13] = "CAP_NET_RAW",
	[14] = "CAP_IPC_LOCK",
	[15] = "CAP_IPC_OWNER",
	[16] = "CAP_SYS_MODULE",
	[17] = "CAP_SYS_RAWIO",
	[18] = "CAP_SYS_CHROOT",
	[19] = "CAP_SYS_PTRACE",
	[20] = "CAP_SYS_PACCT",
	[21] = "CAP_SYS_ADMIN",
	[22] = "CAP_SYS_BOOT",
	[23] = "CAP_SYS_NICE",
	[24] = "CAP_SYS_RESOURCE",
	[25] = "CAP_SYS_TIME",
	[26] = "CAP_SYS_TTY_CONFIG",
	[27] = "CAP_MKNOD",
	[28] = "CAP_LEASE",
	[29] = "CAP_AUDIT_WRITE",
	[30] = "CAP_AUDIT_CONTROL",
	[31] = "CAP_SETFCAP",
	[32] = "CAP_MAC_OVERRIDE",
	[33] = "CAP_MAC_ADMIN",
	[34] = "CAP_SYSLOG",
	[35] = "CAP_WAKE_ALARM",
	[36] = "CAP_BLOCK_SUSPEND",
	[37] = "CAP_AUDIT_READ",
	[38] = "CAP_PERFMON",
	[39] = "CAP_BPF",
	[40] = "CAP_CHECKPOINT_RESTORE",
};

const char *text_capability(unsigned int cap)
{
	return cap < ARRAY_SIZE(capabilities) ? capabilities[cap] : NULL;
}

const char *text_errno(int err)
{
	return err > 0 ? strerrorname_np(err) : NULL;
}
