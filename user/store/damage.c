/* SPDX-License-Identifier: Apache-2.0 */
/* Opening the database, and what to do with one that is damaged: out of the way, and on with a new one. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/util.h"
#include "store/store_priv.h"

#define NAME_TRIES 100 /* names for one second's damage */

void store_close_db(struct store *s)
{
	sqlite3_finalize(s->insert);
	sqlite3_close(s->sql);
	s->insert = NULL;
	s->sql = NULL;
	s->bounded = false;
}

/* The marks that are in memory are the newer ones; those of the file add to them. */
static int read_sinks(struct store *s)
{
	sqlite3_stmt *q = NULL;
	int err = db_prepare(s->sql, "SELECT name, acknowledged FROM sink", &q), code = SQLITE_DONE;

	pthread_mutex_lock(&s->lock);
	while (!err && (code = sqlite3_step(q)) == SQLITE_ROW) {
		const char *name = (const char *)sqlite3_column_text(q, 0);
		bool known = !name;

		for (size_t i = 0; i < s->sink_count; i++)
			known = known || !strcmp(s->sinks[i].name, name);
		if (known || s->sink_count == STORE_SINKS_MAX)
			continue;
		s->sinks[s->sink_count].acknowledged = sqlite3_column_int64(q, 1);
		snprintf(s->sinks[s->sink_count++].name, SINK_NAME_MAX, "%s", name);
	}
	s->sinks_changed |= s->sink_count;
	pthread_mutex_unlock(&s->lock);
	sqlite3_finalize(q);
	return err || code == SQLITE_DONE ? err : db_error(code);
}

/* A new database's chain begins behind what was given out before it. */
static int begin_chain(struct store *s)
{
	struct db_mark begin = {};
	int err;

	pthread_mutex_lock(&s->lock);
	begin.sequence = (s->queue.first ? s->queue.first->sequence : s->next_sequence) - 1;
	pthread_mutex_unlock(&s->lock);
	s->newest = begin;
	err = db_exec(s->sql, "BEGIN IMMEDIATE");
	if (!err)
		err = db_mark_write(s->sql, "dropped", &begin);
	if (!err)
		err = db_mark_write(s->sql, "newest", &begin);
	if (!err)
		err = db_exec(s->sql, "COMMIT");
	if (err)
		db_exec(s->sql, "ROLLBACK");
	return err;
}

/* The end of the chain is where its mark says, and so is the row: the quick look; verify takes the long. */
static int check_end(struct store *s)
{
	static const char select[] =
		"SELECT sequence, hash FROM record ORDER BY sequence DESC LIMIT 1";
	sqlite3_stmt *q = NULL;
	struct db_mark last = {};
	int err = db_prepare(s->sql, select, &q);
	int code = err ? SQLITE_ERROR : sqlite3_step(q);

	if (code == SQLITE_ROW && sqlite3_column_bytes(q, 1) == DB_HASH) {
		last.sequence = sqlite3_column_int64(q, 0);
		memcpy(last.hash, sqlite3_column_blob(q, 1), DB_HASH);
	} else if (code == SQLITE_DONE) {
		err = db_mark_read(s->sql, "dropped", &last);
	} else if (!err) {
		err = code == SQLITE_ROW ? -EBADMSG : db_error(code);
	}
	sqlite3_finalize(q);
	if (err)
		return err == -ENOENT ? -EBADMSG : err;
	return last.sequence == s->newest.sequence && !memcmp(last.hash, s->newest.hash, DB_HASH) ?
		       0 :
		       -EBADMSG;
}

int store_look(const struct store *s)
{
	struct stat st;

	if (lstat(s->path, &st))
		return errno == ENOENT ? -ENODATA : -ESTALE;
	return st.st_dev == s->dev && st.st_ino == s->ino ? 0 : -ESTALE;
}

bool store_is_sound(struct store *s)
{
	static const char check[] =
		"SELECT count(*) FROM pragma_quick_check(1) WHERE quick_check = 'ok'";

	return db_number(s->sql, check, 0) == 1;
}

/* What is there before it is opened. -ENODATA: nothing, where there was a store. */
static int check_file(const struct store *s)
{
	bool lost = s->given && !s->begun;
	struct stat st;

	if (lstat(s->path, &st))
		return errno != ENOENT ? -errno : lost ? -ENODATA : 0;
	if (!S_ISREG(st.st_mode))
		return -EMEDIUMTYPE;
	return lost && !st.st_size ? -EBADMSG : 0;
}

/* The numbers go on behind what the database has; what has waited for it to open follows. */
static int go_on(struct store *s)
{
	uint64_t newest = s->newest.sequence;
	int err = 0;

	pthread_mutex_lock(&s->lock);
	if ((s->queue.first ? s->queue.first->sequence : s->next_sequence) != newest + 1)
		err = store_renumber(s, newest);
	s->stats.newest = newest;
	pthread_mutex_unlock(&s->lock);
	return err;
}

static int read_marks(struct store *s)
{
	int err = db_mark_read(s->sql, "newest", &s->newest);

	if (!err)
		return check_end(s);
	if (err != -ENOENT)
		return err;
	return db_number(s->sql, "SELECT count(*) FROM (SELECT 1 FROM record LIMIT 1)", -1) ?
		       -EBADMSG :
		       begin_chain(s);
}

static int open_once(struct store *s)
{
	static const char insert[] =
		"INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
	int err = check_file(s);
	struct stat st;

	if (!err)
		err = db_open(s->path, &s->sql);
	if (err)
		return err;
	if (lstat(s->path, &st))
		err = -errno;
	s->dev = st.st_dev;
	s->ino = st.st_ino;
	if (!err)
		err = read_marks(s);
	if (!err)
		err = db_prepare(s->sql, insert, &s->insert);
	if (!err)
		err = read_sinks(s);
	if (!err)
		err = store_read_untold(s);
	if (!err)
		err = go_on(s);
	if (err)
		store_close_db(s);
	else
		s->begun = true;
	return err;
}

/* --- what cannot be used --- */

/* Why a database is set aside: the word in its new name, and what the gap record says of it. */
struct reason {
	int err;
	const char *word, *text;
};

static const struct reason reasons[] = {
	{ -EBADMSG, "damaged", "the store was damaged" },
	{ -EMEDIUMTYPE, "foreign", "what was in the store's place is none" },
	{ -EPROTONOSUPPORT, "newer", "the store was made by a newer version" },
	{ -ENODATA, "deleted", "the store was deleted" },
	{ -ESTALE, "replaced", "another file was put in the store's place" },
};

static const struct reason *find_reason(int err)
{
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
		if (reasons[i].err == err)
			return &reasons[i];
	return NULL;
}

int store_open_db(struct store *s)
{
	int err = open_once(s);

	return find_reason(err) ? store_set_aside(s, err) : err;
}

/* A file, with the parts that belong to it. How many of them there were, or -errno. */
static int rename_all(const char *path, const char *aside)
{
	static const char *const parts[] = { "", "-wal", "-shm" };
	int count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		_cleanup_free_ char *from = NULL, *to = NULL;

		if (asprintf(&from, "%s%s", path, parts[i]) < 0)
			return -ENOMEM;
		if (asprintf(&to, "%s%s", aside, parts[i]) < 0)
			return -ENOMEM;
		if (!rename(from, to))
			count++;
		else if (errno != ENOENT)
			return -errno;
	}
	return count;
}

/* A name that is not taken: store.db.damaged-20261123T021500Z, and with .1, .2 behind it. */
static char *aside_name(const char *path, const char *word)
{
	time_t now = time(NULL);
	char *name = NULL, stamp[32];
	struct tm tm;
	struct stat st;

	gmtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm);
	for (int i = 0; i < NAME_TRIES; i++) {
		if (asprintf(&name, i ? "%s.%s-%s.%d" : "%s.%s-%s", path, word, stamp, i) < 0)
			return NULL;
		if (lstat(name, &st) && errno == ENOENT)
			return name;
		free(name);
	}
	return NULL;
}

/* Kept until it can be written: the queue holds it. aside: NULL where nothing of use is left. */
static void tell(struct store *s, const struct reason *reason, const char *aside, uint64_t known)
{
	Keelwatch__Gap gap = KEELWATCH__GAP__INIT;
	char message[512], where[192] = "";

	if (aside)
		snprintf(where, sizeof(where), " and is set aside as %s", strrchr(aside, '/') + 1);
	snprintf(message, sizeof(message),
		 "%s%s: what had not been sent of it, up to record %llu, %s", reason->text, where,
		 (unsigned long long)known, reason->err == -ENODATA ? "is lost" : "stays there");
	gap.reason = (char *)"damaged";
	gap.message = message;
	gap.last_sequence = known;
	gap.to = clock_epoch_ns();
	pthread_mutex_lock(&s->lock);
	store_gap(s, &gap);
	pthread_mutex_unlock(&s->lock);
	log_error("%s", message);
}

/* The highest number that what is left of a store knows of. */
static uint64_t salvage(const char *path)
{
	uint64_t newest, row;
	sqlite3 *sql = NULL;

	if (sqlite3_open_v2(path, &sql, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW, NULL)) {
		sqlite3_close(sql);
		return 0;
	}
	db_distrust(sql);
	newest = db_number(sql, "SELECT sequence FROM mark WHERE which = 'newest'", 0);
	row = db_number(sql, "SELECT max(sequence) FROM record", 0);
	sqlite3_close(sql);
	return newest > row ? newest : row;
}

/* The last number given out before: what we wrote ourselves we know, of a file from before we ask it. */
static uint64_t last_known(const struct store *s, int err)
{
	uint64_t known = s->newest.sequence, left;

	if (s->begun)
		return known;
	if (s->given > known)
		known = s->given;
	left = err == -EBADMSG || err == -EPROTONOSUPPORT ? salvage(s->path) : 0;
	return left > known && left < INT64_MAX / 2 ? left : known;
}

int store_set_aside(struct store *s, int err)
{
	const struct reason *reason = find_reason(err);
	_cleanup_free_ char *aside = NULL;
	uint64_t known;
	int moved, failed;

	store_close_db(s);
	if (!reason)
		return err;
	aside = aside_name(s->path, reason->word);
	if (!aside)
		return -EEXIST;
	known = last_known(s, err);
	moved = rename_all(s->path, aside);
	if (moved < 0)
		return moved;
	pthread_mutex_lock(&s->lock);
	failed = s->begun ? 0 : store_renumber(s, known);
	s->sinks_changed |= s->sink_count;
	pthread_mutex_unlock(&s->lock);
	if (failed)
		return failed;
	s->begun = true;
	tell(s, reason, moved && err != -ENODATA ? aside : NULL, known);
	err = open_once(s);
	return find_reason(err) ? -EIO : err;
}
