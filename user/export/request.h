/* SPDX-License-Identifier: Apache-2.0 */
/* The head of an HTTP request, from anybody: as little of it as an answer takes. */
#ifndef KEELWATCH_REQUEST_H
#define KEELWATCH_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#define REQUEST_MAX 4096 /* bytes of a head; a longer one is refused */
#define REQUEST_PATH_MAX 64

struct request {
	bool head; /* HEAD: an answer without a body */
	char path[REQUEST_PATH_MAX];
};

/*
 * 0: more is to come. Else an HTTP status: 200, and ret is set; 400: it is none; 405: another method;
 * 414, 431: too long.
 */
int request_parse(const char *bytes, size_t len, struct request *ret);

#endif
