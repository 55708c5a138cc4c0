/* SPDX-License-Identifier: Apache-2.0 */
#include "ship/sinks.h"

#include <errno.h>
#include <libgen.h>
#include <string.h>

#include "base/text.h"
#include "base/util.h"
#include "ship/stream.h"

#define PORT_DNS 53 /* names are asked for over TCP when an answer is long */
#define PORT_HTTPS 443
#define PORT_HTTP 80
#define PORT_PROXY 1080 /* of one without a port, as libcurl takes it (CURLOPT_PROXY) */

static const struct sink_ops *const sinks[SINK_TYPE_MAX] = {
	[SINK_SYSLOG] = &sink_syslog,
	[SINK_ELASTICSEARCH] = &sink_elasticsearch,
	[SINK_SPLUNK_HEC] = &sink_splunk_hec,
	[SINK_OTLP] = &sink_otlp,
	[SINK_WEBHOOK] = &sink_webhook,
	[SINK_KAFKA] = &sink_kafka,
	[SINK_FILE] = &sink_file,
};

const struct sink_ops *sink_of_type(enum sink_type type)
{
	return type < ARRAY_SIZE(sinks) ? sinks[type] : NULL;
}

static int add_text(char ***list, size_t *count, const char *text)
{
	char **grown = realloc(*list, (*count + 1) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	*list = grown;
	grown[*count] = strdup(text);
	return grown[(*count)++] ? 0 : -ENOMEM;
}

int reach_add_folder(struct reach *r, const char *path)
{
	return add_text(&r->writable, &r->writable_count, path);
}

static int add_port(struct reach *r, uint16_t port)
{
	uint16_t *grown = realloc(r->ports, (r->port_count + 1) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	r->ports = grown;
	grown[r->port_count++] = port;
	return 0;
}

/* The port of host:port, [address]:port or scheme://user@host:port/path; or the one by default. */
static uint16_t port_of(const char *address, uint16_t by_default)
{
	const char *host = strstr(address, "://");
	size_t len;
	const char *colon;
	uint64_t port = 0;
	char digits[8];

	host = host ? host + 3 : address;
	len = strcspn(host, "/?#");
	colon = memrchr(host, ':', len);
	if (!colon || memchr(colon, ']', host + len - colon))
		return by_default;
	snprintf(digits, sizeof(digits), "%.*s", (int)(host + len - colon - 1), colon + 1);
	return text_u64(digits, &port) || port > UINT16_MAX ? by_default : port;
}

static int reach_http(struct reach *r, const struct config_sink *s)
{
	const char *address = s->proxy ? s->proxy : s->address;
	uint16_t plain = s->proxy ? PORT_PROXY : PORT_HTTP;

	return add_port(r, port_of(address, text_starts(address, "https:") ? PORT_HTTPS : plain));
}

static int reach_syslog(struct reach *r, const struct config_sink *s)
{
	if (s->transport == SYSLOG_UNIX)
		return add_text(&r->reachable, &r->reachable_count, s->address);
	return add_port(r, port_of(s->address,
				   s->transport == SYSLOG_TLS ? STREAM_PORT_TLS : STREAM_PORT_TCP));
}

/* The folder of the file: rotation makes and renames files in it. */
static int reach_file(struct reach *r, const struct config_sink *s)
{
	_cleanup_free_ char *copy = strdup(s->address);

	return copy ? reach_add_folder(r, dirname(copy)) : -ENOMEM;
}

int reach_add(struct reach *r, const struct config_sink *s)
{
	int err = r->ports ? 0 : add_port(r, PORT_DNS);

	if (err)
		return err;
	switch (s->type) {
	case SINK_SYSLOG:
		return reach_syslog(r, s);
	case SINK_FILE:
		return reach_file(r, s);
	case SINK_KAFKA: /* the brokers tell each other's addresses */
		r->any_port = true;
		return 0;
	default:
		return reach_http(r, s);
	}
}

void reach_free(struct reach *r)
{
	for (size_t i = 0; i < r->writable_count; i++)
		free(r->writable[i]);
	for (size_t i = 0; i < r->reachable_count; i++)
		free(r->reachable[i]);
	free(r->writable);
	free(r->reachable);
	free(r->ports);
	*r = (struct reach){};
}
