/* SPDX-License-Identifier: Apache-2.0 */
/* Looks at the host's files on behalf of everybody else, and never waits for one. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* O_PATH */
#endif
#include "source/facts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/netlink.h>
#include <linux/openat2.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "base/text.h"
#include "base/util.h"
#include "source/host_view.h"

#define KERNEL_MINORBITS 20 /* include/linux/kdev_t.h; glibc's dev_t is laid out differently */
#define READ_STEP 16384
#define DUMP_STEP 32768 /* one datagram of a netlink dump is at most this long */

int facts_read(struct facts *f, const char *path, size_t max, struct buf *out)
{
	return f->ops->read(f->self, path, max, out);
}

int facts_readlink(struct facts *f, const char *path, struct buf *out)
{
	return f->ops->readlink(f->self, path, out);
}

int facts_list(struct facts *f, const char *dir, struct buf *out)
{
	return f->ops->list(f->self, dir, out);
}

int facts_stat(struct facts *f, const char *path, struct fact_stat *ret)
{
	return f->ops->stat(f->self, path, ret);
}

int facts_keep(struct facts *f, const char *path)
{
	return f->ops->keep(f->self, path);
}

int facts_reread(struct facts *f, int handle, size_t max, struct buf *out)
{
	return f->ops->reread(f->self, handle, max, out);
}

void facts_release(struct facts *f, int handle)
{
	if (handle >= 0)
		f->ops->release(f->self, handle);
}

int facts_sockets(struct facts *f, struct buf *out)
{
	return f->ops->sockets(f->self, out);
}

/* Takes back what was appended since start; rc, or -ENOMEM where the buffer is what failed. */
static int settle(struct buf *out, size_t start, int rc)
{
	if (!rc && !out->failed)
		return 0;
	out->len = start;
	if (out->data)
		out->data[start] = '\0';
	return rc ? rc : -ENOMEM;
}

/* Length of /proc/PID/root where that is what the path goes on from; else 0. */
static size_t root_len(const char *path)
{
	static const char proc[] = "/proc/", root[] = "/root";
	size_t len = strlen(proc), digits;

	if (!text_starts(path, proc))
		return 0;
	digits = strspn(path + len, "0123456789");
	len += digits;
	if (!digits || !text_starts(path + len, root))
		return 0;
	len += strlen(root);
	return path[len] == '/' ? len : 0;
}

/*
 * A handle of whatever lies there. Below /proc/PID/root it is looked up as that process would: a link
 * to /run leads to its /run, and never out of its root.
 */
static int open_handle(const char *path, int flags)
{
	const struct open_how how = { .flags = O_PATH | O_CLOEXEC | (unsigned int)flags,
				      .resolve = RESOLVE_IN_ROOT };
	_cleanup_close_ int dir = -1;
	size_t len = root_len(path);
	char root[64];

	if (!len || len >= sizeof(root))
		return open(path, O_PATH | O_CLOEXEC | flags);
	memcpy(root, path, len);
	root[len] = '\0';
	dir = open(root, O_PATH | O_CLOEXEC | O_DIRECTORY);
	return dir < 0 ? dir : (int)syscall(SYS_openat2, dir, path + len, &how, sizeof(how));
}

/*
 * Opens a regular file to read. Looking comes before opening: the file may be a link to a device
 * whose open alone does something (a watchdog, a tape), or a FIFO or a tty that waits.
 */
static int open_regular(const char *path)
{
	_cleanup_close_ int handle = open_handle(path, 0);
	char self[sizeof("/proc/self/fd/") + 3 * sizeof(int)];
	struct stat st;
	int fd;

	if (handle < 0 || fstat(handle, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", handle);
	fd = open(self, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	return fd < 0 ? -errno : fd;
}

static int read_all(int fd, size_t max, struct buf *out)
{
	size_t start = out->len;
	char chunk[READ_STEP];

	while (!out->failed) {
		size_t room = max - (out->len - start);
		ssize_t n = read(fd, chunk, sizeof(chunk));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			return 0;
		if ((size_t)n > room)
			return -EFBIG;
		buf_add(out, chunk, (size_t)n);
	}
	return -ENOMEM;
}

static bool tells_cgroups(const struct host_view *v, const char *path)
{
	return v && v->cgroups[0] && text_starts(path, "/proc/") && text_ends(path, "/cgroup");
}

static int read_cgroups(const struct host_view *v, int fd, size_t max, struct buf *out)
{
	_cleanup_(buf_free) struct buf text = {};
	int err = read_all(fd, max, &text);

	if (!err)
		host_view_cgroups(v, buf_cstr(&text), out);
	return err;
}

static int live_read(void *self, const char *path, size_t max, struct buf *out)
{
	char room[PATH_MAX];
	_cleanup_close_ int fd = open_regular(host_view_path(self, path, room, sizeof(room)));
	size_t start = out->len;
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size > 0 && (uint64_t)st.st_size > max)
		return -EFBIG;
	if (tells_cgroups(self, path))
		return settle(out, start, read_cgroups(self, fd, max, out));
	return settle(out, start, read_all(fd, max, out));
}

static int live_readlink(void *self, const char *name, struct buf *out)
{
	char room[PATH_MAX];
	const char *path = host_view_path(self, name, room, sizeof(room));
	_cleanup_close_ int handle = root_len(path) ? open_handle(path, O_NOFOLLOW) : AT_FDCWD;
	char target[PATH_MAX + 1];
	size_t start = out->len;
	ssize_t len;

	if (handle < 0 && handle != AT_FDCWD)
		return -errno;
	len = readlinkat(handle, handle == AT_FDCWD ? path : "", target, sizeof(target));
	if (len < 0)
		return -errno;
	if ((size_t)len == sizeof(target))
		return -ENAMETOOLONG;
	buf_add(out, target, (size_t)len);
	return settle(out, start, 0);
}

static void cleanup_closedir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static int live_list(void *self, const char *path, struct buf *out)
{
	char room[PATH_MAX];
	_cleanup_close_ int handle =
		open_handle(host_view_path(self, path, room, sizeof(room)), O_DIRECTORY);
	_cleanup_close_ int fd = -1;
	_cleanup_(cleanup_closedir) DIR *dir = NULL;
	size_t start = out->len;
	struct dirent *entry;

	if (handle < 0)
		return -errno;
	fd = openat(handle, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir)
		return -errno;
	TAKE_FD(fd);
	while (errno = 0, entry = readdir(dir)) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		buf_add(out, entry->d_name, strlen(entry->d_name) + 1);
		if (out->len - start > FACT_MAX)
			return settle(out, start, -EFBIG);
	}
	return settle(out, start, -errno);
}

static uint32_t kernel_dev(dev_t dev)
{
	return major(dev) << KERNEL_MINORBITS | minor(dev);
}

static int live_stat(void *self, const char *name, struct fact_stat *ret)
{
	char room[PATH_MAX];
	const char *path = host_view_path(self, name, room, sizeof(room));
	_cleanup_close_ int handle = root_len(path) ? open_handle(path, 0) : -1;
	struct stat st;

	if (root_len(path) ? handle < 0 || fstat(handle, &st) < 0 : stat(path, &st) < 0)
		return -errno;
	*ret = (struct fact_stat){
		.ino = st.st_ino,
		.dev = kernel_dev(st.st_dev),
		.rdev = kernel_dev(st.st_rdev),
		.mode = st.st_mode,
		.uid = st.st_uid,
	};
	return 0;
}

static int ask_for_sockets(int fd)
{
	const struct {
		struct nlmsghdr head;
		struct unix_diag_req req;
	} ask = {
		.head = {
			.nlmsg_len = sizeof(ask),
			.nlmsg_type = SOCK_DIAG_BY_FAMILY,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
		},
		.req = {
			.sdiag_family = AF_UNIX,
			.udiag_states = 1 << TCP_LISTEN,
			.udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_VFS,
		},
	};
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	ssize_t sent =
		sendto(fd, &ask, sizeof(ask), 0, (const struct sockaddr *)&kernel, sizeof(kernel));

	return sent < 0 ? -errno : 0;
}

/* Sockets without a file (abstract ones) have no VFS attribute and are left out. */
static void add_socket(const struct nlmsghdr *head, struct buf *out)
{
	const struct unix_diag_msg *msg = NLMSG_DATA(head);
	const struct unix_diag_vfs *vfs = NULL;
	const char *name = "";
	size_t name_len = 0;
	int left = (int)NLMSG_PAYLOAD(head, sizeof(*msg));

	for (const struct rtattr *a = (const void *)(msg + 1); RTA_OK(a, left);
	     a = RTA_NEXT(a, left)) {
		if (a->rta_type == UNIX_DIAG_VFS && RTA_PAYLOAD(a) >= sizeof(*vfs))
			vfs = RTA_DATA(a);
		if (a->rta_type == UNIX_DIAG_NAME) {
			name = RTA_DATA(a);
			name_len = strnlen(name, RTA_PAYLOAD(a));
		}
	}
	if (!vfs)
		return;
	/* udiag_vfs_dev is the superblock's s_dev, already as the kernel counts. */
	buf_fmt(out, "%u %u ", vfs->udiag_vfs_dev, vfs->udiag_vfs_ino);
	text_clean(out, name, name_len);
	buf_char(out, '\n');
}

/* One datagram: 1 when the dump is over, 0 when more is to come. */
static int read_dump(const void *data, size_t len, struct buf *out)
{
	unsigned int left = (unsigned int)len;

	for (const struct nlmsghdr *head = data; NLMSG_OK(head, left);
	     head = NLMSG_NEXT(head, left)) {
		const struct nlmsgerr *err = NLMSG_DATA(head);

		if (head->nlmsg_type == NLMSG_DONE)
			return 1;
		if (head->nlmsg_type == NLMSG_ERROR)
			return head->nlmsg_len < NLMSG_LENGTH(sizeof(*err)) ? -EPROTO : err->error;
		if (head->nlmsg_type == SOCK_DIAG_BY_FAMILY &&
		    head->nlmsg_len >= NLMSG_LENGTH(sizeof(struct unix_diag_msg)))
			add_socket(head, out);
	}
	return 0;
}

static int live_sockets(void *self, struct buf *out)
{
	_cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	_cleanup_free_ char *datagram = malloc(DUMP_STEP);
	size_t start = out->len;
	int rc;

	(void)self;
	if (fd < 0)
		return -errno;
	if (!datagram)
		return -ENOMEM;
	rc = ask_for_sockets(fd);
	while (!rc) {
		ssize_t n = recv(fd, datagram, DUMP_STEP, MSG_TRUNC);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			rc = -errno;
		else if (!n || n > DUMP_STEP)
			rc = -EPROTO;
		else
			rc = read_dump(datagram, (size_t)n, out);
		if (!rc && out->len - start > FACT_MAX)
			rc = -EFBIG;
	}
	return settle(out, start, rc < 0 ? rc : 0);
}

static int live_keep(void *self, const char *path)
{
	char room[PATH_MAX];

	return open_regular(host_view_path(self, path, room, sizeof(room)));
}

static int live_reread(void *self, int handle, size_t max, struct buf *out)
{
	size_t start = out->len;

	(void)self;
	if (lseek(handle, 0, SEEK_SET) < 0)
		return -errno;
	return settle(out, start, read_all(handle, max, out));
}

static void live_release(void *self, int handle)
{
	(void)self;
	close(handle);
}

const struct facts_ops facts_live = {
	.read = live_read,
	.readlink = live_readlink,
	.list = live_list,
	.stat = live_stat,
	.sockets = live_sockets,
	.keep = live_keep,
	.reread = live_reread,
	.release = live_release,
};
