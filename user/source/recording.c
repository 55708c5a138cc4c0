/* SPDX-License-Identifier: Apache-2.0 */
/* Writes recordings and reads them back. */
#include "source/recording.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

#define MAGIC "KEELWREC"
#define VERSION 2
#define FACT_CONTENT_MAX (32u * 1024 * 1024)

struct file_head {
	char magic[8];
	__u32 version;
	__u32 head_size; /* of struct ev_head: another layout is another version */
};

enum fact_kind {
	FACT_READ = 1,
	FACT_READLINK,
	FACT_LIST,
	FACT_STAT,
	FACT_SOCKETS,
	FACT_KEEP,
	FACT_REREAD
};

/* --- writing --- */

struct recorder {
	FILE *file;
	struct facts *real;
	struct facts facts;
	int error;
};

static size_t padding(size_t len)
{
	return (8 - len % 8) % 8;
}

static void write_bytes(struct recorder *r, const void *bytes, size_t len)
{
	if (!r->error && len && fwrite(bytes, len, 1, r->file) != 1)
		r->error = errno ? -errno : -EIO;
}

static void write_fact(struct recorder *r, enum fact_kind kind, const char *name, int ret,
		       const void *content, size_t size)
{
	static const char zeros[8];
	struct ev_fact fact = { .head.type = EV_FACT, .ret = ret, .kind = kind, .size = size };
	size_t len = strnlen(name, EV_STR_MAX);

	fact.name = (struct ev_str){ .off = sizeof(fact), .len = len };
	fact.head.len = sizeof(fact) + len + padding(len);
	write_bytes(r, &fact, sizeof(fact));
	write_bytes(r, name, len);
	write_bytes(r, zeros, padding(len));
	write_bytes(r, content, size);
	write_bytes(r, zeros, padding(size));
}

static void write_added(struct recorder *r, enum fact_kind kind, const char *name, int ret,
			const struct buf *out, size_t start)
{
	write_fact(r, kind, name, ret, out->data ? out->data + start : NULL, out->len - start);
}

static int tee_read(void *self, const char *path, size_t max, struct buf *out)
{
	struct recorder *r = self;
	size_t start = out->len;
	int ret = facts_read(r->real, path, max, out);

	write_added(r, FACT_READ, path, ret, out, start);
	return ret;
}

static int tee_readlink(void *self, const char *path, struct buf *out)
{
	struct recorder *r = self;
	size_t start = out->len;
	int ret = facts_readlink(r->real, path, out);

	write_added(r, FACT_READLINK, path, ret, out, start);
	return ret;
}

static int tee_list(void *self, const char *dir, struct buf *out)
{
	struct recorder *r = self;
	size_t start = out->len;
	int ret = facts_list(r->real, dir, out);

	write_added(r, FACT_LIST, dir, ret, out, start);
	return ret;
}

static int tee_stat(void *self, const char *path, struct fact_stat *st)
{
	struct recorder *r = self;
	int ret = facts_stat(r->real, path, st);

	write_fact(r, FACT_STAT, path, ret, st, ret ? 0 : sizeof(*st));
	return ret;
}

static int tee_sockets(void *self, struct buf *out)
{
	struct recorder *r = self;
	size_t start = out->len;
	int ret = facts_sockets(r->real, out);

	write_added(r, FACT_SOCKETS, "", ret, out, start);
	return ret;
}

static int tee_keep(void *self, const char *path)
{
	struct recorder *r = self;
	int ret = facts_keep(r->real, path);

	write_fact(r, FACT_KEEP, path, ret, NULL, 0);
	return ret;
}

static void handle_name(char name[16], int handle)
{
	snprintf(name, 16, "%d", handle);
}

static int tee_reread(void *self, int handle, size_t max, struct buf *out)
{
	struct recorder *r = self;
	size_t start = out->len;
	int ret = facts_reread(r->real, handle, max, out);
	char name[16];

	handle_name(name, handle);
	write_added(r, FACT_REREAD, name, ret, out, start);
	return ret;
}

static void tee_release(void *self, int handle)
{
	facts_release(((struct recorder *)self)->real, handle);
}

static const struct facts_ops tee_ops = {
	.read = tee_read,
	.readlink = tee_readlink,
	.list = tee_list,
	.stat = tee_stat,
	.sockets = tee_sockets,
	.keep = tee_keep,
	.reread = tee_reread,
	.release = tee_release,
};

int recorder_new(FILE *f, struct facts *real, struct recorder **ret)
{
	struct file_head head = { .magic = MAGIC,
				  .version = VERSION,
				  .head_size = sizeof(struct ev_head) };
	struct recorder *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return -ENOMEM;
	r->file = f;
	r->real = real;
	r->facts = (struct facts){ .ops = &tee_ops, .self = r };
	write_bytes(r, &head, sizeof(head));
	err = r->error;
	if (err) {
		free(r);
		return err;
	}
	*ret = r;
	return 0;
}

void recorder_free(struct recorder *r)
{
	free(r);
}

struct facts *recorder_facts(struct recorder *r)
{
	return &r->facts;
}

int recorder_write(struct recorder *r, const struct ev_head *rec)
{
	write_bytes(r, rec, rec->len);
	return r->error;
}

int recorder_error(const struct recorder *r)
{
	return r->error;
}

/* --- reading --- */

struct fact {
	struct ev_fact head;
	char *name;
	char *content;
};

struct replay {
	FILE *file;
	struct facts facts;
	struct fact *list; /* of the current record */
	size_t count, cap;
	size_t cursor; /* where the next answer is looked for first */
	__u64 record[EV_RECORD_MAX / 8];
	__u64 ahead[EV_RECORD_MAX / 8];
	int ahead_state; /* of ahead: 1 there, 0 the end, negative damaged */
};

static void facts_drop(struct replay *r)
{
	for (size_t i = 0; i < r->count; i++) {
		free(r->list[i].name);
		free(r->list[i].content);
	}
	r->count = r->cursor = 0;
}

/* Reads one record into at. 1, 0 at the end, -EBADMSG. */
static int read_record(FILE *f, __u64 *at)
{
	struct ev_head *head = (void *)at;
	size_t n = fread(at, 1, sizeof(*head), f);

	if (!n)
		return 0;
	if (n != sizeof(*head) || head->len < sizeof(*head) || head->len > EV_RECORD_MAX ||
	    head->len % 8)
		return -EBADMSG;
	if (head->len > sizeof(*head) &&
	    fread((char *)at + sizeof(*head), head->len - sizeof(*head), 1, f) != 1)
		return -EBADMSG;
	return record_check(at, head->len) ? -EBADMSG : 1;
}

static int add_fact(struct replay *r, const struct ev_fact *head)
{
	struct fact *fact;
	const char *name;
	size_t len;

	if (head->size > FACT_CONTENT_MAX)
		return -EBADMSG;
	if (r->count == r->cap) {
		size_t cap = r->cap ? r->cap * 2 : 64;
		struct fact *more = reallocarray(r->list, cap, sizeof(*more));

		if (!more)
			return -ENOMEM;
		r->list = more;
		r->cap = cap;
	}
	fact = &r->list[r->count];
	name = record_bytes(&head->head, &head->name, &len);
	*fact = (struct fact){ .head = *head };
	fact->name = strndup(name ? name : "", len);
	fact->content = malloc(head->size + padding(head->size) + 1);
	r->count++;
	if (!fact->name || !fact->content)
		return -ENOMEM;
	if (head->size && fread(fact->content, head->size + padding(head->size), 1, r->file) != 1)
		return -EBADMSG;
	return 0;
}

int replay_next(struct replay *r, const struct ev_head **ret)
{
	const struct ev_head *head = (const void *)r->ahead;

	facts_drop(r);
	if (r->ahead_state <= 0)
		return r->ahead_state;
	memcpy(r->record, r->ahead, head->len);
	for (;;) {
		r->ahead_state = read_record(r->file, r->ahead);
		if (r->ahead_state <= 0 || head->type != EV_FACT)
			break;
		r->ahead_state = add_fact(r, (const void *)r->ahead);
		if (r->ahead_state)
			break;
	}
	*ret = (const struct ev_head *)r->record;
	return 1;
}

/* Answers come in the order they were asked for; a question that was not asked then has none. */
static const struct fact *answer(struct replay *r, enum fact_kind kind, const char *name)
{
	for (size_t i = 0; i < r->count; i++) {
		size_t at = (r->cursor + i) % r->count;
		const struct fact *f = &r->list[at];

		if (f->head.kind == kind && !strcmp(f->name, name)) {
			r->cursor = at + 1;
			return f;
		}
	}
	return NULL;
}

static int answer_text(struct replay *r, enum fact_kind kind, const char *name, struct buf *out)
{
	const struct fact *f = answer(r, kind, name);

	if (!f)
		return -ENODATA;
	buf_add(out, f->content, f->head.size);
	return f->head.ret;
}

static int replay_read(void *self, const char *path, size_t max, struct buf *out)
{
	(void)max;
	return answer_text(self, FACT_READ, path, out);
}

static int replay_readlink(void *self, const char *path, struct buf *out)
{
	return answer_text(self, FACT_READLINK, path, out);
}

static int replay_list(void *self, const char *dir, struct buf *out)
{
	return answer_text(self, FACT_LIST, dir, out);
}

static int replay_stat(void *self, const char *path, struct fact_stat *ret)
{
	const struct fact *f = answer(self, FACT_STAT, path);

	if (!f)
		return -ENODATA;
	if (f->head.ret)
		return f->head.ret;
	if (f->head.size != sizeof(*ret))
		return -EBADMSG;
	memcpy(ret, f->content, sizeof(*ret));
	return 0;
}

static int replay_sockets(void *self, struct buf *out)
{
	return answer_text(self, FACT_SOCKETS, "", out);
}

static int replay_keep(void *self, const char *path)
{
	const struct fact *f = answer(self, FACT_KEEP, path);

	return f ? f->head.ret : -ENODATA;
}

static int replay_reread(void *self, int handle, size_t max, struct buf *out)
{
	char name[16];

	(void)max;
	handle_name(name, handle);
	return answer_text(self, FACT_REREAD, name, out);
}

static void replay_release(void *self, int handle)
{
	(void)self;
	(void)handle;
}

static const struct facts_ops replay_ops = {
	.read = replay_read,
	.readlink = replay_readlink,
	.list = replay_list,
	.stat = replay_stat,
	.sockets = replay_sockets,
	.keep = replay_keep,
	.reread = replay_reread,
	.release = replay_release,
};

int replay_new(FILE *f, struct replay **ret)
{
	struct file_head head;
	struct replay *r;

	if (fread(&head, sizeof(head), 1, f) != 1 ||
	    memcmp(head.magic, MAGIC, sizeof(head.magic)) || head.version != VERSION ||
	    head.head_size != sizeof(struct ev_head))
		return -EBADMSG;
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->file = f;
	r->facts = (struct facts){ .ops = &replay_ops, .self = r };
	r->ahead_state = read_record(f, r->ahead);
	/* A fact answers for the record before it; there is none. */
	if (r->ahead_state > 0 && ((struct ev_head *)r->ahead)->type == EV_FACT)
		r->ahead_state = -EBADMSG;
	*ret = r;
	return 0;
}

void replay_free(struct replay *r)
{
	if (!r)
		return;
	facts_drop(r);
	free(r->list);
	free(r);
}

struct facts *replay_facts(struct replay *r)
{
	return &r->facts;
}
