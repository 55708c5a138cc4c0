// SPDX-License-Identifier: Apache-2.0
/*
 * Puts before each line of standard input when it came: nanoseconds of CLOCK_BOOTTIME, and
 * nanoseconds since midnight UTC. Lines that came in one read came at one time.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BUFFER (1024 * 1024) /* a longer line is cut into two */
#define SECOND_NS 1000000000LL
#define DAY_S 86400

static char buffer[BUFFER];

static long long now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	if (clock == CLOCK_REALTIME)
		t.tv_sec %= DAY_S;
	return t.tv_sec * SECOND_NS + t.tv_nsec;
}

int main(void)
{
	size_t used = 0;
	ssize_t n;

	while ((n = read(STDIN_FILENO, buffer + used, BUFFER - used)) > 0) {
		long long boot = now(CLOCK_BOOTTIME), day = now(CLOCK_REALTIME);
		char *line = buffer, *end;

		used += n;
		while ((end = memchr(line, '\n', buffer + used - line))) {
			printf("%lld %lld %.*s\n", boot, day, (int)(end - line), line);
			line = end + 1;
		}
		used -= line - buffer;
		memmove(buffer, line, used);
		if (used == BUFFER)
			used = 0;
	}
	return 0;
}
