/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file: one record a line. A batch is one write, and delivered when the disk has it. The file is set
 * aside by size as PATH.1, PATH.2, ...; when somebody else renames or removes it, it is made anew.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/util.h"
#include "ship/sink.h"

#define FILE_MODE 0640

struct sink {
	const struct config_sink *settings;
	char *folder, *name;
	int dir, fd; /* -1: not open */
	struct stat file;
	struct buf text;
};

/* --- the sink --- */

static void leave(struct sink *s)
{
	cleanup_close(&s->fd);
	cleanup_close(&s->dir);
	s->fd = s->dir = -1;
}

static void file_close(struct sink *s)
{
	if (!s)
		return;
	leave(s);
	buf_free(&s->text);
	free(s->folder);
	free(s->name);
	free(s);
}

static int file_open(const struct config_sink *settings, struct buf *why, struct sink **ret)
{
	struct sink *s = calloc(1, sizeof(*s));
	const char *slash = strrchr(settings->address, '/');
	_cleanup_free_ char *copy = strdup(settings->address);

	if (!s)
		return -ENOMEM;
	s->settings = settings;
	s->dir = s->fd = -1;
	s->folder = copy ? strdup(dirname(copy)) : NULL;
	s->name = strdup(slash ? slash + 1 : "");
	if (!s->folder || !s->name) {
		file_close(s);
		return -ENOMEM;
	}
	if (!*s->name || !strcmp(s->name, ".") || !strcmp(s->name, "..")) {
		buf_fmt(why, "path: names no file: %s", settings->address);
		file_close(s);
		return -EINVAL;
	}
	*ret = s;
	return 0;
}

/* --- the file --- */

static int say(struct sink *s, int err, char *why, size_t size, const char *what)
{
	const char *reason = err == -ENOSPC || err == -EDQUOT ? "the disk is full" :
			     err == -ELOOP ? "a symbolic link, which is not followed" :
					     strerror(-err);

	snprintf(why, size, "%s: %s%s", s->settings->address, what, reason);
	return err;
}

/* Neither waits for a pipe's other end nor follows a link to what is not ours. */
static int reach_file(struct sink *s, char *why, size_t size)
{
	int flags = O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

	s->dir = open(s->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir < 0)
		return say(s, -errno, why, size, "its folder: ");
	s->fd = openat(s->dir, s->name, flags, FILE_MODE);
	if (s->fd < 0 || fstat(s->fd, &s->file))
		return say(s, -errno, why, size, "");
	if (!S_ISREG(s->file.st_mode)) {
		snprintf(why, size, "%s: not a file", s->settings->address);
		return -EINVAL;
	}
	if (!s->file.st_size && fsync(s->dir))
		return say(s, -errno, why, size, "its folder: ");
	return 0;
}

/* Whether the file we have open is still the one of that name, in the folder of that name. */
static bool is_there(const struct sink *s)
{
	struct stat now;

	return s->fd >= 0 && !stat(s->settings->address, &now) && now.st_ino == s->file.st_ino &&
	       now.st_dev == s->file.st_dev;
}

static int ensure_file(struct sink *s, char *why, size_t size)
{
	if (is_there(s)) {
		if (!fstat(s->fd, &s->file))
			return 0;
		return say(s, -errno, why, size, "");
	}
	leave(s);
	return reach_file(s, why, size);
}

/* --- setting aside --- */

static int rename_old(const struct sink *s, uint32_t from, uint32_t to)
{
	_cleanup_free_ char *old = NULL, *new = NULL;

	if (asprintf(&old, "%s.%u", s->name, from) < 0) {
		old = NULL;
		return -ENOMEM;
	}
	if (asprintf(&new, "%s.%u", s->name, to) < 0) {
		new = NULL;
		return -ENOMEM;
	}
	return renameat(s->dir, from ? old : s->name, s->dir, new) && errno != ENOENT ? -errno : 0;
}

/* What is beyond the number kept: of an earlier, larger one, or pushed out now. */
static int remove_old(const struct sink *s, uint32_t from)
{
	for (uint32_t i = from;; i++) {
		_cleanup_free_ char *old = NULL;

		if (asprintf(&old, "%s.%u", s->name, i) < 0) {
			old = NULL;
			return -ENOMEM;
		}
		if (unlinkat(s->dir, old, 0))
			return errno == ENOENT ? 0 : -errno;
	}
}

static int rotate(struct sink *s, char *why, size_t size)
{
	uint32_t keep = s->settings->rotate_keep;
	int err = remove_old(s, keep ? keep : 1);

	for (uint32_t i = keep; !err && i > 0; i--)
		err = rename_old(s, i - 1, i);
	if (!err && !keep && unlinkat(s->dir, s->name, 0))
		err = -errno;
	if (!err && fsync(s->dir))
		err = -errno;
	if (err)
		return say(s, err, why, size, "it cannot be set aside: ");
	leave(s);
	return reach_file(s, why, size);
}

/* --- writing --- */

static int make_text(struct sink *s, const struct batch *batch)
{
	buf_reset(&s->text);
	for (size_t i = 0; i < batch->count; i++) {
		const struct item *item = &batch->items[i];

		if (item->result != ITEM_RETRY)
			continue;
		buf_add(&s->text, item->text, item->len);
		buf_char(&s->text, '\n');
	}
	return s->text.failed ? -ENOMEM : 0;
}

/* A crash may have left half a line, and a reader may have it by now: it is ended, not taken back. */
static int end_line(struct sink *s)
{
	char last = '\n';

	if (s->file.st_size && pread(s->fd, &last, 1, s->file.st_size - 1) != 1)
		return -errno;
	if (last == '\n')
		return 0;
	if (write(s->fd, "\n", 1) != 1)
		return -errno;
	s->file.st_size++;
	return 0;
}

/* All of it or, when the disk has no room, nothing. */
static int append(struct sink *s)
{
	ssize_t n = write(s->fd, s->text.data, s->text.len);
	int err = n < 0 ? -errno : (size_t)n < s->text.len ? -ENOSPC : 0;

	if (!err && fdatasync(s->fd))
		err = -errno;
	if (err && ftruncate(s->fd, s->file.st_size))
		return -errno;
	return err;
}

static int write_batch(struct sink *s, struct batch *batch)
{
	char *why = batch->why;
	size_t size = sizeof(batch->why);
	int err = make_text(s, batch);

	if (err)
		return say(s, err, why, size, "");
	err = ensure_file(s, why, size);
	if (!err && s->file.st_size &&
	    s->file.st_size + (uint64_t)s->text.len > s->settings->rotate_bytes)
		err = rotate(s, why, size);
	if (err)
		return err;
	err = end_line(s);
	if (!err)
		err = append(s);
	return err ? say(s, err, why, size, "") : 0;
}

static void file_send(struct sink *s, struct batch *batch, int stop)
{
	(void)stop;
	if (write_batch(s, batch)) {
		leave(s);
		return;
	}
	for (size_t i = 0; i < batch->count; i++)
		if (batch->items[i].result == ITEM_RETRY)
			batch->items[i].result = ITEM_DELIVERED;
}

const struct sink_ops sink_file = {
	.open = file_open,
	.close = file_close,
	.send = file_send,
};
