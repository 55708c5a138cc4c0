/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the records of userspace: what the host is, what was lost, what was polled. */
#include "source/start.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/clock.h"
#include "base/util.h"
#include "source/host_view.h"

#define KERNEL_MINORBITS 20 /* include/linux/kdev_t.h */

static void head_make(struct ev_head *head, enum ev_type type, size_t len)
{
	memset(head, 0, len);
	head->type = type;
	head->len = (len + 7) & ~7UL;
	head->time_ns = clock_boot_ns();
}

static int ns_inode(__u32 pid, const char *kind, __u32 *ret)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%u/ns/%s", pid, kind);
	if (stat(path, &st))
		return -errno;
	*ret = st.st_ino;
	return 0;
}

static int host_namespaces(__u32 pid, struct ev_nsset *ns)
{
	const struct {
		const char *kind;
		__u32 *to;
	} all[] = {
		{ "mnt", &ns->mnt },   { "pid", &ns->pid },
		{ "net", &ns->net },   { "ipc", &ns->ipc },
		{ "uts", &ns->uts },   { "cgroup", &ns->cgroup },
		{ "user", &ns->user }, { "pid_for_children", &ns->pid_for_children },
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		int err = ns_inode(pid, all[i].kind, all[i].to);

		if (err && err != -ENOENT) /* a kernel built without that kind */
			return err;
	}
	return 0;
}

int make_start(union made_record *r, bool v1, const char *cgroup_root)
{
	size_t len = strnlen(cgroup_root, EV_STR_MAX);
	struct ev_start *s = &r->start;
	char root[64];
	struct stat st;
	int err;

	head_make(&s->head, EV_START, sizeof(*s) + len);
	s->realtime_ns = clock_epoch_ns() - clock_boot_ns();
	s->v1 = v1;
	s->own_pid = getpid();
	s->host_pid = host_view_witness();
	err = host_namespaces(s->host_pid, &s->host);
	if (err)
		return err;
	snprintf(root, sizeof(root), "/proc/%u/root", s->host_pid);
	if (stat(root, &st))
		return -errno;
	s->root_dev = major(st.st_dev) << KERNEL_MINORBITS | minor(st.st_dev);
	s->root_ino = st.st_ino;
	s->cgroup_root = (struct ev_str){ .off = sizeof(*s), .len = len };
	memcpy((char *)s + sizeof(*s), cgroup_root, len);
	return 0;
}

void make_loss(union made_record *r, const struct ev_counts counts[CLASS_MAX])
{
	head_make(&r->head, EV_LOSS, sizeof(r->loss));
	memcpy(r->loss.counts, counts, sizeof(r->loss.counts));
}

void make_flood(union made_record *r, __u64 container, __u64 from_ns,
		const __u64 limited[CLASS_MAX])
{
	head_make(&r->head, EV_FLOOD, sizeof(r->flood));
	r->head.cgroup_id = container;
	r->flood.from_ns = from_ns;
	memcpy(r->flood.limited, limited, sizeof(r->flood.limited));
}

void make_mounts_changed(union made_record *r, __u64 cgroup_id)
{
	head_make(&r->head, EV_MOUNTS_CHANGED, sizeof(r->mounts));
	r->head.cgroup_id = cgroup_id;
}

void make_guard(union made_record *r, enum guard_op op, __u32 detail, __s64 value, const char *name)
{
	size_t len = name ? strnlen(name, EV_STR_MAX - 1) : 0;
	struct ev_guard *g = &r->guard;

	head_make(&g->head, EV_GUARD, sizeof(*g) + len);
	g->op = op;
	g->detail = detail;
	g->value = value;
	if (!len)
		return;
	g->name = (struct ev_str){ .off = sizeof(*g), .len = len };
	memcpy((char *)g + sizeof(*g), name, len);
}

void make_stop(union made_record *r)
{
	head_make(&r->head, EV_STOP, sizeof(r->head));
}

void make_resume(union made_record *r, __u64 time_ns)
{
	head_make(&r->head, EV_RESUME, sizeof(r->head));
	r->head.time_ns = time_ns;
}
