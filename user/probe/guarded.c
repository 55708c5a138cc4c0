/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/guarded.h"

#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>

#include "base/log.h"

void guarded_set(int map, enum guarded_kind kind, uint64_t id, struct guarded value)
{
	struct guarded_key key = { .id = id, .kind = kind };

	if (bpf_map_update_elem(map, &key, &value, BPF_ANY))
		log_debug("not guarded: %llu of kind %d: %s", (unsigned long long)id, kind,
			  strerror(errno));
}

void guarded_clear(int map, enum guarded_kind kind, uint64_t id)
{
	struct guarded_key key = { .id = id, .kind = kind };

	bpf_map_delete_elem(map, &key);
}

static void clear(int map, bool objects_too)
{
	struct guarded_key key, next;
	/* The next key is asked for before this one goes. */
	bool more = !bpf_map_get_next_key(map, NULL, &next);

	while (more) {
		key = next;
		more = !bpf_map_get_next_key(map, &key, &next);
		if (objects_too || key.kind == GUARDED_THREAD || key.kind == GUARDED_CGROUP)
			bpf_map_delete_elem(map, &key);
	}
}

void guarded_clear_all(int map)
{
	clear(map, true);
}

void guarded_clear_processes(int map)
{
	clear(map, false);
}

void guarded_objects(int map, const struct bpf_object *object)
{
	struct bpf_program *program;
	struct bpf_map *one;

	bpf_object__for_each_map(one, object) {
		struct bpf_map_info info = {};
		__u32 len = sizeof(info);

		if (!bpf_obj_get_info_by_fd(bpf_map__fd(one), &info, &len))
			guarded_set(map, GUARDED_MAP, info.id, (struct guarded){});
	}
	bpf_object__for_each_program(program, object) {
		struct bpf_prog_info info = {};
		__u32 len = sizeof(info);
		int fd = bpf_program__fd(program);

		if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len))
			guarded_set(map, GUARDED_PROGRAM, info.id, (struct guarded){});
	}
}

void guarded_link(int map, const struct bpf_link *link, bool on)
{
	struct bpf_link_info info = {};
	__u32 len = sizeof(info);

	if (!link || bpf_obj_get_info_by_fd(bpf_link__fd(link), &info, &len))
		return;
	if (on)
		guarded_set(map, GUARDED_LINK, info.id, (struct guarded){});
	else
		guarded_clear(map, GUARDED_LINK, info.id);
}
