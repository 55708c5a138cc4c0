/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/guard_files.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/util.h"

#define FILES_MAX 4
#define GONE (IN_DELETE | IN_MOVED_FROM)
#define FOLDER_GONE (IN_DELETE_SELF | IN_MOVE_SELF)
#define WANTED (IN_CLOSE_WRITE | IN_MOVED_TO | GONE | FOLDER_GONE)
#define SWAPPED "..data" /* of a folder that Kubernetes fills: what all names in it lead through */

struct watched {
	char *path, *folder;
	const char *name; /* within path */
	bool ours;
	int watch;	   /* inotify's number of the folder; negative: it is not there */
	uint32_t seen;	   /* since the last look */
	struct stat known; /* as of then; st_ino 0: it was not there */
};

struct guard_files {
	int inotify;
	bool overflowed; /* more happened than is known */
	bool warned;
	struct watched files[FILES_MAX];
	size_t count;
};

int guard_files_new(struct guard_files **ret)
{
	struct guard_files *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	f->inotify = -1;
	*ret = f;
	return 0;
}

static void watched_free(struct watched *w)
{
	free(w->path);
	free(w->folder);
}

void guard_files_free(struct guard_files *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < f->count; i++)
		watched_free(&f->files[i]);
	cleanup_close(&f->inotify);
	free(f);
}

static struct stat look_at(const char *path)
{
	struct stat st;

	return stat(path, &st) ? (struct stat){} : st;
}

/* Where there is none to have (both have bounds that others use up), the file is compared at each look. */
static void watch(struct guard_files *f, struct watched *w)
{
	if (f->inotify < 0)
		f->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	w->watch = f->inotify < 0 ? -1 : inotify_add_watch(f->inotify, w->folder, WANTED);
	if (w->watch >= 0 || errno == ENOENT || f->warned)
		return;
	f->warned = true;
	log_warn("%s: changes are noticed by looking alone: %s", w->folder, strerror(errno));
}

int guard_files_add(struct guard_files *f, const char *path, bool ours)
{
	const char *slash = strrchr(path, '/');
	struct watched w = { .path = strdup(path), .ours = ours };

	w.folder = slash ? strndup(path, slash - path + 1) : strdup(".");
	if (f->count == FILES_MAX || !w.path || !w.folder) {
		watched_free(&w);
		return f->count == FILES_MAX ? -ENOSPC : -ENOMEM;
	}
	w.name = w.path + (slash ? slash - path + 1 : 0);
	watch(f, &w);
	w.known = look_at(path);
	f->files[f->count++] = w;
	return 0;
}

static void note_one(struct guard_files *f, struct watched *w, const struct inotify_event *e)
{
	const char *name = e->len ? e->name : "";

	if (!strcmp(name, w->name) || !strcmp(name, SWAPPED) || (e->mask & FOLDER_GONE))
		w->seen |= e->mask & WANTED;
	/* Moved away, it is watched on; another one may be in its place. */
	if (e->mask & IN_MOVE_SELF)
		inotify_rm_watch(f->inotify, e->wd);
	if (e->mask & (IN_MOVE_SELF | IN_IGNORED))
		w->watch = -1;
}

static void note(struct guard_files *f, const struct inotify_event *e)
{
	f->overflowed |= !!(e->mask & IN_Q_OVERFLOW);
	for (size_t i = 0; i < f->count; i++)
		if (f->files[i].watch >= 0 && f->files[i].watch == e->wd)
			note_one(f, &f->files[i], e);
}

/* What events did not tell, the file itself does. */
static void compare(struct watched *w)
{
	struct stat now = look_at(w->path);
	const struct stat *then = &w->known;

	if (!now.st_ino && then->st_ino)
		w->seen |= IN_DELETE;
	else if (now.st_ino != then->st_ino || now.st_dev != then->st_dev)
		w->seen |= IN_MOVED_TO;
	else if (now.st_ctim.tv_sec != then->st_ctim.tv_sec ||
		 now.st_ctim.tv_nsec != then->st_ctim.tv_nsec)
		w->seen |= IN_CLOSE_WRITE;
}

/* Behind what overflowed, the folder may have been moved away. */
static void let_go_all(struct guard_files *f)
{
	for (size_t i = 0; i < f->count; i++) {
		inotify_rm_watch(f->inotify, f->files[i].watch);
		f->files[i].watch = -1;
	}
	f->overflowed = false;
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
	if (f->overflowed)
		let_go_all(f);
	for (size_t i = 0; i < f->count; i++) {
		struct watched *w = &f->files[i];
		enum guard_file act;

		if (w->watch < 0) {
			watch(f, w);
			compare(w);
		}
		act = act_of(w);
		if (w->seen)
			w->known = look_at(w->path);
		w->seen = 0;
		if (act)
			say(arg, w->path, act);
	}
}
