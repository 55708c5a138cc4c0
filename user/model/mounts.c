/* SPDX-License-Identifier: Apache-2.0 */
/* Reads mountinfo, looks up what lies where, and compares two tables. */
#include "model/mounts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/util.h"
#include "model/host_path.h"

/* The kernel's dev_t: 12 bits of major, 20 of minor. */
#define MAJOR_MAX 0xfff
#define MINOR_MAX 0xfffff

/* What d_path() adds to the name of a dentry that was unlinked; no real path has two slashes. */
#define DELETED "//deleted"

/* Takes the next field, ended by one space (the source may be empty); NULL after the last. */
static char *field_take(char **rest)
{
	char *field = *rest, *space;

	if (!field)
		return NULL;
	space = strchr(field, ' ');
	if (space)
		*space++ = '\0';
	*rest = space;
	return field;
}

static bool parse_u32(const char *s, uint32_t max, uint32_t *ret)
{
	uint64_t value = 0;

	if (!*s)
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return false;
		value = value * 10 + (uint64_t)(*s - '0');
		if (value > max)
			return false;
	}
	*ret = (uint32_t)value;
	return true;
}

static bool parse_dev(char *s, uint32_t *ret)
{
	char *colon = strchr(s, ':');
	uint32_t major, minor;

	if (!colon)
		return false;
	*colon = '\0';
	if (!parse_u32(s, MAJOR_MAX, &major) || !parse_u32(colon + 1, MINOR_MAX, &minor))
		return false;
	*ret = major << MINOR_BITS | minor;
	return true;
}

/* The byte that an escape at s stands for; 0 when there is none. */
static char escape_at(const char *s)
{
	/* mangle() and seq_dentry() escape these five, so that no other sequence is one. */
	static const struct {
		const char *code;
		char byte;
	} escapes[] = {
		{ "\\040", ' ' },  { "\\011", '\t' }, { "\\012", '\n' },
		{ "\\134", '\\' }, { "\\043", '#' },
	};
	size_t i;

	for (i = 0; *s == '\\' && i < ARRAY_SIZE(escapes); i++)
		if (text_starts(s, escapes[i].code))
			return escapes[i].byte;
	return 0;
}

static void unescape(char *s)
{
	char *out = strchr(s, '\\');
	char byte;

	if (!out)
		return;
	for (s = out; *s;) {
		byte = escape_at(s);
		*out++ = byte ? byte : *s;
		s += byte ? strlen("\\040") : 1;
	}
	*out = '\0';
}

static void parse_options(char *options, struct mount_line *line)
{
	char *option, *save = NULL;

	for (option = strtok_r(options, ",", &save); option; option = strtok_r(NULL, ",", &save)) {
		line->mnt_ro |= !strcmp(option, "ro");
		line->nosuid |= !strcmp(option, "nosuid");
		line->noexec |= !strcmp(option, "noexec");
		line->nodev |= !strcmp(option, "nodev");
	}
}

/* The optional fields up to the lone "-". False when that is missing. */
static bool parse_optional(char **rest, struct mount_line *line)
{
	bool unbindable = false;
	char *field;

	for (field = field_take(rest); field && strcmp(field, "-"); field = field_take(rest)) {
		if (text_starts(field, "shared:")) {
			if (!parse_u32(field + strlen("shared:"), UINT32_MAX, &line->shared_group))
				return false;
		} else if (text_starts(field, "master:")) {
			if (!parse_u32(field + strlen("master:"), UINT32_MAX, &line->master_group))
				return false;
		} else if (!strcmp(field, "unbindable")) {
			unbindable = true;
		}
	}
	if (line->shared_group)
		line->propagation = PROPAGATION_SHARED;
	else if (line->master_group)
		line->propagation = PROPAGATION_SLAVE;
	else if (unbindable)
		line->propagation = PROPAGATION_UNBINDABLE;
	else
		line->propagation = PROPAGATION_PRIVATE;
	return field;
}

static bool parse_line(char *text, struct mount_line *line)
{
	char *rest = text, *id, *parent, *dev, *options, *sb_options;

	memset(line, 0, sizeof(*line));
	id = field_take(&rest);
	parent = field_take(&rest);
	dev = field_take(&rest);
	line->root = field_take(&rest);
	line->target = field_take(&rest);
	options = field_take(&rest);
	if (!options || !parse_optional(&rest, line))
		return false;
	line->fstype = field_take(&rest);
	line->source = field_take(&rest);
	sb_options = rest;
	if (!sb_options || !*line->fstype || !*line->root || *line->target != '/')
		return false;
	if (!parse_u32(id, UINT32_MAX, &line->id) ||
	    !parse_u32(parent, UINT32_MAX, &line->parent) || !parse_dev(dev, &line->dev))
		return false;
	parse_options(options, line);
	/* show_sb_opts() puts ro or rw first; what follows is the file system's own text. */
	line->sb_ro = !strcmp(sb_options, "ro") || text_starts(sb_options, "ro,");
	unescape(line->root);
	unescape(line->target);
	unescape(line->fstype);
	unescape(line->source);
	return true;
}

static size_t count_lines(const char *text, size_t len)
{
	const char *end = text + len, *newline;
	size_t count = 0;

	while (text < end) {
		newline = memchr(text, '\n', (size_t)(end - text));
		count++;
		text = newline ? newline + 1 : end;
	}
	return count;
}

int mount_table_parse(const char *text, size_t len, struct mount_table **ret, size_t *bad)
{
	size_t count = count_lines(text, len), skipped = 0, used;
	struct mount_table *t;
	char *at, *end, *newline;

	if (count > MOUNT_TABLE_MAX)
		return -E2BIG;
	/* One block: the table, its lines, and a copy of the text that the strings point into. */
	t = malloc(sizeof(*t) + count * sizeof(*t->lines) + len + 1);
	if (!t)
		return -ENOMEM;
	t->lines = (struct mount_line *)(t + 1);
	t->count = 0;
	at = (char *)(t->lines + count);
	end = at + len;
	if (len)
		memcpy(at, text, len);
	*end = '\0';
	while (at < end) {
		newline = memchr(at, '\n', (size_t)(end - at));
		used = (size_t)((newline ? newline : end) - at);
		at[used] = '\0';
		if (strlen(at) == used && parse_line(at, &t->lines[t->count]))
			t->count++;
		else
			skipped++;
		at += used + (newline ? 1 : 0);
	}
	if (bad)
		*bad = skipped;
	*ret = t;
	return 0;
}

void mount_table_free(struct mount_table *t)
{
	free(t);
}

/* Of the first so many. */
static const struct mount_line *find_among(const struct mount_table *t, size_t count,
					   const char *path)
{
	const struct mount_line *best = NULL;
	size_t i, len, best_len = 0;

	if (*path != '/')
		return NULL;
	for (i = 0; i < count; i++) {
		len = host_path_dir_len(t->lines[i].target);
		if ((best && len < best_len) ||
		    !host_path_within(path, strlen(path), t->lines[i].target, len))
			continue;
		best = &t->lines[i];
		best_len = len;
	}
	return best;
}

const struct mount_line *mount_table_find(const struct mount_table *t, const char *path)
{
	return find_among(t, t->count, path);
}

const struct mount_line *mount_table_covered(const struct mount_table *t,
					     const struct mount_line *line)
{
	return find_among(t, line - t->lines, line->target);
}

const struct mount_line *mount_table_root(const struct mount_table *t)
{
	size_t i;

	for (i = t->count; i > 0; i--)
		if (!strcmp(t->lines[i - 1].target, "/"))
			return &t->lines[i - 1];
	return NULL;
}

const struct mount_line *mount_table_by_id(const struct mount_table *t, uint32_t id)
{
	size_t i;

	for (i = 0; i < t->count; i++)
		if (t->lines[i].id == id)
			return &t->lines[i];
	return NULL;
}

/* By id; lines of one id (which only a forged table has) in the table's order. */
static int compare_ids(const void *a, const void *b)
{
	const struct mount_line *x = *(const struct mount_line *const *)a;
	const struct mount_line *y = *(const struct mount_line *const *)b;

	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return x < y ? -1 : x > y;
}

static void sort_lines(const struct mount_table *t, const struct mount_line **sorted)
{
	size_t i;

	for (i = 0; i < t->count; i++)
		sorted[i] = &t->lines[i];
	qsort(sorted, t->count, sizeof(*sorted), compare_ids);
}

size_t mount_root_len(const struct mount_line *line)
{
	size_t len = strlen(line->root);

	if (text_ends(line->root, DELETED))
		len -= strlen(DELETED);
	while (len && line->root[len - 1] == '/')
		len--;
	return len;
}

/* The kernel gives the lowest free id to the next mount: one id can be two mounts in two tables. */
static bool same_mount(const struct mount_line *a, const struct mount_line *b)
{
	size_t len = mount_root_len(a);

	return a->dev == b->dev && !strcmp(a->fstype, b->fstype) && len == mount_root_len(b) &&
	       !memcmp(a->root, b->root, len);
}

static bool same_settings(const struct mount_line *a, const struct mount_line *b)
{
	return a->mnt_ro == b->mnt_ro && a->sb_ro == b->sb_ro && a->nosuid == b->nosuid &&
	       a->noexec == b->noexec && a->nodev == b->nodev && a->propagation == b->propagation &&
	       a->shared_group == b->shared_group && a->master_group == b->master_group &&
	       !strcmp(a->target, b->target);
}

static void change_add(struct mount_change *changes, size_t *count, enum mount_change_kind kind,
		       const struct mount_line *before, const struct mount_line *after)
{
	changes[(*count)++] = (struct mount_change){ kind, before, after };
}

int mount_table_diff(const struct mount_table *before, const struct mount_table *after,
		     struct mount_change **ret, size_t *count)
{
	size_t total = before->count + after->count, a = 0, b = 0;
	_cleanup_free_ const struct mount_line **sorted = calloc(total + 1, sizeof(*sorted));
	_cleanup_free_ struct mount_change *changes = calloc(total + 1, sizeof(*changes));
	const struct mount_line **old = sorted, **new, *x, *y;

	if (!sorted || !changes)
		return -ENOMEM;
	new = sorted + before->count;
	sort_lines(before, old);
	sort_lines(after, new);
	*count = 0;
	while (a < before->count || b < after->count) {
		x = a < before->count ? old[a] : NULL;
		y = b < after->count ? new[b] : NULL;
		if (x && y && x->id == y->id && same_mount(x, y)) {
			if (!same_settings(x, y))
				change_add(changes, count, MOUNT_CHANGED, x, y);
			a++;
			b++;
		} else if (!y || (x && x->id <= y->id)) {
			change_add(changes, count, MOUNT_REMOVED, x, NULL);
			a++;
		} else {
			change_add(changes, count, MOUNT_ADDED, NULL, y);
			b++;
		}
	}
	*ret = TAKE(changes);
	return 0;
}
