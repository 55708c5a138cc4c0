/* SPDX-License-Identifier: Apache-2.0 */
/* What happened: one small function for each type of record. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>

#include "base/text.h"
#include "base/util.h"
#include "enrich/enrich_priv.h"
#include "control.h"

static const char *const file_operations[FILE_OP_MAX] = {
	[FILE_OTHER] = "write",	       [FILE_OPEN] = "open",
	[FILE_CREATE] = "create",      [FILE_TRUNCATE] = "truncate",
	[FILE_MKDIR] = "mkdir",	       [FILE_RMDIR] = "rmdir",
	[FILE_UNLINK] = "unlink",      [FILE_RENAME] = "rename",
	[FILE_LINK] = "link",	       [FILE_SYMLINK] = "symlink",
	[FILE_MKNOD] = "mknod",	       [FILE_CHMOD] = "chmod",
	[FILE_CHOWN] = "chown",	       [FILE_UTIME] = "utime",
	[FILE_SETXATTR] = "setxattr",  [FILE_REMOVEXATTR] = "removexattr",
	[FILE_IOCTL] = "ioctl",	       [FILE_BIND] = "bind",
	[FILE_ALLOCATE] = "fallocate",
};

static const char *const mount_operations[MOUNT_OP_MAX] = {
	[MOUNT_MOUNT] = "mount",
	[MOUNT_REMOUNT] = "remount",
	[MOUNT_BIND] = "bind",
	[MOUNT_MOVE] = "move",
	[MOUNT_PROPAGATION] = "propagation",
	[MOUNT_UMOUNT] = "umount",
	[MOUNT_OPEN_TREE] = "open_tree",
	[MOUNT_FSOPEN] = "fsopen",
	[MOUNT_FSMOUNT] = "fsmount",
	[MOUNT_FSPICK] = "fspick",
	[MOUNT_SETATTR] = "mount_setattr",
	[MOUNT_PIVOT_ROOT] = "pivot_root",
	[MOUNT_CHROOT] = "chroot",
};

static const char *const cred_operations[CRED_OP_MAX] = {
	[CRED_SETUID] = "setuid",
	[CRED_SETGID] = "setgid",
	[CRED_CAPSET] = "capset",
	[CRED_PRCTL] = "prctl",
};

static const char *name_in(const char *const *names, size_t count, unsigned int index)
{
	return index < count && names[index] ? names[index] : "unknown";
}

#define NAME_IN(names, index) ((char *)name_in(names, ARRAY_SIZE(names), index))

static char *clean_str(struct enrich *e, const struct ev_head *rec, const struct ev_str *str)
{
	_cleanup_(buf_free) struct buf raw = {};

	record_path(&raw, rec, str);
	return arena_clean(&e->arena, buf_cstr(&raw), raw.len);
}

static char *open_flags(struct enrich *e, uint32_t flags)
{
	static const char *const access[] = { "O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE" };

	return arena_fmt(&e->arena, "%s%s%s%s", access[flags & O_ACCMODE],
			 flags & O_APPEND ? "|O_APPEND" : "", flags & O_TRUNC ? "|O_TRUNC" : "",
			 flags & O_CREAT ? "|O_CREAT" : "");
}

static void body_file(struct enrich *e, const struct moment *mo)
{
	const struct ev_file *rec = (const void *)mo->rec;
	const struct located *at = &mo->file;
	/* A superblock without a device (major 0) may be another one by now. */
	const struct mount_line *line = at->mount ? at->mount : rec->dev >> 20 ? at->shown : NULL;
	Keelwatch__File *f = &e->body.file;
	const char *error = rec->ret ? text_errno(-rec->ret) : NULL;

	keelwatch__file__init(f);
	f->operation = NAME_IN(file_operations, rec->op);
	f->path = arena_clean(&e->arena, buf_cstr(&at->path), at->path.len);
	f->host_path = arena_clean(&e->arena, buf_cstr(&at->host_path), at->host_path.len);
	f->path_from_user = rec->user_path.flags & EV_STR_USER;
	f->path_cut = (rec->path.flags | rec->user_path.flags) & EV_STR_CUT;
	if (error)
		f->error = (char *)error;
	if (rec->op == FILE_OPEN && !rec->ret)
		f->flags = open_flags(e, rec->open_flags);
	if (at->by != LOCATED_NOT)
		f->mount_class = (char *)mount_class_name(at->class);
	if (at->mount) {
		f->mount_point =
			arena_clean(&e->arena, at->mount->target, strlen(at->mount->target));
		f->mount_read_only = at->mount->mnt_ro || at->mount->sb_ro;
	}
	if (line)
		f->filesystem = arena_clean(&e->arena, line->fstype, strlen(line->fstype));
	e->event.file = f;
}

static char *mount_flags(struct enrich *e, const struct ev_mount *rec)
{
	static const struct {
		uint64_t bit;
		const char *name;
	} names[] = {
		{ MS_RDONLY, "ro" },	 { MS_NOSUID, "nosuid" },   { MS_NODEV, "nodev" },
		{ MS_NOEXEC, "noexec" }, { MS_REMOUNT, "remount" }, { MS_BIND, "bind" },
		{ MS_MOVE, "move" },	 { MS_REC, "rec" },	    { MS_SHARED, "shared" },
		{ MS_SLAVE, "slave" },	 { MS_PRIVATE, "private" }, { MS_UNBINDABLE, "unbindable" },
	};
	_cleanup_(buf_free) struct buf b = {};

	if (rec->op == MOUNT_SETATTR)
		return arena_fmt(&e->arena, "set=0x%llx clear=0x%llx propagation=0x%llx",
				 rec->attr_set, rec->attr_clr, rec->propagation);
	if (rec->op > MOUNT_PROPAGATION)
		return arena_fmt(&e->arena, "0x%llx", rec->flags);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (rec->flags & names[i].bit)
			buf_fmt(&b, "%s%s", b.len ? "," : "", names[i].name);
	return arena_copy(&e->arena, buf_cstr(&b), b.len);
}

static void body_mount(struct enrich *e, const struct moment *mo)
{
	const struct ev_mount *rec = (const void *)mo->rec;
	Keelwatch__Mount *m = &e->body.mount;

	keelwatch__mount__init(m);
	m->operation = NAME_IN(mount_operations, rec->op);
	m->source = clean_str(e, mo->rec, rec->source.len ? &rec->source : &rec->source_dir);
	m->target = clean_str(e, mo->rec, rec->target.len ? &rec->target : &rec->target_dir);
	m->filesystem = clean_str(e, mo->rec, &rec->fstype);
	m->flags = mount_flags(e, rec);
	m->from_user = rec->target.len || rec->source.len;
	e->event.mount = m;
}

static void body_mounts_changed(struct enrich *e, const struct moment *mo)
{
	(void)mo;
	keelwatch__mount__init(&e->body.mount);
	e->body.mount.operation = (char *)"change";
	e->event.mount = &e->body.mount;
}

static void body_capable(struct enrich *e, const struct moment *mo)
{
	const struct ev_capable *rec = (const void *)mo->rec;
	Keelwatch__Capability *c = &e->body.capability;
	const char *name = text_capability(rec->cap);

	keelwatch__capability__init(c);
	c->name = name ? (char *)name : arena_fmt(&e->arena, "%d", rec->cap);
	c->granted = !rec->ret;
	c->child_user_namespace = !model_is_host_ns(e->model, NAMESPACE_USER, rec->target_user_ns);
	e->event.capability = c;
}

static void body_cgroup(struct enrich *e, const struct moment *mo)
{
	const struct ev_cgroup *rec = (const void *)mo->rec;
	const struct ev_attach *attach = (const void *)mo->rec;
	Keelwatch__Cgroup *c = &e->body.cgroup;

	keelwatch__cgroup__init(c);
	if (mo->rec->type == EV_CGROUP_ATTACH) {
		c->operation = (char *)"attach";
		c->path = clean_str(e, mo->rec, &attach->path);
		c->id = attach->id;
		c->target_pid = attach->target.tgid;
	} else {
		c->operation = (char *)(mo->rec->type == EV_CGROUP_MKDIR ? "mkdir" : "rmdir");
		c->path = clean_str(e, mo->rec, &rec->path);
		c->id = rec->id;
	}
	e->event.cgroup = c;
}

static void body_fork(struct enrich *e, const struct moment *mo)
{
	keelwatch__fork__init(&e->body.fork);
	e->body.fork.child_pid = ((const struct ev_fork *)mo->rec)->child.tgid;
	e->event.fork = &e->body.fork;
}

static const char *const guard_operations[GUARD_OP_MAX] = {
	[GUARD_SIGNAL] = "signal",    [GUARD_TRACE] = "trace",
	[GUARD_MEMORY] = "memory",    [GUARD_DESCRIPTOR] = "descriptor",
	[GUARD_OPEN] = "object-open", [GUARD_CHANGE] = "object-change",
	[GUARD_FREEZE] = "freeze",    [GUARD_UNCLEAN] = "unclean-end",
	[GUARD_STOOD] = "standstill", [GUARD_CLOCK] = "clock",
	[GUARD_FILE] = "file",	      [GUARD_MAP] = "map",
	[GUARD_MOVED] = "move",
};

static char *guard_target(const struct ev_guard *rec)
{
	static const char *const roles[GUARDED_ROLE_MAX] = {
		[GUARDED_MONITOR] = "monitor",
		[GUARDED_SHIPPER] = "shipper",
		[GUARDED_EXPORTER] = "exporter",
	};
	static const char *const kinds[GUARDED_KIND_MAX] = {
		[GUARDED_CGROUP] = "cgroup",
		[GUARDED_MAP] = "map",
		[GUARDED_PROGRAM] = "program",
		[GUARDED_LINK] = "link",
	};
	/* Where the operation alone says it. */
	static const char *const by_operation[GUARD_OP_MAX] = {
		[GUARD_UNCLEAN] = "monitor", [GUARD_STOOD] = "monitor", [GUARD_CLOCK] = "clock",
		[GUARD_FILE] = "file",	     [GUARD_MAP] = "map",	[GUARD_MOVED] = "cgroup",
	};

	if (rec->op < GUARD_OP_MAX && by_operation[rec->op])
		return (char *)by_operation[rec->op];
	return rec->kind == GUARDED_THREAD ? NAME_IN(roles, rec->role) : NAME_IN(kinds, rec->kind);
}

static const char *guard_detail(const struct ev_guard *rec)
{
	static const char *const stood[STOOD_MAX] = {
		[STOOD_STILL] = "still",
		[STOOD_STARVED] = "starved",
		[STOOD_BUSY] = "busy",
	};
	static const char *const files[FILE_ACT_MAX] = {
		[FILE_CHANGED] = "changed",
		[FILE_REPLACED] = "replaced",
		[FILE_REMOVED] = "removed",
		[FILE_UNPINNED] = "unpinned",
	};

	switch (rec->op) {
	case GUARD_STOOD:
		return name_in(stood, ARRAY_SIZE(stood), rec->detail);
	case GUARD_FILE:
		return name_in(files, ARRAY_SIZE(files), rec->detail);
	case GUARD_CLOCK:
		return rec->value < 0 ? "back" : "forward";
	case GUARD_UNCLEAN:
		return rec->how & UNCLEAN_REBOOT ? "reboot" : "killed";
	}
	return "";
}

static void body_guard(struct enrich *e, const struct moment *mo)
{
	const struct ev_guard *rec = (const void *)mo->rec;
	const char *error = rec->ret ? text_errno(-rec->ret) : NULL, *signal;
	Keelwatch__Guard *g = &e->body.guard;

	keelwatch__guard__init(g);
	g->operation = NAME_IN(guard_operations, rec->op);
	g->target = guard_target(rec);
	g->target_pid = rec->target;
	g->name = clean_str(e, mo->rec, &rec->name);
	g->id = rec->id;
	g->by_kernel = rec->how & GUARD_BY_KERNEL;
	g->detail = (char *)guard_detail(rec);
	if (rec->op == GUARD_STOOD || rec->op == GUARD_CLOCK)
		g->nanoseconds = rec->value < 0 ? -(uint64_t)rec->value : (uint64_t)rec->value;
	if (error)
		g->error = (char *)error;
	if (rec->op == GUARD_SIGNAL) {
		signal = sigabbrev_np(rec->detail);
		g->signal = signal ? arena_fmt(&e->arena, "SIG%s", signal) :
				     arena_fmt(&e->arena, "%u", rec->detail);
	}
	e->event.guard = g;
}

static void body_exit(struct enrich *e, const struct moment *mo)
{
	const struct ev_exit *rec = (const void *)mo->rec;
	Keelwatch__Exit *x = &e->body.exit;

	keelwatch__exit__init(x);
	x->code = rec->code >> 8 & 0xff;
	x->signal = rec->code & 0x7f;
	e->event.exit = x;
}

static void body_loss(struct enrich *e, const struct moment *mo)
{
	const struct ev_loss *rec = (const void *)mo->rec;

	for (size_t i = 0; i < CLASS_MAX; i++) {
		Keelwatch__Loss *l = &e->loss[i];

		keelwatch__loss__init(l);
		l->class_ = (char *)record_class_name(i);
		l->sent = rec->counts[i].sent;
		l->lost = rec->counts[i].lost;
		l->busy = rec->counts[i].busy;
		l->limited = rec->counts[i].limited;
		l->truncated = rec->counts[i].truncated;
	}
	e->event.loss = e->loss_list;
	e->event.n_loss = CLASS_MAX;
}

static void body_flood(struct enrich *e, const struct moment *mo)
{
	const struct ev_flood *rec = (const void *)mo->rec;

	for (size_t i = 0; i < CLASS_MAX; i++) {
		keelwatch__loss__init(&e->loss[i]);
		e->loss[i].class_ = (char *)record_class_name(i);
		e->loss[i].limited = rec->limited[i];
	}
	e->event.loss = e->loss_list;
	e->event.n_loss = CLASS_MAX;
}

void enrich_body(struct enrich *e, const struct moment *mo)
{
	static void (*const bodies[])(struct enrich *, const struct moment *) = {
		[EV_FORK] = body_fork,
		[EV_EXIT] = body_exit,
		[EV_CGROUP_MKDIR] = body_cgroup,
		[EV_CGROUP_RMDIR] = body_cgroup,
		[EV_CGROUP_ATTACH] = body_cgroup,
		[EV_FILE] = body_file,
		[EV_MOUNT] = body_mount,
		[EV_CAPABLE] = body_capable,
		[EV_GUARD] = body_guard,
		[EV_LOSS] = body_loss,
		[EV_FLOOD] = body_flood,
		[EV_MOUNTS_CHANGED] = body_mounts_changed,
	};

	if (mo->rec->type < ARRAY_SIZE(bodies) && bodies[mo->rec->type])
		bodies[mo->rec->type](e, mo);
}

const char *enrich_explanation(enum explanation explanation)
{
	static const char *const names[] = {
		[EXPLAINED_BY_NONE] = "none",
		[EXPLAINED_BY_SETUID_FILE] = "setuid-file",
		[EXPLAINED_BY_FILE_CAPABILITY] = "file-capability",
		[EXPLAINED_BY_ROOT_EXEC] = "root-exec",
		[EXPLAINED_BY_SETUID_CALL] = "setuid-call",
		[EXPLAINED_BY_CAPSET] = "capset",
		[EXPLAINED_BY_USER_NAMESPACE] = "user-namespace",
		[EXPLAINED_BY_LOSS] = "events-lost",
	};

	return NAME_IN(names, explanation);
}

void enrich_credentials(struct enrich *e, const struct moment *mo)
{
	const struct ev_cred_change *rec = (const void *)mo->rec;
	const struct ev_fork *fork = (const void *)mo->rec;
	const struct cred_change *change = &mo->cred;
	const struct ev_cred *now = &mo->rec->cred;
	Keelwatch__Credentials *c = &e->credentials;

	if (mo->rec->type != EV_CRED && !change->gained)
		return;
	if (mo->rec->type == EV_FORK)
		now = &fork->child_cred;
	keelwatch__credentials__init(c);
	c->operation = mo->rec->type == EV_CRED ? NAME_IN(cred_operations, rec->op) :
						  (char *)record_type_name(mo->rec->type);
	c->old_uid = change->before.uid;
	c->old_euid = change->before.euid;
	c->new_uid = now->uid;
	c->new_euid = now->euid;
	c->gained = enrich_capabilities(e, change->capabilities, &c->n_gained);
	c->explanation = (char *)(change->gained ? enrich_explanation(change->explanation) : "");
	c->child_user_namespace = change->child_user_ns;
	e->event.credentials = c;
}

Keelwatch__Mount *enrich_mount_line(struct enrich *e, const struct mount_line *line,
				    const char *operation)
{
	static const char *const propagation[] = {
		[PROPAGATION_PRIVATE] = "private",
		[PROPAGATION_SHARED] = "shared",
		[PROPAGATION_SLAVE] = "slave",
		[PROPAGATION_UNBINDABLE] = "unbindable",
	};
	const struct mount_table *host = model_host_mounts(e->model);
	_cleanup_(buf_free) struct buf path = {};
	Keelwatch__Mount *m = arena_alloc(&e->arena, sizeof(*m));

	if (!m)
		return NULL;
	keelwatch__mount__init(m);
	m->operation = (char *)operation;
	m->source = arena_clean(&e->arena, line->source, strlen(line->source));
	m->target = arena_clean(&e->arena, line->target, strlen(line->target));
	m->filesystem = arena_clean(&e->arena, line->fstype, strlen(line->fstype));
	m->read_only = line->mnt_ro || line->sb_ro;
	m->propagation = NAME_IN(propagation, line->propagation);
	if (host) {
		m->class_ = (char *)mount_class_name(mount_classify(host, line));
		if (mount_host_path(host, line, &path))
			m->host_path = arena_clean(&e->arena, buf_cstr(&path), path.len);
	}
	return m;
}
