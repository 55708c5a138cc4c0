/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/pins.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <time.h>

#include <bpf/bpf.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/util.h"

#include "control.h"
#include "layout.h"

#define PATH_SIZE 512
#define MODE 0700
#define LOCK_TRIES 50
#define LOCK_PAUSE_MS 20
#define SETTLE_MS 20 /* a program that runs when its link goes is done long before */

struct pins {
	char dir[PATH_SIZE];
	int fd; /* of the folder: the lock is on it */
};

struct path {
	char text[PATH_SIZE + 128];
};

static struct path path_of(const struct pins *p, const char *folder, const char *name)
{
	struct path path;

	snprintf(path.text, sizeof(path.text), "%s/" LAYOUT_ID "/%s%s%s", p->dir, folder,
		 name ? "/" : "", name ? name : "");
	return path;
}

static const char *side_folder(unsigned int side)
{
	return side ? "side1" : "side0";
}

/* --- the folder --- */

static bool is_bpffs(int fd)
{
	struct statfs fs;

	return !fstatfs(fd, &fs) && (unsigned long)fs.f_type == BPF_FS_MAGIC;
}

/* Only below a bpffs is anything made: elsewhere it would be a folder that nobody asked for. */
static int make_folder(const char *dir)
{
	_cleanup_free_ char *parent = strdup(dir);
	_cleanup_close_ int fd = -1;
	char *slash = parent ? strrchr(parent, '/') : NULL;

	if (!parent)
		return -ENOMEM;
	if (!slash || slash == parent)
		return -ENOTSUP;
	*slash = '\0';
	fd = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ENOTSUP : -errno;
	if (!is_bpffs(fd))
		return -ENOTSUP;
	return mkdirat(fd, slash + 1, MODE) && errno != EEXIST ? -errno : 0;
}

/*
 * One that was killed while it began another program leaves a child that has the lock until it becomes
 * that program: a moment.
 */
static int lock(int fd)
{
	struct timespec pause = { .tv_nsec = LOCK_PAUSE_MS * NS_PER_MS };

	for (int i = 0; flock(fd, LOCK_EX | LOCK_NB); i++) {
		if (errno != EWOULDBLOCK)
			return -errno;
		if (i == LOCK_TRIES)
			return -EBUSY;
		nanosleep(&pause, NULL);
	}
	return 0;
}

/* Who else could write there could give us programs' words that no program said. */
static int check_folder(int fd)
{
	struct stat st;

	if (!is_bpffs(fd))
		return -ENOTSUP;
	if (fstat(fd, &st))
		return -errno;
	if (st.st_uid != geteuid() || st.st_mode & (S_IRWXG | S_IRWXO))
		return -EPERM;
	return lock(fd);
}

static int open_folder(const char *dir, int *ret)
{
	_cleanup_close_ int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int err;

	if (fd < 0)
		return errno == ELOOP || errno == ENOTDIR ? -EPERM : -errno;
	err = check_folder(fd);
	if (!err)
		*ret = TAKE_FD(fd);
	return err;
}

int pins_open(const char *dir, struct pins **ret)
{
	struct pins *p;
	int err, fd;

	if (strlen(dir) >= PATH_SIZE)
		return -ENAMETOOLONG;
	err = make_folder(dir);
	if (!err)
		err = open_folder(dir, &fd);
	if (err)
		return err;
	p = calloc(1, sizeof(*p));
	if (!p) {
		close(fd);
		return -ENOMEM;
	}
	strcpy(p->dir, dir);
	p->fd = fd;
	*ret = p;
	return 0;
}

void pins_free(struct pins *p)
{
	if (!p)
		return;
	close(p->fd);
	free(p);
}

/* --- what is in it --- */

/* Takes away a folder and what is in it; bpffs has folders and pins, no links that lead elsewhere. */
static void remove_below(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct dirent *entry;
	DIR *dir;

	if (fd < 0)
		return;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return;
	}
	while ((entry = readdir(dir))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (unlinkat(fd, entry->d_name, 0) && (errno == EISDIR || errno == EPERM))
			remove_below(fd, entry->d_name);
	}
	closedir(dir);
	if (unlinkat(at, name, AT_REMOVEDIR))
		log_debug("pins: %s: %s", name, strerror(errno));
}

static int make_folders(const struct pins *p, const char *folder)
{
	struct path layout = path_of(p, "", NULL), path = path_of(p, folder, NULL);

	layout.text[strlen(layout.text) - 1] = '\0';
	if (mkdir(layout.text, MODE) && errno != EEXIST)
		return -errno;
	return mkdir(path.text, MODE) && errno != EEXIST ? -errno : 0;
}

static int put(const struct pins *p, const char *folder, const char *name, int fd)
{
	struct path path = path_of(p, folder, name);
	int err = make_folders(p, folder);

	if (err)
		return err;
	return bpf_obj_pin(fd, path.text) ? -errno : 0;
}

static bool have(const struct pins *p, const char *folder, const char *name)
{
	struct path path = path_of(p, folder, name);

	return !access(path.text, F_OK);
}

bool pins_have_map(const struct pins *p, const char *name)
{
	return have(p, "maps", name);
}

bool pins_have_maps(const struct pins *p)
{
	return pins_have_map(p, PINS_LAST_MAP);
}

int pins_get_map(const struct pins *p, const char *name)
{
	struct path path = path_of(p, "maps", name);
	int fd = bpf_obj_get(path.text);

	return fd < 0 ? -errno : fd;
}

int pins_put_map(struct pins *p, const char *name, int fd)
{
	return put(p, "maps", name, fd);
}

bool pins_have(const struct pins *p, unsigned int side, const char *name)
{
	return have(p, side_folder(side), name);
}

int pins_put(struct pins *p, unsigned int side, const char *name, int fd)
{
	return put(p, side_folder(side), name, fd);
}

void pins_drop(struct pins *p, unsigned int side, const char *name)
{
	struct path path = path_of(p, side_folder(side), name);

	if (unlink(path.text) && errno != ENOENT)
		log_debug("%s: %s", path.text, strerror(errno));
}

void pins_drop_side(struct pins *p, unsigned int side)
{
	struct path path = path_of(p, side_folder(side), NULL);

	remove_below(AT_FDCWD, path.text);
}

void pins_drop_layout(struct pins *p)
{
	remove_below(p->fd, LAYOUT_ID);
}

void pins_leave(struct pins *p)
{
	pins_drop_layout(p);
	if (rmdir(p->dir) && errno != ENOTEMPTY)
		log_debug("%s: %s", p->dir, strerror(errno));
}

/* --- of other versions --- */

static void drop_other(struct pins *p, const char *layout, void (*fn)(void *arg, int ring),
		       void *arg)
{
	struct timespec settle = { .tv_nsec = SETTLE_MS * NS_PER_MS };
	struct path path;
	int ring;

	for (unsigned int side = 0; side < SIDES; side++) {
		snprintf(path.text, sizeof(path.text), "%s/%s", layout, side_folder(side));
		remove_below(p->fd, path.text);
	}
	nanosleep(&settle, NULL);
	snprintf(path.text, sizeof(path.text), "%s/%s/maps/shared_ring", p->dir, layout);
	ring = bpf_obj_get(path.text);
	if (ring >= 0) {
		fn(arg, ring);
		close(ring);
	}
	remove_below(p->fd, layout);
}

/* The names first: what is read while it is taken away may be skipped. */
static size_t list_others(const struct pins *p, char names[][64], size_t max)
{
	int fd = openat(p->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	size_t n = 0;

	if (!dir)
		return 0;
	while (n < max && (entry = readdir(dir)))
		if (entry->d_name[0] != '.' && strcmp(entry->d_name, LAYOUT_ID) &&
		    strlen(entry->d_name) < sizeof(names[0]))
			strcpy(names[n++], entry->d_name);
	closedir(dir);
	return n;
}

void pins_drop_others(struct pins *p, void (*fn)(void *arg, int ring), void *arg)
{
	char names[16][64]; /* as a rule one; if there ever are more, the next start has them */
	size_t n = list_others(p, names, ARRAY_SIZE(names));

	for (size_t i = 0; i < n; i++)
		drop_other(p, names[i], fn, arg);
}

int pins_remove(const char *dir)
{
	int err, fd;

	err = open_folder(dir, &fd);
	if (err)
		return err;
	remove_below(AT_FDCWD, dir);
	close(fd);
	return access(dir, F_OK) ? 0 : -EIO;
}
