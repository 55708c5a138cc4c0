/* SPDX-License-Identifier: Apache-2.0 */
/* The table of ways: what can be seen, and by which program of which object. */
#ifndef KEELWATCH_FEATURES_H
#define KEELWATCH_FEATURES_H

#include <linux/types.h>

#include "control.h"
#include "probe/probe.h"

enum domain {
	DOMAIN_PROCESS,
	DOMAIN_CGROUP,
	DOMAIN_SYSCALL,
	DOMAIN_FILE,
	DOMAIN_MOUNT,
	DOMAIN_CRED,
	DOMAIN_MAX,
};

enum attach {
	ATTACH_ALWAYS,
	ATTACH_ARMED,	/* while a container runs */
	ATTACH_CALL,	/* called by the system call entry, see struct way_row.call */
};

/* A way to one feature. Rows of one feature stand together, the preferred way first. */
struct way_row {
	const char *feature;
	enum domain domain;
	enum way way;
	const char *program;
	const char *hook;
	enum attach attach;
	enum syscall_prog call;
	const char *carries;
	const char *blind;
};

extern const struct way_row way_rows[];
extern const size_t way_row_count;

struct domain_object {
	const char *name;
	const void *(*bytes)(size_t *size);	/* the embedded BPF object */
};

extern const struct domain_object domain_objects[DOMAIN_MAX];

#endif
