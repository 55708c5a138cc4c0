/* SPDX-License-Identifier: Apache-2.0 */
/* The table of ways: what can be seen, and by which programs of the object. */
#ifndef KEELWATCH_FEATURES_H
#define KEELWATCH_FEATURES_H

#include <linux/types.h>

#include "control.h"
#include "probe/probe.h"

enum attach {
	ATTACH_ALWAYS,
	ATTACH_ARMED, /* while a container runs */
	ATTACH_CALL,  /* called by the system call entry, see struct way_row.call */
};

/*
 * One program of one way to one feature. The rows of a feature stand together, and among them those
 * of a way, the preferred way first. A way is taken when all of its rows load that are not optional.
 */
struct way_row {
	const char *feature;
	const char *domain; /* the file of bpf/ it lives in */
	enum way way;
	const char *program; /* its hook is in its section's name */
	enum attach attach;
	enum syscall_prog call;
	bool optional; /* where the hook is missing, there is nothing that it could have seen */
	unsigned int arguments; /* that the tracepoint must have; 0: any number */
	const char *carries;	/* rule ids, "all" or "events only" */
	const char *blind;
};

extern const struct way_row way_rows[];
extern const size_t way_row_count;

/* The program that calls those of ATTACH_CALL: wanted when there is one of them. */
extern const char call_entry[];

#endif
