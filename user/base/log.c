/* SPDX-License-Identifier: Apache-2.0 */
/* Lines for operators on standard error, each in one write, so that processes do not mix theirs. */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/outlet.h"
#include "base/text.h"
#include "base/util.h"

/* A longer line is cut and ends in "...". Below PIPE_BUF, so that a pipe keeps lines whole. */
#define LOG_LINE_MAX 4000
/* In JSON each byte of clean text may take two: of a message, and of what it is about. */
#define JSON_MESSAGE_MAX 1800
#define JSON_VALUE_MAX 100
#define CUT "..."
#define PATIENCE_AGAIN_NS (10 * NS_PER_S)

static enum log_level log_level = LOG_INFO;
static enum log_format log_line_format = LOG_TEXT;
static const char *log_component = "monitor";
static atomic_int log_patience_ms = -1;
static struct outlet log_outlet;       /* with patience */
static atomic_ullong patience_used_ns; /* when it was used up last, CLOCK_BOOTTIME; 0: never */
static atomic_ullong lines_missed, lines_told;

static const struct {
	const char *prefix, *name;
} levels[] = {
	[LOG_ERROR] = { "keelwatch: error: ", "error" },
	[LOG_WARN] = { "keelwatch: warning: ", "warning" },
	[LOG_INFO] = { "keelwatch: ", "info" },
	[LOG_DEBUG] = { "keelwatch: debug: ", "debug" },
};

void log_set_level(enum log_level level)
{
	log_level = level;
}

void log_set_format(enum log_format format)
{
	log_line_format = format;
}

enum log_format log_format(void)
{
	return log_line_format;
}

void log_set_patience(int ms)
{
	outlet_open(&log_outlet, STDERR_FILENO);
	log_patience_ms = ms;
}

void log_set_component(const char *name)
{
	log_component = name;
}

/* 0, once it has been used up: for a while those who write do not wait again. */
static int patience_left(void)
{
	uint64_t used = patience_used_ns;

	return used && clock_boot_ns() - used < PATIENCE_AGAIN_NS ? 0 : log_patience_ms;
}

static bool takes_line(void)
{
	int patience = patience_left();

	if (outlet_wait(&log_outlet, patience))
		return true;
	if (patience)
		patience_used_ns = clock_boot_ns();
	return false;
}

/* False: it is not taken. Nobody is left to tell when standard error fails. */
static bool put(const struct buf *b)
{
	if (log_patience_ms < 0)
		(void)!write(STDERR_FILENO, b->data, b->len);
	else
		return takes_line() && outlet_write(&log_outlet, b->data, b->len) != -EAGAIN;
	return true;
}

/* At most max bytes of clean text, and CUT. */
static void add_text(struct buf *out, const char *bytes, size_t len, size_t max)
{
	_cleanup_(buf_free) struct buf clean = {};
	char room[JSON_MESSAGE_MAX + sizeof(CUT)];

	/* Clean text stays what it is: cleaned again, its backslashes would double. */
	if (text_is_line(bytes, len))
		buf_add(&clean, bytes, len);
	else
		text_clean(&clean, bytes, len);
	text_cut(room, max + 1, buf_cstr(&clean));
	if (clean.len > max)
		strcat(room, CUT);
	text_json(out, room);
}

static bool put_json(enum log_level level, const char *key, const char *value, const char *message,
		     size_t len)
{
	_cleanup_(buf_free) struct buf line = {};

	buf_str(&line, "{\"time\":\"");
	text_time(&line, clock_epoch_ns());
	buf_fmt(&line, "\",\"level\":\"%s\",\"component\":\"%s\",\"pid\":%d", levels[level].name,
		log_component, getpid());
	if (key) {
		buf_fmt(&line, ",\"%s\":", key);
		add_text(&line, value, strlen(value), JSON_VALUE_MAX);
	}
	buf_str(&line, ",\"message\":");
	add_text(&line, message, len, JSON_MESSAGE_MAX);
	buf_str(&line, "}\n");
	return put(&line);
}

/* An object for each line of the message. How many were not taken. */
static unsigned int write_json(enum log_level level, const char *key, const char *value,
			       const char *message)
{
	unsigned int missed = 0;

	while (*message) {
		size_t len = strcspn(message, "\n");

		if (len)
			missed += !put_json(level, key, value, message, len);
		message += len + (message[len] == '\n');
	}
	return missed;
}

static unsigned int write_text(enum log_level level, const char *key, const char *value,
			       const char *message)
{
	_cleanup_(buf_free) struct buf line = {};

	buf_str(&line, levels[level].prefix);
	if (key)
		buf_fmt(&line, "%s %s: ", key, value);
	buf_str(&line, message);
	if (line.len >= LOG_LINE_MAX) {
		line.len = LOG_LINE_MAX - 1;
		buf_str(&line, CUT);
	}
	buf_char(&line, '\n');
	return !put(&line);
}

static unsigned int write_message(enum log_level level, const char *key, const char *value,
				  const char *message)
{
	if (log_line_format == LOG_JSON)
		return write_json(level, key, value, message);
	return write_text(level, key, value, message);
}

/* Before the next line, when there may be room for one. */
static void tell_missed(void)
{
	unsigned long long missed = lines_missed;
	char message[128];

	if (missed == lines_told || !takes_line())
		return;
	snprintf(message, sizeof(message), "%llu lines before this one had no reader, and are lost",
		 missed - lines_told);
	if (!write_message(LOG_WARN, NULL, NULL, message))
		lines_told = missed;
}

static void write_line(enum log_level level, const char *key, const char *value, const char *fmt,
		       va_list args)
{
	char message[LOG_LINE_MAX + sizeof(CUT)];
	int saved = errno, len;

	if (level > log_level)
		return;
	len = vsnprintf(message, LOG_LINE_MAX, fmt, args);
	if (len < 0)
		message[0] = '\0';
	if (len >= LOG_LINE_MAX)
		memcpy(message + LOG_LINE_MAX - 1, CUT, sizeof(CUT));
	tell_missed();
	lines_missed += write_message(level, key, value, message);
	errno = saved;
}

void log_write(enum log_level level, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	write_line(level, NULL, NULL, fmt, args);
	va_end(args);
}

void log_about(enum log_level level, const char *key, const char *value, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	write_line(level, key, value, fmt, args);
	va_end(args);
}
