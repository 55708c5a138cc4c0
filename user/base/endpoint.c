/* SPDX-License-Identifier: Apache-2.0 */
#include "base/endpoint.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/time.h>

#include "base/text.h"
#include "base/util.h"

#define UNIX_PREFIX "unix:"
#define PORT_MAX 65535

static int parse_unix(const char *path, struct endpoint *e)
{
	size_t len = strlen(path);

	if (path[0] != '/' || len >= sizeof(e->address.un.sun_path))
		return -EINVAL;
	e->address.un.sun_family = AF_UNIX;
	memcpy(e->address.un.sun_path, path, len + 1);
	e->len = offsetof(struct sockaddr_un, sun_path) + len + 1;
	e->loopback = true;
	return 0;
}

static int parse_ip4(const char *host, uint16_t port, struct endpoint *e)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&e->address.room;

	if (inet_pton(AF_INET, strcmp(host, "localhost") ? host : "127.0.0.1", &in->sin_addr) != 1)
		return -EINVAL;
	in->sin_family = AF_INET;
	in->sin_port = htons(port);
	e->len = sizeof(*in);
	e->loopback = ntohl(in->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	return 0;
}

static int parse_ip6(const char *host, uint16_t port, struct endpoint *e)
{
	struct sockaddr_in6 *in = (struct sockaddr_in6 *)&e->address.room;

	if (inet_pton(AF_INET6, host, &in->sin6_addr) != 1)
		return -EINVAL;
	in->sin6_family = AF_INET6;
	in->sin6_port = htons(port);
	e->len = sizeof(*in);
	e->loopback = IN6_IS_ADDR_LOOPBACK(&in->sin6_addr);
	return 0;
}

int endpoint_parse(const char *text, struct endpoint *ret)
{
	char host[INET6_ADDRSTRLEN + 2];
	const char *colon = strrchr(text, ':');
	uint64_t port;
	size_t len;

	*ret = (struct endpoint){};
	if (text_starts(text, UNIX_PREFIX))
		return parse_unix(text + strlen(UNIX_PREFIX), ret);
	if (!colon || text_u64(colon + 1, &port) || !port || port > PORT_MAX)
		return -EINVAL;
	len = colon - text;
	if (len < 2 || len >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, len);
	host[len] = '\0';
	if (host[0] != '[')
		return parse_ip4(host, port, ret);
	if (host[len - 1] != ']')
		return -EINVAL;
	host[len - 1] = '\0';
	return parse_ip6(host + 1, port, ret);
}

bool endpoint_is_unix(const struct endpoint *e)
{
	return e->address.any.sa_family == AF_UNIX;
}

int endpoint_connect(const struct endpoint *e, int seconds)
{
	struct timeval patience = { .tv_sec = seconds };
	_cleanup_close_ int fd = socket(e->address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) ||
	    connect(fd, &e->address.any, e->len))
		return -errno;
	return TAKE_FD(fd);
}
