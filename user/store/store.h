/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was found, on disk: an SQLite database (WAL) of packed records with the columns people search,
 * chained by SHA-256, written by a thread of its own, bounded by size and age.
 *
 * The monitor is its only writer. A record is accepted, and has its sequence number, when it is in the
 * queue; it is safe when the writer has committed it. What could not be accepted is counted, and told
 * as a gap record as soon as one can be written.
 */
#ifndef KEELWATCH_STORE_H
#define KEELWATCH_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.pb-c.h"

struct buf;
struct stamp;
struct store;

struct store_options {
	const char *dir;     /* exists, or is made (0750); the database is DIR/store.db */
	struct stamp *stamp; /* for gap records of its own; borrowed for its life */
	uint64_t max_bytes;  /* of the database with its log; 0: no bound */
	uint64_t max_age_ns; /* of a record; 0: no bound */
	size_t queue_bytes;  /* packed records that may wait in memory */
};

/*
 * Opens or makes it, and starts the writer. -EBUSY: another process writes it (holder: its pid, where
 * known); -errno of what could not be made. A damaged database is set aside and is no error, nor is a
 * disk that takes nothing now: records wait until it does.
 */
int store_open(const struct store_options *options, int *holder, struct store **ret);
void store_close(struct store *s); /* writes what waits, as far as the disk takes it */

/*
 * Accepts a record, never waits. Sets its metadata's sequence (metadata must be set: stamp_record()).
 * 0, or -ENOSPC: the queue is full, counted, metadata's sequence is 0. One thread only.
 */
int store_put(struct store *s, Keelwatch__Record *record);

/*
 * Names of the sinks (at most 64) whose acknowledgement keeps a record from being dropped. Before the
 * first call nothing is: nobody could say whether it had arrived.
 */
void store_sinks(struct store *s, const char *const *names, size_t count);
/* The sink has everything up to and with this sequence number. Any thread. */
void store_acknowledge(struct store *s, const char *sink, uint64_t sequence);
void store_limits(struct store *s, uint64_t max_bytes, uint64_t max_age_ns); /* from now on */

/* A reader found it damaged: the writer looks, and sets it aside where it is. Any thread. */
void store_suspect(struct store *s);

int store_committed_fd(const struct store *s); /* an eventfd: readable after a commit of records */

struct store_stats {
	uint64_t accepted, committed, refused; /* records since the start */
	uint64_t dropped;		       /* of the store, unacknowledged, for its bounds */
	uint64_t bytes;			       /* used in the database */
	size_t waiting;			       /* records in the queue */
	uint64_t newest;		       /* sequence number in the store, 0: empty */
	int error;			       /* the writer cannot write (-errno), or 0 */
};

void store_stats(struct store *s, struct store_stats *ret);

/* --- reading, by any process that may read the files --- */

struct store_reader;

/*
 * -ENOENT: there is none; -EBADMSG: damaged; -EMEDIUMTYPE: not ours; -EPROTONOSUPPORT: of a newer
 * version. It follows when the store is set aside and another begun.
 */
int store_reader_open(const char *dir, struct store_reader **ret);
/* The same of a file, such as one that was set aside. */
int store_reader_open_file(const char *path, struct store_reader **ret);
/* The same of a folder that may have no store yet: it is looked for at each use. -ENOMEM. */
int store_reader_new(const char *dir, struct store_reader **ret);
void store_reader_free(struct store_reader *r);

/* All that is set must hold. Text compares whole, but process is the name or the path's end. */
struct store_query {
	uint64_t after;	    /* sequence numbers above it */
	unsigned int kinds; /* 1 << enum record_kind; 0: all */
	int min_severity;
	uint64_t since_ns, until_ns; /* 0: no bound */
	const char *container;	     /* name, id, or the first 4 digits or more of an id */
	const char *pod, *kubernetes_namespace;
	const char *rule;
	const char *without; /* a rule, an operation or a reason */
	const char *process;
	bool newest_first;
	uint64_t limit; /* 0: none */
};

struct stored {
	uint64_t sequence;
	const uint8_t *body; /* a packed Record; borrowed until the next call */
	size_t len;
};

struct store_cursor;

/*
 * The query's texts are borrowed for the cursor's life. Rows are read some at a time, and nothing of
 * the database is held between them: who is slow with them holds up nobody.
 */
int store_select(struct store_reader *r, const struct store_query *query,
		 struct store_cursor **ret);
int store_next(struct store_cursor *c, struct stored *ret); /* 1, 0 at the end, -errno */
void store_cursor_free(struct store_cursor *c);

/* True when the store knows the sink; what it has acknowledged then, 0: nothing. */
bool store_acknowledged(struct store_reader *r, const char *sink, uint64_t *ret);
uint64_t store_newest(struct store_reader *r); /* 0: empty, or it cannot be read */

#define STORE_WALK_STEP 4096 /* records at most between two words of progress */

struct store_walk {
	void (*progress)(const struct store_walk *walk); /* now and then; may be NULL */
	uint64_t count;					 /* records that are sound */
	uint64_t first, last;				 /* of these */
	uint64_t newest;				 /* there is at the beginning */
};

/*
 * Walks the chain from the oldest record. 0: whole; -EBADMSG: broken, what says where and how:
 * altered, missing or out of place; -errno: it cannot be read.
 */
int store_verify(struct store_reader *r, struct buf *what, struct store_walk *walk);

#endif
