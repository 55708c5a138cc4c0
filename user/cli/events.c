/* SPDX-License-Identifier: Apache-2.0 */
/* keelwatch events: what the store has, by what people ask for. */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/text.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/state.h"
#include "message/head.h"
#include "output/output.h"

#define LIMIT 100     /* the last so many, unless asked otherwise */
#define FOLLOW_MS 200 /* between two looks */

enum {
	OPTION_CONTAINER = 'c',
	OPTION_FOLLOW = 'f',
	OPTION_JSON = 'j',
	OPTION_KIND = 'k',
	OPTION_LIMIT = 'n',
	OPTION_NAMESPACE = 'N',
	OPTION_POD = 'p',
	OPTION_RULE = 'r',
	OPTION_SEVERITY = 's',
	OPTION_CONFIG = 256,
	OPTION_NO_COLOUR,
	OPTION_PROCESS,
	OPTION_PROTOBUF,
	OPTION_REVERSE,
	OPTION_SINCE,
	OPTION_STATE,
	OPTION_UNTIL,
};

enum form { FORM_PEOPLE, FORM_JSON, FORM_PROTOBUF };

struct events_args {
	struct store_query query;
	const char *config, *state;
	enum form form;
	bool follow, no_colour, limited;
};

struct events {
	struct events_args args;
	struct store_reader *reader;
	struct buf line;
	bool colour;
	uint64_t damaged;
	uint64_t shown; /* the newest sequence number that was */
};

/* --- options --- */

/* "90s", "10m", "2h", "3d" ago, or a time as text_time() writes it, or a shorter form of that. */
static uint64_t parse_time(const char *text, struct argp_state *state)
{
	static const struct {
		char unit;
		uint64_t seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	static const char *const forms[] = { "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S",
					     "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%d" };
	char *end;
	uint64_t number = strtoull(text, &end, 10), now = time(NULL);

	for (size_t i = 0; end != text && *text != '-' && i < ARRAY_SIZE(units); i++)
		if (*end == units[i].unit && !end[1] && number <= now / units[i].seconds)
			return (now - number * units[i].seconds) * NS_PER_S;
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		struct tm tm = {};

		end = strptime(text, forms[i], &tm);
		if (end && *end == '.')
			end += 1 + strspn(end + 1, "0123456789");
		if (end && (!*end || !strcmp(end, "Z")) && timegm(&tm) > 0)
			return (uint64_t)timegm(&tm) * NS_PER_S;
	}
	argp_error(state,
		   "not a time: %s (2026-01-02T03:04:05Z, 2026-01-02, or 90s, 10m, 2h, 3d ago)",
		   text);
	return 0;
}

static int parse_severity(const char *text, struct argp_state *state)
{
	const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value_by_name(
		&keelwatch__severity__descriptor, text);

	if (!value)
		argp_error(state,
			   "no such severity: %s (debug, info, notice, warning, error, critical)",
			   text);
	return value ? value->value : 0;
}

static unsigned int parse_kind(const char *text, struct argp_state *state)
{
	for (int k = 0; k < KIND_MAX; k++)
		if (!strcmp(text, record_kind_name(k)))
			return 1u << k;
	argp_error(state, "no such kind: %s (finding, container, gap, monitor)", text);
	return 0;
}

static error_t parse_form(struct events_args *a, enum form form, struct argp_state *state)
{
	if (a->form != FORM_PEOPLE && a->form != form)
		argp_error(state, "--json or --protobuf, not both");
	a->form = form;
	return 0;
}

static error_t parse_text(int key, char *arg, struct store_query *q)
{
	switch (key) {
	case OPTION_CONTAINER:
		q->container = arg;
		return 0;
	case OPTION_NAMESPACE:
		q->kubernetes_namespace = arg;
		return 0;
	case OPTION_POD:
		q->pod = arg;
		return 0;
	case OPTION_RULE:
		q->rule = arg;
		return 0;
	case OPTION_PROCESS:
		q->process = arg;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct events_args *a = state->input;

	switch (key) {
	case OPTION_FOLLOW:
		a->follow = true;
		return 0;
	case OPTION_JSON:
		return parse_form(a, FORM_JSON, state);
	case OPTION_PROTOBUF:
		return parse_form(a, FORM_PROTOBUF, state);
	case OPTION_KIND:
		a->query.kinds |= parse_kind(arg, state);
		return 0;
	case OPTION_LIMIT:
		a->limited = true;
		if (text_u64(arg, &a->query.limit))
			argp_error(state, "not a number: %s", arg);
		return 0;
	case OPTION_REVERSE:
		a->query.newest_first = true;
		return 0;
	case OPTION_SEVERITY:
		a->query.min_severity = parse_severity(arg, state);
		return 0;
	case OPTION_SINCE:
		a->query.since_ns = parse_time(arg, state);
		return 0;
	case OPTION_UNTIL:
		a->query.until_ns = parse_time(arg, state);
		return 0;
	case OPTION_CONFIG:
		a->config = arg;
		return 0;
	case OPTION_STATE:
		a->state = arg;
		return 0;
	case OPTION_NO_COLOUR:
		a->no_colour = true;
		return 0;
	case ARGP_KEY_END:
		/* They are one a minute: only who asks for their kind or for them gets them. */
		if (!a->query.kinds && !a->query.rule)
			a->query.without = "heartbeat";
		if (a->follow && a->query.newest_first)
			argp_error(state, "--follow goes forward: not with --reverse");
		return 0;
	}
	return parse_text(key, arg, &a->query) ? parse_nothing(key, arg, state) : 0;
}

static const struct argp_option options[] = {
	{ "container", OPTION_CONTAINER, "NAME", 0,
	  "Of this container: its name, its id, or 4 digits or more that its id begins with", 0 },
	{ "pod", OPTION_POD, "POD", 0, "Of this pod", 0 },
	{ "namespace", OPTION_NAMESPACE, "NAMESPACE", 0, "Of this Kubernetes namespace", 0 },
	{ "rule", OPTION_RULE, "RULE", 0, "Of this rule (of other kinds: operation or reason)", 0 },
	{ "severity", OPTION_SEVERITY, "SEVERITY", 0, "Of this severity or worse", 0 },
	{ "kind", OPTION_KIND, "KIND", 0, "finding, container, gap or monitor; may be given again",
	  0 },
	{ "process", OPTION_PROCESS, "PROGRAM", 0, "Of this program: its path, or its name", 0 },
	{ "since", OPTION_SINCE, "TIME", 0,
	  "Not before: 2026-01-02T03:04:05Z, or 90s, 10m, 2h, 3d ago", 0 },
	{ "until", OPTION_UNTIL, "TIME", 0, "Not after", 0 },
	{ "limit", OPTION_LIMIT, "N", 0,
	  "The last N of them (100; all where --since is given; 0: all)", 0 },
	{ "reverse", OPTION_REVERSE, NULL, 0, "The newest first", 0 },
	{ "follow", OPTION_FOLLOW, NULL, 0, "Go on with what comes", 0 },
	{ "json", OPTION_JSON, NULL, 0, "One JSON object a line", 0 },
	{ "protobuf", OPTION_PROTOBUF, NULL, 0,
	  "Messages Record, each with its length before it (a varint)", 0 },
	{ "config", OPTION_CONFIG, "FILE", 0,
	  "Settings (/etc/keelwatch/keelwatch.yaml, where it exists)", 0 },
	{ "state", OPTION_STATE, "DIR", 0, "Where findings are kept (/var/lib/keelwatch)", 0 },
	{ "no-colour", OPTION_NO_COLOUR, NULL, 0, "Plain text on a terminal too", 0 },
	{ "no-color", 0, NULL, OPTION_ALIAS, NULL, 0 },
	{},
};

static const struct argp argp = {
	options,
	parse,
	NULL,
	"Show what was found and kept, oldest first.\v"
	"All that is asked for must hold. Exit codes: 0 fine, 1 failed on the way, 2 usage, or there is no "
	"store. See keelwatch-events(1).",
	NULL,
	NULL,
	NULL,
};

/* --- output --- */

static void add_varint(struct buf *b, uint64_t n)
{
	while (n >= 0x80) {
		buf_char(b, (char)(n | 0x80));
		n >>= 7;
	}
	buf_char(b, (char)n);
}

static void format(struct events *e, const struct stored *row, const Keelwatch__Record *record,
		   const struct record_head *head)
{
	switch (e->args.form) {
	case FORM_PEOPLE:
		people_record(&e->line, record, e->colour);
		return;
	case FORM_JSON:
		json_message(&e->line, head->message);
		buf_char(&e->line, '\n');
		return;
	case FORM_PROTOBUF:
		add_varint(&e->line, row->len);
		buf_add(&e->line, row->body, row->len);
		return;
	}
}

/* A record that cannot be read is for `verify` to judge; here it is said, and left out. */
static int show(struct events *e, const struct stored *row)
{
	Keelwatch__Record *record = keelwatch__record__unpack(NULL, row->len, row->body);
	struct record_head head;

	buf_reset(&e->line);
	if (!record || record_head(record, &head) || !record_is_clean(record)) {
		fprintf(stderr, "keelwatch events: record %" PRIu64 " is damaged\n", row->sequence);
		e->damaged++;
	} else {
		format(e, row, record, &head);
	}
	if (record)
		keelwatch__record__free_unpacked(record, NULL);
	if (row->sequence > e->shown)
		e->shown = row->sequence;
	return e->line.len && fwrite(e->line.data, e->line.len, 1, stdout) != 1 ? -errno : 0;
}

static int show_all(struct events *e, const struct store_query *query)
{
	struct store_cursor *cursor = NULL;
	struct stored row;
	int err = store_select(e->reader, query, &cursor);

	while (!err && (err = store_next(cursor, &row)) > 0)
		err = show(e, &row);
	store_cursor_free(cursor);
	if (!err && fflush(stdout))
		err = -errno;
	return err;
}

/* The last N, but oldest first: behind the number before the N-th from the end. */
static int find_begin(struct events *e, uint64_t *after)
{
	struct store_query query = e->args.query;
	struct store_cursor *cursor = NULL;
	struct stored row = {};
	int err;

	query.newest_first = true;
	err = store_select(e->reader, &query, &cursor);
	while (!err && (err = store_next(cursor, &row)) > 0)
		err = 0;
	store_cursor_free(cursor);
	*after = row.sequence ? row.sequence - 1 : 0;
	return err;
}

/* While the monitor sets a store aside and begins another. */
static bool passes(int err)
{
	return err == -EBADMSG || err == -EMEDIUMTYPE || err == -ENOENT || err == -EBUSY;
}

/* On from what was looked at: the newest as of before that, or the last that was shown. */
static int follow(struct events *e, uint64_t newest)
{
	struct timespec pause = { .tv_nsec = FOLLOW_MS * 1000000L };
	struct store_query query = e->args.query;
	int err = 0;

	query.limit = 0;
	query.after = newest;
	if (query.after < e->shown)
		query.after = e->shown;
	while (!err || passes(err)) {
		newest = store_newest(e->reader);
		/* One that was taken away with all that it knew begins again. */
		if (newest && newest < query.after)
			query.after = e->shown = 0;
		err = newest > query.after ? show_all(e, &query) : 0;
		/* What did not match need not be looked at again. */
		if (!err && newest > query.after)
			query.after = newest > e->shown ? newest : e->shown;
		nanosleep(&pause, NULL);
	}
	return err;
}

static int run(struct events *e)
{
	struct store_query *query = &e->args.query;
	uint64_t newest = store_newest(e->reader);
	int err = 0;

	if (!e->args.limited && !query->since_ns)
		query->limit = LIMIT;
	if (query->limit && !query->newest_first) {
		err = find_begin(e, &query->after);
		query->limit = 0;
	}
	if (!err)
		err = show_all(e, query);
	if (!err && e->args.follow)
		err = follow(e, newest);
	return err;
}

int command_events(int argc, char **argv)
{
	struct events e = {};
	int code, err;

	if (argp_parse(&argp, argc, argv, 0, NULL, &e.args))
		return EXIT_CANNOT;
	code = state_open("events", e.args.state, e.args.config, &e.reader);
	if (code)
		return code;
	signal(SIGPIPE, SIG_IGN);
	e.colour = e.args.form == FORM_PEOPLE && !e.args.no_colour && isatty(STDOUT_FILENO) &&
		   !getenv("NO_COLOR");
	err = run(&e);
	if (err && err != -EPIPE)
		fprintf(stderr, "keelwatch events: %s\n",
			err == -EBADMSG ? "the store is damaged: see `keelwatch verify`" :
					  strerror(-err));
	buf_free(&e.line);
	store_reader_free(e.reader);
	return (err && err != -EPIPE) || e.damaged ? EXIT_ERROR : EXIT_FINE;
}
