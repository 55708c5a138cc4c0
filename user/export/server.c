/* SPDX-License-Identifier: Apache-2.0 */
#include "export/server.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/util.h"
#include "export/families.h"
#include "export/request.h"

#define PEERS_MAX 16		 /* at a time; further ones wait in the kernel's queue */
#define READ_NS (5 * NS_PER_S)	 /* for a whole request */
#define WRITE_NS (10 * NS_PER_S) /* for the whole answer to be taken */
#define LEAVE_NS NS_PER_S	 /* for the other side to close, once it has its answer */
#define ANSWER_MAX (2 * SNAPSHOT_TEXT_MAX)

#define TYPE_METRICS "text/plain; version=0.0.4; charset=utf-8"
#define TYPE_TEXT "text/plain; charset=utf-8"

enum peer_state {
	PEER_READING,
	PEER_WRITING,
	PEER_LEAVING, /* what it still sends is read away: closing over it would reset the answer */
};

struct peer {
	int fd;
	enum peer_state state;
	uint64_t due_ns; /* of this state; then it is closed */
	char in[REQUEST_MAX];
	size_t in_len;
	struct buf out;
	size_t out_at;
};

static const struct {
	int code;
	const char *reason;
} statuses[] = {
	{ 200, "OK" },
	{ 400, "Bad Request" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 408, "Request Timeout" },
	{ 414, "URI Too Long" },
	{ 431, "Request Header Fields Too Large" },
	{ 503, "Service Unavailable" },
};

struct server {
	const struct snapshot_board *board;
	struct peer peers[PEERS_MAX];
	size_t peer_count;
	uint64_t answers[ARRAY_SIZE(statuses)];
	struct snapshot now;
};

/* --- what is answered --- */

static double snapshot_age(const struct server *s)
{
	uint64_t now = clock_boot_ns();

	return now > s->now.boot_ns ? (double)(now - s->now.boot_ns) / NS_PER_S : 0;
}

/* Looks at the snapshot. True when the monitor's loop turns; else says why not. */
static bool is_alive(struct server *s, struct buf *why)
{
	if (snapshot_read(s->board, &s->now) || !s->now.boot_ns) {
		buf_str(why, "the monitor has said nothing yet\n");
		return false;
	}
	if (snapshot_age(s) <= SERVER_STALE_S)
		return true;
	buf_fmt(why, "the monitor's loop has not turned for %.1f s\n", snapshot_age(s));
	return false;
}

static int answer_health(struct server *s, struct buf *body)
{
	if (!is_alive(s, body))
		return 503;
	buf_str(body, "ok\n");
	return 200;
}

static int answer_ready(struct server *s, struct buf *body)
{
	if (!is_alive(s, body))
		return 503;
	if (!s->now.why_len) {
		buf_str(body, "ready\n");
		return 200;
	}
	buf_add(body, s->now.why, s->now.why_len);
	return 503;
}

/* What only we know. */
static void add_own(const struct server *s, struct buf *body)
{
	char code[16];

	if (s->now.boot_ns) {
		family_begin(body, FAMILY_AGE);
		family_value(body, FAMILY_AGE, snapshot_age(s), NULL);
	}
	family_begin(body, FAMILY_REQUESTS);
	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
		snprintf(code, sizeof(code), "%d", statuses[i].code);
		family_count(body, FAMILY_REQUESTS, s->answers[i], "code", code, NULL);
	}
}

static int answer_metrics(struct server *s, struct buf *body)
{
	if (snapshot_read(s->board, &s->now)) {
		buf_str(body, "the monitor is writing\n");
		return 503;
	}
	buf_add(body, s->now.text, s->now.len);
	add_own(s, body);
	return 200;
}

static int answer_root(struct server *s, struct buf *body)
{
	(void)s;
	buf_str(body, "keelwatch: /metrics, /healthz, /readyz\n");
	return 200;
}

static const struct {
	const char *path, *type;
	int (*answer)(struct server *s, struct buf *body);
} pages[] = {
	{ "/metrics", TYPE_METRICS, answer_metrics },
	{ "/healthz", TYPE_TEXT, answer_health },
	{ "/readyz", TYPE_TEXT, answer_ready },
	{ "/", TYPE_TEXT, answer_root },
};

static const char *reason_of(struct server *s, int code)
{
	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
		if (statuses[i].code != code)
			continue;
		s->answers[i]++;
		return statuses[i].reason;
	}
	return "";
}

static void answer(struct server *s, struct peer *p, int code, const struct request *request)
{
	_cleanup_(buf_free) struct buf body = { .max = ANSWER_MAX };
	const char *type = TYPE_TEXT, *reason;

	if (code == 200) {
		code = 404;
		for (size_t i = 0; i < ARRAY_SIZE(pages); i++) {
			if (strcmp(pages[i].path, request->path))
				continue;
			code = pages[i].answer(s, &body);
			type = code == 200 ? pages[i].type : TYPE_TEXT;
		}
	}
	if (body.failed) {
		buf_reset(&body);
		code = 503;
	}
	reason = reason_of(s, code);
	if (!body.len)
		buf_fmt(&body, "%s\n", reason);
	p->out.max = ANSWER_MAX;
	buf_fmt(&p->out,
		"HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s"
		"Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
		"Connection: close\r\n\r\n",
		code, reason, type, body.len, code == 405 ? "Allow: GET, HEAD\r\n" : "");
	if (!request->head)
		buf_add(&p->out, body.data, body.len);
	p->state = PEER_WRITING;
	p->due_ns = clock_boot_ns() + WRITE_NS;
}

/* --- connections --- */

static void peer_close(struct server *s, size_t i)
{
	struct peer *p = &s->peers[i];

	close(p->fd);
	buf_free(&p->out);
	*p = s->peers[--s->peer_count];
	s->peers[s->peer_count] = (struct peer){ .fd = -1 };
}

static void peer_accept(struct server *s, int listener)
{
	struct peer *p = &s->peers[s->peer_count];
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	*p = (struct peer){ .fd = fd, .due_ns = clock_boot_ns() + READ_NS };
	s->peer_count++;
}

/* False: it is to be closed. */
static bool peer_read(struct server *s, struct peer *p)
{
	struct request request = {};
	ssize_t n = recv(p->fd, p->in + p->in_len, sizeof(p->in) - p->in_len, 0);
	int code;

	if (n <= 0)
		return n < 0 && (errno == EAGAIN || errno == EINTR);
	p->in_len += n;
	code = request_parse(p->in, p->in_len, &request);
	if (code)
		answer(s, p, code, &request);
	return true;
}

static bool peer_write(struct peer *p)
{
	ssize_t n = send(p->fd, p->out.data + p->out_at, p->out.len - p->out_at, MSG_NOSIGNAL);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	p->out_at += n;
	if (p->out_at < p->out.len)
		return true;
	if (shutdown(p->fd, SHUT_WR))
		return false;
	p->state = PEER_LEAVING;
	p->due_ns = clock_boot_ns() + LEAVE_NS;
	return true;
}

static bool peer_leave(struct peer *p)
{
	ssize_t n = recv(p->fd, p->in, sizeof(p->in), 0);

	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static bool peer_step(struct server *s, struct peer *p)
{
	switch (p->state) {
	case PEER_READING:
		return peer_read(s, p);
	case PEER_WRITING:
		return peer_write(p);
	case PEER_LEAVING:
		return peer_leave(p);
	}
	return false;
}

/* One that took too long with its request is told so; of the others nobody is there to be told. */
static bool peer_late(struct server *s, struct peer *p)
{
	struct request none = {};

	if (p->state != PEER_READING)
		return false;
	answer(s, p, 408, &none);
	return true;
}

static int timeout_ms(const struct server *s)
{
	uint64_t now = clock_boot_ns(), at = UINT64_MAX;

	for (size_t i = 0; i < s->peer_count; i++)
		if (s->peers[i].due_ns < at)
			at = s->peers[i].due_ns;
	if (at == UINT64_MAX)
		return -1;
	return at <= now ? 0 : (at - now) / NS_PER_MS + 1;
}

/* From the last to the first, as one that is closed makes room for the last. */
static void serve(struct server *s, const struct pollfd *fds)
{
	uint64_t now = clock_boot_ns();

	for (size_t i = s->peer_count; i-- > 0;) {
		struct peer *p = &s->peers[i];
		bool stays = true;

		if (fds[i].revents)
			stays = peer_step(s, p);
		if (stays && p->due_ns <= now)
			stays = peer_late(s, p);
		if (!stays)
			peer_close(s, i);
	}
}

void server_run(struct server *s, int listener, int control)
{
	for (;;) {
		enum { CONTROL, LISTENER, PEERS };
		struct pollfd fds[PEERS + PEERS_MAX] = {
			[CONTROL] = { .fd = control, .events = POLLIN },
			[LISTENER] = { .fd = s->peer_count < PEERS_MAX ? listener : -1,
				       .events = POLLIN },
		};

		for (size_t i = 0; i < s->peer_count; i++)
			fds[PEERS + i] = (struct pollfd){
				.fd = s->peers[i].fd,
				.events = s->peers[i].state == PEER_WRITING ? POLLOUT : POLLIN,
			};
		if (poll(fds, PEERS + s->peer_count, timeout_ms(s)) < 0)
			continue;
		if (fds[CONTROL].revents)
			return;
		serve(s, &fds[PEERS]);
		if (fds[LISTENER].revents && s->peer_count < PEERS_MAX)
			peer_accept(s, listener);
	}
}

int server_new(const struct snapshot_board *board, struct server **ret)
{
	struct server *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->board = board;
	*ret = s;
	return 0;
}

void server_free(struct server *s)
{
	while (s && s->peer_count)
		peer_close(s, s->peer_count - 1);
	free(s);
}
