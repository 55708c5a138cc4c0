/* SPDX-License-Identifier: Apache-2.0 */
/* What the writer's files share. */
#ifndef KEELWATCH_STORE_PRIV_H
#define KEELWATCH_STORE_PRIV_H

#include <pthread.h>
#include <sys/types.h>

#include "message/stamp.h"
#include "store/db.h"
#include "store/store.h"

#define STORE_SINKS_MAX 64
#define SINK_NAME_MAX 64

/* A packed record on its way to the disk. */
struct waiting {
	struct waiting *next;
	uint64_t sequence;
	size_t len;
	uint8_t body[];
};

struct queue {
	struct waiting *first, *last;
	size_t bytes, count;
};

/* Records that were not accepted, until a gap record can say so. */
struct refusals {
	uint64_t kinds[KIND_MAX];
	uint64_t total;
	uint64_t from_ns, to_ns;
};

struct sink_mark {
	char name[SINK_NAME_MAX];
	uint64_t acknowledged;
	bool required; /* what it lacks is kept as long as there is room */
};

/* Unacknowledged records that retention had to drop, until a gap record can say so. */
struct dropped {
	uint64_t records, first, last;
	uint64_t from_ns, to_ns;
	bool lacked[STORE_SINKS_MAX];
	uint64_t since_ns; /* of the boot clock */
};

struct store {
	char *dir, *path;
	struct stamp *stamp;
	size_t queue_bytes;
	int lock_fd;
	int committed_fd;
	pthread_t thread;

	pthread_mutex_t lock; /* over what follows, up to the blank line; never held over I/O */
	pthread_cond_t wake;
	struct queue queue;
	struct refusals refusals;
	uint64_t next_sequence;
	struct sink_mark sinks[STORE_SINKS_MAX];
	size_t sink_count;
	bool sinks_changed; /* since they were written */
	bool sinks_known;   /* store_sinks() was called: who lacks what can be said */
	uint64_t max_bytes, max_age_ns;
	struct store_stats stats;
	bool end, suspect;

	/* the writer's own */
	sqlite3 *sql;
	sqlite3_stmt *insert;
	dev_t dev; /* of the file that is open: another may have been put in its place */
	ino_t ino;
	bool begun; /* a file of ours was open: what is new there we begin */
	struct db_mark newest;
	uint64_t given; /* numbers up to it may have been given out: what the lock file says */
	struct dropped dropped;
	uint64_t told; /* the gap record of what was dropped, until it is written; 0: none waits */
	uint64_t log_bytes; /* bound of the database's log; bounded: the connection knows it */
	bool bounded;
	uint64_t aged_ns;    /* when ages were looked at last, of the boot clock */
	uint64_t checked_ns; /* when all of it was looked through last, for a reader's suspicion */
};

/*
 * Makes a gap record and puts it at the end of the queue, beyond its bound: what was lost must not be
 * lost too. The lock is held.
 */
void store_gap(struct store *s, Keelwatch__Gap *gap);
/* Gives what waits the numbers that follow `newest`. The lock is held. 0 or -ENOMEM. */
int store_renumber(struct store *s, uint64_t newest);

enum trim { TRIM_NOTHING, TRIM_MORE, TRIM_URGENT };
/* retention.c: keeps to the bounds, a step at a time. What is still to do (enum trim), or -errno. */
int store_trim(struct store *s);
uint64_t store_log_bytes(uint64_t max_bytes); /* of these, the database's log may take so many */
/* Tells what was dropped once that has come to rest, or always at the end. The lock is not held. */
void store_tell_dropped(struct store *s, bool always);
/* What was dropped and not told by one before us; and that it is told, in the open transaction. */
int store_read_untold(struct store *s);
int store_forget_untold(struct store *s);

/*
 * damage.c: opens the database and reads its marks. What cannot be used is set aside, under a name that
 * says why, and a new one begun. 0 or -errno: no file is open then.
 */
int store_open_db(struct store *s);
/* What to do when err came of the file that is open: -EBADMSG, or as store_look() says. */
int store_set_aside(struct store *s, int err);
void store_close_db(struct store *s);
/* 0: the file that is open still has its name; -ENODATA: it is gone; -ESTALE: another has it. */
int store_look(const struct store *s);
bool store_is_sound(struct store *s); /* SQLite looks through all of it */

/* lock.c: one writer at a time; the file says who, and which numbers were given out. */
int store_lock(struct store *s, int *holder);
void store_lock_note(struct store *s, bool end); /* after a commit, and at the end */

#endif
