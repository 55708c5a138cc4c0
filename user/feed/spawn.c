/* SPDX-License-Identifier: Apache-2.0 */
#include "feed/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/log.h"
#include "base/util.h"

#define PROGRAM "keelwatch-shipper"
#define ARGUMENTS (CONFIG_SINKS_MAX + 12)
#define SOCKET_BYTES (1 << 20) /* asked for; the kernel may give less */

extern char **environ;

/* Its arguments, and the ends of our descriptors that it gets. */
struct birth {
	char program[PATH_MAX];
	char *argv[ARGUMENTS];
	size_t argc;
	int inherited[CONFIG_SINKS_MAX + 2];
	size_t inherited_count;
};

static int find_program(char room[PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", room, PATH_MAX - sizeof(PROGRAM));
	char *slash;

	if (n < 0)
		return -errno;
	room[n] = '\0';
	slash = strrchr(room, '/');
	if (!slash)
		return -ENOENT;
	memcpy(slash + 1, PROGRAM, sizeof(PROGRAM));
	return access(room, X_OK) ? -errno : 0;
}

static int add_arg(struct birth *b, char *arg)
{
	if (!arg || b->argc == ARGUMENTS - 1) {
		free(arg);
		return -ENOMEM;
	}
	b->argv[b->argc++] = arg;
	return 0;
}

__attribute__((format(printf, 2, 3))) static int add_fmt(struct birth *b, const char *fmt, ...)
{
	char *arg = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&arg, fmt, ap) < 0)
		arg = NULL;
	va_end(ap);
	return add_arg(b, arg);
}

/* Without close-on-exec: this thread is the only one that begins programs. */
static int add_config(struct birth *b, const struct config *config)
{
	int fd = memfd_create("settings", 0);
	size_t at = 0;

	if (fd < 0)
		return -errno;
	b->inherited[b->inherited_count++] = fd;
	while (at < config->text_len) {
		ssize_t n = write(fd, config->text + at, config->text_len - at);

		if (n < 0)
			return -errno;
		at += n;
	}
	if (lseek(fd, 0, SEEK_SET))
		return -errno;
	return add_fmt(b, "--config-fd=%d", fd) ?: add_fmt(b, "--config-name=%s", config->path);
}

static int add_socket(struct birth *b, int *ours)
{
	int pair[2], size = SOCKET_BYTES;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		return -errno;
	b->inherited[b->inherited_count++] = pair[1];
	*ours = pair[0];
	setsockopt(*ours, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if (fcntl(*ours, F_SETFD, FD_CLOEXEC) || fcntl(*ours, F_SETFL, O_NONBLOCK))
		return -errno;
	return pair[1];
}

static int add_control(struct birth *b, struct shipper_process *p)
{
	int fd = add_socket(b, &p->control);

	return fd < 0 ? fd : add_fmt(b, "--control-fd=%d", fd);
}

static int add_sink(struct birth *b, struct shipper_process *p, const char *name)
{
	int fd = add_socket(b, &p->feeds[p->feed_count]);

	if (fd < 0)
		return fd;
	p->feed_count++;
	return add_fmt(b, "%s=%d", name, fd);
}

static int run(struct birth *b, struct shipper_process *p)
{
	int err = child_spawn(b->program, b->argv, environ, NULL, 0, &p->pid);

	if (err)
		return err;
	p->pidfd = syscall(SYS_pidfd_open, p->pid, 0);
	return p->pidfd < 0 ? -errno : 0;
}

static int prepare(struct birth *b, struct shipper_process *p, const struct config *config,
		   const char *dead_letters)
{
	int err = find_program(b->program);

	if (!err)
		err = add_fmt(b, "%s", PROGRAM);
	if (!err)
		err = add_config(b, config);
	if (!err)
		err = add_control(b, p);
	if (!err && log_format() == LOG_JSON)
		err = add_fmt(b, "--log=json");
	if (!err && dead_letters)
		err = add_fmt(b, "--dead-letters=%s", dead_letters);
	return err;
}

int shipper_spawn(const struct config *config, const char *const *names, size_t count,
		  const char *dead_letters, struct shipper_process *p)
{
	struct birth *b = calloc(1, sizeof(*b));
	int err;

	*p = (struct shipper_process){ .pid = -1, .pidfd = -1, .control = -1 };
	if (!b)
		return -ENOMEM;
	err = prepare(b, p, config, dead_letters);
	for (size_t i = 0; !err && i < count; i++)
		err = add_sink(b, p, names[i]);
	if (!err)
		err = run(b, p);
	for (size_t i = 0; i < b->inherited_count; i++)
		close(b->inherited[i]);
	for (size_t i = 0; i < b->argc; i++)
		free(b->argv[i]);
	free(b);
	if (err && p->pid > 0) {
		kill(p->pid, SIGKILL);
		waitpid(p->pid, NULL, 0);
	}
	if (err)
		shipper_close(p);
	return err;
}

void shipper_close(struct shipper_process *p)
{
	cleanup_close(&p->control);
	cleanup_close(&p->pidfd);
	for (size_t i = 0; i < p->feed_count; i++)
		cleanup_close(&p->feeds[i]);
	p->control = p->pidfd = -1;
	p->feed_count = 0;
}

const char *shipper_reap(struct shipper_process *p, char room[CHILD_HOW])
{
	int status = 0;

	if (waitpid(p->pid, &status, 0) != p->pid)
		return "ended";
	p->pid = -1;
	return child_how(status, room);
}
