/* SPDX-License-Identifier: Apache-2.0 */
#include "ship/dead_letter.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/text.h"
#include "base/util.h"
#include "message/head.h"
#include "output/output.h"

struct dead_letter {
	int dir;
	char *file, *old; /* in it: the file, and where it is set aside */
	char *sink;
	uint64_t max_bytes; /* of one of the two files */
	uint64_t lost;
	struct buf line;
};

int dead_letter_new(const char *dir, const char *sink, uint64_t max_bytes, struct dead_letter **ret)
{
	struct dead_letter *d = calloc(1, sizeof(*d));
	int err;

	if (!d)
		return -ENOMEM;
	d->max_bytes = max_bytes / 2;
	d->sink = strdup(sink);
	d->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	err = d->dir < 0 ? -errno : 0;
	if (asprintf(&d->file, "%s.jsonl", sink) < 0)
		d->file = NULL;
	if (asprintf(&d->old, "%s.jsonl.1", sink) < 0)
		d->old = NULL;
	if (!err && (!d->file || !d->old || !d->sink))
		err = -ENOMEM;
	if (err)
		dead_letter_free(d);
	else
		*ret = d;
	return err;
}

void dead_letter_free(struct dead_letter *d)
{
	if (!d)
		return;
	buf_free(&d->line);
	cleanup_close(&d->dir);
	free(d->file);
	free(d->old);
	free(d->sink);
	free(d);
}

uint64_t dead_letter_lost(const struct dead_letter *d)
{
	return d->lost;
}

static uint64_t count_lines(int dir, const char *file)
{
	_cleanup_close_ int fd = openat(dir, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	char chunk[4096];
	uint64_t lines = 0;
	ssize_t n;

	while (fd >= 0 && (n = read(fd, chunk, sizeof(chunk))) > 0)
		for (ssize_t i = 0; i < n; i++)
			lines += chunk[i] == '\n';
	return lines;
}

static int set_aside(struct dead_letter *d)
{
	uint64_t lost = count_lines(d->dir, d->old);

	if (renameat(d->dir, d->file, d->dir, d->old))
		return -errno;
	d->lost += lost;
	return 0;
}

static int open_file(struct dead_letter *d, off_t *size)
{
	int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
	_cleanup_close_ int fd = openat(d->dir, d->file, flags, 0640);
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	*size = st.st_size;
	return TAKE_FD(fd);
}

/* A line, or none of it: one cut short by a full disk is taken back. */
static int append(int fd, off_t size, const struct buf *line)
{
	ssize_t n = write(fd, line->data, line->len);
	int err = n < 0 ? -errno : (size_t)n < line->len ? -ENOSPC : 0;

	if (!err && fdatasync(fd))
		err = -errno;
	if (err && ftruncate(fd, size))
		return -errno;
	return err;
}

int dead_letter_write(struct dead_letter *d, const Keelwatch__Record *record, const char *why)
{
	_cleanup_close_ int fd = -1;
	struct record_head head;
	off_t size;
	int err;

	buf_reset(&d->line);
	buf_str(&d->line, "{\"sink\":");
	text_json(&d->line, d->sink);
	buf_str(&d->line, ",\"time\":\"");
	text_time(&d->line, clock_epoch_ns());
	buf_str(&d->line, "\",\"why\":");
	text_json(&d->line, why);
	buf_str(&d->line, ",\"record\":");
	if (record && !record_head(record, &head))
		json_message(&d->line, head.message);
	else
		buf_str(&d->line, "null");
	buf_str(&d->line, "}\n");
	if (d->line.failed)
		return -ENOMEM;

	fd = open_file(d, &size);
	if (fd >= 0 && size && (uint64_t)size + d->line.len > d->max_bytes) {
		err = set_aside(d);
		if (err)
			return err;
		close(fd);
		fd = open_file(d, &size);
	}
	return fd < 0 ? fd : append(fd, size, &d->line);
}
