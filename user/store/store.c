/* SPDX-License-Identifier: Apache-2.0 */
/* The queue, and the thread that writes what is in it. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/util.h"
#include "store/store_priv.h"

#define BATCH_RECORDS 2000 /* of one transaction */
#define BATCH_PART 4	   /* and of the log's bound no more than this part */
#define RETRY_S 1
#define CHECK_NS (60 * NS_PER_S) /* between two looks through all of it */
#define DIR_MODE 0750
/* Bytes of a gap record, packed: it is refused above it, which none comes near. */
#define GAP_ROOM 4096

/* --- the queue --- */

static void queue_add(struct queue *q, struct waiting *w)
{
	w->next = NULL;
	if (q->last)
		q->last->next = w;
	else
		q->first = w;
	q->last = w;
	q->bytes += sizeof(*w) + w->len;
	q->count++;
}

/* The first of them, as one list: one at least, where there is any. */
static struct queue queue_take(struct queue *q, size_t most, size_t bytes)
{
	struct queue taken = {};

	while (q->first && taken.count < most && taken.bytes < bytes) {
		struct waiting *w = q->first;

		q->first = w->next;
		if (!q->first)
			q->last = NULL;
		q->bytes -= sizeof(*w) + w->len;
		q->count--;
		queue_add(&taken, w);
	}
	return taken;
}

/* Before all that waits: what could not be written yet. */
static void queue_give_back(struct queue *q, struct queue *taken)
{
	if (!taken->first)
		return;
	taken->last->next = q->first;
	q->first = taken->first;
	if (!q->last)
		q->last = taken->last;
	q->bytes += taken->bytes;
	q->count += taken->count;
	*taken = (struct queue){};
}

static void queue_free(struct queue *q)
{
	struct waiting *w = q->first;

	while (w) {
		struct waiting *next = w->next;

		free(w);
		w = next;
	}
	*q = (struct queue){};
}

/* Gives the record the next number, packs it, puts it in. The lock is held. */
static int enqueue(struct store *s, Keelwatch__Record *record, const struct record_head *head,
		   size_t room)
{
	struct waiting *w;
	size_t len;

	head->metadata->sequence = s->next_sequence;
	len = keelwatch__record__get_packed_size(record);
	w = len <= room ? malloc(sizeof(*w) + len) : NULL;
	if (!w) {
		head->metadata->sequence = 0;
		return -ENOSPC;
	}
	w->sequence = s->next_sequence++;
	w->len = keelwatch__record__pack(record, w->body);
	queue_add(&s->queue, w);
	s->stats.accepted++;
	return 0;
}

void store_gap(struct store *s, Keelwatch__Gap *gap)
{
	Keelwatch__Record record = KEELWATCH__RECORD__INIT;
	Keelwatch__Metadata metadata;
	struct record_head head;
	char id[STAMP_ID_SIZE];

	stamp_metadata(s->stamp, id, &metadata);
	gap->kind = (char *)"gap";
	gap->severity = KEELWATCH__SEVERITY__error;
	gap->time = clock_epoch_ns();
	gap->metadata = &metadata;
	record.body_case = KEELWATCH__RECORD__BODY_GAP;
	record.gap = gap;
	if (record_head(&record, &head) || enqueue(s, &record, &head, GAP_ROOM))
		log_error("a gap could not be noted: %s", gap->message);
}

/* One that waits, with another number. NULL: out of memory. */
static struct waiting *numbered(const struct waiting *old, uint64_t sequence)
{
	Keelwatch__Record *record = keelwatch__record__unpack(NULL, old->len, old->body);
	struct waiting *w = NULL;
	struct record_head head;

	if (record && !record_head(record, &head)) {
		head.metadata->sequence = sequence;
		w = malloc(sizeof(*w) + keelwatch__record__get_packed_size(record));
	}
	if (w) {
		w->sequence = sequence;
		w->len = keelwatch__record__pack(record, w->body);
	}
	if (record)
		keelwatch__record__free_unpacked(record, NULL);
	return w;
}

int store_renumber(struct store *s, uint64_t newest)
{
	struct queue all = {};

	for (const struct waiting *old = s->queue.first; old; old = old->next) {
		struct waiting *w = numbered(old, newest + all.count + 1);

		if (!w) {
			queue_free(&all);
			return -ENOMEM;
		}
		queue_add(&all, w);
	}
	queue_free(&s->queue);
	s->queue = all;
	s->next_sequence = newest + all.count + 1;
	return 0;
}

static void tell_refusals(struct store *s)
{
	struct refusals *r = &s->refusals;
	Keelwatch__Gap gap = KEELWATCH__GAP__INIT;
	char message[256];

	snprintf(
		message, sizeof(message),
		"%llu records could not be kept, as the disk did not take what waited: %llu findings, %llu "
		"container, %llu gap and %llu monitor records",
		(unsigned long long)r->total, (unsigned long long)r->kinds[KIND_FINDING],
		(unsigned long long)r->kinds[KIND_LIFECYCLE],
		(unsigned long long)r->kinds[KIND_GAP], (unsigned long long)r->kinds[KIND_MONITOR]);
	gap.reason = (char *)"queue";
	gap.message = message;
	gap.from = r->from_ns;
	gap.to = r->to_ns;
	gap.exact = true;
	gap.records = r->total;
	*r = (struct refusals){};
	store_gap(s, &gap);
}

static void refuse(struct store *s, enum record_kind kind, uint64_t now_ns)
{
	if (!s->refusals.total++)
		s->refusals.from_ns = now_ns;
	s->refusals.to_ns = now_ns;
	s->refusals.kinds[kind]++;
	s->stats.refused++;
}

int store_put(struct store *s, Keelwatch__Record *record)
{
	struct record_head head;
	int err = record_head(record, &head);

	if (err)
		return err;
	pthread_mutex_lock(&s->lock);
	/* Half of it must be free again before the gap is told: not a gap for each record that fits. */
	if (s->refusals.total && s->queue.bytes < s->queue_bytes / 2)
		tell_refusals(s);
	err = s->refusals.total || s->queue.bytes >= s->queue_bytes ?
		      -ENOSPC :
		      enqueue(s, record, &head, s->queue_bytes - s->queue.bytes);
	if (err)
		refuse(s, head.kind, clock_epoch_ns());
	s->stats.waiting = s->queue.count;
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->lock);
	return err;
}

/* --- sinks --- */

/* One that is new takes the place of one that is no sink any more, where all are taken. */
static struct sink_mark *sink_get(struct store *s, const char *name)
{
	struct sink_mark *mark = NULL;

	for (size_t i = 0; i < s->sink_count; i++)
		if (!strcmp(s->sinks[i].name, name))
			return &s->sinks[i];
	if (s->sink_count < STORE_SINKS_MAX)
		mark = &s->sinks[s->sink_count++];
	for (size_t i = 0; !mark && i < s->sink_count; i++)
		if (!s->sinks[i].required)
			mark = &s->sinks[i];
	if (!mark)
		return NULL;
	*mark = (struct sink_mark){};
	snprintf(mark->name, sizeof(mark->name), "%s", name);
	s->sinks_changed = true;
	return mark;
}

void store_sinks(struct store *s, const char *const *names, size_t count)
{
	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->sink_count; i++) {
		s->sinks[i].required = false;
		for (size_t j = 0; j < count; j++)
			s->sinks[i].required |= !strcmp(s->sinks[i].name, names[j]);
	}
	for (size_t i = 0; i < count; i++) {
		struct sink_mark *mark = sink_get(s, names[i]);

		if (mark)
			mark->required = true;
	}
	s->sinks_known = true;
	pthread_mutex_unlock(&s->lock);
}

void store_acknowledge(struct store *s, const char *sink, uint64_t sequence)
{
	struct sink_mark *mark;

	pthread_mutex_lock(&s->lock);
	mark = sink_get(s, sink);
	if (mark && sequence > mark->acknowledged) {
		mark->acknowledged = sequence;
		s->sinks_changed = true;
	}
	pthread_mutex_unlock(&s->lock);
}

void store_limits(struct store *s, uint64_t max_bytes, uint64_t max_age_ns)
{
	pthread_mutex_lock(&s->lock);
	s->max_bytes = max_bytes;
	s->max_age_ns = max_age_ns;
	pthread_mutex_unlock(&s->lock);
}

void store_suspect(struct store *s)
{
	pthread_mutex_lock(&s->lock);
	s->suspect = true;
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->lock);
}

void store_stats(struct store *s, struct store_stats *ret)
{
	pthread_mutex_lock(&s->lock);
	*ret = s->stats;
	ret->waiting = s->queue.count;
	pthread_mutex_unlock(&s->lock);
}

int store_committed_fd(const struct store *s)
{
	return s->committed_fd;
}

/* --- the writer --- */

static int insert_row(struct store *s, const struct waiting *w, struct db_mark *mark)
{
	struct db_columns c;
	uint8_t hash[DB_HASH];
	int err;

	/* We packed it ourselves: only memory can lack. */
	if (db_columns_read(w->body, w->len, &c))
		return -ENOMEM;
	db_hash(mark->hash, w->sequence, w->body, w->len, hash);
	sqlite3_bind_int64(s->insert, 1, w->sequence);
	sqlite3_bind_int64(s->insert, 2, c.head.time_ns);
	sqlite3_bind_int(s->insert, 3, c.head.kind);
	sqlite3_bind_int(s->insert, 4, c.head.severity);
	sqlite3_bind_text(s->insert, 5, c.head.what, -1, SQLITE_STATIC);
	sqlite3_bind_text(s->insert, 6, c.container_id, -1, SQLITE_STATIC);
	sqlite3_bind_text(s->insert, 7, c.container, -1, SQLITE_STATIC);
	sqlite3_bind_text(s->insert, 8, c.kubernetes_namespace, -1, SQLITE_STATIC);
	sqlite3_bind_text(s->insert, 9, c.pod, -1, SQLITE_STATIC);
	sqlite3_bind_text(s->insert, 10, c.process, -1, SQLITE_STATIC);
	sqlite3_bind_blob(s->insert, 11, hash, DB_HASH, SQLITE_STATIC);
	sqlite3_bind_blob(s->insert, 12, w->body, w->len, SQLITE_STATIC);
	err = db_error(sqlite3_step(s->insert));
	sqlite3_reset(s->insert);
	sqlite3_clear_bindings(s->insert);
	db_columns_free(&c);
	mark->sequence = w->sequence;
	memcpy(mark->hash, hash, DB_HASH);
	return err;
}

/* All that are known, in place of what was there. */
static int write_sinks(struct store *s, const struct sink_mark *marks, size_t count)
{
	sqlite3_stmt *put = NULL;
	int err = count ? db_exec(s->sql, "DELETE FROM sink") : 0;

	if (!err && count)
		err = db_prepare(s->sql, "INSERT INTO sink VALUES (?, ?)", &put);
	for (size_t i = 0; !err && i < count; i++) {
		sqlite3_bind_text(put, 1, marks[i].name, -1, SQLITE_STATIC);
		sqlite3_bind_int64(put, 2, marks[i].acknowledged);
		err = db_error(sqlite3_step(put));
		sqlite3_reset(put);
	}
	sqlite3_finalize(put);
	return err;
}

/* All of it, or nothing. */
static int write_batch(struct store *s, const struct queue *batch, const struct sink_mark *marks,
		       size_t mark_count)
{
	struct db_mark mark = s->newest;
	int err = db_exec(s->sql, "BEGIN IMMEDIATE");

	for (const struct waiting *w = batch->first; !err && w; w = w->next)
		err = insert_row(s, w, &mark);
	if (!err && batch->first)
		err = db_mark_write(s->sql, "newest", &mark);
	if (!err && s->told && s->told <= mark.sequence)
		err = store_forget_untold(s);
	if (!err)
		err = write_sinks(s, marks, mark_count);
	if (!err)
		err = db_exec(s->sql, "COMMIT");
	if (err) {
		db_exec(s->sql, "ROLLBACK");
		return err;
	}
	s->newest = mark;
	if (s->told <= mark.sequence)
		s->told = 0;
	return 0;
}

/* What was lost is said when it begins and when it is over. */
static void note_error(struct store *s, int err)
{
	int before;

	pthread_mutex_lock(&s->lock);
	before = s->stats.error;
	s->stats.error = err;
	pthread_mutex_unlock(&s->lock);
	if (err && !before)
		log_error("%s cannot be written: %s; findings wait in memory", s->path,
			  strerror(-err));
	else if (!err && before)
		log_info("%s is written again", s->path);
}

static void committed(struct store *s, const struct queue *batch)
{
	uint64_t one = 1;

	pthread_mutex_lock(&s->lock);
	s->stats.committed += batch->count;
	s->stats.newest = s->newest.sequence;
	pthread_mutex_unlock(&s->lock);
	store_lock_note(s, false);
	if (batch->count && write(s->committed_fd, &one, sizeof(one)) < 0)
		log_debug("eventfd: %s", strerror(errno));
}

/* What there is to write now. */
static void take(struct store *s, struct queue *batch, struct sink_mark *marks, size_t *mark_count)
{
	pthread_mutex_lock(&s->lock);
	*batch = queue_take(&s->queue, BATCH_RECORDS, s->log_bytes / BATCH_PART);
	*mark_count = s->sinks_changed ? s->sink_count : 0;
	memcpy(marks, s->sinks, *mark_count * sizeof(*marks));
	s->sinks_changed = false;
	pthread_mutex_unlock(&s->lock);
}

static void give_back(struct store *s, struct queue *batch, size_t mark_count)
{
	pthread_mutex_lock(&s->lock);
	queue_give_back(&s->queue, batch);
	s->sinks_changed |= mark_count;
	pthread_mutex_unlock(&s->lock);
}

/* A reader that goes on to complain of what is sound does not keep us from writing. */
static bool is_damaged(struct store *s)
{
	uint64_t now = clock_boot_ns();
	bool suspect;

	pthread_mutex_lock(&s->lock);
	suspect = s->suspect;
	s->suspect = false;
	pthread_mutex_unlock(&s->lock);
	if (!suspect || (s->checked_ns && now - s->checked_ns < CHECK_NS))
		return false;
	s->checked_ns = now;
	return !store_is_sound(s);
}

/* The database is open and is the one it was, or another that was begun in its place. */
static int be_ready(struct store *s)
{
	int err;

	if (!s->sql)
		return store_open_db(s);
	err = store_look(s);
	if (!err && is_damaged(s))
		err = -EBADMSG;
	return err ? store_set_aside(s, err) : 0;
}

/* One transaction. False when the disk does not take it. */
static bool step(struct store *s)
{
	struct sink_mark marks[STORE_SINKS_MAX];
	int err = be_ready(s);
	struct queue batch;
	size_t mark_count;

	if (err) {
		note_error(s, err);
		return false;
	}
	take(s, &batch, marks, &mark_count);
	err = batch.count || mark_count ? write_batch(s, &batch, marks, mark_count) : 0;
	if (err) {
		give_back(s, &batch, mark_count);
		if (err == -EBADMSG)
			err = store_set_aside(s, err);
		note_error(s, err);
		return !err;
	}
	note_error(s, 0);
	committed(s, &batch);
	queue_free(&batch);
	return true;
}

/* Waits for work, at most a second: bounds and cursors are looked after meanwhile. */
static bool wait_for_work(struct store *s, bool well)
{
	struct timespec until;
	bool end;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += RETRY_S;
	pthread_mutex_lock(&s->lock);
	while (!s->end && !(well && (s->queue.count || s->suspect)))
		if (pthread_cond_timedwait(&s->wake, &s->lock, &until) == ETIMEDOUT)
			break;
	if (s->refusals.total && s->queue.bytes < s->queue_bytes / 2)
		tell_refusals(s);
	end = s->end;
	pthread_mutex_unlock(&s->lock);
	return !end;
}

static bool has_work(struct store *s)
{
	bool work;

	pthread_mutex_lock(&s->lock);
	work = s->queue.count || s->sinks_changed;
	pthread_mutex_unlock(&s->lock);
	return work;
}

/* What is new comes first, but never above the bound. */
static void trim(struct store *s)
{
	int more;

	do
		more = store_trim(s);
	while (more == TRIM_URGENT || (more == TRIM_MORE && !has_work(s)));
	if (more == -EBADMSG)
		note_error(s, store_set_aside(s, more));
	store_tell_dropped(s, false);
}

/* All that waits, as far as the disk takes it; then what had no place. */
static void finish(struct store *s)
{
	store_tell_dropped(s, true);
	while (has_work(s) && step(s))
		;
	pthread_mutex_lock(&s->lock);
	if (s->refusals.total)
		tell_refusals(s);
	pthread_mutex_unlock(&s->lock);
	while (has_work(s) && step(s))
		;
	if (s->sql)
		store_lock_note(s, true);
}

static void *run(void *arg)
{
	struct store *s = arg;
	bool well = s->sql;
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	while (wait_for_work(s, well)) {
		well = step(s);
		if (s->sql)
			trim(s);
	}
	finish(s);
	return NULL;
}

/* --- from outside --- */

/* Nobody else may have put it there, or may put anything into it. */
static int make_dir(const char *dir)
{
	struct stat st;

	if (mkdir(dir, DIR_MODE) && errno != EEXIST)
		return -errno;
	if (lstat(dir, &st))
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	if ((st.st_uid && st.st_uid != geteuid()) || st.st_mode & 0022) {
		log_error("%s: refused: others may write in it (owner %u, mode %04o)", dir,
			  st.st_uid, st.st_mode & 07777);
		return -EPERM;
	}
	return 0;
}

/* These pass: the monitor begins all the same, and what it finds waits. */
static bool passes(int err)
{
	return err == -ENOSPC || err == -EDQUOT || err == -EIO || err == -EBUSY || err == -ENOMEM;
}

static int init(struct store *s, const struct store_options *o, int *holder)
{
	pthread_condattr_t attr;
	int err;

	s->dir = strdup(o->dir);
	if (!s->dir || asprintf(&s->path, "%s/" DB_FILE, o->dir) < 0)
		return -ENOMEM;
	s->stamp = o->stamp;
	s->max_bytes = o->max_bytes;
	s->max_age_ns = o->max_age_ns;
	s->queue_bytes = o->queue_bytes;
	s->next_sequence = 1;
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->wake, &attr);
	pthread_condattr_destroy(&attr);
	s->committed_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->committed_fd < 0)
		return -errno;
	err = make_dir(s->dir);
	if (!err)
		err = store_lock(s, holder);
	if (err)
		return err;
	s->log_bytes = store_log_bytes(s->max_bytes);
	err = store_open_db(s);
	if (!passes(err))
		return err;
	note_error(s, err);
	return 0;
}

static void discard(struct store *s)
{
	store_close_db(s);
	queue_free(&s->queue);
	cleanup_close(&s->committed_fd);
	cleanup_close(&s->lock_fd);
	pthread_cond_destroy(&s->wake);
	pthread_mutex_destroy(&s->lock);
	free(s->dir);
	free(s->path);
	free(s);
}

int store_open(const struct store_options *options, int *holder, struct store **ret)
{
	struct store *s = calloc(1, sizeof(*s));
	int err;

	*holder = 0;
	if (!s)
		return -ENOMEM;
	s->lock_fd = s->committed_fd = -1;
	err = init(s, options, holder);
	if (!err)
		err = -pthread_create(&s->thread, NULL, run, s);
	if (err)
		discard(s);
	else
		*ret = s;
	return err;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	s->end = true;
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
	if (s->queue.count)
		log_error("%zu records were not written: the disk does not take them",
			  s->queue.count);
	discard(s);
}
