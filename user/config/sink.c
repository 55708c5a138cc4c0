/* SPDX-License-Identifier: Apache-2.0 */
/* One sink of the file: its settings, and whether they make sense together. */
#include <string.h>

#include "base/text.h"
#include "base/util.h"
#include "config/config_priv.h"

#define NAME_MAX_LEN 63

const struct yaml_node *yaml_find(const struct yaml_node *node, const char *key)
{
	if (!node || node->type != YAML_MAPPING)
		return NULL;
	for (const struct yaml_node *n = node->children; n; n = n->next)
		if (!strcmp(n->key->text, key))
			return n;
	return NULL;
}

/* --- its type, on which all else depends --- */

static bool read_type(struct parse *p, const struct yaml_node *node, enum sink_type *ret)
{
	const struct yaml_node *type = yaml_find(node, "type");
	const char *like;

	if (!type || type->type != YAML_SCALAR) {
		parse_error(
			p, node,
			"type is missing: syslog, elasticsearch, splunk_hec, otlp, webhook, kafka "
			"or file");
		return false;
	}
	for (int i = 0; i < SINK_TYPE_MAX; i++) {
		if (strcmp(type->text, sink_type_names[i]))
			continue;
		*ret = i;
		return true;
	}
	like = closest(type->text, sink_type_names, SINK_TYPE_MAX);
	parse_error(p, type, "type: there is none called %s%s%s%s", type->text,
		    like ? ", did you mean " : "", like ? like : "", like ? "?" : "");
	return false;
}

/* --- keys: each must be one of the table's, of this type of sink --- */

struct known {
	const char *names[SETTINGS_MAX * 2];
	char made[SETTINGS_MAX * 2][48]; /* KEY_file and KEY_env */
	size_t count, made_count;
};

static void known_add_secret(struct known *k, const char *key, const char *suffix)
{
	char *made = k->made[k->made_count++];

	snprintf(made, sizeof(k->made[0]), "%s%s", key, suffix);
	k->names[k->count++] = made;
}

static void known_fill(struct known *k, const char *section, enum sink_type type)
{
	if (!*section) {
		k->names[k->count++] = "type";
		for (size_t i = 0; i < settings_sink_count; i++) {
			const struct setting *s = &settings_sink[i];

			if (*s->section && s->sinks & SINK_BIT(type) &&
			    (!k->count || strcmp(k->names[k->count - 1], s->section)))
				k->names[k->count++] = s->section;
		}
	}
	for (size_t i = 0; i < settings_sink_count; i++) {
		const struct setting *s = &settings_sink[i];

		if (strcmp(s->section, section) || !(s->sinks & SINK_BIT(type)))
			continue;
		if (s->type != SETTING_SECRET) {
			k->names[k->count++] = s->key;
			continue;
		}
		known_add_secret(k, s->key, "_file");
		known_add_secret(k, s->key, "_env");
	}
}

/* What a key that is not known here may have been meant to be. */
static void complain(struct parse *p, const struct yaml_node *n, const struct known *k,
		     const char *section, enum sink_type type)
{
	const char *key = n->key->text, *like = closest(key, k->names, k->count);

	for (size_t i = 0; i < settings_sink_count; i++) {
		const struct setting *s = &settings_sink[i];

		if (strcmp(s->section, section) || strcmp(s->key, key))
			continue;
		if (s->type == SETTING_SECRET && s->sinks & SINK_BIT(type))
			parse_error(
				p, n->key,
				"%s: a secret does not stand here: name a file (%s_file) or a variable "
				"of the environment (%s_env)",
				key, key, key);
		else
			parse_error(p, n->key, "%s: no setting of a sink of type %s", key,
				    sink_type_names[type]);
		return;
	}
	parse_error(p, n->key, "unknown key \"%s\"%s%s%s", key, like ? ", did you mean \"" : "",
		    like ? like : "", like ? "\"?" : "");
}

static bool is_section(const char *key)
{
	for (size_t i = 0; i < settings_sink_count; i++)
		if (!strcmp(settings_sink[i].section, key))
			return true;
	return false;
}

static void check_keys(struct parse *p, const struct yaml_node *node, const char *section,
		       enum sink_type type)
{
	struct known *known = calloc(1, sizeof(*known));

	if (!known) {
		parse_error(p, node, "out of memory");
		return;
	}
	known_fill(known, section, type);
	for (const struct yaml_node *n = node->children; n; n = n->next) {
		bool found = false;

		for (size_t i = 0; i < known->count && !found; i++)
			found = !strcmp(n->key->text, known->names[i]);
		if (!found)
			complain(p, n, known, section, type);
		else if (!*section && is_section(n->key->text) && n->type == YAML_MAPPING)
			check_keys(p, n, n->key->text, type);
		else if (!*section && is_section(n->key->text))
			parse_error(p, n, "%s: a mapping was expected", n->key->text);
	}
	free(known);
}

/* --- values --- */

static bool is_variable(const char *name)
{
	static const char may[] = "_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

	return strspn(name, may) == strlen(name) && (*name < '0' || *name > '9');
}

static void read_secret_names(struct parse *p, const struct setting *s, struct config_sink *sink,
			      const struct yaml_node *section, int *line)
{
	struct config_secret *secret = (void *)((char *)sink + s->offset);
	const struct yaml_node *file, *env;
	char key[64];

	snprintf(key, sizeof(key), "%s_file", s->key);
	file = yaml_find(section, key);
	snprintf(key, sizeof(key), "%s_env", s->key);
	env = yaml_find(section, key);
	if (file && env) {
		parse_error(p, env, "%s: from a file and from the environment: one of them",
			    s->key);
		return;
	}
	if (!file && !env)
		return;
	*line = file ? file->line : env->line;
	if ((file ? file : env)->type != YAML_SCALAR || !*(file ? file : env)->text) {
		parse_error(p, file ? file : env, "%s: a name was expected", s->key);
		return;
	}
	/* Neither is quoted: it may be the secret itself, put in the wrong place. */
	if (file && *file->text != '/') {
		parse_error(p, file, "%s_file: not an absolute path", s->key);
		return;
	}
	if (env && !is_variable(env->text)) {
		parse_error(p, env, "%s_env: not the name of a variable", s->key);
		return;
	}
	if (file)
		secret->file = strdup(file->text);
	else
		secret->env = strdup(env->text);
}

static void read_values(struct parse *p, const struct yaml_node *node, struct config_sink *sink,
			struct config_origin *origin)
{
	for (size_t i = 0; i < settings_sink_count; i++) {
		const struct setting *s = &settings_sink[i];
		const struct yaml_node *section = node, *value;

		if (!(s->sinks & SINK_BIT(sink->type)))
			continue;
		if (*s->section)
			section = yaml_find(node, s->section);
		/* That is said of it: check_keys(). */
		if (section && section->type != YAML_MAPPING)
			section = NULL;
		if (s->type == SETTING_SECRET) {
			read_secret_names(p, s, sink, section, &origin->line[i]);
			continue;
		}
		value = yaml_find(section, s->key);
		origin->line[i] = value ? value->line : 0;
		value_set(p, s, sink, value);
	}
}

/* Where the best default is not the same for all types. */
static void special_defaults(const struct yaml_node *node, struct config_sink *sink)
{
	bool bulky = sink->type == SINK_ELASTICSEARCH || sink->type == SINK_OTLP;

	if (sink->type == SINK_ELASTICSEARCH && !yaml_find(node, "format"))
		sink->format = FORMAT_ECS;
	if (bulky && !yaml_find(node, "compression"))
		sink->compression = COMPRESS_GZIP;
}

/* --- together --- */

static bool is_http(const struct config_sink *s)
{
	return s->type == SINK_ELASTICSEARCH || s->type == SINK_SPLUNK_HEC ||
	       s->type == SINK_OTLP || s->type == SINK_WEBHOOK;
}

static const char *address_key(const struct config_sink *s)
{
	return is_http(s)	     ? "url" :
	       s->type == SINK_KAFKA ? "brokers" :
	       s->type == SINK_FILE  ? "path" :
				       "address";
}

static void check_address(struct parse *p, const struct yaml_node *node,
			  const struct config_sink *s)
{
	const char *key = address_key(s);
	const struct yaml_node *at = yaml_find(node, key);
	bool path = s->type == SINK_FILE || (s->type == SINK_SYSLOG && s->transport == SYSLOG_UNIX);

	if (!s->address) {
		if (!at)
			parse_error(p, node, "%s is missing", key);
		return;
	}
	if (is_http(s) && strchr(s->address, '@'))
		parse_error(p, at, "url: no user and password in it: user and password_file");
	else if (is_http(s) && !text_starts(s->address, "http://") &&
		 !text_starts(s->address, "https://"))
		parse_error(p, at, "url: neither http:// nor https://: %s", s->address);
	if (s->proxy && strchr(s->proxy, '@'))
		parse_error(p, yaml_find(node, "proxy"), "proxy: no user and password in it");
	if (path && *s->address != '/')
		parse_error(p, at, "%s: not an absolute path: %s", key, s->address);
	if (s->type == SINK_SYSLOG && !path && *s->address == '/')
		parse_error(p, at, "address: a path, but transport is not unix: %s", s->address);
}

static void check_tls(struct parse *p, const struct yaml_node *node, const struct config_sink *s)
{
	const struct yaml_node *at = yaml_find(node, "tls");
	bool spoken = (is_http(s) && s->address && text_starts(s->address, "https://")) ||
		      (s->type == SINK_SYSLOG && s->transport == SYSLOG_TLS) ||
		      (s->type == SINK_KAFKA && s->kafka_tls);
	bool key = s->tls.key.file || s->tls.key.env;

	if (!at)
		return;
	if (!spoken && s->address &&
	    (s->tls.ca_file || s->tls.certificate_file || s->tls.server_name || key ||
	     !s->tls.verify))
		parse_error(p, at, "tls: settings for it, but it is not spoken here");
	if (key != !!s->tls.certificate_file)
		parse_error(p, at,
			    key ? "tls: a key without certificate_file" :
				  "tls: a certificate without key_file");
	if (spoken && !s->tls.verify)
		parse_warning(p, yaml_find(at, "verify"),
			      "verify: false: anybody can be this receiver, and read what is sent");
}

static void check_sasl(struct parse *p, const struct yaml_node *node, const struct config_sink *s)
{
	static const char *const mechanisms[] = { "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512" };
	const struct yaml_node *at = yaml_find(node, "sasl_mechanism");
	const char *like;

	if (s->user && !s->sasl_mechanism)
		parse_error(p, node, "a user without sasl_mechanism");
	if (!s->sasl_mechanism)
		return;
	like = closest(s->sasl_mechanism, mechanisms, ARRAY_SIZE(mechanisms));
	if (!like || strcmp(like, s->sasl_mechanism))
		parse_error(p, at, "sasl_mechanism: there is none called %s%s%s%s",
			    s->sasl_mechanism, like ? ", did you mean " : "", like ? like : "",
			    like ? "?" : "");
	if (!s->user || !(s->password.file || s->password.env))
		parse_error(p, node, "sasl_mechanism without user and password_file");
	if (!s->kafka_tls && !strcmp(s->sasl_mechanism, "PLAIN"))
		parse_warning(p, at,
			      "sasl_mechanism: PLAIN without tls: everybody on the way can read "
			      "the password");
}

/* Headers that are made here, and words of a name that stand for a secret. */
static const char *const own_headers[] = {
	"authorization", "proxy-authorization", "content-length",
	"content-type",	 "content-encoding",	"transfer-encoding",
	"host"
};
static const char *const secret_words[] = { "key", "token", "secret", "password", "auth", "cookie" };

static void check_headers(struct parse *p, const struct yaml_node *node,
			  const struct config_sink *s)
{
	const struct yaml_node *at = yaml_find(node, "headers");

	for (size_t i = 0; i < s->header_count; i++) {
		const struct yaml_node *n = yaml_find(at, s->headers[i].name);
		const char *name = s->headers[i].name;
		bool own = false, secret = false;

		for (size_t j = 0; j < ARRAY_SIZE(own_headers); j++)
			own |= !strcasecmp(name, own_headers[j]);
		for (size_t j = 0; j < ARRAY_SIZE(secret_words); j++)
			secret |= !!strcasestr(name, secret_words[j]);
		if (own)
			parse_error(p, n ? n->key : at, "headers: %s is set here: %s", name,
				    strcasestr(name, "auth") ?
					    "token_file, or user and password_file" :
					    "it cannot be chosen");
		else if (secret)
			parse_warning(
				p, n ? n->key : at,
				"headers: %s: it is no secret what stands here: `config show` shows it",
				name);
	}
}

static void check_rest(struct parse *p, const struct yaml_node *node, const struct config_sink *s)
{
	if (s->type == SINK_KAFKA && !s->topic)
		parse_error(p, node, "topic is missing");
	if (s->type == SINK_KAFKA)
		check_sasl(p, node, s);
	if (s->type == SINK_ELASTICSEARCH && !s->index)
		parse_error(p, node, "index is missing: an index or a data stream");
	if (s->type == SINK_SPLUNK_HEC && !s->token.file && !s->token.env)
		parse_error(p, node, "token_file or token_env is missing");
	if (s->retry_min_ns > s->retry_max_ns)
		parse_error(p, yaml_find(node, "retry"), "retry: min is above max");
	if ((s->password.file || s->password.env) && !s->user)
		parse_error(p, node, "a password without user");
	if (is_http(s) && s->user && (s->token.file || s->token.env))
		parse_error(p, node, "user and token: one of them");
	if (s->format == FORMAT_CEF && (is_http(s) && s->type != SINK_OTLP))
		parse_error(p, yaml_find(node, "format"),
			    "format: cef is no JSON, which this receiver takes");
}

static bool name_is_fine(const char *name)
{
	size_t len = strlen(name);

	return len && len <= NAME_MAX_LEN && name[0] != '-' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

void sink_read(struct parse *p, const char *name, const struct yaml_node *node,
	       struct config_sink *sink, struct config_origin *origin)
{
	if (!name_is_fine(name)) {
		parse_error(p, node->key,
			    "sinks: a name is of a-z, 0-9 and -, up to %d of them: %s",
			    NAME_MAX_LEN, name);
		return;
	}
	if (node->type != YAML_MAPPING) {
		parse_error(p, node, "%s: a mapping was expected", name);
		return;
	}
	if (!read_type(p, node, &sink->type))
		return;
	check_keys(p, node, "", sink->type);
	read_values(p, node, sink, origin);
	special_defaults(node, sink);
	check_address(p, node, sink);
	check_tls(p, node, sink);
	check_headers(p, node, sink);
	check_rest(p, node, sink);
	if (p->flags & CONFIG_SECRETS && sink->enabled)
		secrets_read(p, sink, node);
}

void sink_free(struct config_sink *sink)
{
	for (size_t i = 0; i < settings_sink_count; i++)
		if (settings_sink[i].sinks & SINK_BIT(sink->type))
			value_free(&settings_sink[i], sink);
	free(sink->tls.ca);
	free(sink->tls.certificate);
	free(sink->name);
}
