/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a store, beside its writer or without one. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/util.h"
#include "store/db.h"
#include "store/store.h"

#define ID_DIGITS_MIN 4 /* of a container's id */
#define PAGE_ROWS 256	/* read at once */
#define PAGE_BYTES (1 << 20)

struct store_reader {
	char *path;
	dev_t dev;
	ino_t ino;
	sqlite3 *sql;
};

/* A log beside it that cannot be read may hold the newest: without it the file would seem to be whole. */
static bool has_log(const char *path)
{
	_cleanup_free_ char *log = NULL;
	struct stat st;

	return asprintf(&log, "%s-wal", path) < 0 || (!stat(log, &st) && st.st_size);
}

/* A path as SQLite's URI has it. */
static char *immutable_uri(const char *path)
{
	_cleanup_(buf_free) struct buf uri = {};

	buf_str(&uri, "file:");
	for (const char *c = path; *c; c++)
		if (strchr("?#%", *c))
			buf_fmt(&uri, "%%%02x", (unsigned char)*c);
		else
			buf_char(&uri, *c);
	buf_str(&uri, "?immutable=1");
	return uri.failed ? NULL : TAKE(uri.data);
}

/* Where the folder cannot be written (a copy on a read-only medium) the log's index cannot be made. */
static int open_file(const char *path, sqlite3 **ret)
{
	_cleanup_free_ char *uri = NULL;
	int code = sqlite3_open_v2(path, ret, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);

	if (!*ret)
		return -ENOMEM;
	db_distrust(*ret);
	if (code == SQLITE_OK)
		code = sqlite3_exec(*ret, "SELECT 1 FROM sqlite_schema", NULL, NULL, NULL);
	if ((code & 0xff) != SQLITE_CANTOPEN && (code & 0xff) != SQLITE_READONLY)
		return db_error(code);
	if (has_log(path))
		return -EACCES;
	sqlite3_close_v2(*ret);
	*ret = NULL;
	uri = immutable_uri(path);
	if (!uri)
		return -ENOMEM;
	code = sqlite3_open_v2(uri, ret,
			       SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI, NULL);
	if (!*ret)
		return -ENOMEM;
	db_distrust(*ret);
	return db_error(code);
}

static int reader_open(struct store_reader *r)
{
	struct stat st;
	int err;

	sqlite3_close_v2(r->sql);
	r->sql = NULL;
	if (stat(r->path, &st))
		return -errno;
	err = S_ISREG(st.st_mode) ? open_file(r->path, &r->sql) : -EMEDIUMTYPE;
	if (!err)
		err = db_check_version(r->sql);
	if (err) {
		sqlite3_close_v2(r->sql);
		r->sql = NULL;
		return err;
	}
	r->dev = st.st_dev;
	r->ino = st.st_ino;
	return 0;
}

/* A store that was set aside goes on as another file. */
static int reader_refresh(struct store_reader *r)
{
	struct stat st;

	if (r->sql && !stat(r->path, &st) && st.st_dev == r->dev && st.st_ino == r->ino)
		return 0;
	return reader_open(r);
}

static int reader_make(const char *dir, const char *file, struct store_reader **ret)
{
	struct store_reader *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	if (asprintf(&r->path, "%s%s%s", dir, *file ? "/" : "", file) < 0) {
		free(r);
		return -ENOMEM;
	}
	*ret = r;
	return 0;
}

int store_reader_new(const char *dir, struct store_reader **ret)
{
	return reader_make(dir, DB_FILE, ret);
}

static int made_open(int err, struct store_reader **ret)
{
	if (!err)
		err = reader_open(*ret);
	if (err) {
		store_reader_free(*ret);
		*ret = NULL;
	}
	return err;
}

int store_reader_open(const char *dir, struct store_reader **ret)
{
	*ret = NULL;
	return made_open(reader_make(dir, DB_FILE, ret), ret);
}

int store_reader_open_file(const char *path, struct store_reader **ret)
{
	*ret = NULL;
	return made_open(reader_make(path, "", ret), ret);
}

void store_reader_free(struct store_reader *r)
{
	if (!r)
		return;
	sqlite3_close_v2(r->sql);
	free(r->path);
	free(r);
}

uint64_t store_newest(struct store_reader *r)
{
	return reader_refresh(r) ? 0 : db_number(r->sql, "SELECT max(sequence) FROM record", 0);
}

bool store_acknowledged(struct store_reader *r, const char *sink, uint64_t *ret)
{
	sqlite3_stmt *s = NULL;
	bool known = false;

	*ret = 0;
	if (reader_refresh(r) ||
	    db_prepare(r->sql, "SELECT acknowledged FROM sink WHERE name = ?", &s))
		return false;
	sqlite3_bind_text(s, 1, sink, -1, SQLITE_STATIC);
	if (sqlite3_step(s) == SQLITE_ROW) {
		*ret = sqlite3_column_int64(s, 0);
		known = true;
	}
	sqlite3_finalize(s);
	return known;
}

/* --- queries --- */

/* A row of the page: its body is in the cursor's bytes. */
struct row {
	uint64_t sequence;
	size_t at, len;
};

struct store_cursor {
	struct store_reader *reader;
	struct store_query query;
	struct row rows[PAGE_ROWS];
	size_t count, at;
	struct buf bytes;
	uint64_t left;	 /* of the limit */
	bool end;	 /* nothing is behind this page */
	uint64_t before; /* with newest_first: the next page is below it; 0: the first page */
};

/* A condition of a query, with what it binds. */
struct clause {
	const char *text;
	const char *value; /* a text, or */
	int64_t number;
};

struct clauses {
	struct clause list[16];
	size_t count;
};

static void add_text(struct clauses *c, const char *text, const char *value)
{
	if (value)
		c->list[c->count++] = (struct clause){ .text = text, .value = value };
}

static void add_number(struct clauses *c, const char *text, uint64_t value)
{
	if (value)
		c->list[c->count++] = (struct clause){
			.text = text,
			.number = value > INT64_MAX ? INT64_MAX : (int64_t)value,
		};
}

static bool is_id(const char *text)
{
	return strlen(text) >= ID_DIGITS_MIN && !text[strspn(text, "0123456789abcdef")];
}

static void collect(const struct store_query *q, struct clauses *c)
{
	add_number(c, "sequence > ?", q->after);
	if (q->min_severity > 0)
		add_number(c, "severity >= ?", q->min_severity);
	if (q->kinds && q->kinds != KINDS_ALL)
		add_number(c, "(1 << kind) & ?", q->kinds);
	add_number(c, "time >= ?", q->since_ns);
	add_number(c, "time <= ?", q->until_ns);
	/* "g" is behind all hexadecimal digits: the range of what begins so. */
	if (q->container)
		add_text(
			c,
			is_id(q->container) ?
				"(container = ?1 OR (container_id >= ?1 AND container_id < ?1 || 'g'))" :
				"(container = ?1 OR container_id = ?1)",
			q->container);
	add_text(c, "pod = ?", q->pod);
	add_text(c, "namespace = ?", q->kubernetes_namespace);
	add_text(c, "what = ?", q->rule);
	add_text(c, "what != ?", q->without);
	add_text(c, "(process = ?1 OR substr(process, -length(?1) - 1) = '/' || ?1)", q->process);
}

/* ?1 of a clause to its own number. */
static void add_clause(struct buf *b, const char *text, size_t number)
{
	for (const char *c = text; *c; c++) {
		buf_char(b, *c);
		if (*c != '?')
			continue;
		buf_fmt(b, "%zu", number);
		if (c[1] == '1')
			c++;
	}
}

/* The statement for the next page. */
static int page_prepare(struct store_cursor *c, sqlite3_stmt **ret)
{
	const struct store_query *q = &c->query;
	_cleanup_(buf_free) struct buf text = {};
	struct clauses clauses = {};
	int err;

	collect(q, &clauses);
	add_number(&clauses, "sequence < ?", c->before);
	buf_str(&text, "SELECT sequence, body FROM record");
	for (size_t i = 0; i < clauses.count; i++) {
		buf_str(&text, i ? " AND " : " WHERE ");
		add_clause(&text, clauses.list[i].text, i + 1);
	}
	buf_fmt(&text, " ORDER BY sequence%s LIMIT %llu", q->newest_first ? " DESC" : "",
		(unsigned long long)(c->left < PAGE_ROWS ? c->left : PAGE_ROWS));
	if (text.failed)
		return -ENOMEM;
	err = db_prepare(c->reader->sql, buf_cstr(&text), ret);
	for (size_t i = 0; !err && i < clauses.count; i++) {
		const struct clause *clause = &clauses.list[i];

		if (clause->value)
			sqlite3_bind_text(*ret, i + 1, clause->value, -1, SQLITE_STATIC);
		else
			sqlite3_bind_int64(*ret, i + 1, clause->number);
	}
	return err;
}

static void page_add(struct store_cursor *c, sqlite3_stmt *s)
{
	struct row *row = &c->rows[c->count++];

	row->sequence = sqlite3_column_int64(s, 0);
	row->at = c->bytes.len;
	row->len = sqlite3_column_bytes(s, 1);
	buf_add(&c->bytes, sqlite3_column_blob(s, 1), row->len);
}

/* Reads the next page, and lets go of the database. */
static int page_read(struct store_cursor *c)
{
	sqlite3_stmt *s = NULL;
	int err = reader_refresh(c->reader), code = SQLITE_DONE;

	c->count = c->at = 0;
	buf_reset(&c->bytes);
	if (!err)
		err = page_prepare(c, &s);
	while (!err && c->count < PAGE_ROWS && c->bytes.len < PAGE_BYTES &&
	       (code = sqlite3_step(s)) == SQLITE_ROW)
		page_add(c, s);
	sqlite3_finalize(s);
	if (err || (code != SQLITE_DONE && code != SQLITE_ROW))
		return err ? err : db_error(code);
	if (c->bytes.failed)
		return -ENOMEM;
	c->left -= c->count;
	c->end = code == SQLITE_DONE || !c->left;
	if (c->count && c->query.newest_first)
		c->before = c->rows[c->count - 1].sequence;
	else if (c->count)
		c->query.after = c->rows[c->count - 1].sequence;
	return 0;
}

int store_select(struct store_reader *r, const struct store_query *q, struct store_cursor **ret)
{
	struct store_cursor *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return -ENOMEM;
	c->reader = r;
	c->query = *q;
	c->left = q->limit ? q->limit : UINT64_MAX;
	err = page_read(c);
	if (err)
		store_cursor_free(c);
	else
		*ret = c;
	return err;
}

int store_next(struct store_cursor *c, struct stored *ret)
{
	const struct row *row;
	int err;

	if (c->at == c->count && !c->end) {
		err = page_read(c);
		if (err)
			return err;
	}
	if (c->at == c->count)
		return 0;
	row = &c->rows[c->at++];
	ret->sequence = row->sequence;
	ret->body = (const uint8_t *)c->bytes.data + row->at;
	ret->len = row->len;
	return 1;
}

void store_cursor_free(struct store_cursor *c)
{
	if (!c)
		return;
	buf_free(&c->bytes);
	free(c);
}

/* --- the chain --- */

struct walk {
	struct store_walk *told;
	struct buf *what;
	struct db_mark last;
};

static int broken(struct walk *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int broken(struct walk *w, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	buf_str(w->what, text ? text : "broken");
	return -EBADMSG;
}

static bool same(sqlite3_stmt *s, int column, const char *text)
{
	const char *stored = (const char *)sqlite3_column_text(s, column);

	return stored && !strcmp(stored, text);
}

/* What the columns say must be what the body says: a search must find what is there. */
static bool columns_match(sqlite3_stmt *s, const struct db_columns *c)
{
	return sqlite3_column_int64(s, 1) == (int64_t)c->head.time_ns &&
	       sqlite3_column_int(s, 2) == (int)c->head.kind &&
	       sqlite3_column_int(s, 3) == (int)c->head.severity && same(s, 4, c->head.what) &&
	       same(s, 5, c->container_id) && same(s, 6, c->container) &&
	       same(s, 7, c->kubernetes_namespace) && same(s, 8, c->pod) && same(s, 9, c->process);
}

/* That it stands where it was put: its number follows, and is the one it says itself. */
static int check_place(struct walk *w, uint64_t sequence, uint64_t own, bool readable)
{
	if (readable && own != sequence)
		return broken(w, "record %llu is out of place: it was record %llu",
			      (unsigned long long)sequence, (unsigned long long)own);
	if (sequence <= w->last.sequence)
		return broken(w, "record %llu stands before what the chain begins with",
			      (unsigned long long)sequence);
	if (sequence == w->last.sequence + 2)
		return broken(w, "record %llu is missing", (unsigned long long)sequence - 1);
	if (sequence != w->last.sequence + 1)
		return broken(w, "records %llu to %llu are missing",
			      (unsigned long long)w->last.sequence + 1,
			      (unsigned long long)sequence - 1);
	if (!readable)
		return broken(w, "record %llu was altered: it cannot be read",
			      (unsigned long long)sequence);
	return 0;
}

static int check_row(struct walk *w, sqlite3_stmt *s)
{
	uint64_t sequence = sqlite3_column_int64(s, 0), own = 0;
	const uint8_t *body = sqlite3_column_blob(s, 11);
	size_t len = sqlite3_column_bytes(s, 11);
	bool readable, whole = false;
	struct db_columns columns;
	uint8_t hash[DB_HASH];
	int err;

	readable = body && !db_columns_read(body, len, &columns);
	if (readable) {
		own = columns.head.metadata->sequence;
		whole = columns_match(s, &columns);
		db_columns_free(&columns);
	}
	err = check_place(w, sequence, own, readable);
	if (err)
		return err;
	db_hash(w->last.hash, sequence, body, len, hash);
	if (sqlite3_column_bytes(s, 10) != DB_HASH ||
	    memcmp(sqlite3_column_blob(s, 10), hash, DB_HASH))
		return broken(w, "record %llu was altered: it does not follow from the one before",
			      (unsigned long long)sequence);
	if (!whole)
		return broken(w,
			      "record %llu was altered: its search columns do not say what it says",
			      (unsigned long long)sequence);
	w->last.sequence = w->told->last = sequence;
	memcpy(w->last.hash, hash, DB_HASH);
	if (!w->told->count++)
		w->told->first = sequence;
	return 0;
}

/* How many rows there were, or -errno. */
static int walk_rows(struct walk *w, sqlite3_stmt *s)
{
	int code, err = 0, rows = 0;

	while (!err && (code = sqlite3_step(s)) == SQLITE_ROW) {
		err = check_row(w, s);
		rows++;
	}
	if (err || code == SQLITE_DONE)
		return err ? err : rows;
	if (db_error(code) != -EBADMSG)
		return db_error(code);
	return broken(w, "the database is damaged after record %llu",
		      (unsigned long long)w->last.sequence);
}

static int check_end(struct walk *w, sqlite3 *sql)
{
	struct db_mark newest;
	int err = db_mark_read(sql, "newest", &newest);

	if (err == -ENOENT)
		return broken(w, "the mark that the chain ends with is missing");
	if (err)
		return err;
	if (newest.sequence < w->last.sequence)
		return broken(w,
			      "the mark that the chain ends with was altered: it is record %llu's",
			      (unsigned long long)newest.sequence);
	if (newest.sequence != w->last.sequence)
		return broken(w, "records %llu to %llu are missing at the end",
			      (unsigned long long)w->last.sequence + 1,
			      (unsigned long long)newest.sequence);
	if (memcmp(newest.hash, w->last.hash, DB_HASH))
		return broken(w, "the mark that the chain ends with was altered");
	return 0;
}

/* What stands behind the last, in one moment of the database. 1: there is more; 0: that was the end. */
static int walk_page(struct walk *w, sqlite3 *sql)
{
	struct db_mark dropped;
	sqlite3_stmt *s = NULL;
	int err = db_mark_read(sql, "dropped", &dropped), rows = 0;

	if (err == -ENOENT)
		err = broken(w, "the mark that the chain begins with is missing");
	/* At the beginning, or the bounds of the store have overtaken us since. */
	if (!err && (!w->told->count || dropped.sequence > w->last.sequence))
		w->last = dropped;
	if (!err)
		err = db_prepare(
			sql, "SELECT * FROM record WHERE sequence > ? ORDER BY sequence LIMIT ?",
			&s);
	if (!err) {
		/* A negative number is none of ours: it is met at the beginning, and is out of place. */
		sqlite3_bind_int64(s, 1, w->told->count ? (int64_t)w->last.sequence : INT64_MIN);
		sqlite3_bind_int(s, 2, STORE_WALK_STEP);
		rows = walk_rows(w, s);
		err = rows < 0 ? rows : 0;
	}
	sqlite3_finalize(s);
	if (err || rows == STORE_WALK_STEP)
		return err ? err : 1;
	return check_end(w, sql);
}

int store_verify(struct store_reader *r, struct buf *what, struct store_walk *walk)
{
	struct walk w = { .told = walk, .what = what };
	int err;

	walk->count = walk->first = walk->last = 0;
	walk->newest = store_newest(r);
	/* A page at a time: the log of a store that is being written must not grow for us. */
	do {
		err = reader_refresh(r);
		if (err)
			return err;
		err = db_exec(r->sql, "BEGIN");
		if (!err)
			err = walk_page(&w, r->sql);
		db_exec(r->sql, "ROLLBACK");
		if (err >= 0 && walk->progress)
			walk->progress(walk);
	} while (err > 0);
	if (err == -EBADMSG && !what->len)
		buf_str(what, "the database is damaged");
	return err;
}
