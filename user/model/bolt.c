/* SPDX-License-Identifier: Apache-2.0 */
/* Looks up one value in the bytes of a bolt database; every offset in it is hostile. */
#include "model/bolt.h"

#include <stdint.h>
#include <string.h>

#define BOLT_MAGIC 0xed0cdaedu
#define BOLT_VERSION 2
#define MAX_DEPTH 32	  /* pages from a root to a leaf; no disk holds a tree this deep */
#define MAX_META_AT 65536 /* the second meta page is one page in; none are larger */

enum page_flag { PAGE_BRANCH = 1, PAGE_LEAF = 2, PAGE_META = 4 };
enum leaf_flag { LEAF_BUCKET = 1 };

/* The format has the byte order of the machine that wrote it; those we run on are little-endian. */
struct page {
	uint64_t id;
	uint16_t flags;
	uint16_t count;
	uint32_t overflow; /* further pages that belong to this one */
};

struct bucket {
	uint64_t root; /* page; 0: the one page follows inline */
	uint64_t sequence;
};

struct meta {
	uint32_t magic, version, page_size, flags;
	struct bucket root;
	uint64_t freelist, high_water, txid;
	uint64_t checksum; /* FNV-1a of all before it */
};

struct branch_elem {
	uint32_t pos, ksize; /* pos counts from the element */
	uint64_t child;
};

struct leaf_elem {
	uint32_t flags, pos, ksize, vsize;
};

struct db {
	const char *data;
	size_t len;
	size_t page_size;
	uint64_t page_count;
};

/* One page with all that overflows it. */
struct view {
	const char *data;
	size_t len;
	struct page head;
};

struct bytes {
	const char *data;
	size_t len;
};

static bool bytes_at(const struct view *v, size_t at, size_t len, struct bytes *ret)
{
	if (at > v->len || len > v->len - at)
		return false;
	*ret = (struct bytes){ v->data + at, len };
	return true;
}

static bool copy_at(const struct view *v, size_t at, void *to, size_t len)
{
	struct bytes from;

	if (!bytes_at(v, at, len, &from))
		return false;
	memcpy(to, from.data, len);
	return true;
}

static uint64_t fnv1a(const void *data, size_t len)
{
	const unsigned char *p = data;
	uint64_t hash = 14695981039346656037ull;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ p[i]) * 1099511628211ull;
	return hash;
}

static bool meta_at(const char *data, size_t len, size_t at, struct meta *m)
{
	const struct view file = { .data = data, .len = len };
	struct page head;

	return copy_at(&file, at, &head, sizeof(head)) && (head.flags & PAGE_META) &&
	       copy_at(&file, at + sizeof(head), m, sizeof(*m)) && m->magic == BOLT_MAGIC &&
	       m->version == BOLT_VERSION && m->page_size >= 1024 && m->page_size <= MAX_META_AT &&
	       (at == 0 || at == m->page_size) &&
	       m->checksum == fnv1a(m, offsetof(struct meta, checksum));
}

/* The newer of the two meta pages that is whole. */
static bool db_open(const void *data, size_t len, struct db *db, struct bucket *root)
{
	uint64_t txid = 0;
	struct meta m;
	bool found = false;

	for (size_t at = 0; at <= MAX_META_AT; at = at ? at * 2 : 1024) {
		if (!meta_at(data, len, at, &m) || (found && m.txid < txid))
			continue;
		found = true;
		txid = m.txid;
		*root = m.root;
		*db = (struct db){
			.data = data,
			.len = len,
			.page_size = m.page_size,
			.page_count = len / m.page_size,
		};
	}
	return found;
}

static bool db_page(const struct db *db, uint64_t id, struct view *v)
{
	if (id < 2 || id >= db->page_count)
		return false;
	*v = (struct view){ .data = db->data + id * db->page_size, .len = db->page_size };
	memcpy(&v->head, v->data, sizeof(v->head));
	if (v->head.id != id || v->head.overflow >= db->page_count - id)
		return false;
	v->len += v->head.overflow * db->page_size;
	return true;
}

/* Key i of a page, and its element. */
static bool page_key(const struct view *v, uint32_t i, struct branch_elem *branch,
		     struct leaf_elem *leaf, struct bytes *key)
{
	size_t at = sizeof(struct page) + i * sizeof(*leaf);

	_Static_assert(sizeof(*branch) == sizeof(*leaf), "one size for both kinds of elements");
	if (v->head.flags & PAGE_LEAF)
		return copy_at(v, at, leaf, sizeof(*leaf)) &&
		       bytes_at(v, at + leaf->pos, leaf->ksize, key);
	return copy_at(v, at, branch, sizeof(*branch)) &&
	       bytes_at(v, at + branch->pos, branch->ksize, key);
}

static int compare(struct bytes key, const char *name)
{
	size_t len = strlen(name);
	int order = memcmp(key.data, name, key.len < len ? key.len : len);

	return order ? order : (key.len > len) - (key.len < len);
}

/* The last key that is not behind name. A page that is not sorted gives a wrong one or none. */
static bool page_seek(const struct view *v, const char *name, uint32_t *ret, bool *equal)
{
	uint32_t low = 0, high = v->head.count;
	struct branch_elem branch;
	struct leaf_elem leaf;
	struct bytes key;

	*equal = false;
	while (low < high) {
		uint32_t mid = (low + high) / 2;
		int order;

		if (!page_key(v, mid, &branch, &leaf, &key))
			return false;
		order = compare(key, name);
		if (order <= 0) {
			low = mid + 1;
			*equal = !order;
		} else {
			high = mid;
		}
	}
	*ret = low - 1;
	return low > 0;
}

static bool leaf_find(const struct view *v, const char *name, uint32_t *flags, struct bytes *value)
{
	struct leaf_elem leaf;
	struct bytes key;
	bool equal;
	uint32_t i;

	if (!page_seek(v, name, &i, &equal) || !equal || !page_key(v, i, NULL, &leaf, &key))
		return false;
	*flags = leaf.flags;
	*value = (struct bytes){ key.data + key.len, leaf.vsize };
	return leaf.vsize <= (size_t)(v->data + v->len - value->data);
}

static bool tree_find(const struct db *db, uint64_t id, const char *name, uint32_t *flags,
		      struct bytes *value)
{
	for (unsigned int depth = 0; depth < MAX_DEPTH; depth++) {
		struct branch_elem branch;
		struct bytes key;
		struct view v;
		bool equal;
		uint32_t i;

		if (!db_page(db, id, &v))
			return false;
		if (v.head.flags & PAGE_LEAF)
			return leaf_find(&v, name, flags, value);
		if (!(v.head.flags & PAGE_BRANCH) || !page_seek(&v, name, &i, &equal) ||
		    !page_key(&v, i, &branch, NULL, &key))
			return false;
		id = branch.child;
	}
	return false;
}

/* Looks name up in the bucket that a leaf's value describes. */
static bool bucket_find(const struct db *db, struct bytes bucket, const char *name, uint32_t *flags,
			struct bytes *value)
{
	struct view v = { .data = bucket.data, .len = bucket.len };
	struct bucket head;

	if (!copy_at(&v, 0, &head, sizeof(head)))
		return false;
	if (head.root)
		return tree_find(db, head.root, name, flags, value);
	v.data += sizeof(head);
	v.len -= sizeof(head);
	return copy_at(&v, 0, &v.head, sizeof(v.head)) && (v.head.flags & PAGE_LEAF) &&
	       leaf_find(&v, name, flags, value);
}

bool bolt_find(const void *data, size_t len, const char *const *path, const char **value,
	       size_t *value_len)
{
	struct bucket root;
	struct bytes at;
	uint32_t flags;
	struct db db;

	if (!db_open(data, len, &db, &root) || !*path ||
	    !tree_find(&db, root.root, *path, &flags, &at))
		return false;
	while (*++path) {
		if (!(flags & LEAF_BUCKET) || !bucket_find(&db, at, *path, &flags, &at))
			return false;
	}
	if (flags & LEAF_BUCKET)
		return false;
	*value = at.data;
	*value_len = at.len;
	return true;
}
