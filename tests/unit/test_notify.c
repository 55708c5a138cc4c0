/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "cli/notify.h"

/* A service manager's end, by an abstract name ('@') or a path. */
static int listen_at(const char *name)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	socklen_t len = offsetof(struct sockaddr_un, sun_path) + strlen(name);

	memcpy(at.sun_path, name, strlen(name));
	if (*name == '@')
		at.sun_path[0] = '\0';
	else
		len++;
	cr_assert_eq(bind(fd, (struct sockaddr *)&at, len), 0);
	setenv("NOTIFY_SOCKET", name, 1);
	return fd;
}

static int listen_abstract(void)
{
	char name[64];

	snprintf(name, sizeof(name), "@keelwatch-test-%d", (int)getpid());
	return listen_at(name);
}

static struct notify *begin(void)
{
	struct notify *n;

	cr_assert_eq(notify_new(&n), 0);
	return n;
}

/* The next datagram; "" where there is none. */
static const char *hear(int fd)
{
	static char text[512];
	ssize_t len = recv(fd, text, sizeof(text) - 1, 0);

	text[len < 0 ? 0 : len] = '\0';
	return text;
}

static void watch(const char *usec, int pid)
{
	char text[32];

	snprintf(text, sizeof(text), "%d", pid);
	setenv("WATCHDOG_USEC", usec, 1);
	setenv("WATCHDOG_PID", text, 1);
}

Test(notify, without_a_manager_nothing_is_told)
{
	struct notify *n;

	unsetenv("NOTIFY_SOCKET");
	cr_assert_eq(notify_new(&n), 0);
	cr_assert_null(n);
	notify_ready(n);
	notify_reloading(n);
	notify_tick(n, "fine");
	notify_stopping(n);
	notify_free(n);
}

Test(notify, what_we_begin_does_not_speak_in_our_name)
{
	int fd = listen_abstract();
	struct notify *n;

	watch("30000000", getpid());
	n = begin();
	cr_assert_null(getenv("NOTIFY_SOCKET"));
	cr_assert_null(getenv("WATCHDOG_USEC"));
	cr_assert_null(getenv("WATCHDOG_PID"));
	notify_free(n);
	close(fd);
}

Test(notify, a_life_is_told_to_an_abstract_socket)
{
	int fd = listen_abstract();
	struct notify *n = begin();

	notify_ready(n);
	cr_assert_str_eq(hear(fd), "READY=1\n");
	notify_tick(n, "1 container");
	cr_assert_str_eq(hear(fd), "STATUS=1 container\n");
	notify_tick(n, "1 container");
	cr_assert_str_eq(hear(fd), "");
	notify_reloading(n);
	cr_assert_eq(strncmp(hear(fd), "RELOADING=1\nMONOTONIC_USEC=", 27), 0);
	notify_ready(n);
	cr_assert_str_eq(hear(fd), "READY=1\n");
	notify_stopping(n);
	cr_assert_str_eq(hear(fd), "STOPPING=1\n");
	notify_free(n);
	close(fd);
}

Test(notify, a_path_is_a_socket_as_well)
{
	char dir[] = "/tmp/keelwatch-notify-XXXXXX", path[64];
	struct notify *n;
	int fd;

	cr_assert_not_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/notify", dir);
	fd = listen_at(path);
	n = begin();
	notify_ready(n);
	cr_assert_str_eq(hear(fd), "READY=1\n");
	notify_free(n);
	close(fd);
	unlink(path);
	rmdir(dir);
}

Test(notify, the_watchdog_is_fed_with_every_tick)
{
	int fd = listen_abstract();
	struct notify *n;

	watch("30000000", getpid());
	n = begin();
	notify_tick(n, "fine");
	cr_assert_str_eq(hear(fd), "WATCHDOG=1\nSTATUS=fine\n");
	notify_tick(n, "fine");
	cr_assert_str_eq(hear(fd), "WATCHDOG=1\n");
	notify_free(n);
	close(fd);
}

Test(notify, a_watchdog_of_another_process_is_not_fed)
{
	int fd = listen_abstract();
	struct notify *n;

	watch("30000000", getpid() + 1);
	n = begin();
	notify_tick(n, "");
	cr_assert_str_eq(hear(fd), "");
	notify_free(n);
	close(fd);
}

Test(notify, a_manager_that_did_not_listen_is_told_again)
{
	char name[64];
	struct notify *n;
	int fd;

	snprintf(name, sizeof(name), "@keelwatch-late-%d", (int)getpid());
	setenv("NOTIFY_SOCKET", name, 1);
	n = begin();
	notify_ready(n);
	notify_tick(n, "fine");
	fd = listen_at(name);
	notify_tick(n, "fine");
	cr_assert_str_eq(hear(fd), "READY=1\nSTATUS=fine\n");
	notify_free(n);
	close(fd);
}

Test(notify, a_socket_that_is_none_is_an_error)
{
	static const char *const names[] = { "", "/", "@", "relative", "vsock:2:1" };
	char long_name[256];
	struct notify *n;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		setenv("NOTIFY_SOCKET", names[i], 1);
		cr_expect_eq(notify_new(&n), -EINVAL, "%s", names[i]);
		cr_expect_null(n);
	}
	memset(long_name, 'x', sizeof(long_name) - 1);
	long_name[0] = '/';
	long_name[sizeof(long_name) - 1] = '\0';
	setenv("NOTIFY_SOCKET", long_name, 1);
	cr_expect_eq(notify_new(&n), -EINVAL);
}

Test(notify, a_status_too_long_is_cut)
{
	char status[1000];
	int fd = listen_abstract();
	struct notify *n = begin();

	memset(status, 'x', sizeof(status) - 1);
	status[sizeof(status) - 1] = '\0';
	notify_tick(n, status);
	cr_assert_eq(strlen(hear(fd)), strlen("STATUS=\n") + 255);
	notify_tick(n, status);
	cr_assert_str_eq(hear(fd), "", "it is the same");
	notify_free(n);
	close(fd);
}
