/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text from hostile places. Bytes of the kernel (names, paths, arguments) are no text until
 * they went through text_clean(): afterwards they are valid UTF-8, one line, and drive no
 * terminal.
 */
#ifndef KEELWATCH_TEXT_H
#define KEELWATCH_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

/*
 * Appends bytes to b as clean text: printable valid UTF-8 stays; every byte of anything else
 * (C0, DEL and C1 controls, invalid sequences, U+2028, U+2029, and the bidirectional controls
 * U+061C, U+200E, U+200F, U+202A..U+202E, U+2066..U+2069) becomes \xNN, but \n, \r, \t as such,
 * and a backslash becomes "\\", so that the result can be read back to the exact bytes.
 */
void text_clean(struct buf *b, const char *bytes, size_t len);
/* The same into room, which is ended by a NUL: what does not fit is cut, between two characters. */
void text_clean_cut(char *room, size_t size, const char *bytes, size_t len);
/* Appends the exact bytes that text_clean() made the text of. */
void text_read_back(struct buf *b, const char *clean);
/* Of text that is valid UTF-8 already, so much as fits. */
void text_cut(char *room, size_t size, const char *text);

/* True when text_clean() would leave the bytes as they are (so false for a backslash). */
bool text_is_clean(const char *bytes, size_t len);

/* True of what text_clean() may have made: valid UTF-8, one line, nothing that drives a terminal. */
bool text_is_line(const char *bytes, size_t len);

/* Appends s as a JSON string with its quotes. s must be clean text (or at least valid UTF-8). */
void text_json(struct buf *b, const char *s);
/* The same without its quotes: for a string made of several. */
void text_json_part(struct buf *b, const char *s);

/* Appends a time (ns since the epoch) as RFC 3339, UTC: 2026-01-02T03:04:05.000000006Z */
void text_time(struct buf *b, uint64_t epoch_ns);

/* Appends a number in decimal, without what printf() costs. */
void text_number(struct buf *b, uint64_t magnitude, bool negative);

/* Unsigned decimal of the whole string. 0, or -EINVAL, or -ERANGE. */
int text_u64(const char *s, uint64_t *ret);

bool text_starts(const char *s, const char *prefix);
bool text_ends(const char *s, const char *suffix);

/* Capability number to name ("CAP_SYS_ADMIN"), NULL for one unknown. */
const char *text_capability(unsigned int cap);

/* errno (positive) to its symbol ("EROFS"), or NULL. */
const char *text_errno(int err);

#endif
