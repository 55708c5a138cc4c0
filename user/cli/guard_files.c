/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/guard_files.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"

#define FILES_MAX 4
#define GONE (IN_DELETE | IN_MOVED_FROM)
#define FOLDER_GONE (IN_DELETE_SELF | IN_MOVE_SELF)
#define WANTED (IN_CLOSE_WRITE | IN_MOVED_TO | GONE | FOLDER_GONE)
#define SWAPPED "..data" /* of a folder that Kubernetes fills: what all names in it lead through */

struct watched {
	char *path;
	const char *name; /* within path */
	bool ours;
	int folder;    /* inotify's number of it */
	uint32_t seen; /* since the last look */
};

struct guard_files {
	int inotify;
	struct watched files[FILES_MAX];
	size_t count;
};

int guard_files_new(struct guard_files **ret)
{
	struct guard_files *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	f->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (f->inotify < 0) {
		free(f);
		return -errno;
	}
	*ret = f;
	return 0;
}

void guard_files_free(struct guard_files *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < f->count; i++)
		free(f->files[i].path);
	close(f->inotify);
	free(f);
}

int guard_files_add(struct guard_files *f, const char *path, bool ours)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *folder = slash ? strndup(path, slash - path + 1) : strdup(".");
	struct watched *w = &f->files[f->count];

	if (f->count == FILES_MAX)
		return -ENOSPC;
	w->path = strdup(path);
	if (!folder || !w->path)
		return -ENOMEM;
	w->folder = inotify_add_watch(f->inotify, folder, WANTED);
	if (w->folder < 0) {
		free(TAKE(w->path));
		return -errno;
	}
	w->name = w->path + (slash ? slash - path + 1 : 0);
	w->ours = ours;
	f->count++;
	return 0;
}

static void note(struct guard_files *f, const struct inotify_event *e)
{
	const char *name = e->len ? e->name : "";

	for (size_t i = 0; i < f->count; i++) {
		struct watched *w = &f->files[i];

		if (w->folder == e->wd &&
		    (!strcmp(name, w->name) || !strcmp(name, SWAPPED) || (e->mask & FOLDER_GONE)))
			w->seen |= e->mask & WANTED;
	}
}

/* 0: nothing that matters. */
static enum guard_file act_of(const struct watched *w)
{
	struct stat st;

	if (!(w->seen & ~(uint32_t)(w->ours ? IN_CLOSE_WRITE : 0)))
		return 0;
	/* One of ours is made anew at once: that it is there again says nothing. */
	if ((w->ours && !(w->seen & IN_MOVED_TO)) || stat(w->path, &st))
		return FILE_REMOVED;
	return w->seen & (IN_MOVED_TO | GONE | FOLDER_GONE) ? FILE_REPLACED : FILE_CHANGED;
}

void guard_files_look(struct guard_files *f,
		      void (*say)(void *arg, const char *path, enum guard_file act), void *arg)
{
	_Alignas(struct inotify_event) char room[4096];
	ssize_t n;

	while ((n = read(f->inotify, room, sizeof(room))) > 0)
		for (ssize_t at = 0; at < n;) {
			const struct inotify_event *e = (const void *)&room[at];

			note(f, e);
			at += sizeof(*e) + e->len;
		}
	for (size_t i = 0; i < f->count; i++) {
		enum guard_file act = act_of(&f->files[i]);

		f->files[i].seen = 0;
		if (act)
			say(arg, f->files[i].path, act);
	}
}
