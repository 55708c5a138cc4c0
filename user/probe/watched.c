/* SPDX-License-Identifier: Apache-2.0 */
/* What is watched: the control groups and roots of containers, and what is the monitor's own. */
#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>

#include "base/log.h"
#include "base/util.h"
#include "probe/probe_priv.h"

void probe_cgroup(struct probe *p, uint64_t id, uint64_t container, uint32_t flags)
{
	struct cgroup_entry entry = { .container = container, .flags = flags }, now;
	int fd = probe_map(p, "shared_cgroups");

	/* The kernel alone knows whether the container's own program has started. */
	if (!bpf_map_lookup_elem(fd, &id, &now))
		entry.flags |= now.flags & CGROUP_STARTED;
	if (bpf_map_update_elem(fd, &id, &entry, BPF_ANY))
		log_warn("cgroup %llu: cannot be watched: %s", (unsigned long long)id,
			 strerror(errno));
}

void probe_guard(struct probe *p, enum guarded_kind kind, uint64_t id, struct guarded value)
{
	guarded_set(probe_map(p, "shared_guarded"), kind, id, value);
}

void probe_guard_end(struct probe *p, enum guarded_kind kind, uint64_t id)
{
	guarded_clear(probe_map(p, "shared_guarded"), kind, id);
}

void probe_cgroup_forget(struct probe *p, uint64_t id)
{
	bpf_map_delete_elem(probe_map(p, "shared_cgroups"), &id);
}

/* How many guarded roots lie on a device; the kernel asks this table first. */
static void count_device(struct probe *p, __u32 dev, int change)
{
	int fd = probe_map(p, "shared_root_devs");
	__u32 count = 0;

	bpf_map_lookup_elem(fd, &dev, &count);
	count += change;
	if (count)
		bpf_map_update_elem(fd, &dev, &count, BPF_ANY);
	else
		bpf_map_delete_elem(fd, &dev);
}

void probe_root(struct probe *p, uint32_t dev, uint64_t ino, uint64_t container, bool on)
{
	struct root_key key = { .dev = dev, .ino = ino };
	uint64_t owner = 0;
	int fd = probe_map(p, "shared_roots");

	if (on) {
		/* Containers may share a root directory: the last one speaks for it. */
		if (bpf_map_update_elem(fd, &key, &container, BPF_NOEXIST)) {
			bpf_map_update_elem(fd, &key, &container, BPF_EXIST);
			return;
		}
		count_device(p, dev, 1);
		p->roots++;
	} else {
		if (bpf_map_lookup_elem(fd, &key, &owner) || owner != container ||
		    bpf_map_delete_elem(fd, &key))
			return;
		count_device(p, dev, -1);
		p->roots--;
	}
	if (!!p->roots != !!(p->control.flags & CONTROL_ROOTS)) {
		p->control.flags ^= CONTROL_ROOTS;
		probe_put_control(p);
	}
}

static void prune_roots(struct probe *p, bool (*known)(void *arg, uint64_t id), void *arg)
{
	int fd = probe_map(p, "shared_roots");
	_cleanup_free_ struct root_key *keys = NULL;
	uint64_t owner;
	size_t count;

	keys = probe_keys(fd, sizeof(*keys), MAX_ROOTS, &count);
	for (size_t i = 0; i < count; i++)
		if (!bpf_map_lookup_elem(fd, &keys[i], &owner) && !known(arg, owner))
			probe_root(p, keys[i].dev, keys[i].ino, owner, false);
}

void probe_prune(struct probe *p, bool (*known)(void *arg, uint64_t id), void *arg)
{
	int fd = probe_map(p, "shared_cgroups");
	_cleanup_free_ uint64_t *ids = NULL;
	size_t count;

	ids = probe_keys(fd, sizeof(*ids), MAX_CGROUPS, &count);
	for (size_t i = 0; i < count; i++)
		if (!known(arg, ids[i]))
			probe_cgroup_forget(p, ids[i]);
	prune_roots(p, known, arg);
}
