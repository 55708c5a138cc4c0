/* SPDX-License-Identifier: Apache-2.0 */
#include "config/settings.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/util.h"

#define KIB (1ULL << 10)
#define MIB (1ULL << 20)
#define GIB (1ULL << 30)
#define MS NS_PER_MS
#define S NS_PER_S
#define DAY (86400 * S)

const char *const sink_type_names[] = {
	[SINK_SYSLOG] = "syslog",
	[SINK_ELASTICSEARCH] = "elasticsearch",
	[SINK_SPLUNK_HEC] = "splunk_hec",
	[SINK_OTLP] = "otlp",
	[SINK_WEBHOOK] = "webhook",
	[SINK_KAFKA] = "kafka",
	[SINK_FILE] = "file",
	NULL,
};

const char *const format_names[] = {
	[FORMAT_NATIVE] = "native",
	[FORMAT_ECS] = "ecs",
	[FORMAT_OCSF] = "ocsf",
	[FORMAT_CEF] = "cef",
	NULL,
};

static const char *const severity_names[] = { "debug", "info",	   "notice", "warning",
					      "error", "critical", NULL };
static const char *const begin_names[] = { "oldest", "newest", NULL };
static const char *const transport_names[] = {
	[SYSLOG_TLS] = "tls",
	[SYSLOG_TCP] = "tcp",
	[SYSLOG_UDP] = "udp",
	[SYSLOG_UNIX] = "unix",
	NULL,
};
static const char *const compression_names[] = { "none", "gzip", NULL };

static const char *const log_format_names[] = {
	[LOG_TEXT] = "text",
	[LOG_JSON] = "json",
	NULL,
};

#define TOP(member) .offset = offsetof(struct config, member)
#define SINK(member) .offset = offsetof(struct config_sink, member)
#define ALL (SINK_BIT(SINK_TYPE_MAX) - 1)
#define HTTP                                                                              \
	(SINK_BIT(SINK_ELASTICSEARCH) | SINK_BIT(SINK_SPLUNK_HEC) | SINK_BIT(SINK_OTLP) | \
	 SINK_BIT(SINK_WEBHOOK))
#define TLS (HTTP | SINK_BIT(SINK_SYSLOG) | SINK_BIT(SINK_KAFKA))

const struct setting settings_top[] = {
	{ "", "state_dir", SETTING_TEXT, TOP(state_dir), "/var/lib/keelwatch",
	  .help = "folder of the store and the dead letters" },
	{ "", "heartbeat", SETTING_DURATION, TOP(heartbeat_ns), "60s", .min = 0, .max = DAY,
	  .help = "between two records that say that the monitor watches; 0s: none" },
	{ "", "pins", SETTING_TEXT, TOP(pins), "/sys/fs/bpf/keelwatch",
	  .help = "folder of what goes on between two monitors, below a bpffs; or none" },
	{ "store", "enabled", SETTING_BOOL, TOP(store), "true", .help = "keep records on disk" },
	{ "store", "max_size", SETTING_SIZE, TOP(store_max_bytes), "1GiB", .min = MIB,
	  .max = 1024 * GIB, .help = "bound of the database; the oldest records go first" },
	{ "store", "max_age", SETTING_DURATION, TOP(store_max_age_ns), "30d", .min = S,
	  .max = 3650 * DAY, .help = "bound of a record's age" },
	{ "store", "queue_size", SETTING_SIZE, TOP(store_queue_bytes), "16MiB", .min = 64 * KIB,
	  .max = GIB, .help = "what may wait in memory while the disk does not take it" },
	{ "shipper", "user", SETTING_TEXT, TOP(ship_user), NULL,
	  .help = "whom the shipper runs as: a name or a number; keelwatch, else nobody" },
	{ "shipper", "dead_letter_max_size", SETTING_SIZE, TOP(dead_letter_max_bytes), "64MiB",
	  .min = 64 * KIB, .max = 64 * GIB, .help = "bound of each sink's dead letters" },
	{ "metrics", "listen", SETTING_TEXT, TOP(metrics_listen),
	  "unix:/run/keelwatch/metrics.sock",
	  .help = "where metrics are asked for: unix:PATH, ADDRESS:PORT by number, or none" },
	{ "metrics", "allow_remote", SETTING_BOOL, TOP(metrics_remote), "false",
	  .help = "listen may be an address that other hosts reach" },
	{ "metrics", "bpf_stats", SETTING_BOOL, TOP(metrics_programs), "false",
	  .help = "measure what each BPF program takes; all programs of this host become slower" },
	{ "metrics", "containers", SETTING_NUMBER, TOP(metrics_containers), "100", .max = 1000,
	  .help = "containers with numbers of their own; the rest is summed up" },
	{ "log", "format", SETTING_CHOICE, TOP(log_format), "text", .names = log_format_names,
	  .help = "of the lines on standard error" },
};
const size_t settings_top_count = ARRAY_SIZE(settings_top);

const struct setting settings_sink[] = {
	{ "", "enabled", SETTING_BOOL, SINK(enabled), "true", ALL, .help = "send to it" },
	{ "", "format", SETTING_CHOICE, SINK(format), "native", ALL, .names = format_names,
	  .help = "schema of the records; of elasticsearch ecs by default" },
	{ "", "kinds", SETTING_KINDS, SINK(kinds), "[finding, container, gap, monitor]", ALL,
	  .help = "which records it gets" },
	{ "", "min_severity", SETTING_CHOICE, SINK(min_severity), "debug", ALL,
	  .names = severity_names, .help = "records below it are not sent" },
	{ "", "begin", SETTING_CHOICE, SINK(begin), "oldest", ALL, .names = begin_names,
	  .help = "where a new sink begins in the store" },
	{ "batch", "records", SETTING_NUMBER, SINK(batch_records), "500", ALL, 1, 10000,
	  .help = "most records of one attempt" },
	{ "batch", "size", SETTING_SIZE, SINK(batch_bytes), "1MiB", ALL, KIB, 16 * MIB,
	  .help = "most bytes of one attempt, before formatting" },
	{ "", "timeout", SETTING_DURATION, SINK(timeout_ns), "30s", ALL, 100 * MS, 3600 * S,
	  .help = "of one attempt" },
	{ "retry", "min", SETTING_DURATION, SINK(retry_min_ns), "1s", ALL, 10 * MS, 3600 * S,
	  .help = "wait after the first failure; doubled with each, half of it by chance" },
	{ "retry", "max", SETTING_DURATION, SINK(retry_max_ns), "5m", ALL, 10 * MS, DAY,
	  .help = "longest wait" },
	{ "", "address", SETTING_TEXT, SINK(address), NULL, SINK_BIT(SINK_SYSLOG),
	  .help = "host:port, or the path of the socket" },
	{ "", "url", SETTING_TEXT, SINK(address), NULL, HTTP, .help = "http:// or https://" },
	{ "", "brokers", SETTING_TEXT, SINK(address), NULL, SINK_BIT(SINK_KAFKA),
	  .help = "host:port, several with commas" },
	{ "", "path", SETTING_TEXT, SINK(address), NULL, SINK_BIT(SINK_FILE),
	  .help = "of the file" },
	{ "tls", "enabled", SETTING_BOOL, SINK(kafka_tls), "false", SINK_BIT(SINK_KAFKA),
	  .help = "speak TLS to the brokers" },
	{ "tls", "verify", SETTING_BOOL, SINK(tls.verify), "true", TLS,
	  .help = "the receiver's certificate and name" },
	{ "tls", "ca_file", SETTING_TEXT, SINK(tls.ca_file), NULL, TLS,
	  .help = "certificates trusted, PEM; else the system's" },
	{ "tls", "certificate_file", SETTING_TEXT, SINK(tls.certificate_file), NULL, TLS,
	  .help = "our own certificate, PEM" },
	{ "tls", "key", SETTING_SECRET, SINK(tls.key), NULL, TLS, .help = "its key, PEM" },
	{ "tls", "server_name", SETTING_TEXT, SINK(tls.server_name), NULL,
	  TLS & ~SINK_BIT(SINK_KAFKA), .help = "name to verify; else the address's host" },
	{ "", "transport", SETTING_CHOICE, SINK(transport), "tls", SINK_BIT(SINK_SYSLOG),
	  .names = transport_names,
	  .help = "RFC 5425, RFC 6587 (octet counting), datagrams, a socket" },
	{ "", "facility", SETTING_NUMBER, SINK(facility), "13", SINK_BIT(SINK_SYSLOG), 0, 23,
	  .help = "numerical code of RFC 5424; 13 is log audit" },
	{ "", "resend", SETTING_NUMBER, SINK(resend), "100", SINK_BIT(SINK_SYSLOG), 0, 10000,
	  .help = "records sent again after a connection broke: syslog has no acknowledgement" },
	{ "", "compression", SETTING_CHOICE, SINK(compression), "none", HTTP,
	  .names = compression_names,
	  .help = "of requests; gzip of elasticsearch and otlp by default" },
	{ "", "user", SETTING_TEXT, SINK(user), NULL, HTTP | SINK_BIT(SINK_KAFKA),
	  .help = "of basic authentication, or SASL" },
	{ "", "password", SETTING_SECRET, SINK(password), NULL, HTTP | SINK_BIT(SINK_KAFKA),
	  .help = "the user's" },
	{ "", "token", SETTING_SECRET, SINK(token), NULL, HTTP,
	  .help = "of the Authorization header" },
	{ "", "token_scheme", SETTING_TEXT, SINK(token_scheme), "Bearer",
	  HTTP & ~SINK_BIT(SINK_SPLUNK_HEC), .help = "word before the token: Bearer, ApiKey" },
	{ "", "hmac", SETTING_SECRET, SINK(hmac), NULL, SINK_BIT(SINK_WEBHOOK),
	  .help = "key of the signature" },
	{ "", "headers", SETTING_HEADERS, SINK(headers), NULL, HTTP, .help = "further headers" },
	{ "", "proxy", SETTING_TEXT, SINK(proxy), NULL, HTTP,
	  .help = "http://host:port; the environment's is not used" },
	{ "", "index", SETTING_TEXT, SINK(index), NULL,
	  SINK_BIT(SINK_ELASTICSEARCH) | SINK_BIT(SINK_SPLUNK_HEC),
	  .help = "index or data stream; elasticsearch needs one" },
	{ "", "source_type", SETTING_TEXT, SINK(source_type), "keelwatch",
	  SINK_BIT(SINK_SPLUNK_HEC), .help = "sourcetype of the events" },
	{ "", "acknowledge", SETTING_BOOL, SINK(acknowledge), "true", SINK_BIT(SINK_SPLUNK_HEC),
	  .help = "wait for the indexer's acknowledgement" },
	{ "", "topic", SETTING_TEXT, SINK(topic), NULL, SINK_BIT(SINK_KAFKA), .help = "where to" },
	{ "", "sasl_mechanism", SETTING_TEXT, SINK(sasl_mechanism), NULL, SINK_BIT(SINK_KAFKA),
	  .help = "PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512" },
	{ "rotate", "size", SETTING_SIZE, SINK(rotate_bytes), "100MiB", SINK_BIT(SINK_FILE),
	  64 * KIB, 64 * GIB, .help = "a file that has grown to it is set aside" },
	{ "rotate", "keep", SETTING_NUMBER, SINK(rotate_keep), "5", SINK_BIT(SINK_FILE), 0, 1000,
	  .help = "files set aside that are kept" },
};
const size_t settings_sink_count = ARRAY_SIZE(settings_sink);
