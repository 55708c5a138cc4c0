/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "base/endpoint.h"
#include "base/text.h"
#include "base/util.h"
#include "config/config_priv.h"

#define PROBLEMS_MAX 50 /* said of one file; beyond it the first are enough */
#define PROBLEM_LEN 400 /* bytes of one, with what it quotes */
#define WORD_MAX 40

/* --- diagnostics --- */

static void say(struct parse *p, const struct yaml_node *at, const char *prefix, const char *fmt,
		va_list ap)
{
	char what[PROBLEM_LEN];
	int len = vsnprintf(what, sizeof(what), fmt, ap);

	if (len < 0 || p->said++ > PROBLEMS_MAX)
		return;
	if (p->problems->len)
		buf_char(p->problems, '\n');
	if (p->said > PROBLEMS_MAX) {
		buf_fmt(p->problems, "%s: more than %d problems", p->name, PROBLEMS_MAX);
		return;
	}
	buf_fmt(p->problems, "%s:%d:%d: %s", p->name, at ? at->line : 1, at ? at->column : 1,
		prefix);
	text_clean(p->problems, what, strlen(what));
	if ((size_t)len >= sizeof(what))
		buf_str(p->problems, "...");
}

void parse_error(struct parse *p, const struct yaml_node *at, const char *fmt, ...)
{
	va_list ap;

	p->failed = true;
	va_start(ap, fmt);
	say(p, at, "", fmt, ap);
	va_end(ap);
}

void parse_warning(struct parse *p, const struct yaml_node *at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(p, at, "warning: ", fmt, ap);
	va_end(ap);
}

/* Changes, additions and removals of letters between two words. */
static size_t distance(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b), row[WORD_MAX + 1];

	if (la > WORD_MAX || lb > WORD_MAX)
		return WORD_MAX;
	for (size_t j = 0; j <= lb; j++)
		row[j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[lb];
}

const char *closest(const char *word, const char *const *words, size_t count)
{
	size_t best = strlen(word) / 3 + 1;
	const char *found = NULL;

	for (size_t i = 0; i < count; i++) {
		size_t d = distance(word, words[i]);

		if (d > best || (found && d == best))
			continue;
		best = d;
		found = words[i];
	}
	return found;
}

/* --- the top of the file --- */

static const char *const sections[] = { "store",     "shipper",	  "metrics", "sinks",
					"state_dir", "heartbeat", "log",     "pins" };

static bool is_section(const char *key)
{
	for (size_t i = 0; i < settings_top_count; i++)
		if (*settings_top[i].section && !strcmp(settings_top[i].section, key))
			return true;
	return false;
}

/* A setting that stands in no section. */
static bool is_plain(const char *key)
{
	for (size_t i = 0; i < settings_top_count; i++)
		if (!*settings_top[i].section && !strcmp(settings_top[i].key, key))
			return true;
	return false;
}

static void check_section(struct parse *p, const struct yaml_node *section, const char *name)
{
	const char *names[SETTINGS_MAX], *like;
	size_t count = 0;

	for (size_t i = 0; i < settings_top_count; i++)
		if (!strcmp(settings_top[i].section, name))
			names[count++] = settings_top[i].key;
	for (const struct yaml_node *n = section->children; n; n = n->next) {
		bool found = false;

		for (size_t i = 0; i < count && !found; i++)
			found = !strcmp(n->key->text, names[i]);
		if (found)
			continue;
		like = closest(n->key->text, names, count);
		parse_error(p, n->key, "unknown key \"%s\"%s%s%s", n->key->text,
			    like ? ", did you mean \"" : "", like ? like : "", like ? "\"?" : "");
	}
}

static void check_top(struct parse *p, const struct yaml_node *root)
{
	for (const struct yaml_node *n = root->children; n; n = n->next) {
		const char *key = n->key->text,
			   *like = closest(key, sections, ARRAY_SIZE(sections));

		if (!strcmp(key, "sinks") || is_plain(key))
			continue;
		if (!is_section(key))
			parse_error(p, n->key, "unknown key \"%s\"%s%s%s", key,
				    like ? ", did you mean \"" : "", like ? like : "",
				    like ? "\"?" : "");
		else if (n->type == YAML_MAPPING)
			check_section(p, n, key);
		else
			parse_error(p, n, "%s: a mapping was expected", key);
	}
}

static void check_metrics(struct parse *p, const struct yaml_node *root, const struct config *c)
{
	const struct yaml_node *at = yaml_find(yaml_find(root, "metrics"), "listen");
	struct endpoint e;

	if (!c->metrics_listen || !strcmp(c->metrics_listen, "none"))
		return;
	if (endpoint_parse(c->metrics_listen, &e))
		parse_error(p, at,
			    "listen: neither unix:/PATH nor ADDRESS:PORT by number nor none: %s",
			    c->metrics_listen);
	else if (!e.loopback && !c->metrics_remote)
		parse_error(p, at,
			    "listen: other hosts reach %s, and there is no password: "
			    "metrics.allow_remote: true if that is meant",
			    c->metrics_listen);
}

static void check_absolute(struct parse *p, const struct yaml_node *root, const char *key,
			   const char *path)
{
	if (path && *path != '/')
		parse_error(p, yaml_find(root, key), "%s: not an absolute path: %s", key, path);
}

static void read_top(struct parse *p, const struct yaml_node *root, struct config *c)
{
	for (size_t i = 0; i < settings_top_count; i++) {
		const struct setting *s = &settings_top[i];
		const struct yaml_node *section = *s->section ? yaml_find(root, s->section) : root;
		const struct yaml_node *value = yaml_find(section, s->key);

		c->origins->top.line[i] = value ? value->line : 0;
		value_set(p, s, c, value);
	}
	check_absolute(p, root, "state_dir", c->state_dir);
	if (c->pins && strcmp(c->pins, PINS_NONE))
		check_absolute(p, root, "pins", c->pins);
	check_metrics(p, root, c);
}

static void read_sinks(struct parse *p, const struct yaml_node *sinks, struct config *c)
{
	const struct yaml_node *n;
	size_t count = 0;

	if (sinks->type == YAML_SCALAR && !*sinks->text)
		return;
	if (sinks->type != YAML_MAPPING) {
		parse_error(p, sinks, "sinks: a mapping of names was expected");
		return;
	}
	for (n = sinks->children; n; n = n->next)
		count++;
	if (count > CONFIG_SINKS_MAX) {
		parse_error(p, sinks, "sinks: more than %d", CONFIG_SINKS_MAX);
		return;
	}
	c->sinks = calloc(count + 1, sizeof(*c->sinks));
	if (!c->sinks) {
		parse_error(p, sinks, "sinks: out of memory");
		return;
	}
	for (n = sinks->children; n; n = n->next) {
		struct config_sink *s = &c->sinks[c->sink_count];

		s->name = strdup(n->key->text);
		sink_read(p, n->key->text, n, s, &c->origins->sinks[c->sink_count]);
		if (s->enabled && !c->store)
			parse_error(p, n, "%s: nothing reaches it with store.enabled: false",
				    n->key->text);
		c->sink_count++;
	}
}

static void read_root(struct parse *p, const struct yaml_node *root, struct config *c)
{
	const struct yaml_node *sinks;

	if (root && (root->type == YAML_SEQUENCE || (root->type == YAML_SCALAR && *root->text))) {
		parse_error(p, root, "a mapping was expected: sections such as store: and sinks:");
		return;
	}
	if (root)
		check_top(p, root);
	read_top(p, root, c);
	sinks = yaml_find(root, "sinks");
	if (sinks)
		read_sinks(p, sinks, c);
}

int config_parse(const char *text, size_t len, const char *name, unsigned int flags,
		 struct buf *problems, struct config **ret)
{
	struct parse p = { .name = name, .problems = problems, .flags = flags };
	struct config *c = calloc(1, sizeof(*c));
	struct yaml_node *root = NULL;
	int err;

	if (!c)
		return -ENOMEM;
	c->path = strdup(name);
	c->text = malloc(len + 1);
	c->origins = calloc(1, sizeof(*c->origins));
	err = c->path && c->text && c->origins ? 0 : -ENOMEM;
	if (!err) {
		memcpy(c->text, text, len);
		c->text[len] = '\0';
		c->text_len = len;
		err = len ? yaml_parse(text, len, name, problems, &root) : 0;
	}
	if (!err) {
		read_root(&p, root, c);
		err = p.failed ? -EINVAL : 0;
	}
	yaml_free(root);
	if (err)
		config_free(c);
	else
		*ret = c;
	return err;
}

/* --- the file --- */

/* Who else may write it; NULL: nobody. A group of ours or root's is ours. */
static const char *other_writer(const struct stat *st)
{
	if (st->st_uid && st->st_uid != geteuid())
		return "another user";
	if (st->st_mode & 0002)
		return "everybody";
	if (st->st_mode & 0020 && st->st_gid && st->st_gid != getegid())
		return "its group";
	return NULL;
}

/* What it says runs as root: who may write it may do as root. */
static int check_owner(int fd, const char *path, struct buf *problems)
{
	const char *other;
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode)) {
		buf_fmt(problems, "%s: not a file", path);
		return -EINVAL;
	}
	other = other_writer(&st);
	if (other) {
		buf_fmt(problems,
			"%s: refused: %s could change what the monitor does (owner %u:%u, mode %04o)",
			path, other, st.st_uid, st.st_gid, st.st_mode & 07777);
		return -EPERM;
	}
	return 0;
}

static int read_all(int fd, const char *path, struct buf *text, struct buf *problems)
{
	char chunk[4096];
	ssize_t n;

	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		buf_add(text, chunk, n);
	if (n < 0) {
		n = -errno;
		buf_fmt(problems, "%s: %s", path, strerror(errno));
		return n;
	}
	if (text->failed) {
		buf_fmt(problems, "%s: longer than %d bytes", path, CONFIG_FILE_MAX);
		return -EFBIG;
	}
	return 0;
}

int config_load(const char *path, unsigned int flags, struct buf *problems, struct config **ret)
{
	_cleanup_(buf_free) struct buf text = { .max = CONFIG_FILE_MAX };
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int err;

	if (fd < 0 && errno == ENOENT && flags & CONFIG_OPTIONAL)
		return config_parse("", 0, path, flags, problems, ret);
	if (fd < 0) {
		err = -errno;
		buf_fmt(problems, "%s: %s", path, strerror(errno));
		return err;
	}
	err = check_owner(fd, path, problems);
	if (!err)
		err = read_all(fd, path, &text, problems);
	return err ? err : config_parse(buf_cstr(&text), text.len, path, flags, problems, ret);
}

void config_free(struct config *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->sink_count; i++)
		sink_free(&c->sinks[i]);
	for (size_t i = 0; i < settings_top_count; i++)
		value_free(&settings_top[i], c);
	free(c->sinks);
	free(c->origins);
	free(c->text);
	free(c->path);
	free(c);
}

const struct config_sink *config_sink_find(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->sink_count; i++)
		if (!strcmp(c->sinks[i].name, name))
			return &c->sinks[i];
	return NULL;
}

const char *config_sink_type_name(enum sink_type type)
{
	return sink_type_names[type];
}
