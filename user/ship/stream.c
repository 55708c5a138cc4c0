/* SPDX-License-Identifier: Apache-2.0 */
#include "ship/stream.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <linux/sockios.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/text.h"
#include "base/util.h"
#include "ship/resolve.h"
#include "ship/tls.h"

#define PROBATION_NS (500 * NS_PER_MS) /* who refuses us without a word has closed by then */
#define LOOK_MIN_NS NS_PER_MS	       /* between two looks at what is not acknowledged yet */
#define LOOK_MAX_NS (20 * NS_PER_MS)
#define BUSY_NS (5 * NS_PER_MS) /* a device's queue is full: poll(2) does not wait for that */
#define CHATTER_MAX (64 << 10)	/* bytes a receiver may say at once; nothing is expected */

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

enum framing { FRAME_COUNTED, FRAME_LINE, FRAME_DATAGRAM };

struct stream {
	const struct config_sink *settings;
	struct resolver *resolver; /* NULL: a Unix socket */
	struct tls *tls;	   /* NULL: none */
	struct buf frame;

	/* of the connection */
	int fd; /* -1: none */
	SSL *ssl;
	enum framing framing;
	bool is_new; /* nothing has settled yet */
	uint64_t written;
	struct stat socket; /* a Unix socket as it was */
};

static const struct {
	const char *port;
	int type;
} transports[] = {
	[SYSLOG_TLS] = { TEXT(STREAM_PORT_TLS), SOCK_STREAM },
	[SYSLOG_TCP] = { TEXT(STREAM_PORT_TCP), SOCK_STREAM },
	[SYSLOG_UDP] = { TEXT(STREAM_PORT_UDP), SOCK_DGRAM },
};

/* --- set-up --- */

/* host, host:port, address:port, [address]:port. Caller frees both. */
static int split_address(const char *address, const char *by_default, char **host, char **port)
{
	const char *colon = strrchr(address, ':'), *end = address + strlen(address);
	uint64_t number;

	if (*address == '[') {
		end = strchr(address++, ']');
		if (!end || (end[1] && end[1] != ':'))
			return -EINVAL;
		colon = end[1] ? end + 1 : NULL;
	} else if (colon) {
		end = colon;
		if (memchr(address, ':', colon - address))
			return -EINVAL;
	}
	if (end == address)
		return -EINVAL;
	if (colon && (text_u64(colon + 1, &number) || !number || number > UINT16_MAX))
		return -EINVAL;
	*host = strndup(address, end - address);
	*port = strdup(colon ? colon + 1 : by_default);
	return *host && *port ? 0 : -ENOMEM;
}

static int set_up(struct stream *s, struct buf *why)
{
	const struct config_sink *settings = s->settings;
	_cleanup_free_ char *host = NULL, *port = NULL;
	int err;

	if (settings->transport == SYSLOG_UNIX) {
		if (strlen(settings->address) < sizeof(((struct sockaddr_un *)NULL)->sun_path))
			return 0;
		buf_fmt(why, "address: longer than a socket's path can be: %s", settings->address);
		return -EINVAL;
	}
	err = split_address(settings->address, transports[settings->transport].port, &host, &port);
	if (err == -EINVAL)
		buf_fmt(why, "address: neither host:port nor [address]:port: %s",
			settings->address);
	if (err)
		return err;
	s->resolver = resolver_new(host, port, transports[settings->transport].type);
	if (!s->resolver)
		return -ENOMEM;
	return settings->transport == SYSLOG_TLS ? tls_new(&settings->tls, host, why, &s->tls) : 0;
}

int stream_new(const struct config_sink *settings, struct buf *why, struct stream **ret)
{
	struct stream *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->fd = -1;
	s->settings = settings;
	err = set_up(s, why);
	if (err)
		stream_free(s);
	else
		*ret = s;
	return err;
}

void stream_close(struct stream *s)
{
	tls_close(TAKE(s->ssl));
	cleanup_close(&s->fd);
	s->fd = -1;
	s->written = 0;
}

void stream_free(struct stream *s)
{
	if (!s)
		return;
	stream_close(s);
	resolver_free(s->resolver);
	tls_free(s->tls);
	buf_free(&s->frame);
	free(s);
}

bool stream_is_open(const struct stream *s)
{
	return s->fd >= 0;
}

bool stream_has_settled(const struct stream *s)
{
	return !s->is_new;
}

uint64_t stream_written(const struct stream *s)
{
	return s->written;
}

static int unsettled(const struct stream *s)
{
	int bytes = 0;

	return ioctl(s->fd, SIOCOUTQ, &bytes) ? 0 : bytes;
}

/* What TLS and the kernel add is counted as ours: so it may be more than is said here, never less. */
uint64_t stream_acknowledged(const struct stream *s)
{
	uint64_t left = unsettled(s);

	return s->written > left ? s->written - left : 0;
}

/* --- connecting --- */

static int say(int err, char *why, size_t size, const char *what)
{
	snprintf(why, size, "%s: %s", what,
		 err == -ETIMEDOUT ? "no answer in time" :
		 err == -ECANCELED ? "stopped" :
				     strerror(-err));
	return err;
}

/* A receiver that is gone without a word is noticed while nothing is sent, too. */
static void set_options(int fd)
{
	static const struct {
		int level, name, value;
	} options[] = {
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },    { IPPROTO_TCP, TCP_KEEPIDLE, 60 },
		{ IPPROTO_TCP, TCP_KEEPINTVL, 15 }, { IPPROTO_TCP, TCP_KEEPCNT, 4 },
		{ IPPROTO_TCP, TCP_NODELAY, 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof(int));
}

/* A connected socket, or -errno. */
static int connect_socket(int family, int type, const void *address, socklen_t len,
			  const struct patience *p)
{
	_cleanup_close_ int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int err, code = 0;
	socklen_t size = sizeof(code);

	if (fd < 0)
		return -errno;
	if (family != AF_UNIX && type == SOCK_STREAM)
		set_options(fd);
	if (!connect(fd, address, len))
		return TAKE_FD(fd);
	if (errno != EINPROGRESS)
		return -errno;
	err = patience_wait(p, fd, POLLOUT);
	if (!err && getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &size))
		err = -errno;
	if (!err && code)
		err = -code;
	return err ? err : TAKE_FD(fd);
}

static int connect_to(struct stream *s, const struct addrinfo *a, const struct patience *p,
		      char *why, size_t why_size)
{
	int fd = connect_socket(a->ai_family, a->ai_socktype, a->ai_addr, a->ai_addrlen, p);

	if (fd < 0)
		return say(fd, why, why_size, s->settings->address);
	s->fd = fd;
	if (!s->tls)
		return 0;
	s->ssl = tls_connect(s->tls, fd, p, why, why_size);
	return s->ssl ? 0 : -ECONNABORTED;
}

static int connect_network(struct stream *s, const struct patience *p, char *why, size_t why_size)
{
	const struct addrinfo *all;
	size_t left = 0;
	int err = resolver_ask(s->resolver, p, &all, why, why_size);

	if (err)
		return err;
	s->framing = s->settings->transport == SYSLOG_UDP ? FRAME_DATAGRAM : FRAME_COUNTED;
	for (const struct addrinfo *a = all; a; a = a->ai_next)
		left++;
	err = -EHOSTUNREACH;
	for (const struct addrinfo *a = all; a; a = a->ai_next) {
		uint64_t now = clock_monotonic_ns();
		struct patience share = patience_at_most(
			p, p->deadline_ns > now ? (p->deadline_ns - now) / left-- : 0);

		err = connect_to(s, a, &share, why, why_size);
		if (!err)
			return 0;
		stream_close(s);
	}
	return err;
}

static int connect_unix(struct stream *s, const struct patience *p, char *why, size_t why_size)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	strcpy(address.sun_path, s->settings->address);
	if (stat(address.sun_path, &s->socket))
		return say(-errno, why, why_size, s->settings->address);
	s->framing = FRAME_DATAGRAM;
	fd = connect_socket(AF_UNIX, SOCK_DGRAM, &address, sizeof(address), p);
	if (fd == -EPROTOTYPE) {
		s->framing = FRAME_LINE;
		fd = connect_socket(AF_UNIX, SOCK_STREAM, &address, sizeof(address), p);
	}
	if (fd < 0)
		return say(fd, why, why_size, s->settings->address);
	s->fd = fd;
	return 0;
}

int stream_connect(struct stream *s, const struct patience *p, char *why, size_t why_size)
{
	stream_close(s);
	s->is_new = true;
	return s->resolver ? connect_network(s, p, why, why_size) :
			     connect_unix(s, p, why, why_size);
}

/* --- what the receiver does --- */

/* A datagram socket of the file system: gone, or another one by the same name. */
static int look_unix(struct stream *s, char *why, size_t why_size)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct stat now;

	strcpy(address.sun_path, s->settings->address);
	if (stat(address.sun_path, &now) || connect(s->fd, &address, sizeof(address)))
		return say(-errno, why, why_size, s->settings->address);
	if (now.st_ino == s->socket.st_ino && now.st_dev == s->socket.st_dev &&
	    now.st_ctim.tv_sec == s->socket.st_ctim.tv_sec &&
	    now.st_ctim.tv_nsec == s->socket.st_ctim.tv_nsec)
		return 0;
	snprintf(why, why_size, "%s: another receiver than before", s->settings->address);
	return -ECONNRESET;
}

static int look_tls(struct stream *s, char *why, size_t why_size)
{
	char chunk[1024];
	size_t said = 0;
	short events;
	int n;

	do {
		errno = 0;
		n = SSL_read(s->ssl, chunk, sizeof(chunk));
		said += n > 0 ? n : 0;
	} while (n > 0 && said < CHATTER_MAX);
	return n > 0 ? 0 : tls_judge(s->ssl, n, &events, why, why_size);
}

static int look_socket(struct stream *s, char *why, size_t why_size)
{
	char chunk[1024];
	size_t said = 0;
	ssize_t n;

	do {
		n = recv(s->fd, chunk, sizeof(chunk), MSG_DONTWAIT);
		said += n > 0 ? n : 0;
	} while ((n > 0 && said < CHATTER_MAX) || (n < 0 && errno == EINTR));
	if (n < 0 && errno != EAGAIN)
		return say(-errno, why, why_size, "the connection broke");
	if (n || s->framing == FRAME_DATAGRAM)
		return 0;
	snprintf(why, why_size, "the receiver closed the connection");
	return -ECONNRESET;
}

int stream_look(struct stream *s, char *why, size_t why_size)
{
	int err = s->ssl ? look_tls(s, why, why_size) : look_socket(s, why, why_size);

	if (!err && !s->resolver && s->framing == FRAME_DATAGRAM)
		err = look_unix(s, why, why_size);
	return err;
}

/* Waits to write, with an ear for the receiver. */
static int await(struct stream *s, short events, const struct patience *p, char *why,
		 size_t why_size)
{
	int err = patience_wait(p, s->fd, events | POLLIN);

	if (err)
		return say(err, why, why_size, "the receiver does not take what is sent");
	return stream_look(s, why, why_size);
}

/* --- sending --- */

static int send_datagram(struct stream *s, const struct buf *frame, const struct patience *p,
			 char *why, size_t why_size)
{
	int err;

	while (send(s->fd, frame->data, frame->len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
		switch (errno) {
		case EMSGSIZE:
			snprintf(why, why_size, "of %zu bytes, more than one datagram carries",
				 frame->len);
			return -EMSGSIZE;
		case EINTR:
			continue;
		case EAGAIN:
			err = await(s, POLLOUT, p, why, why_size);
			break;
		case ENOBUFS:
			err = patience_pause(p, -1, 0, BUSY_NS);
			break;
		default:
			return say(-errno, why, why_size, s->settings->address);
		}
		if (err)
			return err;
	}
	s->written += frame->len;
	return 0;
}

/* Bytes written, 0: wait for events; -errno with why. */
static ssize_t write_some(struct stream *s, const char *data, size_t len, short *events, char *why,
			  size_t why_size)
{
	ssize_t n;

	errno = 0;
	if (s->ssl) {
		n = SSL_write(s->ssl, data, len);
		return n > 0 ? n : tls_judge(s->ssl, n, events, why, why_size);
	}
	*events = POLLOUT;
	n = send(s->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n >= 0)
		return n;
	return errno == EAGAIN || errno == EINTR ?
		       0 :
		       say(-errno, why, why_size, "the connection broke");
}

static int send_bytes(struct stream *s, const struct buf *frame, const struct patience *p,
		      char *why, size_t why_size)
{
	size_t at = 0;

	while (at < frame->len) {
		short events = 0;
		ssize_t n =
			write_some(s, frame->data + at, frame->len - at, &events, why, why_size);
		int err = n < 0 ? n : 0;

		if (!n)
			err = await(s, events, p, why, why_size);
		if (err)
			return err;
		at += n;
		s->written += n;
	}
	return 0;
}

int stream_send(struct stream *s, const char *message, size_t len, const struct patience *p,
		char *why, size_t why_size)
{
	buf_reset(&s->frame);
	if (s->framing == FRAME_COUNTED)
		buf_fmt(&s->frame, "%zu ", len);
	buf_add(&s->frame, message, len);
	if (s->framing == FRAME_LINE)
		buf_char(&s->frame, '\n');
	if (s->frame.failed)
		return say(-ENOMEM, why, why_size, "nothing sent");
	return s->framing == FRAME_DATAGRAM ? send_datagram(s, &s->frame, p, why, why_size) :
					      send_bytes(s, &s->frame, p, why, why_size);
}

/* --- and whether it arrived --- */

static int await_acknowledgement(struct stream *s, const struct patience *p, char *why,
				 size_t why_size)
{
	uint64_t pause = LOOK_MIN_NS;
	int err;

	while (unsettled(s) > 0) {
		err = patience_pause(p, s->fd, POLLIN, pause);
		if (err)
			return say(err, why, why_size, "the receiver does not take what is sent");
		err = stream_look(s, why, why_size);
		if (err)
			return err;
		pause = pause * 2 < LOOK_MAX_NS ? pause * 2 : LOOK_MAX_NS;
	}
	return 0;
}

int stream_settle(struct stream *s, const struct patience *p, char *why, size_t why_size)
{
	struct patience moment;
	int err = await_acknowledgement(s, p, why, why_size);

	if (err)
		return err;
	if (s->is_new) {
		moment = patience_at_most(p, PROBATION_NS);
		err = patience_wait(&moment, s->fd, POLLIN);
		if (err == -ECANCELED)
			return say(err, why, why_size, "not settled");
	}
	err = stream_look(s, why, why_size);
	if (!err)
		s->is_new = false;
	return err;
}
