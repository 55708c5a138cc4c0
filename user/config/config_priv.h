/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of config/ share. */
#ifndef KEELWATCH_CONFIG_PRIV_H
#define KEELWATCH_CONFIG_PRIV_H

#include "base/buf.h"
#include "config/settings.h"
#include "config/yaml.h"

/* Where a value was set: its line in the file, 0 by default. By the places in the two tables. */
#define SETTINGS_MAX 64

struct config_origin {
	int line[SETTINGS_MAX];
};

struct config_origins {
	struct config_origin top;
	struct config_origin sinks[CONFIG_SINKS_MAX];
};

struct parse {
	const char *name; /* of the file */
	struct buf *problems;
	unsigned int flags;
	bool failed;
	unsigned int said; /* diagnostics */
};

/* A diagnostic at a node (NULL: at the beginning); a warning does not fail. */
void parse_error(struct parse *p, const struct yaml_node *at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void parse_warning(struct parse *p, const struct yaml_node *at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* value.c: one value into base + offset; node NULL: the default. False, having said why. */
bool value_set(struct parse *p, const struct setting *s, void *base, const struct yaml_node *node);
void value_free(const struct setting *s, void *base);
/* What may be set: " (64KiB to 1GiB)", " (oldest, newest)"; nothing where all may be. */
void value_show_range(const struct setting *s, struct buf *out);
/* The value as it stands in a file; nothing for a secret or what is unset. */
void value_show(const struct setting *s, const void *base, struct buf *out);

/* secret.c: reads what secrets and certificates are in. */
void secrets_read(struct parse *p, struct config_sink *sink, const struct yaml_node *at);
void secret_free(struct config_secret *s);

/* sink.c */
void sink_read(struct parse *p, const char *name, const struct yaml_node *node,
	       struct config_sink *sink, struct config_origin *origin);
void sink_free(struct config_sink *sink);
/* KEY under node, and takes note that it was looked at by its line. */
const struct yaml_node *yaml_find(const struct yaml_node *node, const char *key);
/* The word of the list that looks most like this one, or NULL when none does. */
const char *closest(const char *word, const char *const *words, size_t count);

#endif
