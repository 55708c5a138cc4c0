/* SPDX-License-Identifier: Apache-2.0 */
/* Clean text, JSON strings, times, numbers and names. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <criterion/criterion.h>
#include <jansson.h>
#include <linux/capability.h>

#include "base/buf.h"
#include "base/text.h"
#include "base/util.h"

static void expect_clean(const char *bytes, size_t len, const char *want)
{
	struct buf b = {};

	text_clean(&b, bytes, len);
	cr_expect_str_eq(buf_cstr(&b), want);
	cr_expect_eq(text_is_clean(bytes, len), !strcmp(buf_cstr(&b), bytes) && b.len == len,
		     "text_is_clean() and text_clean() disagree on %s", want);
	buf_free(&b);
}

#define EXPECT_CLEAN(literal, want) expect_clean(literal, sizeof(literal) - 1, want)
#define EXPECT_KEPT(literal) EXPECT_CLEAN(literal, literal)

static int hex_digit(char c)
{
	return c <= '9' ? c - '0' : c - 'a' + 10;
}

/* Reads clean text back to the bytes it was made of. */
static size_t unclean(const char *text, char *bytes)
{
	size_t n = 0;

	for (; *text; text++) {
		if (*text != '\\') {
			bytes[n++] = *text;
			continue;
		}
		switch (*++text) {
		case 'n':
			bytes[n++] = '\n';
			break;
		case 'r':
			bytes[n++] = '\r';
			break;
		case 't':
			bytes[n++] = '\t';
			break;
		case '\\':
			bytes[n++] = '\\';
			break;
		case 'x':
			bytes[n++] = hex_digit(text[1]) << 4 | hex_digit(text[2]);
			text += 2;
			break;
		default:
			cr_assert_fail("escape \\%c", *text);
		}
	}
	return n;
}

/* Clean text read back gives the bytes, and a JSON parser, which is strict on UTF-8, takes it. */
static void expect_round_trip(const char *bytes, size_t len)
{
	struct buf b = {}, again = {};
	char *back;
	json_t *parsed;

	text_clean(&b, bytes, len);
	back = malloc(b.len + 1);
	cr_assert(unclean(buf_cstr(&b), back) == len && !memcmp(back, bytes, len),
		  "%s does not read back", buf_cstr(&b));
	text_read_back(&again, buf_cstr(&b));
	cr_assert(again.len == len && !memcmp(buf_cstr(&again), bytes, len));
	parsed = json_stringn(buf_cstr(&b), b.len);
	cr_assert_not_null(parsed, "not UTF-8: %s", buf_cstr(&b));
	json_decref(parsed);
	free(back);
	buf_free(&again);
	buf_free(&b);
}

/* The sequence of a code point by the plain formula, valid or not. */
static size_t encode(unsigned int code, char *to)
{
	if (code < 0x80) {
		to[0] = code;
		return 1;
	}
	if (code < 0x800) {
		to[0] = 0xc0 | code >> 6;
		to[1] = 0x80 | (code & 0x3f);
		return 2;
	}
	if (code < 0x10000) {
		to[0] = 0xe0 | code >> 12;
		to[1] = 0x80 | (code >> 6 & 0x3f);
		to[2] = 0x80 | (code & 0x3f);
		return 3;
	}
	to[0] = 0xf0 | code >> 18;
	to[1] = 0x80 | (code >> 12 & 0x3f);
	to[2] = 0x80 | (code >> 6 & 0x3f);
	to[3] = 0x80 | (code & 0x3f);
	return 4;
}

Test(text_clean, printable_text_of_any_script_stays)
{
	EXPECT_KEPT("");
	EXPECT_KEPT("/usr/bin/env -i 'a b' \"c\" ~");
	EXPECT_KEPT("gr\xc3\xbc\xc3\x9f \xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x90\xb3 \xc2\xa0");
}

Test(text_clean, newline_return_tab_and_backslash_have_short_escapes)
{
	EXPECT_CLEAN("a\nb\rc\td\\e", "a\\nb\\rc\\td\\\\e");
	EXPECT_CLEAN("\\n", "\\\\n");
	EXPECT_CLEAN("\\x41", "\\\\x41");
}

Test(text_clean, control_characters_become_hexadecimal)
{
	EXPECT_CLEAN("a\0b", "a\\x00b");
	EXPECT_CLEAN("\x1b[2J\x7f\b", "\\x1b[2J\\x7f\\x08");
	EXPECT_CLEAN("\xc2\x80\xc2\x85\xc2\x9bm", "\\xc2\\x80\\xc2\\x85\\xc2\\x9bm");
	EXPECT_CLEAN("\xc2\x9f\xc2\xa0", "\\xc2\\x9f\xc2\xa0");
}

Test(text_clean, what_does_not_fit_is_cut_between_two_characters)
{
	char room[8];

	text_clean_cut(room, sizeof(room), "seven b", 7);
	cr_assert_str_eq(room, "seven b");
	text_clean_cut(room, sizeof(room), "12345\xe6\x97\xa5", 8);
	cr_assert_str_eq(room, "12345");
	text_clean_cut(room, sizeof(room), "1234\xe6\x97\xa5", 7);
	cr_assert_str_eq(room, "1234\xe6\x97\xa5");
	text_clean_cut(room, sizeof(room), "a\nb\0", 4);
	cr_assert_str_eq(room, "a\\nb\\x0");
	text_cut(room, sizeof(room), "\xf0\x9f\x90\xb3\xf0\x9f\x90\xb3");
	cr_assert_str_eq(room, "\xf0\x9f\x90\xb3");
	text_cut(room, 1, "\xc3\xbc");
	cr_assert_str_eq(room, "");
}

Test(text_clean, separators_and_bidirectional_controls_become_hexadecimal)
{
	static const unsigned int controls[] = {
		0x61c,	0x200e, 0x200f, 0x2028, 0x2029, 0x202a, 0x202b,
		0x202c, 0x202d, 0x202e, 0x2066, 0x2067, 0x2068, 0x2069,
	};

	for (size_t i = 0; i < ARRAY_SIZE(controls); i++) {
		char bytes[5] = "", want[32] = "";
		size_t n = encode(controls[i], bytes);

		for (size_t j = 0; j < n; j++)
			sprintf(want + 4 * j, "\\x%02x", (unsigned char)bytes[j]);
		expect_clean(bytes, n, want);
	}
	EXPECT_CLEAN("photo_\xe2\x80\xaegpj.exe", "photo_\\xe2\\x80\\xaegpj.exe");
}

Test(text_clean, the_neighbours_of_what_is_escaped_stay)
{
	EXPECT_KEPT("\xd8\x9b\xd8\x9d");				 /* U+061B, U+061D */
	EXPECT_KEPT("\xe2\x80\x8d\xe2\x80\x90\xe2\x80\xa7\xe2\x80\xaf"); /* 200D 2010 2027 202F */
	EXPECT_KEPT("\xe2\x81\xa5\xe2\x81\xaa");			 /* U+2065, U+206A */
	EXPECT_KEPT("~[]");
}

Test(text_clean, overlong_sequences_become_hexadecimal)
{
	EXPECT_CLEAN("\xc0\xaf", "\\xc0\\xaf");
	EXPECT_CLEAN("\xc1\xbf", "\\xc1\\xbf");
	EXPECT_CLEAN("\xe0\x9f\xbf", "\\xe0\\x9f\\xbf");
	EXPECT_CLEAN("\xf0\x8f\xbf\xbf", "\\xf0\\x8f\\xbf\\xbf");
	EXPECT_KEPT("\xc3\x80\xe0\xa0\x80\xf0\x90\x80\x80");
}

Test(text_clean, surrogates_and_what_lies_above_unicode_become_hexadecimal)
{
	EXPECT_CLEAN("\xed\xa0\x80", "\\xed\\xa0\\x80");
	EXPECT_CLEAN("\xed\xbf\xbf", "\\xed\\xbf\\xbf");
	EXPECT_CLEAN("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80");
	EXPECT_CLEAN("\xf5\x80\x80\x80", "\\xf5\\x80\\x80\\x80");
	EXPECT_CLEAN("\xf8\x88\x80\x80\x80", "\\xf8\\x88\\x80\\x80\\x80");
	EXPECT_CLEAN("\xfe\xff", "\\xfe\\xff");
	EXPECT_KEPT("\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf");
}

Test(text_clean, a_broken_sequence_takes_no_good_character_with_it)
{
	EXPECT_CLEAN("\x80z", "\\x80z");
	EXPECT_CLEAN("\xe2(\xa1", "\\xe2(\\xa1");
	EXPECT_CLEAN("\xe2\x80/", "\\xe2\\x80/");
	EXPECT_CLEAN("\xf0\x9f\x90\xc3\xa9", "\\xf0\\x9f\\x90\xc3\xa9");
}

Test(text_clean, a_sequence_cut_at_the_end_becomes_hexadecimal)
{
	EXPECT_CLEAN("a\xc3", "a\\xc3");
	EXPECT_CLEAN("a\xe2\x82", "a\\xe2\\x82");
	EXPECT_CLEAN("a\xf0\x9f\x90", "a\\xf0\\x9f\\x90");
}

Test(text_clean, nothing_is_read_behind_the_length)
{
	char *bytes = malloc(2);

	/* the address sanitizer watches the end of the allocation */
	bytes[0] = 'a';
	bytes[1] = (char)0xf0;
	expect_round_trip(bytes, 2);
	free(bytes);
	expect_clean("\xc3\xa9", 1, "\\xc3");
}

Test(text_read_back, what_is_no_escape_stays)
{
	static const char *const texts[] = { "\\", "\\x", "\\x1", "\\xg1", "\\x+1", "\\q", "a\\" };
	struct buf b = {};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		buf_reset(&b);
		text_read_back(&b, texts[i]);
		cr_expect_str_eq(buf_cstr(&b), texts[i]);
	}
	buf_free(&b);
}

Test(text_clean, every_code_point_reads_back_and_stays_only_when_it_may)
{
	for (unsigned int code = 0; code < 0x120000; code++) {
		bool may = code >= 0x20 && code != '\\' && !(code >= 0x7f && code <= 0x9f) &&
			   code != 0x61c && code != 0x200e && code != 0x200f &&
			   !(code >= 0x2028 && code <= 0x202e) &&
			   !(code >= 0x2066 && code <= 0x2069) &&
			   !(code >= 0xd800 && code <= 0xdfff) && code <= 0x10ffff;
		char bytes[4];
		size_t n = encode(code, bytes);

		if (text_is_clean(bytes, n) != may)
			cr_assert_fail("U+%04X", code);
		/* a sample of those that stay: reading them back is slow, and copies them */
		if (!may || code % 997 == 0)
			expect_round_trip(bytes, n);
	}
}

Test(text_clean, random_bytes_read_back_and_their_clean_text_is_one_printable_line)
{
	static const char likely[] = "\\nx\x1b\n\t\xc2\x80\xe2\xa8\xed\xa0\xf0\x9f\xf4\x90\"/";
	unsigned int seed = 1;

	for (int round = 0; round < 4000; round++) {
		struct buf b = {};
		char bytes[24];
		size_t len = rand_r(&seed) % sizeof(bytes);

		for (size_t i = 0; i < len; i++)
			bytes[i] = rand_r(&seed) % 3 ? likely[rand_r(&seed) % sizeof(likely)] :
						       rand_r(&seed);
		expect_round_trip(bytes, len);
		text_clean(&b, bytes, len);
		for (size_t i = 0; i < b.len; i++)
			cr_assert((unsigned char)b.data[i] >= ' ' && b.data[i] != 0x7f);
		buf_free(&b);
	}
}

Test(text_clean, an_escape_is_whole_or_absent_at_the_bound)
{
	struct buf b = { .max = 6 };

	text_clean(&b, "abc\x1bz", 5);
	cr_assert(b.failed);
	cr_assert_str_eq(buf_cstr(&b), "abc");
	buf_free(&b);
}

static void expect_json(const char *s, const char *want)
{
	struct buf b = {};
	json_t *parsed;

	text_json(&b, s);
	cr_expect_str_eq(buf_cstr(&b), want);
	parsed = json_loads(buf_cstr(&b), JSON_DECODE_ANY, NULL);
	cr_expect_str_eq(json_string_value(parsed), s);
	json_decref(parsed);
	buf_free(&b);
}

Test(text_json, a_string_is_quoted_and_reads_back)
{
	expect_json("", "\"\"");
	expect_json("plain", "\"plain\"");
	expect_json("a\"b\"", "\"a\\\"b\\\"\"");
	expect_json("\\n and \\\\", "\"\\\\n and \\\\\\\\\"");
	expect_json("\xc3\xbc \xf0\x9f\x90\xb3 \x7f", "\"\xc3\xbc \xf0\x9f\x90\xb3 \x7f\"");
}

Test(text_json, controls_are_escaped_even_though_clean_text_has_none)
{
	expect_json("a\nb\x01\x1f", "\"a\\u000ab\\u0001\\u001f\"");
}

static void expect_time(uint64_t epoch_ns, const char *want)
{
	struct buf b = {};

	text_time(&b, epoch_ns);
	cr_expect_str_eq(buf_cstr(&b), want);
	buf_free(&b);
}

Test(text_time, times_are_rfc_3339_with_nine_digits)
{
	expect_time(0, "1970-01-01T00:00:00.000000000Z");
	expect_time(1767323045000000006, "2026-01-02T03:04:05.000000006Z");
	expect_time(1709251199999999999, "2024-02-29T23:59:59.999999999Z");
	expect_time(951782400123456789, "2000-02-29T00:00:00.123456789Z");
	expect_time(UINT64_MAX, "2554-07-21T23:34:33.709551615Z");
}

Test(text_time, the_local_time_zone_does_not_matter)
{
	setenv("TZ", "Asia/Tokyo-9", 1);
	tzset();
	expect_time(1767323045000000006, "2026-01-02T03:04:05.000000006Z");
}

static void expect_u64_error(const char *s, int want)
{
	uint64_t value = 42;

	cr_expect_eq(text_u64(s, &value), want, "%s", s);
	cr_expect_eq(value, 42, "%s changed the result", s);
}

Test(text_u64, decimals_of_the_whole_range_are_read)
{
	uint64_t value;

	cr_assert_eq(text_u64("0", &value), 0);
	cr_assert_eq(value, 0);
	cr_assert_eq(text_u64("0042", &value), 0);
	cr_assert_eq(value, 42);
	cr_assert_eq(text_u64("18446744073709551615", &value), 0);
	cr_assert_eq(value, UINT64_MAX);
}

Test(text_u64, numbers_too_large_are_out_of_range)
{
	expect_u64_error("18446744073709551616", -ERANGE);
	expect_u64_error("99999999999999999999999999999999", -ERANGE);
	expect_u64_error("184467440737095516150", -ERANGE);
}

Test(text_u64, anything_but_digits_is_invalid)
{
	expect_u64_error("", -EINVAL);
	expect_u64_error("-1", -EINVAL);
	expect_u64_error("+1", -EINVAL);
	expect_u64_error(" 1", -EINVAL);
	expect_u64_error("1 ", -EINVAL);
	expect_u64_error("1\n", -EINVAL);
	expect_u64_error("0x10", -EINVAL);
	expect_u64_error("99999999999999999999999999999999x", -EINVAL);
}

Test(text, prefixes_and_suffixes_are_recognised)
{
	cr_expect(text_starts("/proc/1", "/proc/"));
	cr_expect(text_starts("/proc/", "/proc/"));
	cr_expect(text_starts("x", ""));
	cr_expect_not(text_starts("/pro", "/proc/"));
	cr_expect_not(text_starts("a/proc/", "/proc/"));
	cr_expect(text_ends("a.scope", ".scope"));
	cr_expect(text_ends(".scope", ".scope"));
	cr_expect(text_ends("x", ""));
	cr_expect_not(text_ends("scope", ".scope"));
	cr_expect_not(text_ends(".scope2", ".scope"));
}

Test(text_capability, every_capability_of_linux_has_its_name)
{
#define NAMED(cap) [cap] = #cap
	static const char *const names[] = {
		NAMED(CAP_CHOWN),
		NAMED(CAP_DAC_OVERRIDE),
		NAMED(CAP_DAC_READ_SEARCH),
		NAMED(CAP_FOWNER),
		NAMED(CAP_FSETID),
		NAMED(CAP_KILL),
		NAMED(CAP_SETGID),
		NAMED(CAP_SETUID),
		NAMED(CAP_SETPCAP),
		NAMED(CAP_LINUX_IMMUTABLE),
		NAMED(CAP_NET_BIND_SERVICE),
		NAMED(CAP_NET_BROADCAST),
		NAMED(CAP_NET_ADMIN),
		NAMED(CAP_NET_RAW),
		NAMED(CAP_IPC_LOCK),
		NAMED(CAP_IPC_OWNER),
		NAMED(CAP_SYS_MODULE),
		NAMED(CAP_SYS_RAWIO),
		NAMED(CAP_SYS_CHROOT),
		NAMED(CAP_SYS_PTRACE),
		NAMED(CAP_SYS_PACCT),
		NAMED(CAP_SYS_ADMIN),
		NAMED(CAP_SYS_BOOT),
		NAMED(CAP_SYS_NICE),
		NAMED(CAP_SYS_RESOURCE),
		NAMED(CAP_SYS_TIME),
		NAMED(CAP_SYS_TTY_CONFIG),
		NAMED(CAP_MKNOD),
		NAMED(CAP_LEASE),
		NAMED(CAP_AUDIT_WRITE),
		NAMED(CAP_AUDIT_CONTROL),
		NAMED(CAP_SETFCAP),
		NAMED(CAP_MAC_OVERRIDE),
		NAMED(CAP_MAC_ADMIN),
		NAMED(CAP_SYSLOG),
		NAMED(CAP_WAKE_ALARM),
		NAMED(CAP_BLOCK_SUSPEND),
		NAMED(CAP_AUDIT_READ),
		NAMED(CAP_PERFMON),
		NAMED(CAP_BPF),
		NAMED(CAP_CHECKPOINT_RESTORE),
	};
#undef NAMED

	cr_assert_eq(ARRAY_SIZE(names), 41);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		cr_expect_str_eq(text_capability(i), names[i]);
}

Test(text_capability, an_unknown_capability_has_none)
{
	cr_expect_null(text_capability(41));
	cr_expect_null(text_capability(63));
	cr_expect_null(text_capability(-1));
}

Test(text_errno, errors_have_their_symbols)
{
	cr_expect_str_eq(text_errno(EROFS), "EROFS");
	cr_expect_str_eq(text_errno(EPERM), "EPERM");
	cr_expect_str_eq(text_errno(EAGAIN), "EAGAIN");
}

Test(text_errno, what_is_no_error_has_none)
{
	cr_expect_null(text_errno(0));
	cr_expect_null(text_errno(-EPERM));
	cr_expect_null(text_errno(512)); /* ERESTARTSYS never leaves the kernel */
}
