/* SPDX-License-Identifier: Apache-2.0 */
/* Lines for operators, on standard error: what, which, why. As text, or each a JSON object. */
#ifndef KEELWATCH_LOG_H
#define KEELWATCH_LOG_H

#include <string.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };
enum log_format { LOG_TEXT, LOG_JSON };

void log_set_level(enum log_level level);    /* default LOG_INFO */
void log_set_format(enum log_format format); /* default LOG_TEXT */
enum log_format log_format(void);
void log_set_component(const char *name); /* default "monitor"; kept, so a literal */
/*
 * How long who reads the lines may hold us up: once, and again after ten seconds at the earliest. Lines that it
 * does not take are lost, and their number is told when it reads again. Default -1: as long as it likes.
 * To be called once, when standard error is what it will be.
 */
void log_set_patience(int ms);
#define LOG_PATIENCE_MS 20 /* of what runs for long */

void log_write(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* What concerns one of several: text begins with "KEY VALUE: ", JSON has it as a field. */
void log_about(enum log_level level, const char *key, const char *value, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Returns -err (err: a positive errno), so that it can stand in a return statement. */
#define log_errno(err, fmt, ...) \
	(log_write(LOG_ERROR, fmt ": %s", ##__VA_ARGS__, strerror(err)), -(err))
#define log_error(...) log_write(LOG_ERROR, __VA_ARGS__)
#define log_warn(...) log_write(LOG_WARN, __VA_ARGS__)
#define log_info(...) log_write(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_DEBUG, __VA_ARGS__)

#endif
