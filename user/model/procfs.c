/* SPDX-License-Identifier: Apache-2.0 */
#include "model/procfs.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "base/util.h"

#define SMALL (64 * 1024) /* of a /proc file */

int proc_read(struct model *m, uint32_t pid, const char *what, struct buf *out)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/%s", pid, what);
	return facts_read(m->facts, path, SMALL, out);
}

static int proc_link(struct model *m, uint32_t pid, const char *what, struct buf *out)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/%s", pid, what);
	return facts_readlink(m->facts, path, out);
}

uint32_t proc_ns(struct model *m, uint32_t pid, const char *kind)
{
	_cleanup_(buf_free) struct buf link = {};
	char what[32];
	const char *bracket;

	snprintf(what, sizeof(what), "ns/%s", kind);
	if (proc_link(m, pid, what, &link))
		return 0;
	bracket = strchr(buf_cstr(&link), '[');
	return bracket ? strtoul(bracket + 1, NULL, 10) : 0;
}

/* proc(5), stat: the name may hold anything, so what follows counts from the last ")". */
int seen_stat(struct model *m, struct seen *s)
{
	_cleanup_(buf_free) struct buf text = {};
	const char *at;
	uint64_t ticks;
	int err;

	err = proc_read(m, s->pid, "stat", &text);
	if (err)
		return err;
	at = strrchr(buf_cstr(&text), ')');
	if (!at || sscanf(at + 1,
			  " %*c %u %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d"
			  " %*d %*d %*d %" SCNu64,
			  &s->ppid, &ticks) != 2)
		return -EBADMSG;
	s->start_ns = ticks * NS_PER_TICK;
	return 0;
}

static uint64_t status_hex(const char *text, const char *key)
{
	const char *at = strstr(text, key);

	return at ? strtoull(at + strlen(key), NULL, 16) : 0;
}

int seen_status(struct model *m, struct seen *s)
{
	_cleanup_(buf_free) struct buf text = {};
	const char *t, *at;
	int err;

	err = proc_read(m, s->pid, "status", &text);
	if (err)
		return err;
	t = buf_cstr(&text);
	at = strstr(t, "\nUid:");
	if (at)
		sscanf(at, "\nUid: %u %u %u", &s->cred.uid, &s->cred.euid, &s->cred.suid);
	at = strstr(t, "\nGid:");
	if (at)
		sscanf(at, "\nGid: %u %u %u", &s->cred.gid, &s->cred.egid, &s->cred.sgid);
	s->cred.permitted = status_hex(t, "\nCapPrm:");
	s->cred.effective = status_hex(t, "\nCapEff:");
	s->cred.bounding = status_hex(t, "\nCapBnd:");
	s->no_new_privs = status_hex(t, "\nNoNewPrivs:");
	s->seccomp = status_hex(t, "\nSeccomp:");
	return 0;
}

void seen_namespaces(struct model *m, struct seen *s)
{
	s->ns.pid = proc_ns(m, s->pid, "pid");
	s->ns.net = proc_ns(m, s->pid, "net");
	s->ns.ipc = proc_ns(m, s->pid, "ipc");
	s->ns.uts = proc_ns(m, s->pid, "uts");
	s->ns.cgroup = proc_ns(m, s->pid, "cgroup");
	s->ns.pid_for_children = s->ns.pid;
}

bool seen_in_hosts_root(const struct model *m, const struct seen *s)
{
	return s->root_dev == m->host_root_dev && s->root_ino == m->host_root_ino;
}

void seen_root(struct model *m, struct seen *s)
{
	struct fact_stat st;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/root", s->pid);
	if (facts_stat(m->facts, path, &st))
		return;
	s->root_dev = st.dev;
	s->root_ino = st.ino;
}

/*
 * Links in /proc lead from the reader's root; a record's paths start from the root of the process
 * itself. root: what the link to that says.
 */
static const char *from_own_root(const struct buf *link, const struct buf *root)
{
	const char *path = buf_cstr(link);

	if (root->len > 1 && text_starts(path, root->data) && path[root->len] == '/')
		return path + root->len;
	return root->len > 1 && !strcmp(path, root->data) ? "/" : path;
}

struct image *seen_image(struct model *m, const struct seen *s)
{
	_cleanup_(buf_free) struct buf exe = {}, cwd = {}, args = {}, root = {};
	struct image *image;

	proc_link(m, s->pid, "exe", &exe);
	proc_link(m, s->pid, "cwd", &cwd);
	proc_read(m, s->pid, "cmdline", &args);
	if (s->root_ino && !seen_in_hosts_root(m, s))
		proc_link(m, s->pid, "root", &root);
	image = image_new(from_own_root(&exe, &root), from_own_root(&cwd, &root), args.data,
			  args.len, false);
	if (!image)
		return NULL;
	image->root_ino = s->root_ino;
	image->root_dev = s->root_dev;
	image->mnt_ns = s->ns.mnt;
	return image;
}

/* The path of the process's cgroup in the hierarchy that names containers. Raw bytes. */
static int cgroup_of(struct model *m, uint32_t pid, struct buf *out)
{
	_cleanup_(buf_free) struct buf text = {};
	char *line, *rest = NULL;
	int err;

	err = proc_read(m, pid, "cgroup", &text);
	if (err)
		return err;
	for (line = strtok_r(text.data, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		const char *controllers = strchr(line, ':');
		const char *path = controllers ? strchr(controllers + 1, ':') : NULL;
		const char *base = strrchr(m->cgroup_root, '/');
		size_t len;

		if (!path)
			continue;
		controllers++;
		len = path - controllers;
		if (m->v1 ? !base || strlen(base + 1) != len ||
				    strncmp(base + 1, controllers, len) :
			    !!strncmp(line, "0:", 2))
			continue;
		buf_str(out, path + 1);
		return 0;
	}
	return -ENOENT;
}

struct cgroup_node *proc_node(struct model *m, uint32_t pid)
{
	_cleanup_(buf_free) struct buf path = {}, full = {}, clean = {};
	struct fact_stat st;

	if (cgroup_of(m, pid, &path))
		return NULL;
	buf_str(&full, m->cgroup_root);
	buf_str(&full, buf_cstr(&path));
	if (facts_stat(m->facts, buf_cstr(&full), &st))
		return NULL;
	text_clean(&clean, path.data, path.len);
	/* On 64-bit machines a cgroup directory's inode number is its id (kernfs_ino). */
	return node_get(m, st.ino, 0, buf_cstr(&clean));
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = ((const struct seen *)a)->pid, y = ((const struct seen *)b)->pid;

	return x < y ? -1 : x > y;
}

struct seen *seen_list(struct model *m, size_t *count)
{
	_cleanup_(buf_free) struct buf names = {};
	struct seen *seen = NULL;
	size_t n = 0, cap = 0;

	*count = 0;
	if (facts_list(m->facts, "/proc", &names))
		return NULL;
	for (size_t at = 0; at < names.len; at += strlen(names.data + at) + 1) {
		uint64_t pid;

		if (text_u64(names.data + at, &pid) || pid > UINT32_MAX)
			continue;
		if (n == cap) {
			struct seen *more = reallocarray(seen, cap ? cap * 2 : 256, sizeof(*seen));

			if (!more)
				break;
			seen = more;
			cap = cap ? cap * 2 : 256;
		}
		seen[n++] = (struct seen){ .pid = pid };
	}
	if (n)
		qsort(seen, n, sizeof(*seen), by_number);
	*count = n;
	return seen;
}
