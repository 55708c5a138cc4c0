/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The settings: one YAML file, read once into plain structs. Every setting has a default, is listed
 * in keelwatch.yaml(5), and remembers where its value came from.
 */
#ifndef KEELWATCH_CONFIG_H
#define KEELWATCH_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "message/head.h"

struct buf;

#define CONFIG_PATH "/etc/keelwatch/keelwatch.yaml"
#define CONFIG_SINKS_MAX 32
#define CONFIG_FILE_MAX (1 << 20) /* bytes; a longer file is refused */

enum sink_type {
	SINK_SYSLOG,
	SINK_ELASTICSEARCH, /* and OpenSearch: _bulk */
	SINK_SPLUNK_HEC,
	SINK_OTLP,
	SINK_WEBHOOK,
	SINK_KAFKA,
	SINK_FILE,
	SINK_TYPE_MAX,
};

enum record_format { FORMAT_NATIVE, FORMAT_ECS, FORMAT_OCSF, FORMAT_CEF, FORMAT_MAX };
enum syslog_transport { SYSLOG_TLS, SYSLOG_TCP, SYSLOG_UDP, SYSLOG_UNIX };
enum sink_begin { BEGIN_OLDEST, BEGIN_NEWEST }; /* where a sink that is new begins */
enum http_compression { COMPRESS_NONE, COMPRESS_GZIP };

/* A password, token or key: KEY_file or KEY_env in the file, never the value itself. */
struct config_secret {
	char *file;  /* or NULL */
	char *env;   /* name of the variable, or NULL */
	char *value; /* NULL unless read (CONFIG_SECRETS) and set; a final newline is cut */
};

struct config_tls {
	bool verify;		  /* the certificate and the name; default true */
	char *ca_file;		  /* NULL: the system's */
	char *certificate_file;	  /* of the client, PEM; NULL: none */
	char *server_name;	  /* NULL: the host's of the url or address */
	struct config_secret key; /* of the client, PEM */
	/* The contents of the files, read with CONFIG_SECRETS; NULL where no file is named. */
	char *ca, *certificate;
};

struct config_header {
	char *name;
	char *value;
};

struct config_sink {
	char *name; /* [a-z0-9-], unique */
	enum sink_type type;
	bool enabled;
	enum record_format format;
	unsigned int kinds; /* 1 << enum record_kind */
	int min_severity;   /* Keelwatch__Severity; findings below it are not sent */
	enum sink_begin begin;

	/* batches */
	uint32_t batch_records;
	uint64_t batch_bytes;
	uint64_t timeout_ns;		     /* of one attempt */
	uint64_t retry_min_ns, retry_max_ns; /* the first wait, and what doubling stops at */

	/* syslog: host:port, or a path; http: url; kafka: brokers, comma between; file: a path */
	char *address;
	struct config_tls tls;

	/* syslog */
	enum syslog_transport transport;
	uint32_t facility; /* RFC 5424 numerical code */
	uint32_t resend;   /* records sent again after a connection broke */

	/* http */
	enum http_compression compression;
	char *user; /* basic authentication, with the password */
	struct config_secret password;
	struct config_secret token; /* HEC's; of others "Authorization: Bearer" */
	struct config_secret hmac;  /* webhook */
	char *token_scheme;	    /* elasticsearch: "ApiKey"; default "Bearer" */
	struct config_header *headers;
	size_t header_count;
	char *proxy;	   /* NULL: none, the environment's is not used */
	char *index;	   /* elasticsearch: index or data stream; HEC: index, may be NULL */
	char *source_type; /* HEC */
	bool acknowledge;  /* HEC: poll the indexer's acknowledgement */

	/* kafka */
	char *topic;
	char *sasl_mechanism; /* NULL: no SASL; the user and password are above */
	bool kafka_tls;

	/* file */
	uint64_t rotate_bytes;
	uint32_t rotate_keep; /* old files kept */
};

#define PINS_NONE "none"

struct config {
	char *path; /* of the file, or NULL: defaults alone */
	char *text; /* what it said, as bytes: for the shipper, which parses it anew */
	size_t text_len;
	struct config_origins *origins; /* for config_show() */

	char *state_dir; /* /var/lib/keelwatch */
	char *pins;	 /* folder below a bpffs, or PINS_NONE */
	bool store;
	uint64_t store_max_bytes;
	uint64_t store_max_age_ns;
	uint64_t store_queue_bytes; /* what may wait in memory while the disk does not take it */

	uint64_t heartbeat_ns; /* between two heartbeat records; 0: none */

	char *ship_user;		/* name or number; NULL: keelwatch, else nobody */
	uint64_t dead_letter_max_bytes; /* of each sink's file */

	char *metrics_listen;	     /* as base/endpoint.h has it, or "none" */
	bool metrics_remote;	     /* another than this host may ask */
	bool metrics_programs;	     /* what each BPF program takes is measured */
	uint32_t metrics_containers; /* with numbers of their own, at most */

	int log_format; /* enum log_format */

	struct config_sink *sinks;
	size_t sink_count;
};

enum config_flags {
	CONFIG_SECRETS =
		1 << 0, /* read the files and variables that secrets and certificates are in */
	CONFIG_OPTIONAL = 1 << 1, /* no file is no error: defaults */
};

/*
 * Reads path. Diagnostics, one a line as FILE:LINE:COL: what (several where there are several), are
 * appended to problems. 0; -EINVAL when the file is wrong; -errno when it cannot be read (said in
 * problems too). Caller frees with config_free().
 */
int config_load(const char *path, unsigned int flags, struct buf *problems, struct config **ret);
/* The same of bytes in memory; name is what diagnostics call it. */
int config_parse(const char *text, size_t len, const char *name, unsigned int flags,
		 struct buf *problems, struct config **ret);
void config_free(struct config *c); /* wipes secrets */

/* Appends the effective values as YAML, each with where it came from as a comment; no secrets. */
void config_show(const struct config *c, struct buf *out);
/* Appends every setting there is, with its default and what it is for. */
void config_show_defaults(struct buf *out);

/* NULL when there is none of that name. */
const struct config_sink *config_sink_find(const struct config *c, const char *name);

/* The name used in the file. */
const char *config_sink_type_name(enum sink_type type);

#endif
