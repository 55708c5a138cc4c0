/* SPDX-License-Identifier: Apache-2.0 */
#include "config/yaml.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <libfyaml.h>

#include "base/buf.h"
#include "base/text.h"
#include "base/util.h"

struct reader {
	struct fy_parser *parser;
	struct fy_diag *diag;
	const char *name;
	struct buf *problems;
	size_t nodes;
};

static int problem(struct reader *r, int line, int column, const char *what)
{
	buf_fmt(r->problems, "%s%s:%d:%d: ", r->problems->len ? "\n" : "", r->name, line, column);
	text_clean(r->problems, what, strlen(what));
	return -EINVAL;
}

/* From 1. The library's mark of what is quoted, and of an alias, is behind its first sign. */
static int column_of(struct fy_event *e, const struct fy_mark *mark)
{
	struct fy_token *token = e->type == FYET_SCALAR ? fy_event_get_token(e) : NULL;
	enum fy_scalar_style style = token ? fy_token_scalar_style(token) : FYSS_PLAIN;
	bool behind = style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED ||
		      e->type == FYET_ALIAS;

	return mark ? mark->column + !behind : 1;
}

static int problem_at(struct reader *r, struct fy_event *e, const char *what)
{
	const struct fy_mark *mark = fy_event_start_mark(e);

	return problem(r, mark ? mark->line + 1 : 1, column_of(e, mark), what);
}

void yaml_free(struct yaml_node *node)
{
	while (node) {
		struct yaml_node *next = node->next;

		yaml_free(node->key);
		yaml_free(node->children);
		free(node->text);
		free(node);
		node = next;
	}
}

static int read_node(struct reader *r, struct fy_event *e, int depth, struct yaml_node **ret);

static int read_text(struct reader *r, struct fy_event *e, struct yaml_node *node)
{
	struct fy_token *token = fy_event_get_token(e);
	size_t len = 0;
	const char *text = token ? fy_token_get_text(token, &len) : NULL;

	node->text = text ? strndup(text, len) : strdup("");
	if (!node->text)
		return -ENOMEM;
	return strlen(node->text) == len ? 0 : problem_at(r, e, "a NUL in it");
}

static bool has_key(const struct yaml_node *mapping, const char *key)
{
	for (const struct yaml_node *n = mapping->children; n; n = n->next)
		if (!strcmp(n->key->text, key))
			return true;
	return false;
}

/* The children of a mapping (keys and values in turn) or of a sequence, up to its end. */
static int read_children(struct reader *r, struct yaml_node *parent, enum fy_event_type end,
			 int depth)
{
	struct yaml_node **tail = &parent->children, *key = NULL;
	struct fy_event *e;
	int err = 0;

	while (!err && (e = fy_parser_parse(r->parser))) {
		struct yaml_node *node = NULL;

		if (e->type == end) {
			fy_parser_event_free(r->parser, e);
			return 0;
		}
		err = read_node(r, e, depth + 1, &node);
		if (!err && parent->type == YAML_MAPPING && !key) {
			key = node;
			if (node->type != YAML_SCALAR)
				err = problem_at(r, e, "a key must be a word");
			else if (has_key(parent, node->text))
				err = problem_at(r, e, "this key was there before");
		} else if (!err) {
			/* A value that is left out stands where its key does. */
			if (key && !node->line) {
				node->line = key->line;
				node->column = key->column;
			}
			node->key = TAKE(key);
			*tail = node;
			tail = &node->next;
		}
		fy_parser_event_free(r->parser, e);
	}
	yaml_free(key);
	return err ? err : -EINVAL;
}

static int read_node(struct reader *r, struct fy_event *e, int depth, struct yaml_node **ret)
{
	const struct fy_mark *mark = fy_event_start_mark(e);
	struct yaml_node *node;
	int err;

	if (e->type == FYET_ALIAS || fy_event_get_anchor_token(e))
		return problem_at(r, e, "anchors and aliases are not taken here");
	if (fy_event_get_tag_token(e))
		return problem_at(r, e, "tags are not taken here");
	if (depth > YAML_DEPTH_MAX || r->nodes++ > YAML_NODES_MAX)
		return problem_at(r, e, "too deep, or too much of it");
	node = calloc(1, sizeof(*node));
	if (!node)
		return -ENOMEM;
	node->line = mark ? mark->line + 1 : depth ? 0 : 1;
	node->column = column_of(e, mark);
	switch (e->type) {
	case FYET_MAPPING_START:
		node->type = YAML_MAPPING;
		err = read_children(r, node, FYET_MAPPING_END, depth);
		break;
	case FYET_SEQUENCE_START:
		node->type = YAML_SEQUENCE;
		err = read_children(r, node, FYET_SEQUENCE_END, depth);
		break;
	default:
		err = read_text(r, e, node);
	}
	if (err)
		yaml_free(node);
	else
		*ret = node;
	return err;
}

/* What the library has to say: its first word is the one that counts. */
static int syntax_error(struct reader *r)
{
	struct fy_diag_error *error;
	void *at = NULL;

	error = fy_diag_errors_iterate(r->diag, &at);
	return error ? problem(r, error->line, error->column, error->msg) :
		       problem(r, 1, 1, "this is no YAML");
}

static int read_stream(struct reader *r, struct yaml_node **ret)
{
	struct fy_event *e;
	int err = 0, documents = 0;

	while (!err && (e = fy_parser_parse(r->parser))) {
		switch (e->type) {
		case FYET_STREAM_START:
		case FYET_STREAM_END:
		case FYET_DOCUMENT_END:
			break;
		case FYET_DOCUMENT_START:
			if (documents++)
				err = problem_at(r, e, "a second document: there is one only");
			break;
		default:
			err = read_node(r, e, 0, ret);
		}
		fy_parser_event_free(r->parser, e);
	}
	if ((!err || err == -EINVAL) && fy_parser_get_stream_error(r->parser) && !r->problems->len)
		err = syntax_error(r);
	return err;
}

/* The library takes a NUL for the end: what stands behind it would be passed over. */
static int check_nul(struct reader *r, const char *text, size_t len)
{
	const char *nul = memchr(text, '\0', len), *line = text;
	int number = 1;

	if (!nul)
		return 0;
	for (const char *c = text; c < nul; c++) {
		if (*c != '\n')
			continue;
		line = c + 1;
		number++;
	}
	return problem(r, number, nul - line + 1, "a NUL in it");
}

int yaml_parse(const char *text, size_t len, const char *name, struct buf *problems,
	       struct yaml_node **ret)
{
	struct fy_diag_cfg quiet;
	struct fy_parse_cfg cfg = {};
	struct reader r = { .name = name, .problems = problems };
	struct yaml_node *node = NULL;
	int err = check_nul(&r, text, len);

	if (err)
		return err;
	err = -ENOMEM;
	fy_diag_cfg_default(&quiet);
	r.diag = cfg.diag = fy_diag_create(&quiet);
	if (!r.diag)
		return -ENOMEM;
	fy_diag_set_collect_errors(r.diag, true);
	r.parser = fy_parser_create(&cfg);
	if (r.parser && !fy_parser_set_string(r.parser, text, len))
		err = read_stream(&r, &node);
	if (r.parser)
		fy_parser_destroy(r.parser);
	fy_diag_destroy(r.diag);
	if (err)
		yaml_free(node);
	else
		*ret = node;
	return err;
}
