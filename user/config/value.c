/* SPDX-License-Identifier: Apache-2.0 */
/* Values of settings: read from text, written as text, one pair of functions for each type. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "base/util.h"
#include "config/config_priv.h"

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit sizes[] = {
	{ "B", 1 },
	{ "KiB", 1ULL << 10 },
	{ "MiB", 1ULL << 20 },
	{ "GiB", 1ULL << 30 },
	{ "TiB", 1ULL << 40 },
};

static const struct unit durations[] = {
	{ "ms", NS_PER_MS },	  { "s", NS_PER_S },	     { "m", 60 * NS_PER_S },
	{ "h", 3600 * NS_PER_S }, { "d", 86400 * NS_PER_S },
};

/* A number with a unit; with none where bare is allowed, then it is of the first unit. */
static bool read_units(const char *text, const struct unit *units, size_t count, bool bare,
		       uint64_t *ret)
{
	size_t digits = strspn(text, "0123456789");
	char number[24];
	uint64_t value;

	if (!digits || digits >= sizeof(number))
		return false;
	memcpy(number, text, digits);
	number[digits] = '\0';
	if (text_u64(number, &value))
		return false;
	if (!text[digits] && bare) {
		*ret = value;
		return true;
	}
	for (size_t i = 0; i < count; i++)
		if (!strcmp(text + digits, units[i].name))
			return !__builtin_mul_overflow(value, units[i].factor, ret);
	return false;
}

static void show_units(struct buf *out, uint64_t value, const struct unit *units, size_t count)
{
	const struct unit *best = &units[0];

	for (size_t i = 0; i < count; i++)
		if (value >= units[i].factor && value % units[i].factor == 0)
			best = &units[i];
	buf_fmt(out, "%" PRIu64 "%s", value / best->factor, best->name);
}

static void show_bound(struct buf *out, const struct setting *s, uint64_t value)
{
	if (s->type == SETTING_SIZE)
		show_units(out, value, sizes, ARRAY_SIZE(sizes));
	else if (s->type == SETTING_DURATION)
		show_units(out, value, durations, ARRAY_SIZE(durations));
	else
		buf_fmt(out, "%" PRIu64, value);
}

static bool in_range(struct parse *p, const struct setting *s, const struct yaml_node *at,
		     uint64_t value)
{
	_cleanup_(buf_free) struct buf range = {};

	if (value >= s->min && value <= s->max)
		return true;
	show_bound(&range, s, s->min);
	buf_str(&range, " to ");
	show_bound(&range, s, s->max);
	parse_error(p, at, "%s: out of range (%s)", s->key, buf_cstr(&range));
	return false;
}

static bool read_amount(struct parse *p, const struct setting *s, const struct yaml_node *at,
			const char *text, uint64_t *ret)
{
	bool read = s->type == SETTING_SIZE ?
			    read_units(text, sizes, ARRAY_SIZE(sizes), true, ret) :
		    s->type == SETTING_DURATION ?
			    read_units(text, durations, ARRAY_SIZE(durations), false, ret) :
			    !text_u64(text, ret);

	if (!read) {
		parse_error(p, at, "%s: not %s: %s", s->key,
			    s->type == SETTING_SIZE	? "a size (64KiB, 10MiB, 1GiB)" :
			    s->type == SETTING_DURATION ? "a duration (500ms, 30s, 5m, 2h, 7d)" :
							  "a whole number",
			    text);
		return false;
	}
	return in_range(p, s, at, *ret);
}

static size_t name_count(const char *const *names)
{
	size_t n = 0;

	while (names[n])
		n++;
	return n;
}

static int find_name(const char *const *names, const char *text)
{
	for (size_t i = 0; names[i]; i++)
		if (!strcmp(names[i], text))
			return i;
	return -1;
}

static bool read_choice(struct parse *p, const struct setting *s, const struct yaml_node *at,
			const char *text, int *ret)
{
	_cleanup_(buf_free) struct buf all = {};
	int found = find_name(s->names, text);

	if (found >= 0) {
		*ret = found;
		return true;
	}
	for (size_t i = 0; i < name_count(s->names); i++)
		buf_fmt(&all, "%s%s", i ? ", " : "", s->names[i]);
	parse_error(p, at, "%s: not one of %s: %s", s->key, buf_cstr(&all), text);
	return false;
}

static bool read_bool(struct parse *p, const struct setting *s, const struct yaml_node *at,
		      const char *text, bool *ret)
{
	*ret = !strcmp(text, "true");
	if (*ret || !strcmp(text, "false"))
		return true;
	parse_error(p, at, "%s: neither true nor false: %s", s->key, text);
	return false;
}

/* Bytes as they are, but of one line: they end up in headers, in names of files and in logs. */
static bool read_text(struct parse *p, const struct setting *s, const struct yaml_node *at,
		      const char *text, char **ret)
{
	for (const char *c = text; *c; c++) {
		if ((unsigned char)*c >= ' ' && *c != 0x7f)
			continue;
		parse_error(p, at, "%s: a control character in it", s->key);
		return false;
	}
	if (!*text) {
		parse_error(p, at, "%s: empty", s->key);
		return false;
	}
	*ret = strdup(text);
	return *ret;
}

static bool read_scalar(struct parse *p, const struct setting *s, void *to,
			const struct yaml_node *at, const char *text)
{
	uint64_t amount;

	switch (s->type) {
	case SETTING_BOOL:
		return read_bool(p, s, at, text, to);
	case SETTING_CHOICE:
		return read_choice(p, s, at, text, to);
	case SETTING_TEXT:
		return read_text(p, s, at, text, to);
	case SETTING_NUMBER:
		if (!read_amount(p, s, at, text, &amount))
			return false;
		*(uint32_t *)to = amount;
		return true;
	default:
		return read_amount(p, s, at, text, to);
	}
}

static bool read_kinds(struct parse *p, const struct setting *s, unsigned int *ret,
		       const struct yaml_node *node)
{
	*ret = 0;
	if (node->type != YAML_SEQUENCE || !node->children) {
		parse_error(p, node, "%s: not a list such as [finding, gap]", s->key);
		return false;
	}
	for (const struct yaml_node *n = node->children; n; n = n->next) {
		int kind = 0;

		while (kind < KIND_MAX && (!n->text || strcmp(n->text, record_kind_name(kind))))
			kind++;
		if (kind == KIND_MAX) {
			parse_error(p, n, "%s: not one of finding, container, gap, monitor: %s",
				    s->key, n->text ? n->text : "a list");
			return false;
		}
		*ret |= 1u << kind;
	}
	return true;
}

/* What a header's name may consist of: RFC 9110, token. */
#define TOKEN "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define HEADERS_MAX 32

static bool read_headers(struct parse *p, const struct setting *s, struct config_sink *sink,
			 const struct yaml_node *node)
{
	size_t count = 0;

	if (node->type != YAML_MAPPING) {
		parse_error(p, node, "%s: not a mapping of names to values", s->key);
		return false;
	}
	for (const struct yaml_node *n = node->children; n; n = n->next) {
		if (++count <= HEADERS_MAX)
			continue;
		parse_error(p, n->key, "%s: more than %d", s->key, HEADERS_MAX);
		return false;
	}
	sink->headers = calloc(count + 1, sizeof(*sink->headers));
	if (!sink->headers)
		return false;
	for (const struct yaml_node *n = node->children; n; n = n->next) {
		struct config_header *h = &sink->headers[sink->header_count];
		const char *name = n->key->text;

		if (!*name || name[strspn(name, TOKEN)]) {
			parse_error(p, n->key, "%s: no name of a header: %s", s->key, name);
			return false;
		}
		if (n->type != YAML_SCALAR) {
			parse_error(p, n, "%s: a text was expected", s->key);
			return false;
		}
		if (!read_text(p, s, n, n->text, &h->value))
			return false;
		h->name = strdup(name);
		sink->header_count++;
	}
	return true;
}

bool value_set(struct parse *p, const struct setting *s, void *base, const struct yaml_node *node)
{
	void *to = (char *)base + s->offset;

	if (s->type == SETTING_KINDS) {
		*(unsigned int *)to = KINDS_ALL;
		return !node || read_kinds(p, s, to, node);
	}
	if (s->type == SETTING_HEADERS)
		return !node || read_headers(p, s, base, node);
	if (!node)
		return !s->by_default || read_scalar(p, s, to, NULL, s->by_default);
	if (node->type != YAML_SCALAR) {
		parse_error(p, node, "%s: a single value was expected", s->key);
		return false;
	}
	return read_scalar(p, s, to, node, node->text);
}

void value_free(const struct setting *s, void *base)
{
	void *at = (char *)base + s->offset;
	struct config_sink *sink = base;

	if (s->type == SETTING_TEXT) {
		free(*(char **)at);
		*(char **)at = NULL;
	} else if (s->type == SETTING_SECRET) {
		secret_free(at);
	} else if (s->type == SETTING_HEADERS) {
		for (size_t i = 0; sink->headers && i <= sink->header_count; i++) {
			free(sink->headers[i].name);
			free(sink->headers[i].value);
		}
		free(sink->headers);
		sink->headers = NULL;
		sink->header_count = 0;
	}
}

/* --- and back --- */

/* In YAML's double quotes, which are JSON's. */
static void show_text(struct buf *out, const char *text)
{
	static const char plain[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "/._-";
	_cleanup_(buf_free) struct buf quoted = {};

	if (*text && strspn(text, plain) == strlen(text) && *text != '-' && *text != '.') {
		buf_str(out, text);
		return;
	}
	text_json(&quoted, text);
	buf_str(out, buf_cstr(&quoted));
}

static void show_kinds(struct buf *out, unsigned int kinds)
{
	const char *before = "[";

	for (int k = 0; k < KIND_MAX; k++) {
		if (!(kinds >> k & 1))
			continue;
		buf_fmt(out, "%s%s", before, record_kind_name(k));
		before = ", ";
	}
	buf_char(out, ']');
}

static void show_headers(struct buf *out, const struct config_sink *sink)
{
	const char *before = "{ ";

	for (size_t i = 0; i < sink->header_count; i++) {
		buf_str(out, before);
		text_json(out, sink->headers[i].name);
		buf_str(out, ": ");
		text_json(out, sink->headers[i].value);
		before = ", ";
	}
	if (sink->header_count)
		buf_str(out, " }");
}

void value_show_range(const struct setting *s, struct buf *out)
{
	if (s->max) {
		buf_str(out, " (");
		show_bound(out, s, s->min);
		buf_str(out, " to ");
		show_bound(out, s, s->max);
		buf_char(out, ')');
	}
	for (size_t i = 0; s->names && i < name_count(s->names); i++)
		buf_fmt(out, "%s%s", i ? ", " : " (", s->names[i]);
	if (s->names)
		buf_char(out, ')');
}

void value_show(const struct setting *s, const void *base, struct buf *out)
{
	const void *at = (const char *)base + s->offset;

	switch (s->type) {
	case SETTING_BOOL:
		buf_str(out, *(const bool *)at ? "true" : "false");
		break;
	case SETTING_NUMBER:
		buf_fmt(out, "%" PRIu32, *(const uint32_t *)at);
		break;
	case SETTING_SIZE:
	case SETTING_DURATION:
		show_bound(out, s, *(const uint64_t *)at);
		break;
	case SETTING_CHOICE:
		buf_str(out, s->names[*(const int *)at]);
		break;
	case SETTING_KINDS:
		show_kinds(out, *(const unsigned int *)at);
		break;
	case SETTING_TEXT:
		if (*(const char *const *)at)
			show_text(out, *(const char *const *)at);
		break;
	case SETTING_HEADERS:
		show_headers(out, base);
		break;
	case SETTING_SECRET:
		break;
	}
}
