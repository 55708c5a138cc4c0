/* SPDX-License-Identifier: Apache-2.0 */
/* What /proc says of the processes that run. All of it may be gone, or another's, by the next look. */
#ifndef KEELWATCH_PROCFS_H
#define KEELWATCH_PROCFS_H

#include "model/model_priv.h"

/* Of one process; what was not asked is 0. */
struct seen {
	uint32_t pid, ppid;
	uint64_t start_ns;
	struct ev_cred cred;
	struct ev_nsset ns;
	uint8_t seccomp;
	bool no_new_privs;
	uint32_t root_dev;
	uint64_t root_ino;
};

/* Each with its number alone, in their order; caller frees. */
struct seen *seen_list(struct model *m, size_t *count);
int seen_stat(struct model *m, struct seen *s);	       /* parent and start. 0 or -errno */
int seen_status(struct model *m, struct seen *s);      /* credentials, seccomp. 0 or -errno */
void seen_namespaces(struct model *m, struct seen *s); /* but mnt and user */
void seen_root(struct model *m, struct seen *s);
bool seen_in_hosts_root(const struct model *m, const struct seen *s);
struct image *seen_image(struct model *m, const struct seen *s); /* NULL without memory */

int proc_read(struct model *m, uint32_t pid, const char *what, struct buf *out);
/* The cgroup that it is in; NULL: not to be had. */
struct cgroup_node *proc_node(struct model *m, uint32_t pid);

#endif
