/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel half and its programs have counted. */
#include <string.h>

#include <bpf/bpf.h>

#include "base/util.h"
#include "probe/probe_priv.h"

void probe_counts(const struct probe *p, struct ev_counts counts[CLASS_MAX])
{
	int fd = probe_map(p, "shared_counts");

	memset(counts, 0, CLASS_MAX * sizeof(*counts));
	for (__u32 class = 0; class < CLASS_MAX; class ++) {
		if (bpf_map_lookup_elem(fd, &class, p->per_cpu))
			continue;
		for (int i = 0; i < p->cpus; i++) {
			counts[class].sent += p->per_cpu[i].sent;
			counts[class].lost += p->per_cpu[i].lost;
			counts[class].busy += p->per_cpu[i].busy;
			counts[class].truncated += p->per_cpu[i].truncated;
			counts[class].limited += p->per_cpu[i].limited;
		}
	}
}

bool probe_flood(const struct probe *p, uint64_t container, __u64 limited[CLASS_MAX])
{
	struct flood flood;
	__u64 all = 0;

	if (bpf_map_lookup_elem(probe_map(p, "shared_floods"), &container, &flood))
		return false;
	for (size_t i = 0; i < CLASS_MAX; i++) {
		limited[i] = flood.limited[i];
		all += limited[i];
	}
	return all;
}

void probe_flood_end(struct probe *p, uint64_t container)
{
	bpf_map_delete_elem(probe_map(p, "shared_floods"), &container);
	bpf_map_delete_elem(probe_map(p, "shared_flood_told"), &container);
}

void probe_flood_tell(struct probe *p, uint64_t container, const __u64 told[CLASS_MAX],
		      __u64 told_ns)
{
	struct told_flood value = { .time_ns = told_ns };

	memcpy(value.limited, told, CLASS_MAX * sizeof(*told));
	bpf_map_update_elem(probe_map(p, "shared_flood_told"), &container, &value, BPF_ANY);
}

void probe_floods_told(const struct probe *p,
		       void (*fn)(void *arg, uint64_t container, const __u64 told[CLASS_MAX],
				  __u64 told_ns),
		       void *arg)
{
	int fd = probe_map(p, "shared_flood_told");
	_cleanup_free_ __u64 *containers = NULL;
	struct told_flood told;
	size_t count;

	containers = probe_keys(fd, sizeof(*containers), MAX_FLOODS, &count);
	for (size_t i = 0; i < count; i++)
		if (!bpf_map_lookup_elem(fd, &containers[i], &told))
			fn(arg, containers[i], told.limited, told.time_ns);
}

void probe_floods(struct probe *p,
		  void (*fn)(void *arg, uint64_t container, const __u64 limited[CLASS_MAX],
			     bool last),
		  void *arg)
{
	int fd = probe_map(p, "shared_floods"), cgroups = probe_map(p, "shared_cgroups");
	__u64 key, next, limited[CLASS_MAX];
	struct cgroup_entry entry;
	/* The next key is asked for before this one may go. What is added meanwhile can wait. */
	bool more = !bpf_map_get_next_key(fd, NULL, &next);

	for (size_t i = 0; more && i < MAX_FLOODS; i++) {
		bool last;

		key = next;
		more = !bpf_map_get_next_key(fd, &key, &next);
		last = bpf_map_lookup_elem(cgroups, &key, &entry);
		if (probe_flood(p, key, limited))
			fn(arg, key, limited, last);
		else if (last)
			probe_flood_end(p, key);
	}
}

int probe_measure(void)
{
	return bpf_enable_stats(BPF_STATS_RUN_TIME);
}

static void read_use(const struct bpf_program *program, struct program_use *ret)
{
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);

	ret->name = bpf_program__name(program);
	if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &len))
		return;
	ret->runs = info.run_cnt;
	ret->run_ns = info.run_time_ns;
}

size_t probe_programs(const struct probe *p, struct program_use *ret, size_t max)
{
	size_t count = 0;

	for (size_t i = 0; i < way_row_count && count < max; i++) {
		if (!p->loaded.programs[i] || way_rows[i].attach == ATTACH_CALL)
			continue;
		ret[count] = (struct program_use){ .feature = way_rows[i].feature,
						   .way = way_rows[i].way };
		read_use(p->loaded.programs[i], &ret[count++]);
	}
	if (p->loaded.call_entry && count < max) {
		ret[count] =
			(struct program_use){ .feature = "system-calls", .way = WAY_TRACEPOINT };
		read_use(p->loaded.call_entry, &ret[count++]);
	}
	return count;
}

void probe_told(const struct probe *p, struct told_losses *ret)
{
	__u32 zero = 0;

	if (bpf_map_lookup_elem(probe_map(p, "shared_told"), &zero, ret))
		*ret = (struct told_losses){};
}

void probe_tell(struct probe *p, const struct told_losses *told)
{
	__u32 zero = 0;

	bpf_map_update_elem(probe_map(p, "shared_told"), &zero, told, BPF_ANY);
}
