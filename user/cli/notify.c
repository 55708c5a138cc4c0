/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "base/util.h"

#define WATCHDOG_MIN_US (2 * NS_PER_S / NS_PER_US) /* twice the time between two ticks */
#define STATUS_MAX 256				   /* bytes; what is longer is cut */
#define MESSAGE_MAX (STATUS_MAX + 64)

struct notify {
	int fd;
	struct sockaddr_un to;
	socklen_t to_len;
	bool watchdog;
	bool untold; /* it is ready, and the manager does not know it yet */
	char status[STATUS_MAX];
};

/* A path, or with '@' before it an abstract name. */
static int set_address(struct notify *n, const char *name)
{
	size_t len = strlen(name);

	if ((*name != '/' && *name != '@') || len < 2 || len >= sizeof(n->to.sun_path))
		return -EINVAL;
	n->to.sun_family = AF_UNIX;
	memcpy(n->to.sun_path, name, len);
	if (*name == '@')
		n->to.sun_path[0] = '\0';
	n->to_len = offsetof(struct sockaddr_un, sun_path) + len + (*name == '/');
	return 0;
}

/* WATCHDOG_PID says whom it is for, WATCHDOG_USEC how long it waits. */
static bool is_watched(void)
{
	const char *pid = getenv("WATCHDOG_PID"), *period = getenv("WATCHDOG_USEC");
	uint64_t number;

	if (!period || (pid && (text_u64(pid, &number) || number != (uint64_t)getpid())))
		return false;
	if (text_u64(period, &number) || number == 0)
		return false;
	if (number < WATCHDOG_MIN_US)
		log_warn("the watchdog's period is %s us: less than 2 s is not kept", period);
	return true;
}

int notify_new(struct notify **ret)
{
	const char *name = getenv("NOTIFY_SOCKET");
	struct notify *n = NULL;
	int err = 0;

	*ret = NULL;
	if (name) {
		n = calloc(1, sizeof(*n));
		if (!n)
			return -ENOMEM;
		n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		err = n->fd < 0 ? -errno : set_address(n, name);
		n->watchdog = is_watched();
	}
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_PID");
	unsetenv("WATCHDOG_USEC");
	if (err)
		notify_free(TAKE(n));
	*ret = n;
	return err;
}

void notify_free(struct notify *n)
{
	if (!n)
		return;
	cleanup_close(&n->fd);
	free(n);
}

static bool tell(struct notify *n, const char *message)
{
	ssize_t len = strlen(message);

	return sendto(n->fd, message, len, MSG_NOSIGNAL, (struct sockaddr *)&n->to, n->to_len) ==
	       len;
}

void notify_ready(struct notify *n)
{
	if (!n)
		return;
	n->untold = !tell(n, "READY=1\n");
}

void notify_reloading(struct notify *n)
{
	char message[MESSAGE_MAX];

	if (!n)
		return;
	snprintf(message, sizeof(message), "RELOADING=1\nMONOTONIC_USEC=%llu\n",
		 (unsigned long long)(clock_monotonic_ns() / NS_PER_US));
	tell(n, message);
}

void notify_stopping(struct notify *n)
{
	if (n)
		tell(n, "STOPPING=1\n");
}

void notify_tick(struct notify *n, const char *status)
{
	char message[MESSAGE_MAX];
	bool is_new;

	if (!n)
		return;
	is_new = strncmp(n->status, status, sizeof(n->status) - 1);
	if (!n->untold && !n->watchdog && !is_new)
		return;
	snprintf(message, sizeof(message), "%s%s%s%.*s%s", n->untold ? "READY=1\n" : "",
		 n->watchdog ? "WATCHDOG=1\n" : "", is_new ? "STATUS=" : "",
		 is_new ? STATUS_MAX - 1 : 0, status, is_new ? "\n" : "");
	if (!tell(n, message))
		return;
	n->untold = false;
	snprintf(n->status, sizeof(n->status), "%s", status);
}
