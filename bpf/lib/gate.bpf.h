/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Who is watched: the first question of every body. */
#ifndef KEELWATCH_GATE_BPF_H
#define KEELWATCH_GATE_BPF_H

#include "lib/task.bpf.h"

static __always_inline struct task_struct *task_current(void)
{
	return (void *)bpf_get_current_task();
}

/* The entry of the task's cgroup, or NULL: nobody asked for it. */
static __always_inline struct cgroup_entry *gate(struct task_struct *task)
{
	__u64 id = task_cgroup_id(task);

	return bpf_map_lookup_elem(&shared_cgroups, &id);
}

/*
 * True the first time for this container and thing (as far back as the table reaches). A cgroup that
 * nobody has decided on yet stands for itself: a mount's address is used again by the next container.
 */
static __always_inline int gate_first(const struct cgroup_entry *entry, struct task_struct *task,
				      __u64 what)
{
	struct seen_key key = { .what = what };
	__u8 one = 1;

	/* Who does not tell leaves no mark, that the other side may. */
	if (!may_speak())
		return 0;
	key.cgroup_id = entry->container ?: task_cgroup_id(task);
	if (bpf_map_lookup_elem(&shared_seen, &key))
		return 0;
	bpf_map_update_elem(&shared_seen, &key, &one, BPF_ANY);
	return 1;
}

static __always_inline int is_self(void)
{
	struct control *control = control_get();

	return control && control->self_tgid == bpf_get_current_pid_tgid() >> 32;
}

#endif
