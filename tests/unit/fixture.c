/* SPDX-License-Identifier: Apache-2.0 */
/* A host without a kernel, for the tests of everything above the records. */
#include "fixture.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/util.h"

#define TICK_NS 10000000ULL
#define STEP_NS 1000000ULL /* between two records */
#define HOST_ROOT_INO 2
#define HOST_ROOT_DEV (8u << 20 | 1)
#define NAME_MAX_LEN 128

static const char host_mounts[] =
	"1 0 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
	"2 1 0:5 / /proc rw,nosuid - proc proc rw\n"
	"3 1 0:6 / /sys rw,nosuid - sysfs sysfs rw\n"
	"4 1 0:7 / /dev rw,nosuid - devtmpfs udev rw\n"
	"5 1 0:8 / /run rw,nosuid - tmpfs tmpfs rw\n"
	"6 3 0:9 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n"
	"7 1 0:40 / /var/lib/docker/overlay2/abc/merged rw - overlay overlay rw\n";

static const char container_mounts[] =
	"100 7 0:40 / / ro,relatime - overlay overlay rw,lowerdir=/l,upperdir=/u,workdir=/w\n"
	"101 100 0:50 / /proc rw,nosuid,nodev,noexec - proc proc rw\n"
	"102 101 0:50 /sys /proc/sys ro,nosuid - proc proc rw\n"
	"103 100 0:51 / /dev rw,nosuid - tmpfs tmpfs rw\n"
	"104 101 0:51 /null /proc/kcore rw,nosuid - tmpfs tmpfs rw\n"
	"105 100 0:52 / /sys ro,nosuid - sysfs sysfs ro\n"
	"106 100 0:53 / /tmp rw,nosuid - tmpfs tmpfs rw\n"
	"107 100 8:1 /srv/data /data rw - ext4 /dev/sda1 rw\n";

static const char config[] =
	"{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"rootfs\",\"readonly\":true},"
	"\"process\":{\"user\":{\"uid\":0,\"gid\":0},\"cwd\":\"/\",\"args\":[\"app\"],"
	"\"capabilities\":{\"bounding\":[\"CAP_CHOWN\"],\"permitted\":[\"CAP_CHOWN\"],"
	"\"effective\":[\"CAP_CHOWN\"]}},"
	"\"mounts\":[{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"},"
	"{\"destination\":\"/data\",\"type\":\"bind\",\"source\":\"/srv/data\","
	"\"options\":[\"rbind\",\"rw\"]}],"
	"\"linux\":{\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"pid\"},{\"type\":\"network\"}],"
	"\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ERRNO\"},\"maskedPaths\":[\"/proc/kcore\"]}}";

static const char docker_config[] = "{\"ID\":\"" FIXTURE_ID "\",\"Name\":\"/web\","
				    "\"Config\":{\"Image\":\"nginx:1.25\"}}";

/* --- the table of files --- */

struct fixture_file {
	char *path;
	struct buf text;
	struct buf link;
	struct fact_stat st;
	bool has_text, has_link, has_stat;
	bool gone;
	int error;
};

static struct fixture_file *file_find(struct fixture *f, const char *path)
{
	for (size_t i = 0; i < f->file_count; i++)
		if (!f->files[i].gone && !strcmp(f->files[i].path, path))
			return &f->files[i];
	return NULL;
}

static struct fixture_file *file_get(struct fixture *f, const char *path)
{
	struct fixture_file *file = file_find(f, path);

	if (file)
		return file;
	if (f->file_count == f->file_cap) {
		f->file_cap = f->file_cap ? f->file_cap * 2 : 64;
		f->files = reallocarray(f->files, f->file_cap, sizeof(*f->files));
		cr_assert_not_null(f->files);
	}
	file = &f->files[f->file_count++];
	*file = (struct fixture_file){ .path = strdup(path) };
	return file;
}

static int table_read(void *self, const char *path, size_t max, struct buf *out)
{
	struct fixture *f = self;
	struct fixture_file *file = file_find(f, path);

	f->asked++;
	if (!file || (!file->has_text && !file->error))
		return -ENOENT;
	if (file->error)
		return file->error;
	if (file->text.len > max)
		return -EFBIG;
	buf_add(out, buf_cstr(&file->text), file->text.len);
	return 0;
}

static int table_readlink(void *self, const char *path, struct buf *out)
{
	struct fixture *f = self;
	struct fixture_file *file = file_find(f, path);

	f->asked++;
	if (!file || !file->has_link)
		return file ? -EINVAL : -ENOENT;
	buf_add(out, file->link.data, file->link.len);
	return 0;
}

/* The names that some row has directly below the directory, each once. */
static int table_list(void *self, const char *dir, struct buf *out)
{
	struct fixture *f = self;
	size_t len = strlen(dir), start = out->len;

	f->asked++;
	for (size_t i = 0; i < f->file_count; i++) {
		const char *path = f->files[i].path;
		bool known = false;
		size_t name_len;

		if (f->files[i].gone || strncmp(path, dir, len) || path[len] != '/')
			continue;
		path += len + 1;
		name_len = strcspn(path, "/");
		for (size_t at = start; at < out->len; at += strlen(out->data + at) + 1)
			known |= strlen(out->data + at) == name_len &&
				 !memcmp(out->data + at, path, name_len);
		if (known)
			continue;
		buf_add(out, path, name_len);
		buf_char(out, '\0');
	}
	return out->len == start ? -ENOENT : 0;
}

static int table_stat(void *self, const char *path, struct fact_stat *ret)
{
	struct fixture *f = self;
	struct fixture_file *file = file_find(f, path);

	f->asked++;
	if (!file)
		return -ENOENT;
	*ret = file->has_stat ? file->st :
				(struct fact_stat){ .ino = 1, .dev = 1, .mode = S_IFREG | 0644 };
	return 0;
}

static int table_sockets(void *self, struct buf *out)
{
	struct fixture *f = self;

	f->asked++;
	buf_add(out, f->sockets.data, f->sockets.len);
	return 0;
}

static int table_keep(void *self, const char *path)
{
	struct fixture *f = self;
	struct fixture_file *file = file_find(f, path);

	f->asked++;
	return file && file->has_text ? (int)(file - f->files) : -ENOENT;
}

static int table_reread(void *self, int handle, size_t max, struct buf *out)
{
	struct fixture *f = self;

	(void)max;
	f->asked++;
	cr_assert(handle >= 0 && (size_t)handle < f->file_count, "a handle nobody gave");
	buf_add(out, buf_cstr(&f->files[handle].text), f->files[handle].text.len);
	return 0;
}

static void table_release(void *self, int handle)
{
	struct fixture *f = self;

	cr_assert(handle >= 0 && (size_t)handle < f->file_count, "a handle nobody gave");
}

static const struct facts_ops table_ops = {
	.read = table_read,
	.readlink = table_readlink,
	.list = table_list,
	.stat = table_stat,
	.sockets = table_sockets,
	.keep = table_keep,
	.reread = table_reread,
	.release = table_release,
};

void fixture_put_bytes(struct fixture *f, const char *path, const void *bytes, size_t len)
{
	struct fixture_file *file = file_get(f, path);

	buf_reset(&file->text);
	buf_add(&file->text, bytes, len);
	file->has_text = true;
	file->error = 0;
}

void fixture_put(struct fixture *f, const char *path, const char *text)
{
	fixture_put_bytes(f, path, text, strlen(text));
}

void fixture_append(struct fixture *f, const char *path, const char *text)
{
	struct fixture_file *file = file_find(f, path);

	cr_assert_not_null(file, "%s", path);
	buf_str(&file->text, text);
}

void fixture_put_link(struct fixture *f, const char *path, const char *target)
{
	struct fixture_file *file = file_get(f, path);

	buf_reset(&file->link);
	buf_str(&file->link, target);
	file->has_link = true;
}

void fixture_put_stat(struct fixture *f, const char *path, const struct fact_stat *st)
{
	struct fixture_file *file = file_get(f, path);

	file->st = *st;
	file->has_stat = true;
}

void fixture_put_error(struct fixture *f, const char *path, int error)
{
	file_get(f, path)->error = error;
}

void fixture_remove(struct fixture *f, const char *path)
{
	struct fixture_file *file = file_find(f, path);

	cr_assert_not_null(file, "%s", path);
	file->gone = true;
}

/* --- what is asked of the kernel half --- */

static struct fixture_wish *wish(struct fixture_wish *list, size_t *count, uint64_t id,
				 uint32_t dev)
{
	for (size_t i = 0; i < *count; i++)
		if (list[i].id == id && list[i].dev == dev)
			return &list[i];
	if (*count == FIXTURE_WISHES)
		return &list[FIXTURE_WISHES - 1];
	list[*count] = (struct fixture_wish){ .id = id, .dev = dev };
	return &list[(*count)++];
}

static void on_cgroup(void *self, uint64_t id, uint64_t container, uint32_t flags)
{
	struct fixture *f = self;
	struct fixture_wish *w = wish(f->cgroups, &f->cgroup_count, id, 0);

	w->container = container;
	w->flags = flags;
	w->gone = false;
}

static void on_cgroup_forget(void *self, uint64_t id)
{
	struct fixture *f = self;

	wish(f->cgroups, &f->cgroup_count, id, 0)->gone = true;
}

static void on_root(void *self, uint32_t dev, uint64_t ino, uint64_t container, bool on)
{
	struct fixture *f = self;
	struct fixture_wish *w = wish(f->roots, &f->root_count, ino, dev);

	w->container = container;
	w->gone = !on;
}

static void on_arm(void *self, bool on)
{
	struct fixture *f = self;

	cr_assert_neq(f->armed, on, "asked for what is so already");
	f->armed = on;
	f->arms++;
}

static void on_watch(void *self, int handle, uint64_t cgroup_id, bool on)
{
	struct fixture *f = self;

	(void)handle;
	(void)cgroup_id;
	f->watched += on ? 1 : -1;
}

const struct fixture_wish *fixture_cgroup(const struct fixture *f, uint64_t id)
{
	for (size_t i = 0; i < f->cgroup_count; i++)
		if (f->cgroups[i].id == id)
			return &f->cgroups[i];
	return NULL;
}

/* --- the host --- */

static struct ev_nsset nsset(uint32_t first)
{
	return (struct ev_nsset){ .mnt = first,
				  .pid = first + 1,
				  .net = first + 2,
				  .ipc = first + 3,
				  .uts = first + 4,
				  .cgroup = first + 5,
				  .user = FIXTURE_HOST_NS + 6,
				  .pid_for_children = first + 1 };
}

struct fixture *fixture_new(void)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct fixture_task first = fixture_host_task(1, 0);

	cr_assert_not_null(f);
	f->facts = (struct facts){ &table_ops, f };
	f->control = (struct model_control){
		.self = f,
		.cgroup = on_cgroup,
		.cgroup_forget = on_cgroup_forget,
		.root = on_root,
		.arm = on_arm,
		.watch = on_watch,
	};
	f->now_ns = 10ULL * 1000000000;
	fixture_put_process(f, &first, "/sbin/init", "/", "/init.scope", FIXTURE_ARGS("init"));
	fixture_put(f, "/proc/1/mountinfo", host_mounts);
	fixture_put(f, "/proc/1000/mountinfo", container_mounts);
	fixture_put(f, FIXTURE_BUNDLE "/config.json", config);
	fixture_put(f, "/var/lib/docker/containers/" FIXTURE_ID "/config.v2.json", docker_config);
	return f;
}

void fixture_free(struct fixture *f)
{
	pipeline_free(f->pipeline);
	for (size_t i = 0; i < f->file_count; i++) {
		free(f->files[i].path);
		buf_free(&f->files[i].text);
		buf_free(&f->files[i].link);
	}
	fixture_forget(f);
	free(f->findings);
	free(f->files);
	buf_free(&f->sockets);
	free(f);
}

static const char *proc_path(char *path, uint32_t pid, const char *what)
{
	snprintf(path, NAME_MAX_LEN, "/proc/%u/%s", pid, what);
	return path;
}

static void put_status(struct fixture *f, const struct fixture_task *t)
{
	const struct ev_cred *c = &t->cred;
	_cleanup_(buf_free) struct buf text = {};
	char path[NAME_MAX_LEN];

	buf_fmt(&text, "Name:\tx\nUid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\n", c->uid, c->euid,
		c->suid, c->euid, c->gid, c->egid, c->sgid, c->egid);
	buf_fmt(&text, "CapInh:\t0\nCapPrm:\t%016" PRIx64 "\nCapEff:\t%016" PRIx64 "\n",
		(uint64_t)c->permitted, (uint64_t)c->effective);
	buf_fmt(&text, "CapBnd:\t%016" PRIx64 "\nCapAmb:\t0\nNoNewPrivs:\t0\nSeccomp:\t%u\n",
		(uint64_t)c->bounding, t->seccomp);
	fixture_put(f, proc_path(path, t->tgid, "status"), buf_cstr(&text));
}

static void put_namespaces(struct fixture *f, const struct fixture_task *t)
{
	const struct {
		const char *kind;
		uint32_t inode;
	} all[] = {
		{ "mnt", t->ns.mnt },	{ "pid", t->ns.pid }, { "net", t->ns.net },
		{ "ipc", t->ns.ipc },	{ "uts", t->ns.uts }, { "cgroup", t->ns.cgroup },
		{ "user", t->ns.user },
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		char path[NAME_MAX_LEN], what[32], link[64];

		snprintf(what, sizeof(what), "ns/%s", all[i].kind);
		snprintf(link, sizeof(link), "%s:[%u]", all[i].kind, all[i].inode);
		fixture_put_link(f, proc_path(path, t->tgid, what), link);
	}
}

void fixture_put_process(struct fixture *f, const struct fixture_task *task, const char *exe,
			 const char *cwd, const char *cgroup_path, const char *const *args)
{
	const struct fact_stat root = { .ino = task->root_ino,
					.dev = task->root_dev,
					.mode = S_IFDIR | 0755 };
	_cleanup_(buf_free) struct buf text = {}, cmdline = {}, group = {};
	struct fact_stat cgroup = { .ino = task->cgroup, .mode = S_IFDIR | 0755 };
	char path[NAME_MAX_LEN];

	buf_fmt(&text, "%u (a) b) S %u 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 %" PRIu64 " 0 0\n",
		task->tgid, task->parent.tgid, (uint64_t)(fixture_name(task).start_ns / TICK_NS));
	fixture_put(f, proc_path(path, task->tgid, "stat"), buf_cstr(&text));
	put_status(f, task);
	put_namespaces(f, task);
	for (size_t i = 0; args[i]; i++)
		buf_add(&cmdline, args[i], strlen(args[i]) + 1);
	fixture_put_bytes(f, proc_path(path, task->tgid, "cmdline"), cmdline.data, cmdline.len);
	fixture_put_link(f, proc_path(path, task->tgid, "exe"), exe);
	fixture_put_link(f, proc_path(path, task->tgid, "cwd"), cwd);
	fixture_put(f, proc_path(path, task->tgid, "comm"), "task\n");
	fixture_put_stat(f, proc_path(path, task->tgid, "root"), &root);
	buf_fmt(&group, "0::%s\n", cgroup_path);
	fixture_put(f, proc_path(path, task->tgid, "cgroup"), buf_cstr(&group));
	buf_reset(&group);
	buf_fmt(&group, "/sys/fs/cgroup%s", cgroup_path);
	fixture_put_stat(f, buf_cstr(&group), &cgroup);
}

/* --- tasks --- */

uint64_t fixture_start_ns(uint32_t tgid)
{
	return tgid * 1000000ULL + 7;
}

struct ev_task fixture_name(const struct fixture_task *task)
{
	return (struct ev_task){ .tgid = task->tgid,
				 .start_ns = task->start_ns ? task->start_ns :
							      fixture_start_ns(task->tgid) };
}

struct ev_cred fixture_cred(uint32_t uid, uint64_t capabilities)
{
	return (struct ev_cred){ .uid = uid,
				 .euid = uid,
				 .suid = uid,
				 .gid = uid,
				 .egid = uid,
				 .sgid = uid,
				 .permitted = capabilities,
				 .effective = capabilities,
				 .bounding = capabilities | FIXTURE_DEFAULT_CAPS };
}

static struct ev_task parent_of(uint32_t parent)
{
	return parent ? (struct ev_task){ .tgid = parent, .start_ns = fixture_start_ns(parent) } :
			(struct ev_task){};
}

struct fixture_task fixture_host_task(uint32_t tgid, uint32_t parent)
{
	return (struct fixture_task){
		.tgid = tgid,
		.parent = parent_of(parent),
		.cgroup = 1,
		.cred = fixture_cred(0, FIXTURE_ALL_CAPS),
		.ns = nsset(FIXTURE_HOST_NS),
		.root_dev = HOST_ROOT_DEV,
		.root_ino = HOST_ROOT_INO,
	};
}

struct fixture_task fixture_container_task(uint32_t tgid, uint32_t parent)
{
	return (struct fixture_task){
		.tgid = tgid,
		.parent = parent_of(parent),
		.cgroup = FIXTURE_CGROUP,
		.cred = fixture_cred(0, FIXTURE_DEFAULT_CAPS),
		.ns = nsset(FIXTURE_CONTAINER_NS),
		.root_dev = FIXTURE_ROOT_DEV,
		.root_ino = 300,
		.flags = EVF_TRACKED | EVF_ROOT_MNT_RO,
		.seccomp = 2,
	};
}

/* --- records --- */

void fixture_bytes(struct fixture_record *r, struct ev_str *to, enum ev_str_kind kind,
		   const void *bytes, size_t len)
{
	/* len of the head is rounded up; strings go where the last one was padded to. */
	cr_assert_leq(r->head.len + len + 8, EV_RECORD_MAX);
	*to = (struct ev_str){ .off = len ? r->head.len : 0, .len = len, .kind = kind };
	memcpy((char *)r + r->head.len, bytes, len);
	r->head.len = (r->head.len + len + 7) & ~7UL;
}

void fixture_text(struct fixture_record *r, struct ev_str *to, const char *text)
{
	fixture_bytes(r, to, EV_STR_TEXT, text, strlen(text));
}

void fixture_path(struct fixture_record *r, struct ev_str *to, const char *path)
{
	_cleanup_(buf_free) struct buf b = {};
	size_t end = strlen(path);

	while (end) {
		size_t start = end;

		while (start && path[start - 1] != '/')
			start--;
		if (end > start) {
			buf_add(&b, path + start, end - start);
			buf_char(&b, '\0');
		}
		end = start ? start - 1 : 0;
	}
	if (!b.len)
		buf_char(&b, '\0'); /* the root: one empty component */
	fixture_bytes(r, to, EV_STR_PATH, b.data, b.len);
}

void fixture_args(struct fixture_record *r, struct ev_str *to, const char *const *args)
{
	_cleanup_(buf_free) struct buf b = {};

	for (size_t i = 0; args && args[i]; i++)
		buf_add(&b, args[i], strlen(args[i]) + 1);
	fixture_bytes(r, to, EV_STR_ARGS, buf_cstr(&b), b.len);
}

void fixture_make_head(struct fixture_record *r, enum ev_type type, size_t size,
		       const struct fixture_task *t)
{
	memset(r, 0, sizeof(*r));
	r->head.len = size;
	r->head.type = type;
	r->head.flags = t->flags;
	r->head.cgroup_id = t->cgroup;
	r->head.start_ns = fixture_name(t).start_ns;
	r->head.tgid = r->head.tid = t->tgid;
	r->head.cred = t->cred;
	r->head.mnt_ns = t->ns.mnt;
	r->head.pid_ns = t->ns.pid;
	r->head.user_ns = t->ns.user;
	r->head.threads = t->threads ? t->threads : 1;
	r->head.lost = t->lost;
	snprintf(r->head.comm, sizeof(r->head.comm), "%s", t->comm ? t->comm : "task");
}

void fixture_make_start(struct fixture_record *r, const char *v1_root)
{
	const struct fixture_task nobody = {};

	fixture_make_head(r, EV_START, sizeof(r->start), &nobody);
	r->head.start_ns = 0;
	r->start.realtime_ns = FIXTURE_REALTIME_NS;
	r->start.host = nsset(FIXTURE_HOST_NS);
	r->start.root_ino = HOST_ROOT_INO;
	r->start.root_dev = HOST_ROOT_DEV;
	r->start.host_pid = 1;
	r->start.v1 = v1_root != NULL;
	fixture_text(r, &r->start.cgroup_root, v1_root ? v1_root : "/sys/fs/cgroup");
}

void fixture_make_exec(struct fixture_record *r, const struct fixture_task *task, const char *exe,
		       const char *const *args)
{
	fixture_make_head(r, EV_EXEC, sizeof(r->exec), task);
	r->exec.ns = task->ns;
	r->exec.ancestors[0] = task->parent;
	r->exec.root_dev = task->root_dev;
	r->exec.root_ino = task->root_ino;
	r->exec.exe_mode = S_IFREG | 0755;
	r->exec.seccomp = task->seccomp;
	fixture_path(r, &r->exec.exe, exe);
	fixture_args(r, &r->exec.args, args);
	fixture_path(r, &r->exec.cwd, "/");
}

void fixture_make_fork(struct fixture_record *r, const struct fixture_task *parent,
		       const struct fixture_task *child)
{
	fixture_make_head(r, EV_FORK, sizeof(r->fork), parent);
	r->fork.child = fixture_name(child);
	r->fork.child_cgroup_id = child->cgroup;
	r->fork.child_ns = child->ns;
	r->fork.child_cred = child->cred;
}

void fixture_make_exit(struct fixture_record *r, const struct fixture_task *task)
{
	fixture_make_head(r, EV_EXIT, sizeof(r->exit), task);
}

void fixture_make_cgroup(struct fixture_record *r, enum ev_type type,
			 const struct fixture_task *task, uint64_t id, uint64_t parent_id,
			 const char *path)
{
	fixture_make_head(r, type, sizeof(r->cgroup), task);
	r->cgroup.id = id;
	r->cgroup.parent_id = parent_id;
	fixture_text(r, &r->cgroup.path, path);
}

void fixture_make_attach(struct fixture_record *r, const struct fixture_task *task, uint64_t id,
			 const char *path, const struct fixture_task *target)
{
	fixture_make_head(r, EV_CGROUP_ATTACH, sizeof(r->attach), task);
	r->attach.id = id;
	r->attach.target = fixture_name(target);
	r->attach.ancestors[0] = target->parent;
	fixture_text(r, &r->attach.path, path);
}

void fixture_make_file(struct fixture_record *r, const struct fixture_task *task,
		       enum ev_file_op op, int ret, const char *path)
{
	fixture_make_head(r, EV_FILE, sizeof(r->file), task);
	r->file.op = op;
	r->file.ret = ret;
	fixture_path(r, &r->file.path, path);
}

void fixture_make_mount(struct fixture_record *r, const struct fixture_task *task,
			enum ev_mount_op op, const char *source, const char *target,
			const char *fstype)
{
	fixture_make_head(r, EV_MOUNT, sizeof(r->mount), task);
	r->mount.op = op;
	fixture_text(r, &r->mount.source, source);
	fixture_text(r, &r->mount.target, target);
	fixture_text(r, &r->mount.fstype, fstype);
	fixture_path(r, &r->mount.target_dir, "/");
}

void fixture_make_cred(struct fixture_record *r, const struct fixture_task *task,
		       enum ev_cred_op op)
{
	fixture_make_head(r, EV_CRED, sizeof(r->cred), task);
	r->cred.op = op;
}

void fixture_make_ns(struct fixture_record *r, const struct fixture_task *task, enum ev_ns_op op,
		     uint32_t ino)
{
	fixture_make_head(r, EV_NS, sizeof(r->ns), task);
	r->ns.op = op;
	r->ns.ino = ino;
	r->ns.ns = task->ns;
}

void fixture_make_mounts_changed(struct fixture_record *r, uint64_t cgroup_id)
{
	const struct fixture_task nobody = { .cgroup = cgroup_id };

	fixture_make_head(r, EV_MOUNTS_CHANGED, sizeof(r->mounts_changed), &nobody);
	r->head.start_ns = 0;
}

/* --- running --- */

static void on_finding(void *arg, const Keelwatch__Finding *finding)
{
	struct fixture *f = arg;
	size_t len = keelwatch__finding__get_packed_size(finding);
	_cleanup_free_ uint8_t *packed = malloc(len + 1);

	cr_assert_not_null(packed);
	keelwatch__finding__pack(finding, packed);
	if (f->count == f->cap) {
		f->cap = f->cap ? f->cap * 2 : 16;
		f->findings = reallocarray(f->findings, f->cap, sizeof(*f->findings));
		cr_assert_not_null(f->findings);
	}
	f->findings[f->count] = keelwatch__finding__unpack(NULL, len, packed);
	cr_assert_not_null(f->findings[f->count]);
	f->count++;
}

void fixture_feed(struct fixture *f, struct fixture_record *r)
{
	if (!r->head.time_ns)
		r->head.time_ns = f->now_ns += STEP_NS;
	cr_assert_eq(record_check(r, r->head.len), 0, "the test's record of type %u is none",
		     r->head.type);
	if (f->recorder)
		cr_assert_eq(recorder_write(f->recorder, &r->head), 0);
	cr_assert_eq(pipeline_feed(f->pipeline, &r->head), 0);
}

void fixture_start(struct fixture *f)
{
	const struct pipeline_options options = { .print = f->out ? print_to_file : NULL,
						  .out = f->out,
						  .json = true,
						  .on_finding = on_finding,
						  .arg = f };
	struct facts *facts = f->recorder ? recorder_facts(f->recorder) : &f->facts;
	struct fixture_record r;

	cr_assert_eq(pipeline_new(facts, &f->control, &options, &f->pipeline), 0);
	fixture_make_start(&r, f->v1_root);
	fixture_feed(f, &r);
}

void fixture_exec(struct fixture *f, const struct fixture_task *task, const char *exe)
{
	struct fixture_record r;

	fixture_make_exec(&r, task, exe, FIXTURE_ARGS(exe));
	fixture_feed(f, &r);
}

void fixture_fork(struct fixture *f, const struct fixture_task *parent,
		  const struct fixture_task *child)
{
	struct fixture_record r;

	fixture_make_fork(&r, parent, child);
	fixture_feed(f, &r);
}

void fixture_exit(struct fixture *f, const struct fixture_task *task)
{
	struct fixture_record r;

	fixture_make_exit(&r, task);
	fixture_feed(f, &r);
}

void fixture_mkdir(struct fixture *f, uint64_t id, uint64_t parent_id, const char *path)
{
	struct fixture_task runtime = fixture_host_task(FIXTURE_RUNTIME, 1);
	struct fixture_record r;

	fixture_make_cgroup(&r, EV_CGROUP_MKDIR, &runtime, id, parent_id, path);
	fixture_feed(f, &r);
}

void fixture_rmdir(struct fixture *f, uint64_t id, const char *path)
{
	struct fixture_task runtime = fixture_host_task(FIXTURE_RUNTIME, 1);
	struct fixture_record r;

	fixture_make_cgroup(&r, EV_CGROUP_RMDIR, &runtime, id, 0, path);
	fixture_feed(f, &r);
}

void fixture_attach(struct fixture *f, uint64_t id, const char *path,
		    const struct fixture_task *target)
{
	struct fixture_task runtime = fixture_host_task(FIXTURE_RUNTIME, 1);
	struct fixture_record r;

	fixture_make_attach(&r, &runtime, id, path, target);
	fixture_feed(f, &r);
}

void fixture_cred_change(struct fixture *f, const struct fixture_task *task, enum ev_cred_op op)
{
	struct fixture_record r;

	fixture_make_cred(&r, task, op);
	fixture_feed(f, &r);
}

void fixture_file(struct fixture *f, const struct fixture_task *task, enum ev_file_op op, int ret,
		  const char *path)
{
	struct fixture_record r;

	fixture_make_file(&r, task, op, ret, path);
	fixture_feed(f, &r);
}

void fixture_wait(struct fixture *f, uint64_t ns)
{
	f->now_ns += ns;
}

void fixture_create(struct fixture *f)
{
	struct fixture_task runtime = fixture_host_task(FIXTURE_RUNTIME, 1);
	struct fixture_task init = fixture_container_task(FIXTURE_INIT, FIXTURE_RUNTIME);
	struct fixture_record r;

	if (!f->pipeline)
		fixture_start(f);
	fixture_make_exec(&r, &runtime, "/usr/bin/runc",
			  FIXTURE_ARGS("runc", "--root", "/run/runc", "create", "--bundle",
				       FIXTURE_BUNDLE, "--pid-file", "/run/x.pid", FIXTURE_ID));
	fixture_feed(f, &r);
	fixture_mkdir(f, FIXTURE_CGROUP, 1, FIXTURE_CGROUP_PATH);
	fixture_attach(f, FIXTURE_CGROUP, FIXTURE_CGROUP_PATH, &init);
}

void fixture_run(struct fixture *f, const struct fixture_task *task)
{
	fixture_create(f);
	fixture_exec(f, task, "/bin/app");
	fixture_forget(f);
}

/* --- what came of it --- */

size_t fixture_count(const struct fixture *f, const char *rule)
{
	size_t n = 0;

	for (size_t i = 0; i < f->count; i++)
		n += !rule || !strcmp(f->findings[i]->rule, rule);
	return n;
}

static const char *found_rules(const struct fixture *f, char *text, size_t size)
{
	size_t at = 0;

	text[0] = '\0';
	for (size_t i = 0; i < f->count && at < size; i++)
		at += snprintf(text + at, size - at, "\n  %s: %s", f->findings[i]->rule,
			       f->findings[i]->message);
	return text;
}

const Keelwatch__Finding *fixture_one(const struct fixture *f, const char *rule)
{
	char all[2048];

	cr_assert_eq(fixture_count(f, rule), 1, "%zu of %s among:%s", fixture_count(f, rule), rule,
		     found_rules(f, all, sizeof(all)));
	for (size_t i = 0; i < f->count; i++)
		if (!strcmp(f->findings[i]->rule, rule))
			return f->findings[i];
	return NULL;
}

void fixture_silent(const struct fixture *f)
{
	char all[2048];

	cr_assert_eq(f->count, 0, "found:%s", found_rules(f, all, sizeof(all)));
}

const char *fixture_evidence(const Keelwatch__Finding *finding, const char *name)
{
	for (size_t i = 0; i < finding->n_evidence; i++)
		if (!strcmp(finding->evidence[i]->name, name))
			return finding->evidence[i]->value;
	return "";
}

void fixture_forget(struct fixture *f)
{
	for (size_t i = 0; i < f->count; i++)
		keelwatch__finding__free_unpacked(f->findings[i], NULL);
	f->count = 0;
}

struct model *fixture_model(struct fixture *f)
{
	return pipeline_model(f->pipeline);
}

struct alive {
	size_t count;
	struct container *last;
};

static void count_alive(void *arg, struct container *c)
{
	struct alive *alive = arg;

	alive->count++;
	alive->last = c;
}

struct container *fixture_container(struct fixture *f)
{
	struct alive alive = {};

	model_containers(fixture_model(f), count_alive, &alive);
	cr_assert_leq(alive.count, 1, "%zu containers", alive.count);
	return alive.last;
}

size_t fixture_alive(struct fixture *f)
{
	struct alive alive = {};

	model_containers(fixture_model(f), count_alive, &alive);
	return alive.count;
}
