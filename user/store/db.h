/* SPDX-License-Identifier: Apache-2.0 */
/* The database: its tables, its rows, and what chains them. */
#ifndef KEELWATCH_DB_H
#define KEELWATCH_DB_H

#include <stdbool.h>
#include <stdint.h>

#include <sqlite3.h>

#include "base/buf.h"
#include "message/head.h"

#define DB_FILE "store.db"
#define DB_APPLICATION 0x6b77 /* "kw": file(1) and we know it by that */
#define DB_VERSION 1
#define DB_BUSY_MS 5000 /* for others' locks */
#define DB_HASH 32	/* SHA-256 */

/* Newest, and the last that retention took away: what the chain begins and ends with. */
struct db_mark {
	uint64_t sequence;
	uint8_t hash[DB_HASH];
};

/* What people search by, from the body itself; borrowed from record. */
struct db_columns {
	Keelwatch__Record *record; /* owned */
	struct record_head head;
	const char *container_id, *container, *kubernetes_namespace, *pod, *process;
};

/* 0, or -EBADMSG: it is no record. */
int db_columns_read(const uint8_t *body, size_t len, struct db_columns *ret);
void db_columns_free(struct db_columns *c);

/* SHA-256 over the hash before, the sequence number (8 bytes, big-endian) and the body. */
void db_hash(const uint8_t before[DB_HASH], uint64_t sequence, const void *body, size_t len,
	     uint8_t ret[DB_HASH]);

/* SQLite's result code as -errno: -EBADMSG damaged, -ENOSPC full, -EBUSY, -EIO the rest. */
int db_error(int code);

/*
 * For writing: makes the tables where there are none. -EBADMSG: damaged; -EMEDIUMTYPE: no database of
 * ours; -EPROTONOSUPPORT: of a version newer than this program.
 */
int db_open(const char *path, sqlite3 **ret);
/* A file from elsewhere brings no code of its own, and nothing that fills the memory. */
void db_distrust(sqlite3 *sql);
int db_check_version(sqlite3 *sql); /* 0, or as db_open() */
int db_exec(sqlite3 *sql, const char *statement);
int db_prepare(sqlite3 *sql, const char *statement, sqlite3_stmt **ret);
/* A query's only value. */
int64_t db_number(sqlite3 *sql, const char *statement, int64_t otherwise);
int db_mark_read(sqlite3 *sql, const char *which, struct db_mark *ret); /* -ENOENT: not set */
int db_mark_write(sqlite3 *sql, const char *which, const struct db_mark *mark);

#endif
