// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Control groups: created, removed, entered. A new cgroup is watched from here on, before any task
 * runs in it, until userspace has decided whose it is; one created within a container's belongs to
 * that container at once.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "lib/gate.bpf.h"
#include "lib/emit.bpf.h"

char LICENSE[] SEC("license") __weak = "Dual BSD/GPL";

static __always_inline int is_our_hierarchy(struct cgroup *cgrp)
{
	struct control *control = control_get();

	return control && BPF_CORE_READ(cgrp, root, hierarchy_id) == control->hierarchy_id;
}

static __always_inline void watch_new(__u64 id, __u64 parent_id)
{
	struct cgroup_entry *parent = bpf_map_lookup_elem(&shared_cgroups, &parent_id);
	struct cgroup_entry entry = { .flags = CGROUP_NEW };

	if (parent)
		entry = *parent;
	/* Programs of both sides come by here. */
	if (bpf_map_update_elem(&shared_cgroups, &id, &entry, BPF_ANY) && may_speak() &&
	    counts_for_both())
		COUNT_GONE(CLASS_CGROUP, lost);
}

static __always_inline int on_cgroup(__u16 type, struct cgroup *cgrp, const char *path)
{
	__u64 id, parent_id;
	struct cgroup_entry *entry;
	struct ev_cgroup *e;
	struct scratch *s;

	if (!is_our_hierarchy(cgrp))
		return 0;
	id = BPF_CORE_READ(cgrp, kn, id);
	/* Not kn->parent: 6.15 renamed it. The css's parent is the same cgroup. */
	parent_id = BPF_CORE_READ(cgrp, self.parent, cgroup, kn, id);
	if (type == EV_CGROUP_MKDIR)
		watch_new(id, parent_id);
	s = ev_begin(type, CLASS_CGROUP, sizeof(*e), task_current());
	if (s) {
		e = (struct ev_cgroup *)s->data;
		e->id = id;
		e->parent_id = parent_id;
		e->level = BPF_CORE_READ(cgrp, level);
		entry = bpf_map_lookup_elem(&shared_cgroups, &id);
		if (entry)
			e->container = entry->container;
		ev_text(s, &e->path, path, 0);
		ev_end(s);
	}
	if (type == EV_CGROUP_RMDIR)
		bpf_map_delete_elem(&shared_cgroups, &id);
	return 0;
}

static __always_inline int on_attach(struct cgroup *cgrp, const char *path,
				     struct task_struct *task)
{
	__u64 id;
	struct ev_attach *e;
	struct scratch *s;

	if (!is_our_hierarchy(cgrp))
		return 0;
	s = ev_begin(EV_CGROUP_ATTACH, CLASS_CGROUP, sizeof(*e), task_current());
	if (!s)
		return 0;
	id = BPF_CORE_READ(cgrp, kn, id);
	e = (struct ev_attach *)s->data;
	e->id = id;
	task_name(&e->target, task);
	ancestors_fill(e->ancestors, task);
	ev_text(s, &e->path, path, 0);
	ev_end(s);
	return 0;
}

SEC("?tp_btf/cgroup_mkdir")
int BPF_PROG(tp__cgroup_mkdir, struct cgroup *cgrp, const char *path)
{
	return on_cgroup(EV_CGROUP_MKDIR, cgrp, path);
}

SEC("?tp_btf/cgroup_rmdir")
int BPF_PROG(tp__cgroup_rmdir, struct cgroup *cgrp, const char *path)
{
	return on_cgroup(EV_CGROUP_RMDIR, cgrp, path);
}

SEC("?tp_btf/cgroup_attach_task")
int BPF_PROG(tp__cgroup_attach, struct cgroup *cgrp, const char *path, struct task_struct *task)
{
	return on_attach(cgrp, path, task);
}
