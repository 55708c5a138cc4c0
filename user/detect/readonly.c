/* SPDX-License-Identifier: Apache-2.0 */
/* Writes on read-only containers: refused, let through elsewhere, or the protection undone. */
#include <errno.h>
#include <string.h>
#include <sys/mount.h>

#include "base/text.h"
#include "base/util.h"
#include "detect/detect_priv.h"

static const char *program_of(const Keelwatch__Event *event)
{
	return event->process->exe[0] ? event->process->exe : event->process->comm;
}

static const char *path_word(const Keelwatch__File *file)
{
	return file->path[0] ? file->path : "(unknown path)";
}

/* What made the container read-only in the kernel's eyes. */
static void evidence_of_root(struct draft *f, const struct container *c)
{
	const struct container_facts *k = &c->facts;

	draft_evidence(f, "root", "%s%s%s", k->root_mnt_ro ? "mount read-only" : "",
		       k->root_mnt_ro && k->root_sb_ro ? ", " : "",
		       k->root_sb_ro ? "superblock read-only" : "");
	if (c->spec && !c->spec->partial)
		draft_evidence(f, "declared", "%s", c->spec->read_only ? "readonly" : "writable");
}

/* Where no mount table was to be had, what the place of the file stands on. */
static void evidence_of_place(struct draft *f, const struct judgement *j)
{
	const struct ev_file *rec = (const void *)j->mo->rec;
	const struct located *at = &j->mo->file;

	if (at->by == LOCATED_BY_SPEC)
		draft_evidence(f, "table",
			       "gone before it could be read: placed by the specification");
	if (at->by != LOCATED_BY_RECORD)
		return;
	draft_evidence(f, "table",
		       "gone before it could be read: not on the root, which is read-only");
	if (rec->dev)
		draft_evidence(f, "device", "%u:%u, %s", rec->dev >> 20, rec->dev & 0xfffff,
			       at->shown ? "which the host has mounted now" :
					   "which the host has not mounted now");
}

static void write_attempt(const struct judgement *j, const struct ev_file *rec)
{
	const Keelwatch__File *file = j->event->file;
	struct draft f;

	if (rec->ret != -EROFS || !j->mo->container->msg.read_only)
		return;
	draft_begin(&f, j, RULE_READONLY_WRITE_ATTEMPT, KEELWATCH__SEVERITY__warning);
	draft_key(&f, "%s|%s|%s", program_of(j->event), file->operation, file->path);
	draft_message(&f, "%s of %s refused on a read-only container", file->operation,
		      path_word(file));
	f.finding.file = j->event->file;
	draft_evidence(&f, "error", "EROFS");
	if (file->path_from_user)
		draft_evidence(&f, "path", "as the caller gave it");
	if (file->host_path[0])
		draft_evidence(&f, "host_path", "%s", file->host_path);
	evidence_of_place(&f, j);
	evidence_of_root(&f, j->mo->container);
	draft_end(&f);
}

/* A path or a disk of the host; where that is not known, what may be one. */
static bool may_be_hosts(const struct located *at, const struct ev_file *rec)
{
	if (at->class == MOUNT_CLASS_UNKNOWN)
		return !rec->dev || at->shown;
	return at->class == MOUNT_CLASS_HOST || at->class == MOUNT_CLASS_DEVICE;
}

/* The kernel says what its own mount is now; a table or specification, what it was. */
static bool lies_read_only(const struct located *at, const struct ev_file *rec)
{
	if (at->by == LOCATED_BY_TABLE)
		return at->mount->mnt_ro || at->mount->sb_ro;
	return rec->mnt_ro || rec->sb_ro;
}

/* The mount point tells mounts apart; where it is not known, superblock and place together. */
static void key_of_mount(struct draft *f, const Keelwatch__File *file, const struct ev_file *rec)
{
	if (file->mount_point[0])
		draft_key(f, "%s", file->mount_point);
	else
		draft_key(f, "%x|%.*s", rec->dev, (int)(1 + strcspn(file->path + 1, "/")),
			  file->path);
}

/*
 * Kernel file systems take writes of other kinds (sysctls, oom_score_adj, cgroup limits); what else
 * is writable is where something can be kept.
 */
static void writable_path(const struct judgement *j, const struct ev_file *rec)
{
	const struct located *at = &j->mo->file;
	const Keelwatch__File *file = j->event->file;
	struct draft f;

	if (rec->ret || !j->mo->container->msg.read_only || at->by == LOCATED_NOT ||
	    at->class == MOUNT_CLASS_KERNEL || at->class == MOUNT_CLASS_ROOTFS)
		return;
	if (lies_read_only(at, rec))
		return;
	draft_begin(&f, j, RULE_READONLY_WRITABLE_PATH,
		    may_be_hosts(at, rec) ? KEELWATCH__SEVERITY__warning :
					    KEELWATCH__SEVERITY__info);
	f.once = true;
	key_of_mount(&f, file, rec);
	if (at->mount)
		draft_message(&f,
			      "first write to %s, a writable mount (%s) of a read-only container",
			      file->mount_point, file->mount_class);
	else
		draft_message(&f,
			      "first write to a writable mount (%s) of a read-only container: %s",
			      file->mount_class, file->path);
	f.finding.file = j->event->file;
	draft_evidence(&f, "path", "%s", file->path);
	if (file->filesystem[0])
		draft_evidence(&f, "filesystem", "%s", file->filesystem);
	if (file->host_path[0])
		draft_evidence(&f, "host_path", "%s", file->host_path);
	evidence_of_place(&f, j);
	draft_end(&f);
}

static void written_from_outside(const struct judgement *j)
{
	const struct moment *mo = j->mo;
	struct draft f;

	if (mo->setup || mo->owner == mo->container || mo->owner->ended)
		return;
	draft_begin(&f, j, RULE_READONLY_DEFEATED, KEELWATCH__SEVERITY__critical);
	f.container = mo->owner;
	draft_key(&f, "outside|%s|%s|%s", program_of(j->event), j->event->file->operation,
		  j->event->file->path);
	draft_message(&f,
		      "%s of %s, on the read-only root of a container, by a process outside of it",
		      j->event->file->operation, path_word(j->event->file));
	f.finding.file = j->event->file;
	draft_evidence(&f, "how", "write from outside");
	draft_evidence(&f, "writer", "%s",
		       mo->container ? mo->container->msg.name : "a process of the host");
	draft_evidence(&f, "flags", "%s", j->event->file->flags);
	evidence_of_root(&f, mo->owner);
	draft_end(&f);
}

/* --- the protection undone --- */

static bool is_ro(const struct mount_line *line)
{
	return line->mnt_ro || line->sb_ro;
}

/* once: it may have been told of, which is then not worth a count. */
static void say_defeated(const struct judgement *j, const char *how, const struct mount_line *line,
			 bool once)
{
	const char *operation = j->event->mount ? j->event->mount->operation : "change";
	Keelwatch__Mount *m = enrich_mount_line(j->d->enrich, line, operation);
	struct draft f;

	if (!m)
		return;
	draft_begin(&f, j, RULE_READONLY_DEFEATED, KEELWATCH__SEVERITY__critical);
	draft_key(&f, "%s|%s", how, m->target);
	draft_message(&f, "%s of a read-only container: %s is writable now", how, m->target);
	f.finding.mount = m;
	draft_evidence(&f, "how", "%s", how);
	draft_evidence(&f, "call", "%s", operation);
	if (j->mo->mounts_foreign)
		draft_evidence(&f, "where", "in a mount namespace of its own");
	draft_evidence(&f, "now", "%s on %s, read-write", m->filesystem, m->target);
	f.once = once;
	draft_end(&f);
}

static bool is_kernel_fs(const struct judgement *j, const struct mount_line *line)
{
	const struct mount_table *host = model_host_mounts(j->d->model);

	return host && mount_classify(host, line) == MOUNT_CLASS_KERNEL;
}

static const char *over_what(const struct mount_line *line)
{
	return strcmp(line->target, "/") ? "mount over a part" : "mount over the root";
}

/* A writable mount that covers a place which was read-only. */
static void judge_added(const struct judgement *j, const struct mount_table *before,
			const struct mount_line *line)
{
	const struct mount_line *covered = mount_table_find(before, line->target);

	if (is_ro(line) || is_kernel_fs(j, line) || !covered || !is_ro(covered))
		return;
	say_defeated(j, over_what(line), line, false);
}

/* What a removed read-only mount had covered is in reach again. */
static void judge_removed(const struct judgement *j, const struct mount_line *gone)
{
	const struct mount_line *now = mount_table_find(j->mo->mounts_after, gone->target);

	if (is_ro(gone) && now && !is_ro(now) && !is_kernel_fs(j, now))
		say_defeated(j, "umount of a part", now, false);
}

/* A move: another mount is the root now. */
static void judge_root(const struct judgement *j)
{
	const struct mount_line *before = mount_table_root(j->mo->mounts_before);
	const struct mount_line *after = mount_table_root(j->mo->mounts_after);

	if (j->mo->rec->type == EV_MOUNT &&
	    ((const struct ev_mount *)j->mo->rec)->op == MOUNT_PIVOT_ROOT)
		return;
	if (before && after && before->id != after->id && is_ro(before) && !is_ro(after))
		say_defeated(j, "change of the root", after, false);
}

/*
 * The table that the container is held to have started with may have been read after the call: then
 * nothing changed. What the kernel said of its root, then and as the call returned, is older and newer.
 */
static void judge_remount(const struct judgement *j)
{
	const struct ev_mount *rec = (const void *)j->mo->rec;
	const struct mount_line *before = mount_table_root(j->mo->mounts_before);
	const struct mount_line *root = mount_table_root(j->mo->mounts_after);

	if (rec->head.type != EV_MOUNT || !before || is_ro(before) ||
	    (rec->op != MOUNT_REMOUNT && rec->op != MOUNT_SETATTR) ||
	    strcmp(j->event->mount->target, "/"))
		return;
	if (root && !is_ro(root) && !(rec->head.flags & (EVF_ROOT_MNT_RO | EVF_ROOT_SB_RO)))
		say_defeated(j, "remount of the root", root, false);
}

/* What the specification lets be written, whatever is mounted there. */
static bool was_writable(const struct container *c, const char *target)
{
	const struct mount_line *line = c->declared ? mount_table_find(c->declared, target) : NULL;

	return line && !is_ro(line);
}

/* No table was to be had, or none that shows it: it was gone before it could be read. The call succeeded. */
static void judge_call(const struct judgement *j)
{
	const struct ev_mount *rec = (const void *)j->mo->rec;
	const Keelwatch__Mount *m = j->event->mount;
	struct draft f;

	if (rec->head.type != EV_MOUNT || (rec->op != MOUNT_MOUNT && rec->op != MOUNT_REMOUNT &&
					   rec->op != MOUNT_MOVE && rec->op != MOUNT_SETATTR))
		return;
	if ((rec->flags & MS_RDONLY) || (rec->op == MOUNT_SETATTR && !(rec->attr_clr & MS_RDONLY)))
		return;
	if (mount_is_kernel_fs(m->filesystem) || was_writable(j->mo->container, m->target))
		return;
	draft_begin(&f, j, RULE_READONLY_DEFEATED, KEELWATCH__SEVERITY__critical);
	draft_key(&f, "call|%s|%s", m->operation, m->target);
	draft_message(&f, "%s on %s of a read-only container", m->operation, m->target);
	f.finding.mount = j->event->mount;
	draft_evidence(&f, "call", "%s", m->operation);
	draft_evidence(&f, "table", "gone before it could be read: judged by the call alone");
	draft_end(&f);
}

static bool is_declared(const struct container *c, const char *target)
{
	for (size_t i = 0; c->spec && i < c->spec->mount_count; i++)
		if (c->spec->mounts[i].destination &&
		    !strcmp(c->spec->mounts[i].destination, target))
			return true;
	return false;
}

/*
 * As with a remount: a table that was first read after the call shows what it made, on what it covers. One
 * that shows it no more leaves the call.
 */
static void judge_mount_over(const struct judgement *j)
{
	const struct ev_mount *rec = (const void *)j->mo->rec;
	const struct mount_line *line, *covered;
	const char *target;

	if (rec->head.type != EV_MOUNT || j->mo->change_count ||
	    (rec->op != MOUNT_MOUNT && rec->op != MOUNT_BIND && rec->op != MOUNT_MOVE))
		return;
	target = j->event->mount->target;
	line = mount_table_find(j->mo->mounts_after, target);
	if (!line)
		return;
	if (strcmp(line->target, target) != 0) {
		if (rec->op == MOUNT_MOUNT && is_ro(line))
			judge_call(j);
		return;
	}
	covered = mount_table_covered(j->mo->mounts_after, line);
	if (covered && is_ro(covered) && !is_ro(line) && !is_kernel_fs(j, line) &&
	    !is_declared(j->mo->container, target))
		say_defeated(j, over_what(line), line, true);
}

static void judge_changes(const struct judgement *j)
{
	const struct moment *mo = j->mo;

	judge_root(j);
	judge_remount(j);
	judge_mount_over(j);
	for (size_t i = 0; i < mo->change_count; i++) {
		const struct mount_change *c = &mo->changes[i];

		if (c->kind == MOUNT_ADDED)
			judge_added(j, mo->mounts_before, c->after);
		else if (c->kind == MOUNT_REMOVED)
			judge_removed(j, c->before);
		else if (c->kind == MOUNT_CHANGED && is_ro(c->before) && !is_ro(c->after) &&
			 !is_kernel_fs(j, c->after))
			say_defeated(j,
				     strcmp(c->after->target, "/") ? "remount of a part" :
								     "remount of the root",
				     c->after, false);
	}
}

/*
 * In a mount namespace that the process made for itself ids tell nothing. There each place is
 * compared by name with what the container has there.
 */
static void judge_foreign(const struct judgement *j)
{
	const struct moment *mo = j->mo;
	const struct mount_table *now = mo->mounts_after;

	for (size_t i = 0; i < now->count; i++) {
		const struct mount_line *line = &now->lines[i];

		if (!is_ro(line))
			judge_added(j, mo->mounts_before, line);
	}
}

/* What the kernel said of the task's root as pivot_root(2) returned: no table is needed for that. */
static void judge_pivot(const struct judgement *j)
{
	const struct ev_head *rec = j->mo->rec;
	struct draft f;

	if (rec->type != EV_MOUNT || ((const struct ev_mount *)rec)->op != MOUNT_PIVOT_ROOT ||
	    (rec->flags & (EVF_ROOT_MNT_RO | EVF_ROOT_SB_RO)))
		return;
	draft_begin(&f, j, RULE_READONLY_DEFEATED, KEELWATCH__SEVERITY__critical);
	draft_key(&f, "pivot");
	draft_message(&f, "pivot_root of a read-only container: its root is writable now");
	f.finding.mount = j->event->mount;
	draft_evidence(&f, "how", "pivot_root");
	draft_evidence(&f, "call", "pivot_root");
	draft_end(&f);
}

static void judge_mounts(const struct judgement *j)
{
	const struct moment *mo = j->mo;

	if (!mo->container->msg.read_only)
		return;
	judge_pivot(j);
	if (!mo->mounts_before || !mo->mounts_after) {
		judge_call(j);
		return;
	}
	if (mo->mounts_foreign)
		judge_foreign(j);
	else
		judge_changes(j);
}

void readonly_judge(const struct judgement *j)
{
	const struct ev_file *rec = (const void *)j->mo->rec;

	switch (j->mo->rec->type) {
	case EV_FILE:
		if (j->mo->owner) {
			written_from_outside(j);
			return;
		}
		write_attempt(j, rec);
		writable_path(j, rec);
		break;
	default:
		judge_mounts(j);
		break;
	}
}
