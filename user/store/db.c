/* SPDX-License-Identifier: Apache-2.0 */
#include "store/db.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/types.h>

#include <sha2.h>

#include "base/util.h"

#define VALUE_MAX (8 << 20) /* bytes of a text or blob; a record is far below it */

static const char schema[] =
	"CREATE TABLE record (sequence INTEGER PRIMARY KEY, time INTEGER NOT NULL, "
	"kind INTEGER NOT NULL, severity INTEGER NOT NULL, what TEXT NOT NULL, "
	"container_id TEXT NOT NULL, container TEXT NOT NULL, namespace TEXT NOT NULL, "
	"pod TEXT NOT NULL, process TEXT NOT NULL, hash BLOB NOT NULL, body BLOB NOT NULL);"
	"CREATE INDEX record_time ON record (time);"
	"CREATE INDEX record_what ON record (what);"
	"CREATE INDEX record_container_id ON record (container_id);"
	"CREATE INDEX record_container ON record (container);"
	"CREATE TABLE sink (name TEXT PRIMARY KEY, acknowledged INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE mark (which TEXT PRIMARY KEY, sequence INTEGER NOT NULL, hash BLOB NOT NULL) "
	"WITHOUT ROWID;";

int db_error(int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_SCHEMA:
	case SQLITE_MISMATCH:
	case SQLITE_TOOBIG:
	case SQLITE_ERROR: /* "no such table": the schema is not what we made */
	case SQLITE_CONSTRAINT:
		return -EBADMSG;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_PERM:
	case SQLITE_AUTH:
	case SQLITE_CANTOPEN:
		return -EACCES;
	}
	return -EIO;
}

int db_exec(sqlite3 *sql, const char *statement)
{
	return db_error(sqlite3_exec(sql, statement, NULL, NULL, NULL));
}

int db_prepare(sqlite3 *sql, const char *statement, sqlite3_stmt **ret)
{
	return db_error(sqlite3_prepare_v2(sql, statement, -1, ret, NULL));
}

int64_t db_number(sqlite3 *sql, const char *statement, int64_t otherwise)
{
	sqlite3_stmt *s = NULL;
	int64_t value = otherwise;

	if (!db_prepare(sql, statement, &s) && sqlite3_step(s) == SQLITE_ROW &&
	    sqlite3_column_type(s, 0) == SQLITE_INTEGER)
		value = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return value;
}

int db_mark_read(sqlite3 *sql, const char *which, struct db_mark *ret)
{
	sqlite3_stmt *s = NULL;
	int err = db_prepare(sql, "SELECT sequence, hash FROM mark WHERE which = ?", &s), code;

	*ret = (struct db_mark){};
	if (err)
		return err;
	sqlite3_bind_text(s, 1, which, -1, SQLITE_STATIC);
	code = sqlite3_step(s);
	if (code == SQLITE_ROW && sqlite3_column_bytes(s, 1) == DB_HASH) {
		ret->sequence = sqlite3_column_int64(s, 0);
		memcpy(ret->hash, sqlite3_column_blob(s, 1), DB_HASH);
	} else {
		err = code == SQLITE_DONE ? -ENOENT :
		      code == SQLITE_ROW  ? -EBADMSG :
					    db_error(code);
	}
	sqlite3_finalize(s);
	return err;
}

int db_mark_write(sqlite3 *sql, const char *which, const struct db_mark *mark)
{
	sqlite3_stmt *s = NULL;
	int err = db_prepare(sql, "INSERT OR REPLACE INTO mark VALUES (?, ?, ?)", &s);

	if (err)
		return err;
	sqlite3_bind_text(s, 1, which, -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 2, mark->sequence);
	sqlite3_bind_blob(s, 3, mark->hash, DB_HASH, SQLITE_STATIC);
	err = db_error(sqlite3_step(s));
	sqlite3_finalize(s);
	return err;
}

/* --- opening --- */

static int make_tables(sqlite3 *sql)
{
	char versions[96];
	int err;

	snprintf(versions, sizeof(versions), "PRAGMA application_id = %d; PRAGMA user_version = %d",
		 DB_APPLICATION, DB_VERSION);
	err = db_exec(sql, "BEGIN IMMEDIATE");
	if (!err)
		err = db_exec(sql, schema);
	if (!err)
		err = db_exec(sql, versions);
	if (!err)
		err = db_exec(sql, "COMMIT");
	return err;
}

void db_distrust(sqlite3 *sql)
{
	static const int flags[][2] = {
		{ SQLITE_DBCONFIG_DEFENSIVE, 1 },
		{ SQLITE_DBCONFIG_ENABLE_TRIGGER, 0 },
		{ SQLITE_DBCONFIG_ENABLE_VIEW, 0 },
		{ SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		sqlite3_db_config(sql, flags[i][0], flags[i][1], NULL);
	sqlite3_limit(sql, SQLITE_LIMIT_LENGTH, VALUE_MAX);
	sqlite3_busy_timeout(sql, DB_BUSY_MS);
}

int db_check_version(sqlite3 *sql)
{
	int64_t version;

	if (db_number(sql, "PRAGMA application_id", 0) != DB_APPLICATION)
		return -EMEDIUMTYPE;
	version = db_number(sql, "PRAGMA user_version", 0);
	return version == DB_VERSION ? 0 : version > DB_VERSION ? -EPROTONOSUPPORT : -EBADMSG;
}

/* What is not ours is not written to: it is looked at before anything is set. */
static int set_up(sqlite3 *sql)
{
	sqlite3_stmt *count = NULL;
	bool fresh;
	int err;

	db_distrust(sql);
	err = db_prepare(sql, "SELECT count(*) FROM sqlite_schema", &count);
	if (!err)
		err = db_error(sqlite3_step(count));
	fresh = !err && !sqlite3_column_int(count, 0);
	sqlite3_finalize(count);
	if (!err && !fresh)
		err = db_check_version(sql);
	if (!err && fresh)
		err = db_exec(sql, "PRAGMA auto_vacuum = INCREMENTAL");
	if (!err)
		err = db_exec(sql, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
	return !err && fresh ? make_tables(sql) : err;
}

/*
 * A file that is there is not opened but by SQLite: closing it would take away the locks that other
 * connections of this process have on it (fcntl(2)).
 */
static int make_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return errno == EEXIST ? 0 : -errno;
	close(fd);
	return 0;
}

int db_open(const char *path, sqlite3 **ret)
{
	sqlite3 *sql = NULL;
	int err = make_file(path);

	if (err)
		return err;
	err = db_error(sqlite3_open_v2(
		path, &sql, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_NOMUTEX,
		NULL));
	if (!err)
		err = set_up(sql);
	if (err)
		sqlite3_close(sql);
	else
		*ret = sql;
	return err;
}

/* --- rows --- */

static const char *or_empty(const char *text)
{
	return text ? text : "";
}

int db_columns_read(const uint8_t *body, size_t len, struct db_columns *ret)
{
	const Keelwatch__Container *c;
	const Keelwatch__Process *p;

	*ret = (struct db_columns){ .record = keelwatch__record__unpack(NULL, len, body) };
	if (!ret->record || record_head(ret->record, &ret->head) || !ret->head.metadata) {
		db_columns_free(ret);
		return -EBADMSG;
	}
	c = ret->head.container;
	p = ret->head.process;
	ret->container_id = c ? or_empty(c->id) : "";
	ret->container = c ? or_empty(c->name) : "";
	ret->kubernetes_namespace = c && c->kubernetes ? or_empty(c->kubernetes->namespace_) : "";
	ret->pod = c && c->kubernetes ? or_empty(c->kubernetes->pod) : "";
	ret->process = p ? or_empty(p->exe && *p->exe ? p->exe : p->comm) : "";
	return 0;
}

void db_columns_free(struct db_columns *c)
{
	if (c->record)
		keelwatch__record__free_unpacked(c->record, NULL);
	c->record = NULL;
}

void db_hash(const uint8_t before[DB_HASH], uint64_t sequence, const void *body, size_t len,
	     uint8_t ret[DB_HASH])
{
	uint8_t number[8];
	SHA2_CTX context;

	for (size_t i = 0; i < sizeof(number); i++)
		number[i] = sequence >> (56 - 8 * i);
	SHA256Init(&context);
	SHA256Update(&context, before, DB_HASH);
	SHA256Update(&context, number, sizeof(number));
	SHA256Update(&context, body, len);
	SHA256Final(ret, &context);
}
