/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What outlives the monitor: maps and links that a file system of the kernel's (bpffs) keeps, so that the
 * programs go on while nobody reads the ring, and the next monitor reads on where this one stopped.
 *
 *   DIR/LAYOUT/maps/NAME      the maps that sides share; LAYOUT is of the form of records and maps
 *   DIR/LAYOUT/sideN/NAME     the links of one side's programs, and the table its system calls go by
 *
 * The folder is root's alone, and one monitor's at a time.
 */
#ifndef KEELWATCH_PINS_H
#define KEELWATCH_PINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pins;

/*
 * Makes the folder where it is not there. -ENOTSUP: no bpffs there; -EBUSY: another monitor's;
 * -EPERM: it is not ours alone; -errno.
 */
int pins_open(const char *dir, struct pins **ret);
void pins_free(struct pins *p); /* what is pinned stays */

/* A whole set of maps of our layout: the last one that is pinned is this. */
#define PINS_LAST_MAP "shared_control"

bool pins_have_maps(const struct pins *p);
bool pins_have_map(const struct pins *p, const char *name);
int pins_get_map(const struct pins *p, const char *name);   /* a descriptor or -errno */
int pins_put_map(struct pins *p, const char *name, int fd); /* 0 or -errno */
bool pins_have(const struct pins *p, unsigned int side, const char *name);
int pins_put(struct pins *p, unsigned int side, const char *name, int fd);
void pins_drop(struct pins *p, unsigned int side, const char *name);
void pins_drop_side(struct pins *p, unsigned int side);
void pins_drop_layout(struct pins *p); /* all of our layout */
void pins_leave(struct pins *p);       /* that, and the folder if nothing else is in it */

/*
 * Other layouts: takes their links away, so that their programs end, and gives the ring of each to fn,
 * then the rest.
 */
void pins_drop_others(struct pins *p, void (*fn)(void *arg, int ring), void *arg);

/* All there is, the folder too. 0, -ENOENT: there is nothing; -EBUSY: a monitor runs; as pins_open(). */
int pins_remove(const char *dir);

#endif
