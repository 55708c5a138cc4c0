/* SPDX-License-Identifier: Apache-2.0 */
/* Which cgroup hierarchy names containers: v2, or on hybrid and v1 machines one that runtimes use. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

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

struct found {
	char v2[256];
	char v1[ARRAY_SIZE(controllers)][256];
};

static int find_mounts(struct found *ret)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/self/mountinfo", "re");
	char line[4096], root[256], target[256], type[64];

	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f)) {
		const char *rest = strstr(line, " - ");

		if (!rest || sscanf(rest, " - %63s", type) != 1 ||
		    sscanf(line, "%*u %*u %*s %255s %255s", root, target) != 2 || strcmp(root, "/"))
			continue;
		if (!strcmp(type, "cgroup2"))
			memcpy(ret->v2, target, sizeof(ret->v2));
		for (size_t i = 0; i < ARRAY_SIZE(controllers) && !strcmp(type, "cgroup"); i++) {
			const char *base = strrchr(target, '/');

			if (base && !strcmp(base + 1, controllers[i]))
				memcpy(ret->v1[i], target, sizeof(ret->v1[i]));
		}
	}
	return 0;
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
	if (!found.v2[0])
		return -ENOENT;
	snprintf(ret->root, sizeof(ret->root), "%s", found.v2);
	return 0;
}
