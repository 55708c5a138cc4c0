/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel half's table of what is the monitor's own. */
#ifndef KEELWATCH_GUARDED_H
#define KEELWATCH_GUARDED_H

#include <stdbool.h>
#include <stdint.h>

#include <bpf/libbpf.h>
#include <linux/types.h>

#include "control.h"

/* map: descriptor of shared_guarded. What does not fit is not guarded, and logged. */
void guarded_set(int map, enum guarded_kind kind, uint64_t id, struct guarded value);
void guarded_clear(int map, enum guarded_kind kind, uint64_t id);
void guarded_objects(int map, const struct bpf_object *object); /* all maps and programs of it */
/* Of a monitor that has ended or ends: all, or its processes and cgroup, whose numbers others get. */
void guarded_clear_all(int map);
void guarded_clear_processes(int map);
void guarded_link(int map, const struct bpf_link *link, bool on);

#endif
