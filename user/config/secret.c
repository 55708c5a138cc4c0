/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets and certificates: what the file only names is read here, and wiped when it goes. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/util.h"
#include "config/config_priv.h"

#define SECRET_MAX (64 << 10)
#define CERTIFICATES_MAX (4 << 20)

static void wipe(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

void secret_free(struct config_secret *s)
{
	wipe(s->value);
	free(s->file);
	free(s->env);
	*s = (struct config_secret){};
}

/* A whole file of at most max bytes of text. NULL, having said why. */
static char *read_file(struct parse *p, const struct yaml_node *at, const char *key,
		       const char *path, size_t max, bool secret)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	_cleanup_(buf_free) struct buf all = { .max = max };
	char chunk[4096];
	struct stat st;
	ssize_t n = 0;

	if (fd < 0 || fstat(fd, &st)) {
		parse_error(p, at, "%s: %s: %s", key, path, strerror(errno));
		return NULL;
	}
	if (!S_ISREG(st.st_mode)) {
		parse_error(p, at, "%s: %s: not a file", key, path);
		return NULL;
	}
	if (secret && st.st_mode & 0007)
		parse_warning(p, at, "%s: %s: everybody may read it (mode %04o)", key, path,
			      st.st_mode & 07777);
	while (!all.failed && (n = read(fd, chunk, sizeof(chunk))) > 0)
		buf_add(&all, chunk, n);
	explicit_bzero(chunk, sizeof(chunk));
	if (n < 0 || all.failed || !all.len || memchr(all.data, '\0', all.len)) {
		parse_error(p, at, "%s: %s: %s", key, path,
			    n < 0      ? strerror(errno) :
			    all.failed ? "too long" :
			    !all.len   ? "empty" :
					 "a NUL in it");
		return NULL;
	}
	return TAKE(all.data);
}

/* A final newline is cut; beside keys, which are PEM, a secret is one line: it goes into a header. */
static char *secret_text(struct parse *p, const struct yaml_node *at, const char *key, char *text,
			 bool lines)
{
	size_t len = text ? strlen(text) : 0;
	const char *wrong = NULL;

	if (!text)
		return NULL;
	if (len && text[len - 1] == '\n')
		text[--len] = '\0';
	if (len && text[len - 1] == '\r')
		text[--len] = '\0';
	for (size_t i = 0; !lines && i < len; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			wrong = "more than one line, or a control character in it";
	if (!len)
		wrong = "empty";
	if (!wrong)
		return text;
	parse_error(p, at, "%s: %s", key, wrong);
	wipe(text);
	return NULL;
}

static void read_secret(struct parse *p, const struct yaml_node *at, const struct setting *setting,
			struct config_secret *s)
{
	const char *key = setting->key, *value = s->env ? getenv(s->env) : NULL;
	bool lines = !strcmp(setting->section, "tls");

	if (s->file) {
		s->value = read_file(p, at, key, s->file, SECRET_MAX, true);
	} else if (s->env) {
		s->value = value ? strdup(value) : NULL;
		if (!value)
			parse_error(p, at, "%s_env: the variable %s is not set", key, s->env);
	}
	s->value = secret_text(p, at, key, s->value, lines);
}

/* The node a complaint is about: the setting's own, else the sink's. */
static const struct yaml_node *place(const struct yaml_node *sink, const struct setting *s,
				     const char *suffix)
{
	const struct yaml_node *section = *s->section ? yaml_find(sink, s->section) : sink;
	const struct yaml_node *found;
	char key[64];

	snprintf(key, sizeof(key), "%s%s", s->key, suffix);
	found = section ? yaml_find(section, key) : NULL;
	return found ? found : sink;
}

void secrets_read(struct parse *p, struct config_sink *sink, const struct yaml_node *at)
{
	for (size_t i = 0; i < settings_sink_count; i++) {
		const struct setting *s = &settings_sink[i];
		struct config_secret *secret = (void *)((char *)sink + s->offset);

		if (s->type == SETTING_SECRET && s->sinks & SINK_BIT(sink->type))
			read_secret(p, place(at, s, secret->file ? "_file" : "_env"), s, secret);
	}
	if (sink->tls.ca_file)
		sink->tls.ca =
			read_file(p, at, "ca_file", sink->tls.ca_file, CERTIFICATES_MAX, false);
	if (sink->tls.certificate_file)
		sink->tls.certificate = read_file(p, at, "certificate_file",
						  sink->tls.certificate_file, CERTIFICATES_MAX,
						  false);
}
