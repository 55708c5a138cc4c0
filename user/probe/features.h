/* SPDX-License-Identifier: Apache-2.0 */
/* The table of ways: what can be seen, and by which program of which object. */
#ifndef KEELWATCH_FEATURES_H
#define KEELWATCH_FEATURES_H

#include <linux/types.h>

#include "control.h"
#include "probe/probe.h"

enum attach {
	ATTACH_ALWAYS,
	ATTACH_ARMED,	/* while a container runs */
	ATTACH_CALL,	/* called by the system call entry, see struct way_row.call */
};

/* A way to one feature. Rows of one feature stand together, the preferred way first. */
struct way_row {
	const char *feature;
	const char *domain;	/* the file of bpf/ it lives in */
	enum way way;
	const char *program;
	const char *hook;	/* the tracepoint */
	enum attach attach;
	enum syscall_prog call;
	const char *carries;
	const char *blind;
};

extern const struct way_row way_rows[];
extern const size_t way_row_count;

#endif
