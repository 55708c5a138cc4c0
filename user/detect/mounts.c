/* SPDX-License-Identifier: Apache-2.0 */
/* Sensitive paths of the host: those a container starts with, and those that come later. */
#include <string.h>
#include <sys/mount.h>

#include "base/util.h"
#include "detect/detect_priv.h"
#include "model/exposure.h"

static Keelwatch__Severity grade(enum exposure level)
{
	static const Keelwatch__Severity by_level[] = {
		[EXPOSURE_NONE] = KEELWATCH__SEVERITY__info,
		[EXPOSURE_LOW] = KEELWATCH__SEVERITY__notice,
		[EXPOSURE_MEDIUM] = KEELWATCH__SEVERITY__warning,
		[EXPOSURE_HIGH] = KEELWATCH__SEVERITY__error,
		[EXPOSURE_CRITICAL] = KEELWATCH__SEVERITY__critical,
	};

	return by_level[level];
}

static struct exposure_verdict expose(const struct judgement *j, const struct mount_line *line)
{
	const struct mount_table *host = model_host_mounts(j->d->model);

	if (!host)
		return (struct exposure_verdict){};
	return exposure_of_mount(model_facts(j->d->model), host, line, model_sockets(j->d->model));
}

static void evidence_of_mount(struct draft *f, const Keelwatch__Mount *m)
{
	f->finding.mount = (Keelwatch__Mount *)m;
	if (m->host_path[0])
		draft_evidence(f, "host_path", "%s", m->host_path);
	draft_evidence(f, "target", "%s", m->target);
	draft_evidence(f, "filesystem", "%s", m->filesystem);
	draft_evidence(f, "access", "%s", m->read_only ? "read-only" : "read-write");
}

/* --- at the start --- */

static void say_at_start(const struct judgement *j, const struct mount_line *line,
			 struct exposure_verdict v, const char *source)
{
	Keelwatch__Mount *m = enrich_mount_line(j->d->enrich, line, "start");
	struct draft f;

	if (!m)
		return;
	draft_begin(&f, j, RULE_SENSITIVE_HOST_MOUNT, grade(v.level));
	draft_key(&f, "%s", m->target);
	draft_message(&f, "mounted at %s: %s, %s", m->target, v.what,
		      m->read_only ? "read-only" : "writable");
	evidence_of_mount(&f, m);
	draft_evidence(&f, "source", "%s", source);
	draft_end(&f);
}

static bool lies_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return !strncmp(path, dir, len) && (len == 1 || path[len] == '/');
}

/* What an rbind brought along says no more than the mount it came with. */
static bool came_along(const struct mount_table *t, const enum exposure *levels, size_t index)
{
	for (size_t i = 0; i < t->count; i++)
		if (i != index && levels[i] >= levels[index] &&
		    lies_below(t->lines[index].target, t->lines[i].target))
			return true;
	return false;
}

static void judge_table_at_start(const struct judgement *j, const struct mount_table *t,
				 const char *source)
{
	struct arena *arena = enrich_arena(j->d->enrich);
	enum exposure *levels = arena_alloc(arena, t->count * sizeof(*levels));
	const char **what = arena_alloc(arena, t->count * sizeof(*what));

	for (size_t i = 0; levels && what && i < t->count; i++) {
		struct exposure_verdict v;

		/* A mount under another one at the same place is out of reach. */
		if (mount_table_find(t, t->lines[i].target) != &t->lines[i])
			continue;
		v = expose(j, &t->lines[i]);
		levels[i] = v.level;
		what[i] = v.what;
	}
	for (size_t i = 0; levels && what && i < t->count; i++)
		if (levels[i] != EXPOSURE_NONE && !came_along(t, levels, i))
			say_at_start(j, &t->lines[i],
				     (struct exposure_verdict){ levels[i], what[i] }, source);
}

static void judge_device(const struct judgement *j, const char *path)
{
	struct draft f;

	draft_begin(&f, j, RULE_SENSITIVE_HOST_MOUNT, KEELWATCH__SEVERITY__critical);
	draft_key(&f, "device|%s", path);
	draft_message(&f, "a block device of the host is given to the container: %s", path);
	draft_evidence(&f, "device", "%s", path);
	draft_evidence(&f, "source", "specification");
	draft_end(&f);
}

static void judge_start(const struct judgement *j)
{
	const struct container *c = j->mo->container;

	if (c->mounts)
		judge_table_at_start(j, c->mounts, "kernel");
	else if (c->declared)
		judge_table_at_start(j, c->declared,
				     "specification: the container was gone before "
				     "its mounts were read");
	for (size_t i = 0; c->spec && i < c->spec->block_device_count; i++)
		judge_device(j, c->spec->block_devices[i]);
}

/* --- later --- */

/* File systems of the kernel's own that show more than a container was given. */
static const struct {
	const char *fstype;
	enum exposure level;
	const char *what;
} kernel_filesystems[] = {
	{ "proc", EXPOSURE_MEDIUM, "a procfs" },
	{ "sysfs", EXPOSURE_MEDIUM, "a sysfs" },
	{ "cgroup", EXPOSURE_HIGH, "a cgroup file system" },
	{ "cgroup2", EXPOSURE_HIGH, "a cgroup file system" },
	{ "devtmpfs", EXPOSURE_CRITICAL, "the host's devices" },
	{ "securityfs", EXPOSURE_HIGH, "the security file system" },
	{ "debugfs", EXPOSURE_HIGH, "the kernel's debug file system" },
	{ "tracefs", EXPOSURE_HIGH, "the kernel's trace file system" },
	{ "bpf", EXPOSURE_HIGH, "a BPF file system" },
	{ "binfmt_misc", EXPOSURE_CRITICAL, "the host's binary formats" },
	{ "overlay", EXPOSURE_MEDIUM, "an overlay" },
};

static struct exposure_verdict expose_new(const struct judgement *j, const struct mount_line *line)
{
	struct exposure_verdict v = expose(j, line);
	const struct mount_table *host = model_host_mounts(j->d->model);

	for (size_t i = 0; v.level == EXPOSURE_NONE && i < ARRAY_SIZE(kernel_filesystems); i++)
		if (!strcmp(line->fstype, kernel_filesystems[i].fstype))
			v = (struct exposure_verdict){ kernel_filesystems[i].level,
						       kernel_filesystems[i].what };
	if (v.level == EXPOSURE_NONE && host) {
		enum mount_class class = mount_classify(host, line);

		if (class == MOUNT_CLASS_DEVICE)
			v = (struct exposure_verdict){ EXPOSURE_HIGH, "a block device" };
		else if (class == MOUNT_CLASS_HOST && j->mo->rec->type == EV_MOUNTS_CHANGED)
			v = (struct exposure_verdict){ EXPOSURE_LOW, "a path of the host" };
	}
	return v;
}

/* A bind of what the container had anyway, beside the mount itself, shows nothing new. */
static bool was_there(const struct mount_table *before, const struct mount_line *line)
{
	for (size_t i = 0; i < before->count; i++) {
		const struct mount_line *old = &before->lines[i];
		size_t len = strlen(old->root);

		if (old->id != line->id && old->dev == line->dev &&
		    !strncmp(line->root, old->root, len) &&
		    (len == 1 || !line->root[len] || line->root[len] == '/') &&
		    (!old->mnt_ro || line->mnt_ro))
			return true;
	}
	return false;
}

/* once: it may have been told of, which is then not worth a count. */
static void say_mount(const struct judgement *j, const struct mount_line *line,
		      struct exposure_verdict v, bool once)
{
	bool arrived = j->mo->rec->type == EV_MOUNTS_CHANGED;
	Keelwatch__Mount *m = enrich_mount_line(j->d->enrich, line,
						j->event->mount ? j->event->mount->operation : "");
	struct draft f;

	if (!m)
		return;
	draft_begin(&f, j, RULE_SENSITIVE_MOUNT_RUNTIME, grade(v.level));
	draft_key(&f, "%s|%s|%u", m->target, m->filesystem, line->dev);
	draft_message(
		&f, arrived ? "mounted from outside at %s: %s" : "mounted while running at %s: %s",
		m->target, v.what);
	evidence_of_mount(&f, m);
	draft_evidence(&f, "call", "%s", arrived ? "none in the container" : m->operation);
	if (j->mo->mounts_foreign)
		draft_evidence(&f, "where", "in a mount namespace of its own");
	f.once = once;
	draft_end(&f);
}

static void say_shared(const struct judgement *j, const struct mount_line *line, bool once)
{
	Keelwatch__Mount *m = enrich_mount_line(j->d->enrich, line, "propagation");
	struct draft f;

	if (!m)
		return;
	draft_begin(&f, j, RULE_SENSITIVE_MOUNT_RUNTIME, KEELWATCH__SEVERITY__error);
	draft_key(&f, "shared|%s", m->target);
	draft_message(&f, "propagation of %s was made shared", m->target);
	evidence_of_mount(&f, m);
	f.once = once;
	draft_end(&f);
}

static void judge_shared(const struct judgement *j, const struct mount_change *c)
{
	if (c->kind == MOUNT_CHANGED && !c->before->shared_group && c->after->shared_group)
		say_shared(j, c->after, false);
}

/* File systems that nothing but a block device has (FS_REQUIRES_DEV). */
static const char *const disk_filesystems[] = {
	"ext2",	 "ext3", "ext4", "xfs",	    "btrfs", "vfat",	 "exfat", "ntfs",
	"ntfs3", "f2fs", "jfs",	 "iso9660", "udf",   "squashfs", "erofs", "hfsplus",
};

static struct exposure_verdict expose_fstype(const char *fstype)
{
	for (size_t i = 0; i < ARRAY_SIZE(kernel_filesystems); i++)
		if (!strcmp(fstype, kernel_filesystems[i].fstype))
			return (struct exposure_verdict){ kernel_filesystems[i].level,
							  kernel_filesystems[i].what };
	for (size_t i = 0; i < ARRAY_SIZE(disk_filesystems); i++)
		if (!strcmp(fstype, disk_filesystems[i]))
			return (struct exposure_verdict){ EXPOSURE_HIGH, "a block device" };
	return (struct exposure_verdict){};
}

static bool makes_shared(const struct ev_mount *e)
{
	return (e->op == MOUNT_PROPAGATION && e->flags & MS_SHARED) ||
	       (e->op == MOUNT_SETATTR && e->propagation & MS_SHARED);
}

/* No table was to be had, or none that shows it: it was gone before it could be read. The call succeeded. */
static void judge_call(const struct judgement *j)
{
	const Keelwatch__Mount *m = j->event->mount;
	bool shared = makes_shared((const void *)j->mo->rec);
	struct exposure_verdict v = expose_fstype(m->filesystem);
	struct draft f;

	if (shared)
		v.level = EXPOSURE_HIGH;
	if (v.level == EXPOSURE_NONE)
		return;
	draft_begin(&f, j, RULE_SENSITIVE_MOUNT_RUNTIME, grade(v.level));
	draft_key(&f, "call|%s|%s", m->target, shared ? "shared" : m->filesystem);
	if (shared)
		draft_message(&f, "propagation of %s was made shared", m->target);
	else
		draft_message(&f, "mounted while running%s%s: %s", m->target[0] ? " at " : "",
			      m->target, v.what);
	f.finding.mount = j->event->mount;
	draft_evidence(&f, "call", "%s", m->operation);
	draft_evidence(&f, "table", "gone before it could be read: judged by the call alone");
	draft_end(&f);
}

/*
 * A call that succeeded and changed nothing since the table was last read: it was read after the call,
 * for one before it, or as the first, by a collector that came late. Then the table shows what the call
 * made, and may have been told of; or shows it no more.
 */
static void judge_too_late(const struct judgement *j)
{
	const struct ev_mount *e = (const void *)j->mo->rec;
	const struct mount_table *now = j->mo->mounts_after;
	const Keelwatch__Mount *call = j->event->mount;
	const struct mount_line *line = mount_table_find(now, call->target);
	bool is_there = line && !strcmp(line->target, call->target);
	struct exposure_verdict v;

	if (makes_shared(e)) {
		if (is_there && line->shared_group)
			say_shared(j, line, true);
		else
			judge_call(j);
		return;
	}
	if (e->op == MOUNT_MOUNT && call->target[0] == '/' &&
	    (!is_there || strcmp(line->fstype, call->filesystem) != 0))
		judge_call(j);
	else if (is_there && (e->op == MOUNT_MOUNT || e->op == MOUNT_MOVE)) {
		v = expose_new(j, line);
		if (v.level != EXPOSURE_NONE && !was_there(now, line))
			say_mount(j, line, v, true);
	}
}

static void judge_later(const struct judgement *j)
{
	const struct moment *mo = j->mo;

	for (size_t i = 0; i < mo->change_count; i++) {
		const struct mount_change *c = &mo->changes[i];

		judge_shared(j, c);
		if (c->kind == MOUNT_ADDED && !was_there(mo->mounts_before, c->after)) {
			struct exposure_verdict v = expose_new(j, c->after);

			if (v.level != EXPOSURE_NONE)
				say_mount(j, c->after, v, false);
		}
	}
	if (!mo->change_count && mo->rec->type == EV_MOUNT)
		judge_too_late(j);
}

/* In a mount namespace of its own: what is there by place and device, and the container has not. */
static void judge_later_foreign(const struct judgement *j)
{
	const struct mount_table *before = j->mo->mounts_before, *now = j->mo->mounts_after;

	for (size_t i = 0; before && i < now->count; i++) {
		struct exposure_verdict v;

		if (was_there(before, &now->lines[i]))
			continue;
		v = expose_new(j, &now->lines[i]);
		if (v.level != EXPOSURE_NONE)
			say_mount(j, &now->lines[i], v, false);
	}
}

void mounts_judge(const struct judgement *j)
{
	const struct moment *mo = j->mo;

	if (!mo->container || mo->setup)
		return;
	if (mo->started)
		judge_start(j);
	if (!mo->mounts_after) {
		if (mo->rec->type == EV_MOUNT &&
		    !model_is_host_ns(j->d->model, NAMESPACE_MNT, mo->rec->mnt_ns))
			judge_call(j);
		return;
	}
	if (mo->mounts_foreign)
		judge_later_foreign(j);
	else
		judge_later(j);
}
