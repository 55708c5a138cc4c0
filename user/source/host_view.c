/* SPDX-License-Identifier: Apache-2.0 */
#include "source/host_view.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "base/util.h"

/* In the first pid namespace the second process is always this one (rest_init in init/main.c). */
#define KTHREADD 2
#define FIRST 1
#define FIRST_PID_NAMESPACE 0xEFFFFFFCU /* include/linux/proc_ns.h */
#define UP "/.."
#define V2_LINE "0::"

static bool root_of(int pid, struct stat *ret)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/root/", pid);
	return !stat(path, ret);
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev;
}

int host_view_witness(void)
{
	struct stat pids, ours, hosts;

	if (root_of(FIRST, &hosts))
		return FIRST;
	if (!stat("/proc/self/ns/pid", &pids) && pids.st_ino == FIRST_PID_NAMESPACE &&
	    !stat("/", &ours) && root_of(KTHREADD, &hosts) && !is_same(&ours, &hosts))
		return KTHREADD;
	return getpid();
}

void host_view_init(struct host_view *v)
{
	int witness = host_view_witness();
	struct stat ours, hosts;

	*v = (struct host_view){};
	if (!stat("/", &ours) && root_of(witness, &hosts) && !is_same(&ours, &hosts))
		snprintf(v->root, sizeof(v->root), "/proc/%d/root", witness);
}

/* The kernel's own file systems are ours too, and /proc/self and the mount of cgroups only ours. */
const char *host_view_path(const struct host_view *v, const char *path, char *room, size_t size)
{
	int len;

	if (!v || !v->root[0] || *path != '/' || text_starts(path, "/proc/") ||
	    text_starts(path, "/sys/"))
		return path;
	len = snprintf(room, size, "%s%s", v->root, path);
	/* A path that has no room is too long for open(2) too, which says so. */
	return len < 0 || (size_t)len >= size ? path : room;
}

static size_t leading_ups(const char **path)
{
	size_t n = 0;

	while (text_starts(*path, UP) && ((*path)[strlen(UP)] == '/' || !(*path)[strlen(UP)])) {
		*path += strlen(UP);
		n++;
	}
	return n;
}

/* The kernel puts all steps up before the first name (kernfs_path_from_node). */
static void add_on_host(const char *begins, const char *shown, struct buf *out)
{
	size_t ups, len = strlen(begins);

	if (!strcmp(shown, "/"))
		shown = "";
	for (ups = leading_ups(&shown); ups && len; ups--)
		while (len && begins[--len] != '/')
			;
	buf_add(out, begins, len);
	buf_str(out, len || *shown ? shown : "/");
}

void host_view_cgroups(const struct host_view *v, const char *text, struct buf *out)
{
	while (*text) {
		size_t len = strcspn(text, "\n");
		_cleanup_free_ char *line = strndup(text, len);

		if (!line) {
			out->failed = true;
			return;
		}
		if (v->cgroups[0] && text_starts(line, V2_LINE)) {
			buf_str(out, V2_LINE);
			add_on_host(v->cgroups, line + strlen(V2_LINE), out);
		} else {
			buf_str(out, line);
		}
		text += len;
		if (*text) {
			buf_char(out, '\n');
			text++;
		}
	}
}
