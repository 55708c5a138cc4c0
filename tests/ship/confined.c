// SPDX-License-Identifier: Apache-2.0
/*
 * Enters the shipper's sandbox and tries one thing: confined FOLDER PORT WHAT [ARGUMENT]
 * As FOLDER "monitor": with the rights that the monitor keeps instead.
 *
 * FOLDER may be written to, TCP's PORT connected to, as for a shipper of such sinks. Prints "ok" or
 * the error's name. Exit: 0, 2 when called wrongly or the sandbox cannot be entered; what is deadly
 * ends it by SIGSYS.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/util.h"
#include "cli/monitor_rights.h"
#include "ship/sandbox.h"

static long do_read(const char *path)
{
	return open(path, O_RDONLY);
}

static long do_write(const char *path)
{
	return open(path, O_WRONLY | O_CREAT, 0600);
}

static long do_list(const char *path)
{
	return open(path, O_RDONLY | O_DIRECTORY);
}

static long do_unlink(const char *path)
{
	return unlink(path);
}

static long do_mkdir(const char *path)
{
	return mkdir(path, 0700);
}

static long do_symlink(const char *path)
{
	return symlink("/etc/shadow", path);
}

static long do_chmod(const char *path)
{
	return chmod(path, 04755);
}

static struct sockaddr_in loopback(const char *port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons(atoi(port)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
}

static long do_connect(const char *port)
{
	struct sockaddr_in to = loopback(port);

	return connect(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&to, sizeof(to));
}

static long do_bind(const char *port)
{
	struct sockaddr_in at = loopback(port);

	return bind(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&at, sizeof(at));
}

static long do_listen(const char *unused)
{
	(void)unused;
	return listen(socket(AF_INET, SOCK_STREAM, 0), 1);
}

static long do_abstract(const char *name)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };

	snprintf(to.sun_path + 1, sizeof(to.sun_path) - 1, "%s", name);
	return connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&to,
		       offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name));
}

static long do_packet(const char *unused)
{
	(void)unused;
	return socket(AF_PACKET, SOCK_RAW, 0);
}

static long do_kill(const char *pid)
{
	return syscall(SYS_kill, atoi(pid), 0);
}

static long do_tgkill(const char *pid)
{
	return syscall(SYS_tgkill, atoi(pid), atoi(pid), 0);
}

static long do_fork(const char *unused)
{
	long pid;

	(void)unused;
	pid = syscall(SYS_clone, 0x11 /* SIGCHLD */, 0, 0, 0, 0);
	if (!pid)
		_exit(0);
	return pid;
}

static long do_setuid(const char *unused)
{
	(void)unused;
	return syscall(SYS_setresuid, 0, 0, 0);
}

static long do_type(const char *unused)
{
	(void)unused;
	return ioctl(STDIN_FILENO, TIOCSTI, "x");
}

static long do_exec(const char *path)
{
	return execl(path, path, NULL);
}

static long do_ptrace(const char *pid)
{
	return ptrace(PTRACE_SEIZE, atoi(pid), 0, 0);
}

static long do_mount(const char *path)
{
	return mount("none", path, "tmpfs", 0, NULL);
}

static long do_unshare(const char *unused)
{
	(void)unused;
	return unshare(CLONE_NEWUSER);
}

static long do_bpf(const char *unused)
{
	(void)unused;
	return syscall(SYS_bpf, 0, 0, 0);
}

/* No time at all: where the kernel lets it through, it is refused for that. */
static long do_set_clock(const char *unused)
{
	struct timespec none = { .tv_nsec = -1 };

	(void)unused;
	return syscall(SYS_clock_settime, CLOCK_REALTIME, &none);
}

static long do_module(const char *unused)
{
	(void)unused;
	return syscall(SYS_init_module, NULL, 0, "");
}

static long do_setns(const char *path)
{
	return setns(open(path, O_RDONLY), 0);
}

static const struct {
	const char *name;
	long (*try)(const char *argument);
} things[] = {
	{ "read", do_read },	 { "write", do_write },		{ "list", do_list },
	{ "unlink", do_unlink }, { "mkdir", do_mkdir },		{ "symlink", do_symlink },
	{ "chmod", do_chmod },	 { "connect", do_connect },	{ "bind", do_bind },
	{ "listen", do_listen }, { "abstract", do_abstract },	{ "packet", do_packet },
	{ "kill", do_kill },	 { "tgkill", do_tgkill },	{ "fork", do_fork },
	{ "setuid", do_setuid }, { "type", do_type },		{ "exec", do_exec },
	{ "ptrace", do_ptrace }, { "mount", do_mount },		{ "unshare", do_unshare },
	{ "bpf", do_bpf },	 { "set-clock", do_set_clock }, { "module", do_module },
	{ "setns", do_setns },
};

static int enter(char **folder, uint16_t port, struct buf *what)
{
	struct rights rights = {
		.writable = (const char *const *)folder,
		.writable_count = 1,
		.ports = &port,
		.port_count = 1,
	};

	if (!strcmp(*folder, "monitor"))
		return monitor_rights_give_up(what);
	return rights_user(NULL, &rights.uid, &rights.gid) ?: sandbox_enter(&rights, what);
}

int main(int argc, char **argv)
{
	const char *argument = argc == 5 ? argv[4] : "";
	struct buf what = {};

	if (argc < 4 || argc > 5)
		return 2;
	if (enter(&argv[1], atoi(argv[2]), &what)) {
		fprintf(stderr, "confined: %s\n", buf_cstr(&what));
		return 2;
	}
	for (size_t i = 0; i < ARRAY_SIZE(things); i++) {
		long ret;

		if (strcmp(things[i].name, argv[3]))
			continue;
		ret = things[i].try(argument);
		puts(ret < 0 ? strerrorname_np(errno) : "ok");
		return fflush(stdout) ? 2 : 0;
	}
	return 2;
}
