/* SPDX-License-Identifier: Apache-2.0 */
#include "export/exporter.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/endpoint.h"
#include "base/log.h"
#include "base/rights.h"
#include "base/util.h"
#include "export/confine.h"
#include "export/listen.h"
#include "export/server.h"

#define END_MS 1000 /* to end by itself, before it is killed */
#define HIGH_FD 64  /* above the numbers that the child gets */

enum { CHILD_BOARD = CHILD_FIRST_FD, CHILD_CONTROL };

/* Of the process. */
enum { EXPORTER_DONE, EXPORTER_BROKEN, EXPORTER_CANNOT_LISTEN = 16 };

struct exporter {
	const char *listen;
	struct snapshot_board *board;
	int board_fd;
	int control; /* closing it ends the process; a byte comes back once it listens */
	pid_t pid;
	bool listens;	   /* this one does */
	bool has_listened; /* one did: what is left of it is ours to take away */
	bool told;	   /* that it cannot listen */
	uint64_t restarts;
	struct child_pace pace;
};

/* --- its own side --- */

static int enter(const struct endpoint *at, int *listener, bool quiet, const char *listen)
{
	_cleanup_(buf_free) struct buf what = {};
	uid_t uid;
	gid_t gid;
	/* A group of our own may ask; that of nobody is everybody's. */
	bool own = !rights_user("keelwatch", &uid, &gid);
	int err;

	if (!own)
		rights_user(NULL, &uid, &gid);
	*listener = listen_at(at, own ? gid : 0);
	if (*listener < 0) {
		if (!quiet)
			log_warn("no metrics at %s: %s", listen,
				 *listener == -EADDRINUSE ? "another process listens there" :
							    strerror(-*listener));
		return EXPORTER_CANNOT_LISTEN;
	}
	err = confine(uid, gid, &what);
	if (!err)
		return EXPORTER_DONE;
	log_error("%s: %s: metrics are not served", buf_cstr(&what), strerror(-err));
	return EXPORTER_BROKEN;
}

int exporter_main(int board_fd, int control, const char *listen, bool quiet)
{
	const struct snapshot_board *board;
	struct server *server;
	struct endpoint at;
	int listener, code;

	if (endpoint_parse(listen, &at) || snapshot_open(board_fd, &board) ||
	    server_new(board, &server))
		return EXPORTER_BROKEN;
	close(board_fd);
	code = enter(&at, &listener, quiet, listen);
	if (code == EXPORTER_DONE) {
		(void)!send(control, "l", 1, MSG_NOSIGNAL);
		server_run(server, listener, control);
	}
	server_free(server);
	snapshot_unmap(board);
	return code;
}

/* --- the monitor's --- */

/* Others' descriptors may be on their way to a shipper at this moment: it gets these two and no more. */
static int run(struct exporter *e, const int high[2])
{
	char board[32], control[32];
	char *argv[] = { (char *)"keelwatch-exporter",
			 (char *)"exporter-inside",
			 board,
			 control,
			 (char *)e->listen,
			 (char *)(log_format() == LOG_JSON ? "json" : "text"),
			 e->told ? (char *)"quiet" : NULL,
			 NULL };
	char *environment[] = { NULL };

	snprintf(board, sizeof(board), "%d", CHILD_BOARD);
	snprintf(control, sizeof(control), "%d", CHILD_CONTROL);
	return child_spawn("/proc/self/exe", argv, environment, high, 2, &e->pid);
}

static int start(struct exporter *e)
{
	_cleanup_close_ int ours = -1, theirs = -1, board = -1;
	int pair[2], err;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return -errno;
	ours = pair[0];
	theirs = fcntl(pair[1], F_DUPFD_CLOEXEC, HIGH_FD);
	err = theirs < 0 ? -errno : 0;
	close(pair[1]);
	board = fcntl(e->board_fd, F_DUPFD_CLOEXEC, HIGH_FD);
	if (!err && board < 0)
		err = -errno;
	e->pace.started_ns = clock_boot_ns();
	e->listens = false;
	if (!err)
		err = run(e, (const int[]){ board, theirs });
	if (err) {
		e->pid = 0;
		return err;
	}
	e->control = TAKE_FD(ours);
	log_debug("exporter: pid %d", e->pid);
	return 0;
}

static void restart(struct exporter *e)
{
	int err = start(e);

	if (!err)
		return;
	log_error("the exporter cannot be started: %s", strerror(-err));
	child_died(&e->pace);
}

static void note_listening(struct exporter *e)
{
	char byte;

	if (e->listens || recv(e->control, &byte, 1, MSG_DONTWAIT) != 1)
		return;
	if (e->told)
		log_info("metrics are served at %s now", e->listen);
	e->listens = e->has_listened = true;
	e->told = false;
}

static void ended(struct exporter *e, int status)
{
	char room[CHILD_HOW];

	cleanup_close(&e->control);
	e->control = -1;
	e->pid = 0;
	child_died(&e->pace);
	/* One that has never listened is no restart: it says itself why, once. */
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXPORTER_CANNOT_LISTEN) {
		e->told = true;
		return;
	}
	e->restarts++;
	log_warn("the exporter %s; starting it again", child_how(status, room));
}

void exporter_tick(struct exporter *e)
{
	int status;

	if (!e->pid) {
		if (e->pace.restart_ns <= clock_boot_ns())
			restart(e);
		return;
	}
	note_listening(e);
	if (waitpid(e->pid, &status, WNOHANG) == e->pid)
		ended(e, status);
}

int exporter_new(const char *listen, struct exporter **ret)
{
	struct exporter *e = calloc(1, sizeof(*e));
	int err;

	if (!e)
		return -ENOMEM;
	e->listen = listen;
	e->board_fd = e->control = -1;
	err = snapshot_new(&e->board, &e->board_fd);
	if (err) {
		exporter_free(e);
		return err;
	}
	restart(e);
	*ret = e;
	return 0;
}

static void end(struct exporter *e)
{
	struct pollfd control = { .fd = e->control };
	int status;

	if (!e->pid)
		return;
	note_listening(e);
	shutdown(e->control, SHUT_WR);
	/* Its end of the pair goes with it. */
	if (poll(&control, 1, END_MS) != 1)
		kill(e->pid, SIGKILL);
	waitpid(e->pid, &status, 0);
	cleanup_close(&e->control);
}

void exporter_free(struct exporter *e)
{
	struct endpoint at;

	if (!e)
		return;
	end(e);
	if (e->has_listened && !endpoint_parse(e->listen, &at) && endpoint_is_unix(&at))
		unlink(at.address.un.sun_path);
	snapshot_unmap(e->board);
	cleanup_close(&e->board_fd);
	free(e);
}

int exporter_publish(struct exporter *e, const struct buf *text, const struct buf *why)
{
	return snapshot_write(e->board, clock_boot_ns(), buf_cstr(text), text->len, buf_cstr(why),
			      why->len);
}

pid_t exporter_pid(const struct exporter *e)
{
	return e->pid;
}

uint64_t exporter_restarts(const struct exporter *e)
{
	return e->restarts;
}
