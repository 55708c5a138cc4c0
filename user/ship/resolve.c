/* SPDX-License-Identifier: Apache-2.0 */
/*
 * getaddrinfo(3) waits as long as the resolver's settings say and cannot be stopped, so it is called in
 * a thread of its own. What that thread needs belongs to the last of the two who lets go of it.
 */
#include "ship/resolve.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>

#include "base/util.h"

struct question {
	atomic_int holders; /* the asker and the thread */
	int done;	    /* an eventfd, readable when there is an answer */
	char *host, *port;
	int socket_type;
	int code;  /* of getaddrinfo(3) */
	int error; /* errno, of EAI_SYSTEM */
	struct addrinfo *answer;
};

struct resolver {
	char *host, *port;
	int socket_type;
	struct question *question; /* under way, or answered last; NULL */
	bool answered;
};

static void question_drop(struct question *q)
{
	if (!q || atomic_fetch_sub(&q->holders, 1) > 1)
		return;
	if (q->answer)
		freeaddrinfo(q->answer);
	cleanup_close(&q->done);
	free(q->host);
	free(q->port);
	free(q);
}

static void *question_run(void *arg)
{
	struct question *q = arg;
	struct addrinfo hints = { .ai_socktype = q->socket_type };
	uint64_t one = 1;

	q->code = getaddrinfo(q->host, q->port, &hints, &q->answer);
	q->error = errno;
	while (write(q->done, &one, sizeof(one)) < 0 && errno == EINTR)
		;
	question_drop(q);
	return NULL;
}

static int question_new(const struct resolver *r, struct question **ret)
{
	struct question *q = calloc(1, sizeof(*q));
	pthread_attr_t attr;
	pthread_t thread;
	int err;

	if (!q)
		return -ENOMEM;
	q->holders = 1;
	q->socket_type = r->socket_type;
	q->done = eventfd(0, EFD_CLOEXEC);
	q->host = strdup(r->host);
	q->port = strdup(r->port);
	err = q->done < 0 ? -errno : q->host && q->port ? 0 : -ENOMEM;
	if (!err) {
		q->holders = 2;
		pthread_attr_init(&attr);
		pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
		err = -pthread_create(&thread, &attr, question_run, q);
		pthread_attr_destroy(&attr);
		if (err)
			q->holders = 1;
	}
	if (err)
		question_drop(q);
	else
		*ret = q;
	return err;
}

struct resolver *resolver_new(const char *host, const char *port, int socket_type)
{
	struct resolver *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->socket_type = socket_type;
	r->host = strdup(host);
	r->port = strdup(port);
	if (r->host && r->port)
		return r;
	resolver_free(r);
	return NULL;
}

void resolver_free(struct resolver *r)
{
	if (!r)
		return;
	question_drop(r->question);
	free(r->host);
	free(r->port);
	free(r);
}

int resolver_ask(struct resolver *r, const struct patience *p, const struct addrinfo **ret,
		 char *why, size_t why_size)
{
	const struct question *q;
	int err = 0;

	if (r->answered) {
		question_drop(TAKE(r->question));
		r->answered = false;
	}
	if (!r->question)
		err = question_new(r, &r->question);
	if (!err)
		err = patience_wait(p, r->question->done, POLLIN);
	if (err) {
		snprintf(why, why_size, "%s: no address: %s", r->host,
			 err == -ETIMEDOUT ? "no answer in time" : strerror(-err));
		return err;
	}
	r->answered = true;
	q = r->question;
	*ret = q->answer;
	if (!q->code)
		return 0;
	snprintf(why, why_size, "%s: no address: %s", r->host,
		 q->code == EAI_SYSTEM ? strerror(q->error) : gai_strerror(q->code));
	return -EHOSTUNREACH;
}
