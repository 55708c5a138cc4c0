/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lock beside the database: one writer at a time. It also says how far numbers were given out, in
 * steps, so that they go on when the database is lost with all it knew.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>

#include "base/log.h"
#include "base/text.h"
#include "base/util.h"
#include "store/store_priv.h"

#define LOCK_FILE "lock"
#define TRIES 50
#define PAUSE_MS 20
#define STEP 10000 /* numbers told ahead: one write for so many */

/* "PID\nNUMBER\n", each as wide as it can be: what is written anew needs no room on a full disk. */
#define FORM "%-10d\n%-20llu\n"
#define SIZE 32

/* The number of a line; 0 where there is none. */
static uint64_t read_line(char **at)
{
	char *line = strsep(at, "\n");
	uint64_t number;

	if (!line)
		return 0;
	line[strcspn(line, " ")] = '\0';
	return text_u64(line, &number) ? 0 : number;
}

static void write_all(struct store *s)
{
	char text[SIZE + 1];

	snprintf(text, sizeof(text), FORM, getpid(), (unsigned long long)s->given);
	if (pwrite(s->lock_fd, text, SIZE, 0) != SIZE)
		log_debug("%s/" LOCK_FILE ": %s", s->dir, strerror(errno));
}

/*
 * A writer that was killed while it began its shipper leaves a child that has the lock until it becomes
 * that program: a moment. So the lock of one who is gone is waited for.
 */
static int try_lock(int fd, int holder)
{
	struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000L };

	for (int i = 0; flock(fd, LOCK_EX | LOCK_NB); i++) {
		if (errno != EWOULDBLOCK)
			return -errno;
		if (i == TRIES || !holder || !kill(holder, 0) || errno != ESRCH)
			return -EBUSY;
		nanosleep(&pause, NULL);
	}
	return 0;
}

int store_lock(struct store *s, int *holder)
{
	_cleanup_free_ char *path = NULL;
	char text[SIZE + 1] = "", *at = text;
	uint64_t pid;
	ssize_t n;
	int err;

	if (asprintf(&path, "%s/" LOCK_FILE, s->dir) < 0)
		return -ENOMEM;
	s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (s->lock_fd < 0)
		return -errno;
	n = pread(s->lock_fd, text, SIZE, 0);
	text[n > 0 ? n : 0] = '\0';
	pid = read_line(&at);
	*holder = pid <= INT_MAX ? (int)pid : 0;
	err = try_lock(s->lock_fd, *holder);
	if (err)
		return err;
	s->given = read_line(&at);
	if (s->given >= INT64_MAX / 2)
		s->given = 0;
	write_all(s);
	return 0;
}

void store_lock_note(struct store *s, bool end)
{
	if (!end && s->newest.sequence <= s->given)
		return;
	s->given = s->newest.sequence + (end ? 0 : STEP);
	write_all(s);
}
