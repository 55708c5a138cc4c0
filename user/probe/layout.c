/* SPDX-License-Identifier: Apache-2.0 */
/* Which cgroup hierarchy names containers: v2, or on hybrid and v1 machines one that runtimes use. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/text.h"
#include "base/util.h"
#include "probe/probe.h"

/* Every runtime puts its containers into these where they are mounted; pids is the newest. */
static const char *const controllers[] = { "pids", "memory", "devices", "cpuset", "freezer" };

/* Hierarchy number of a controller in /proc/self/cgroup ("8:pids:/"), or 0. */
static __u32 hierarchy_of(const char *controller)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/self/cgroup", "re");
	char line[4096], list[256];
	unsigned int id;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%u:%255[^:]:", &id, list) == 2 && !strcmp(list, controller))
			return id;
	return 0;
}

#define UP "/.."
#define TOP_INODE 1 /* of the first directory of a hierarchy (kernfs_create_root) */

struct found {
	char v2[256];
	size_t v2_ups; /* in a namespace of our own: from where that begins to the top */
	char v1[ARRAY_SIZE(controllers)][256];
};

/* How many steps up a path is made of ("/../.." is 2); 0 where it is made of anything else. */
static size_t steps_up(const char *path)
{
	size_t n = 0;

	for (; text_starts(path, UP); path += strlen(UP))
		n++;
	return *path ? 0 : n;
}

static bool is_top(const char *target)
{
	struct stat st;

	return !stat(target, &st) && st.st_ino == TOP_INODE;
}

/*
 * In a namespace of our own what begins there is shown as "/", and only what begins above it ("/../..")
 * may be the whole.
 */
static void take_v2(struct found *f, const char *root, const char *target)
{
	size_t ups = steps_up(root);

	if (ups ? !is_top(target) : strcmp(root, "/") || f->v2_ups)
		return;
	snprintf(f->v2, sizeof(f->v2), "%s", target);
	f->v2_ups = ups;
}

static int find_mounts(struct found *ret)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/self/mountinfo", "re");
	char line[4096], root[256], target[256], type[64];

	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f)) {
		const char *rest = strstr(line, " - ");

		if (!rest || sscanf(rest, " - %63s", type) != 1 ||
		    sscanf(line, "%*u %*u %*s %255s %255s", root, target) != 2)
			continue;
		if (!strcmp(type, "cgroup2"))
			take_v2(ret, root, target);
		for (size_t i = 0;
		     i < ARRAY_SIZE(controllers) && !strcmp(type, "cgroup") && !strcmp(root, "/");
		     i++) {
			const char *base = strrchr(target, '/');

			if (base && !strcmp(base + 1, controllers[i]))
				memcpy(ret->v1[i], target, sizeof(ret->v1[i]));
		}
	}
	return 0;
}

/* --- where our namespace begins --- */

static void cleanup_closedir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static bool lists_us(int dir)
{
	int fd = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	_cleanup_fclose_ FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	long pid;

	while (f && fscanf(f, "%ld", &pid) == 1)
		if (pid == getpid())
			return true;
	if (!f)
		cleanup_close(&fd);
	return false;
}

/* The control group that lies so deep and has us in it: its path is appended. Takes over dir. */
static bool find_us(int dir, size_t depth, struct buf *path)
{
	_cleanup_(cleanup_closedir) DIR *list = fdopendir(dir);
	size_t len = path->len;
	struct dirent *entry;

	if (!list) {
		close(dir);
		return false;
	}
	if (!depth)
		return lists_us(dirfd(list));
	while ((entry = readdir(list))) {
		int below;

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		buf_fmt(path, "/%s", entry->d_name);
		below = openat(dirfd(list), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (below >= 0 && find_us(below, depth - 1, path))
			return true;
		path->len = len;
	}
	return false;
}

/* Our own path within the namespace, "" at its beginning. */
static int path_within(char *room, size_t size)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/self/cgroup", "re");
	char line[4096];

	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (!text_starts(line, "0::/"))
			continue;
		snprintf(room, size, "%s", strcmp(line, "0::/") ? line + strlen("0::") : "");
		return 0;
	}
	return -ENOENT;
}

/*
 * The kernel does not say: but the control group with us in it, so far below the top, ends in what it
 * says of us, and begins with it.
 */
static int find_beginning(const struct found *found, struct cgroup_layout *ret)
{
	_cleanup_(buf_free) struct buf path = { .max = sizeof(ret->begins) };
	char within[sizeof(ret->begins)];
	size_t depth = found->v2_ups;
	int dir, err = path_within(within, sizeof(within));

	if (err)
		return err;
	for (const char *c = within; *c; c++)
		depth += *c == '/';
	dir = open(found->v2, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || !find_us(dir, depth, &path) || path.failed ||
	    !text_ends(buf_cstr(&path), within))
		return -ENOENT;
	snprintf(ret->begins, sizeof(ret->begins), "%.*s", (int)(path.len - strlen(within)),
		 buf_cstr(&path));
	return 0;
}

static int take_v2_layout(const struct found *found, struct cgroup_layout *ret)
{
	if (!found->v2[0])
		return -ENOENT;
	snprintf(ret->root, sizeof(ret->root), "%s", found->v2);
	return found->v2_ups ? find_beginning(found, ret) : 0;
}

int cgroup_layout_read(struct cgroup_layout *ret)
{
	struct found found = {};
	int err = find_mounts(&found);

	*ret = (struct cgroup_layout){};
	if (err)
		return err;
	for (size_t i = 0; i < ARRAY_SIZE(controllers); i++) {
		if (!found.v1[i][0])
			continue;
		ret->hierarchy_id = hierarchy_of(controllers[i]);
		if (!ret->hierarchy_id)
			continue;
		ret->v1 = true;
		snprintf(ret->root, sizeof(ret->root), "%s", found.v1[i]);
		snprintf(ret->controller, sizeof(ret->controller), "%s", controllers[i]);
		return 0;
	}
	return take_v2_layout(&found, ret);
}

int cgroup_v2_read(struct cgroup_layout *ret)
{
	struct found found = {};
	int err = find_mounts(&found);

	*ret = (struct cgroup_layout){};
	return err ? err : take_v2_layout(&found, ret);
}
