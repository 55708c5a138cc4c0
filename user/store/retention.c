/* SPDX-License-Identifier: Apache-2.0 */
/* Bounds of size and age: the oldest goes first, and what a sink still lacks is told when it must go. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/util.h"
#include "store/store_priv.h"

#define STEP 500	 /* records of one deletion: short, so that what is new never waits long */
#define LOOK_NS NS_PER_S /* between two looks at ages and at the files' sizes */
#define TELL_NS (10 * NS_PER_S)		     /* drops within it are told as one */
#define KEEP_PART(bytes) ((bytes) / 20 * 19) /* a twentieth is kept free */
#define UNTOLD "untold" /* the mark of what was dropped and has no gap record yet */
#define ROW_BYTES 512	/* what a record takes beside its body, about */
#define LOG_PART 16	/* of the bound is the log's, and as much for what it may go beyond; but */
#define LOG_MIN (256u << 10)
#define LOG_MAX (16u << 20)
#define LOG_WAIT_MS 100 /* for readers, before the log is cut */

/* A record that may have to go. */
struct victim {
	uint64_t sequence, time_ns;
	uint8_t hash[DB_HASH];
};

struct use {
	uint64_t used; /* bytes of records and indexes */
	uint64_t file; /* with what is free in the file */
	uint64_t page;
};

static struct use use_of(sqlite3 *sql)
{
	int64_t pages = db_number(sql, "PRAGMA page_count", 0);
	int64_t unused = db_number(sql, "PRAGMA freelist_count", 0);
	int64_t size = db_number(sql, "PRAGMA page_size", 4096);

	return (struct use){ .used = (pages - unused) * size, .file = pages * size, .page = size };
}

uint64_t store_log_bytes(uint64_t max_bytes)
{
	uint64_t part = max_bytes / LOG_PART;

	return !max_bytes || part > LOG_MAX ? LOG_MAX : part < LOG_MIN ? LOG_MIN : part;
}

/* What each sink that counts has; with none nobody lacks anything. The lock is held. */
static uint64_t everybody_has(const struct store *s)
{
	uint64_t least = UINT64_MAX;

	for (size_t i = 0; i < s->sink_count; i++)
		if (s->sinks[i].required && s->sinks[i].acknowledged < least)
			least = s->sinks[i].acknowledged;
	return least;
}

/* What of the oldest up to `last` nobody will get any more adds to what was dropped before. */
static struct dropped add_dropped(struct store *s, const struct victim *first,
				  const struct victim *last)
{
	struct dropped d = s->dropped;
	uint64_t has, from;

	pthread_mutex_lock(&s->lock);
	has = everybody_has(s);
	from = has >= first->sequence ? has + 1 : first->sequence;
	if (has < last->sequence) {
		if (!d.records) {
			d.first = from;
			d.from_ns = first->time_ns;
			d.since_ns = clock_boot_ns();
		}
		d.records += last->sequence - from + 1;
		d.last = last->sequence;
		d.to_ns = last->time_ns;
		for (size_t i = 0; i < s->sink_count; i++)
			d.lacked[i] |= s->sinks[i].required &&
				       s->sinks[i].acknowledged < last->sequence;
	}
	pthread_mutex_unlock(&s->lock);
	return d;
}

/*
 * On disk in the same transaction as the dropping itself, until the gap record is: a monitor that is
 * killed in between tells it at its next start. The numbers stand where other marks have a hash.
 */
static int write_untold(struct store *s, const struct dropped *d)
{
	uint64_t numbers[DB_HASH / sizeof(uint64_t)] = { d->records, d->last, d->from_ns,
							 d->to_ns };
	struct db_mark mark = { .sequence = d->first };

	memcpy(mark.hash, numbers, sizeof(numbers));
	return d->records ? db_mark_write(s->sql, UNTOLD, &mark) : 0;
}

int store_read_untold(struct store *s)
{
	uint64_t numbers[DB_HASH / sizeof(uint64_t)];
	struct dropped d = {};
	struct db_mark mark;
	int err = db_mark_read(s->sql, UNTOLD, &mark);

	if (err || s->dropped.records)
		return err == -ENOENT ? 0 : err;
	memcpy(numbers, mark.hash, sizeof(numbers));
	d.first = mark.sequence;
	d.records = numbers[0];
	d.last = numbers[1];
	d.from_ns = numbers[2];
	d.to_ns = numbers[3];
	d.since_ns = clock_boot_ns();
	s->dropped = d;
	return 0;
}

int store_forget_untold(struct store *s)
{
	return db_exec(s->sql, "DELETE FROM mark WHERE which = '" UNTOLD "'");
}

/* How far the bounds are gone beyond. */
struct excess {
	uint64_t bytes;	    /* to make free */
	uint64_t cutoff_ns; /* records before it are too old; 0: none is */
	uint64_t now_ns;
};

/* True when v must go; a time of the future says nothing of its age, what comes behind it does. */
static bool must_go(const struct excess *x, const struct victim *v, uint64_t freed)
{
	return freed < x->bytes || v->time_ns < x->cutoff_ns;
}

/* The oldest records that must go, of a step. How many. */
static int find_victims(struct store *s, const struct excess *x, struct victim *first,
			struct victim *last)
{
	static const char select[] =
		"SELECT sequence, time, hash, length(body) FROM record ORDER BY sequence LIMIT ?";
	sqlite3_stmt *q = NULL;
	int err = db_prepare(s->sql, select, &q), found = 0, code = SQLITE_DONE;
	uint64_t freed = 0;

	if (err)
		return err;
	sqlite3_bind_int(q, 1, STEP);
	for (int n = 1; (code = sqlite3_step(q)) == SQLITE_ROW; n++) {
		struct victim v = {
			.sequence = sqlite3_column_int64(q, 0),
			.time_ns = sqlite3_column_int64(q, 1),
		};

		if (must_go(x, &v, freed))
			found = n;
		else if (v.time_ns <= x->now_ns)
			break;
		if (sqlite3_column_bytes(q, 2) == DB_HASH)
			memcpy(v.hash, sqlite3_column_blob(q, 2), DB_HASH);
		if (n == 1)
			*first = v;
		if (found == n)
			*last = v;
		freed += sqlite3_column_int64(q, 3) + ROW_BYTES;
	}
	sqlite3_finalize(q);
	return code == SQLITE_DONE || code == SQLITE_ROW ? found : db_error(code);
}

static int drop_up_to(struct store *s, const struct victim *last, const struct dropped *dropped)
{
	struct db_mark mark = { .sequence = last->sequence };
	sqlite3_stmt *q = NULL;
	int err = db_exec(s->sql, "BEGIN IMMEDIATE");

	if (err)
		return err;
	memcpy(mark.hash, last->hash, DB_HASH);
	err = db_prepare(s->sql, "DELETE FROM record WHERE sequence <= ?", &q);
	if (!err) {
		sqlite3_bind_int64(q, 1, last->sequence);
		err = db_error(sqlite3_step(q));
	}
	sqlite3_finalize(q);
	if (!err)
		err = db_mark_write(s->sql, "dropped", &mark);
	if (!err)
		err = write_untold(s, dropped);
	if (!err)
		err = db_exec(s->sql, "COMMIT");
	if (err) {
		db_exec(s->sql, "ROLLBACK");
		return err;
	}
	pthread_mutex_lock(&s->lock);
	s->stats.dropped += dropped->records - s->dropped.records;
	pthread_mutex_unlock(&s->lock);
	s->dropped = *dropped;
	return 0;
}

static uint64_t size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? 0 : st.st_size;
}

/*
 * The log is cut where readers let it grow, and free pages go back to the file system where they are too
 * many, so many at once as the log takes. What is still to do (enum trim), or -errno.
 */
static int tidy(struct store *s, const struct use *use, uint64_t bound)
{
	_cleanup_free_ char *log = NULL;
	char vacuum[64];

	if (asprintf(&log, "%s-wal", s->path) < 0)
		return -ENOMEM;
	/* What was given back is in the log first: the file is cut when the log is taken over. */
	if (size_of(log) > s->log_bytes ||
	    (bound && size_of(s->path) > bound && use->file <= bound)) {
		sqlite3_busy_timeout(s->sql, LOG_WAIT_MS);
		sqlite3_wal_checkpoint_v2(s->sql, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
		sqlite3_busy_timeout(s->sql, DB_BUSY_MS);
	}
	if (!bound || use->file <= bound || use->file == use->used)
		return 0;
	snprintf(vacuum, sizeof(vacuum), "PRAGMA incremental_vacuum(%llu)",
		 (unsigned long long)(s->log_bytes / 2 / use->page));
	return db_exec(s->sql, vacuum) ?: TRIM_MORE;
}

/* The database's part of the bound; 0: none. Sets what follows from it. */
static uint64_t apply_bound(struct store *s, uint64_t max_bytes, uint64_t page)
{
	uint64_t log = store_log_bytes(max_bytes);
	char limit[64];

	if (!s->bounded || s->log_bytes != log) {
		snprintf(limit, sizeof(limit), "PRAGMA journal_size_limit = %llu",
			 (unsigned long long)log);
		db_exec(s->sql, limit);
		sqlite3_wal_autocheckpoint(s->sql, log / 2 / page);
		s->log_bytes = log;
		s->bounded = true;
	}
	return max_bytes > 4 * log ? max_bytes - 2 * log : max_bytes / 2;
}

int store_trim(struct store *s)
{
	uint64_t now = clock_boot_ns(), max_bytes, max_age, bound;
	struct excess x = { .now_ns = clock_epoch_ns() };
	bool look = now - s->aged_ns >= LOOK_NS, known;
	struct use use = use_of(s->sql);
	struct victim first = {}, last = {};
	struct dropped dropped;
	int n, err;

	pthread_mutex_lock(&s->lock);
	max_bytes = s->max_bytes;
	max_age = s->max_age_ns;
	/* A gap record on its way is on disk first: the mark of it has one place only. */
	known = s->sinks_known && !s->told;
	s->stats.bytes = use.used;
	pthread_mutex_unlock(&s->lock);
	bound = apply_bound(s, max_bytes, use.page);
	if (bound && use.used > KEEP_PART(bound))
		x.bytes = use.used - KEEP_PART(bound);
	if (look && max_age && x.now_ns > max_age)
		x.cutoff_ns = x.now_ns - max_age;
	n = known && (x.bytes || x.cutoff_ns) ? find_victims(s, &x, &first, &last) : 0;
	if (n > 0) {
		dropped = add_dropped(s, &first, &last);
		err = drop_up_to(s, &last, &dropped);
		if (err)
			return err;
		return bound && use.used > bound ? TRIM_URGENT : TRIM_MORE;
	}
	if (n < 0 || !look)
		return n;
	n = tidy(s, &use, bound);
	if (n == TRIM_NOTHING)
		s->aged_ns = now;
	return n;
}

void store_tell_dropped(struct store *s, bool always)
{
	struct dropped *d = &s->dropped;
	Keelwatch__Gap gap = KEELWATCH__GAP__INIT;
	char *sinks[STORE_SINKS_MAX], message[256];

	if (!d->records || (!always && clock_boot_ns() - d->since_ns < TELL_NS))
		return;
	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->sink_count; i++)
		if (d->lacked[i])
			sinks[gap.n_sinks++] = s->sinks[i].name;
	snprintf(message, sizeof(message),
		 "%llu records were dropped for the store's bounds before every sink had them",
		 (unsigned long long)d->records);
	gap.reason = (char *)"retention";
	gap.message = message;
	gap.from = d->from_ns;
	gap.to = d->to_ns;
	gap.exact = true;
	gap.records = d->records;
	gap.first_sequence = d->first;
	gap.last_sequence = d->last;
	gap.sinks = sinks;
	store_gap(s, &gap);
	s->told = s->next_sequence - 1;
	pthread_mutex_unlock(&s->lock);
	*d = (struct dropped){};
}
