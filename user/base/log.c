/* SPDX-License-Identifier: Apache-2.0 */
/* Lines for operators on standard error, each in one write, so that processes do not mix theirs. */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A longer line is cut and ends in "...". Below PIPE_BUF, so that a pipe keeps lines whole. */
#define LOG_LINE_MAX 4000

static enum log_level log_level = LOG_INFO;

static const char *const log_prefixes[] = {
	[LOG_ERROR] = "keelwatch: error: ",
	[LOG_WARN] = "keelwatch: warning: ",
	[LOG_INFO] = "keelwatch: ",
	[LOG_DEBUG] = "keelwatch: debug: ",
};

void log_set_level(enum log_level level)
{
	log_level = level;
}

void log_write(enum log_level level, const char *fmt, ...)
{
	static const char cut[] = "...\n";
	char line[LOG_LINE_MAX + sizeof(cut)];
	int saved = errno;
	size_t len;
	va_list args;
	int more;

	if (level > log_level)
		return;
	len = strlen(log_prefixes[level]);
	memcpy(line, log_prefixes[level], len);

	va_start(args, fmt);
	more = vsnprintf(line + len, LOG_LINE_MAX - len, fmt, args);
	va_end(args);
	if (more < 0)
		more = 0;
	if (len + more < LOG_LINE_MAX) {
		len += more;
		line[len++] = '\n';
	} else {
		len = LOG_LINE_MAX - 1;
		memcpy(line + len, cut, sizeof(cut) - 1);
		len += sizeof(cut) - 1;
	}

	/* Nobody is left to tell when standard error takes nothing. */
	(void)!write(STDERR_FILENO, line, len);
	errno = saved;
}
