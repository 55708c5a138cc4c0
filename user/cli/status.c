/* SPDX-License-Identifier: Apache-2.0 */
/* keelwatch status: how the monitor that runs is, asked where metrics are asked for. */
#include <argp.h>
#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/endpoint.h"
#include "base/text.h"
#include "base/util.h"
#include "cli/cli.h"
#include "config/config.h"

#define PATIENCE_S 10
#define ANSWER_MAX (4u << 20)

struct status_args {
	const char *config, *address;
	bool json;
};

struct answer {
	int status; /* HTTP's */
	struct buf text;
	const char *body; /* in text */
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct status_args *a = state->input;

	switch (key) {
	case 'c':
		a->config = arg;
		return 0;
	case 'j':
		a->json = true;
		return 0;
	case 'A':
		a->address = arg;
		return 0;
	}
	return parse_nothing(key, arg, state);
}

static const struct argp_option options[] = {
	{ "address", 'A', "ADDRESS", 0, "Where it is asked, in place of metrics.listen", 0 },
	{ "config", 'c', "FILE", 0, "Settings that say where (/etc/keelwatch/keelwatch.yaml)", 0 },
	{ "json", 'j', NULL, 0, "One JSON object", 0 },
	{},
};

static const struct argp argp = {
	options,
	parse,
	NULL,
	"Say how the keelwatch that runs here is.\vExit codes: 0 it watches and all is well, 1 something is "
	"wrong, 2 wrong usage, 3 nobody answers. See keelwatch-status(1).",
	NULL,
	NULL,
	NULL,
};

/* --- asking --- */

static int ask(const struct endpoint *at, const char *path, struct answer *ret)
{
	_cleanup_close_ int fd = endpoint_connect(at, PATIENCE_S);
	char chunk[1 << 16];
	const char *body;
	ssize_t n;

	if (fd < 0)
		return fd;
	n = snprintf(chunk, sizeof(chunk), "GET %s HTTP/1.0\r\n\r\n", path);
	if (send(fd, chunk, n, MSG_NOSIGNAL) != n)
		return -errno;
	ret->text.max = ANSWER_MAX;
	while ((n = recv(fd, chunk, sizeof(chunk), 0)) > 0)
		buf_add(&ret->text, chunk, n);
	if (n < 0)
		return -errno;
	body = strstr(buf_cstr(&ret->text), "\r\n\r\n");
	if (ret->text.failed || !body || sscanf(ret->text.data, "HTTP/1.1 %d ", &ret->status) != 1)
		return -EPROTO;
	/* Well, or not well and why: nothing else is keelwatch's. */
	if (ret->status != 200 && ret->status != 503)
		return -EPROTO;
	ret->body = body + 4;
	return 0;
}

/* --- what was answered --- */

/* The sum of a family's samples whose labels hold this text; false where there are none. */
static bool sum(const char *metrics, const char *name, const char *labels, double *ret)
{
	size_t len = strlen(name);
	bool any = false;

	*ret = 0;
	for (const char *line = metrics; line && *line; line = strchr(line, '\n')) {
		const char *end, *value;
		double number;

		line += *line == '\n';
		end = line + strcspn(line, "\n");
		if (strncmp(line, name, len) || (line[len] != '{' && line[len] != ' '))
			continue;
		value = memrchr(line, ' ', end - line);
		if (!value || (labels && !memmem(line, value - line, labels, strlen(labels))))
			continue;
		number = strtod(value, NULL);
		if (!isfinite(number))
			continue;
		*ret += number;
		any = true;
	}
	return any;
}

static const struct {
	const char *label, *key, *family, *labels;
	double factor;
} numbers[] = {
	{ "containers", "containers", "keelwatch_containers", NULL, 1 },
	{ "events", "events", "keelwatch_events_handled_total", NULL, 1 },
	{ "lost", "lost", "keelwatch_events_lost_total", NULL, 1 },
	{ "held back", "held_back", "keelwatch_events_held_back_total", NULL, 1 },
	{ "findings", "findings", "keelwatch_findings_total", NULL, 1 },
	{ "of them critical", "critical", "keelwatch_findings_total", "severity=\"critical\"", 1 },
	{ "records stored", "stored", "keelwatch_store_records_stored_total", NULL, 1 },
	{ "records refused", "refused", "keelwatch_store_records_refused_total", NULL, 1 },
	{ "records delivered", "delivered", "keelwatch_sink_delivered_total", NULL, 1 },
	{ "sinks waiting", "sinks_waiting", "keelwatch_sink_state", "state=\"waiting\"", 1 },
	{ "memory, KiB", "memory_kib", "keelwatch_process_resident_memory_bytes", NULL,
	  1.0 / 1024 },
};

/* Calls fn for each line of what is wrong. */
static void each_problem(const struct answer *ready, void (*fn)(struct buf *b, const char *line),
			 struct buf *b)
{
	_cleanup_free_ char *copy = ready->status == 200 ? NULL : strdup(ready->body);
	char *rest = copy, *line;

	while (rest && (line = strsep(&rest, "\n"))) {
		_cleanup_(buf_free) struct buf clean = {};

		if (!*line)
			continue;
		if (text_is_line(line, strlen(line)))
			buf_str(&clean, line);
		else
			text_clean(&clean, line, strlen(line));
		fn(b, buf_cstr(&clean));
	}
}

static void people_problem(struct buf *b, const char *line)
{
	buf_fmt(b, "  %s\n", line);
}

static void json_problem(struct buf *b, const char *line)
{
	if (b->data[b->len - 1] != '[')
		buf_char(b, ',');
	text_json(b, line);
}

static void people(struct buf *b, const struct answer *ready, const char *metrics)
{
	double value;

	buf_str(b, ready->status == 200 ? "keelwatch watches, and all is well\n" :
					  "keelwatch runs, and something is wrong:\n");
	each_problem(ready, people_problem, b);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (sum(metrics, numbers[i].family, numbers[i].labels, &value))
			buf_fmt(b, "%-18s %.0f\n", numbers[i].label, value * numbers[i].factor);
}

static void json(struct buf *b, const struct answer *ready, const char *metrics)
{
	double value;

	buf_fmt(b, "{\"kind\":\"status\",\"well\":%s,\"problems\":[",
		ready->status == 200 ? "true" : "false");
	each_problem(ready, json_problem, b);
	buf_char(b, ']');
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (sum(metrics, numbers[i].family, numbers[i].labels, &value))
			buf_fmt(b, ",\"%s\":%.0f", numbers[i].key, value * numbers[i].factor);
	buf_str(b, "}\n");
}

/* --- the command --- */

/* An exit code, having said what is wrong; address is the caller's to free. */
static int find_address(const struct status_args *args, char **address)
{
	_cleanup_(buf_free) struct buf problems = {};
	struct config *config;

	*address = args->address ? strdup(args->address) : NULL;
	if (*address)
		return EXIT_FINE;
	if (config_load(args->config ? args->config : CONFIG_PATH,
			args->config ? 0 : CONFIG_OPTIONAL, &problems, &config)) {
		fprintf(stderr, "keelwatch status: %s\n", buf_cstr(&problems));
		return EXIT_CANNOT;
	}
	*address = strdup(config->metrics_listen);
	config_free(config);
	return *address ? EXIT_FINE : EXIT_ERROR;
}

static int tell(const struct endpoint *at, const char *address, bool as_json)
{
	_cleanup_(buf_free) struct buf out = {};
	struct answer ready = {}, metrics = {};
	int err = ask(at, "/readyz", &ready), code = EXIT_NOTHING;

	if (!err)
		err = ask(at, "/metrics", &metrics);
	/* They may be written at this moment, or be too long: what is wrong was told all the same. */
	if (!err && metrics.status != 200)
		metrics.body = "";
	if (err) {
		fprintf(stderr, "keelwatch status: %s at %s: %s\n",
			err == -EPROTO ? "no keelwatch answers" : "nobody answers", address,
			strerror(-err));
	} else {
		(as_json ? json : people)(&out, &ready, metrics.body);
		code = fputs(buf_cstr(&out), stdout) < 0 || fflush(stdout) ? EXIT_ERROR :
		       ready.status == 200				   ? EXIT_FINE :
									     EXIT_ERROR;
	}
	buf_free(&ready.text);
	buf_free(&metrics.text);
	return code;
}

int command_status(int argc, char **argv)
{
	struct status_args args = {};
	_cleanup_free_ char *address = NULL;
	struct endpoint at;
	int code;

	if (argp_parse(&argp, argc, argv, 0, NULL, &args))
		return EXIT_CANNOT;
	code = find_address(&args, &address);
	if (code)
		return code;
	if (endpoint_parse(address, &at)) {
		fprintf(stderr, "keelwatch status: nobody can be asked at %s (metrics.listen)\n",
			address);
		return EXIT_CANNOT;
	}
	return tell(&at, address, args.json);
}
