/* SPDX-License-Identifier: Apache-2.0 */
/* The settings: what is right is read, what is wrong is said with its place, and no secret is shown. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/util.h"
#include "config/settings.h"

static int parse_n(const char *text, size_t len, unsigned int flags, struct buf *problems,
		   struct config **ret)
{
	*ret = NULL;
	return config_parse(text, len, "k.yaml", flags, problems, ret);
}

static struct config *parse(const char *text)
{
	_cleanup_(buf_free) struct buf problems = {};
	struct config *c;

	cr_assert_eq(parse_n(text, strlen(text), 0, &problems, &c), 0, "%s", buf_cstr(&problems));
	cr_assert_eq(problems.len, 0, "%s", buf_cstr(&problems));
	return c;
}

static void assert_says_with(const char *text, unsigned int flags, const char *says)
{
	_cleanup_(buf_free) struct buf problems = {};
	struct config *c;

	cr_assert_eq(parse_n(text, strlen(text), flags, &problems, &c), -EINVAL, "taken: %s", text);
	cr_assert_null(c);
	cr_expect_str_eq(buf_cstr(&problems), says);
}

static void assert_says(const char *text, const char *says)
{
	assert_says_with(text, 0, says);
}

/* A sink that lacks nothing, of each type. */
static const char *const least[] = {
	[SINK_SYSLOG] = "sinks:\n  a:\n    type: syslog\n    address: h:6514\n",
	[SINK_ELASTICSEARCH] =
		"sinks:\n  a:\n    type: elasticsearch\n    url: https://h\n    index: i\n",
	[SINK_SPLUNK_HEC] =
		"sinks:\n  a:\n    type: splunk_hec\n    url: https://h\n    token_env: T\n",
	[SINK_OTLP] = "sinks:\n  a:\n    type: otlp\n    url: http://h/v1/logs\n",
	[SINK_WEBHOOK] = "sinks:\n  a:\n    type: webhook\n    url: http://h\n",
	[SINK_KAFKA] = "sinks:\n  a:\n    type: kafka\n    brokers: h:9092\n    topic: t\n",
	[SINK_FILE] = "sinks:\n  a:\n    type: file\n    path: /f\n",
};

/* --- defaults --- */

Test(config, an_empty_file_gives_every_default)
{
	static const char *const empty[] = { "",      "\n",	  "# nothing\n",
					     "---\n", "sinks:\n", "sinks: {}\n" };

	for (size_t i = 0; i < ARRAY_SIZE(empty); i++) {
		struct config *c = parse(empty[i]);

		cr_assert_str_eq(c->state_dir, "/var/lib/keelwatch");
		cr_assert(c->store);
		cr_assert_eq(c->store_max_bytes, 1ULL << 30);
		cr_assert_eq(c->store_max_age_ns, 30 * 86400 * NS_PER_S);
		cr_assert_eq(c->store_queue_bytes, 16 << 20);
		cr_assert_null(c->ship_user);
		cr_assert_eq(c->dead_letter_max_bytes, 64 << 20);
		cr_assert_eq(c->sink_count, 0);
		config_free(c);
	}
}

Test(config, every_sink_has_every_default_with_no_more_than_it_needs)
{
	for (int type = 0; type < SINK_TYPE_MAX; type++) {
		struct config *c = parse(least[type]);
		const struct config_sink *s = config_sink_find(c, "a");
		bool bulky = type == SINK_ELASTICSEARCH || type == SINK_OTLP;

		cr_assert(s);
		cr_assert_eq((int)s->type, type);
		cr_assert(s->enabled);
		cr_assert_eq(s->format, type == SINK_ELASTICSEARCH ? FORMAT_ECS : FORMAT_NATIVE);
		cr_assert_eq(s->kinds, KINDS_ALL);
		cr_assert_eq(s->min_severity, 0);
		cr_assert_eq(s->begin, BEGIN_OLDEST);
		cr_assert_eq(s->batch_records, 500);
		cr_assert_eq(s->batch_bytes, 1 << 20);
		cr_assert_eq(s->timeout_ns, 30 * NS_PER_S);
		cr_assert_eq(s->retry_min_ns, NS_PER_S);
		cr_assert_eq(s->retry_max_ns, 300 * NS_PER_S);
		cr_assert_eq(s->tls.verify, type != SINK_FILE);
		cr_assert_eq(s->compression, bulky ? COMPRESS_GZIP : COMPRESS_NONE);
		cr_assert_eq(s->transport, SYSLOG_TLS);
		cr_assert_eq(s->facility, type == SINK_SYSLOG ? 13 : 0);
		cr_assert_eq(s->resend, type == SINK_SYSLOG ? 100 : 0);
		cr_assert_eq(s->acknowledge, type == SINK_SPLUNK_HEC);
		cr_assert(!s->kafka_tls);
		cr_assert_eq(s->rotate_bytes, type == SINK_FILE ? 100 << 20 : 0);
		cr_assert_eq(s->rotate_keep, type == SINK_FILE ? 5 : 0);
		config_free(c);
	}
}

/* --- what is wrong, and where --- */

static const struct {
	const char *text, *says;
} wrongs[] = {
	{ "stroe:\n  enabled: true\n",
	  "k.yaml:1:1: unknown key \"stroe\", did you mean \"store\"?" },
	{ "store:\n  max_sise: 1GiB\n",
	  "k.yaml:2:3: unknown key \"max_sise\", did you mean \"max_size\"?" },
	{ "store:\n  quite_another: 1\n", "k.yaml:2:3: unknown key \"quite_another\"" },
	{ "store: yes\n", "k.yaml:1:8: store: a mapping was expected" },
	{ "- a\n", "k.yaml:1:1: a mapping was expected: sections such as store: and sinks:" },
	{ "word\n", "k.yaml:1:1: a mapping was expected: sections such as store: and sinks:" },
	{ "store:\n  enabled: yes\n", "k.yaml:2:12: enabled: neither true nor false: yes" },
	{ "store:\n  enabled: [true]\n", "k.yaml:2:12: enabled: a single value was expected" },
	{ "store:\n  max_size: 10\n", "k.yaml:2:13: max_size: out of range (1MiB to 1TiB)" },
	{ "store:\n  max_size: 2TiB\n", "k.yaml:2:13: max_size: out of range (1MiB to 1TiB)" },
	{ "store:\n  max_size: 99999999999999999999\n",
	  "k.yaml:2:13: max_size: not a size (64KiB, 10MiB, 1GiB): 99999999999999999999" },
	{ "store:\n  max_size: 99999999999TiB\n",
	  "k.yaml:2:13: max_size: not a size (64KiB, 10MiB, 1GiB): 99999999999TiB" },
	{ "store:\n  max_size: -1\n",
	  "k.yaml:2:13: max_size: not a size (64KiB, 10MiB, 1GiB): -1" },
	{ "store:\n  max_size: 1GB\n",
	  "k.yaml:2:13: max_size: not a size (64KiB, 10MiB, 1GiB): 1GB" },
	{ "store:\n  max_size: 1.5GiB\n",
	  "k.yaml:2:13: max_size: not a size (64KiB, 10MiB, 1GiB): 1.5GiB" },
	{ "store:\n  max_age: 30\n",
	  "k.yaml:2:12: max_age: not a duration (500ms, 30s, 5m, 2h, 7d): 30" },
	{ "store:\n  max_age: 1ms\n", "k.yaml:2:12: max_age: out of range (1s to 3650d)" },
	{ "store:\n  max_age:\n",
	  "k.yaml:2:3: max_age: not a duration (500ms, 30s, 5m, 2h, 7d): " },
	{ "state_dir: here\n", "k.yaml:1:12: state_dir: not an absolute path: here" },
	{ "state_dir: \"/a\\nb\"\n", "k.yaml:1:12: state_dir: a control character in it" },
	{ "state_dir: \"\"\n", "k.yaml:1:12: state_dir: empty" },
	{ "store:\n  enabled: true\nstore:\n  enabled: false\n",
	  "k.yaml:3:1: this key was there before" },
	{ "store:\n  enabled: true\n  enabled: true\n", "k.yaml:3:3: this key was there before" },
	{ "store: &a\n  enabled: true\n", "k.yaml:2:3: anchors and aliases are not taken here" },
	{ "store: *a\n", "k.yaml:1:8: anchors and aliases are not taken here" },
	{ "store: !!map\n  enabled: true\n", "k.yaml:2:3: tags are not taken here" },
	{ "state_dir: !!str /a\n", "k.yaml:1:18: tags are not taken here" },
	{ "? [a]\n: b\n", "k.yaml:1:3: a key must be a word" },
	{ "---\nstore:\n---\nstore:\n", "k.yaml:3:1: a second document: there is one only" },
	{ "sinks: [a]\n", "k.yaml:1:8: sinks: a mapping of names was expected" },
	{ "sinks:\n  A:\n    type: file\n    path: /f\n",
	  "k.yaml:2:3: sinks: a name is of a-z, 0-9 and -, up to 63 of them: A" },
	{ "sinks:\n  ../x:\n    type: file\n    path: /f\n",
	  "k.yaml:2:3: sinks: a name is of a-z, 0-9 and -, up to 63 of them: ../x" },
	{ "sinks:\n  a: b\n", "k.yaml:2:6: a: a mapping was expected" },
	{ "sinks:\n  a:\n    path: /f\n",
	  "k.yaml:3:5: type is missing: syslog, elasticsearch, splunk_hec, otlp, webhook, kafka or file" },
	{ "sinks:\n  a:\n    type: elastic\n", "k.yaml:3:11: type: there is none called elastic" },
	{ "sinks:\n  a:\n    type: sylog\n",
	  "k.yaml:3:11: type: there is none called sylog, did you mean syslog?" },
	{ "sinks:\n  a:\n    type: file\n", "k.yaml:3:5: path is missing" },
	{ "sinks:\n  a:\n    type: file\n    path: f\n",
	  "k.yaml:4:11: path: not an absolute path: f" },
	{ "sinks:\n  a:\n    type: file\n    path: /f\n    topic: t\n",
	  "k.yaml:5:5: topic: no setting of a sink of type file" },
	{ "sinks:\n  a:\n    type: file\n    path: /f\n    rotate: 5\n",
	  "k.yaml:5:13: rotate: a mapping was expected" },
	{ "sinks:\n  a:\n    type: file\n    path: /f\n    rotate:\n      keeps: 5\n",
	  "k.yaml:6:7: unknown key \"keeps\", did you mean \"keep\"?" },
	{ "sinks:\n  a:\n    type: file\n    path: /f\n    batch:\n      records: 0\n",
	  "k.yaml:6:16: records: out of range (1 to 10000)" },
	{ "sinks:\n  a:\n    type: file\n    path: /f\n    batch:\n      records: 1e3\n",
	  "k.yaml:6:16: records: not a whole number: 1e3" },
	{ "sinks:\n  a:\n    type: file\n    path: /f\n    format: csv\n",
	  "k.yaml:5:13: format: not one of native, ecs, ocsf, cef: csv" },
	{ "sinks:\n  a:\n    type: file\n    path: /f\n    kinds: finding\n",
	  "k.yaml:5:12: kinds: not a list such as [finding, gap]" },
	{ "sinks:\n  a:\n    type: file\n    path: /f\n    kinds: []\n",
	  "k.yaml:5:12: kinds: not a list such as [finding, gap]" },
	{ "sinks:\n  a:\n    type: file\n    path: /f\n    kinds: [finding, posture]\n",
	  "k.yaml:5:22: kinds: not one of finding, container, gap, monitor: posture" },
	{ "sinks:\n  a:\n    type: file\n    path: /f\n    retry:\n      min: 1h\n",
	  "k.yaml:6:7: retry: min is above max" },
	{ "sinks:\n  a:\n    type: webhook\n    url: ftp://h\n",
	  "k.yaml:4:10: url: neither http:// nor https://: ftp://h" },
	{ "sinks:\n  a:\n    type: webhook\n    url: https://u:s3cret@h\n",
	  "k.yaml:4:10: url: no user and password in it: user and password_file" },
	{ "sinks:\n  a:\n    type: webhook\n    url: ftp://u:s3cret@h\n",
	  "k.yaml:4:10: url: no user and password in it: user and password_file" },
	{ "sinks:\n  a:\n    type: webhook\n    url: https://h\n    proxy: http://u:s3cret@h\n",
	  "k.yaml:5:12: proxy: no user and password in it" },
	{ "sinks:\n  a:\n    type: webhook\n    url: https://h\n    headers:\n      authorization: Bearer s3cret\n",
	  "k.yaml:6:7: headers: authorization is set here: token_file, or user and password_file" },
	{ "sinks:\n  a:\n    type: webhook\n    url: https://h\n    headers:\n      \"a: b\": c\n",
	  "k.yaml:6:7: headers: no name of a header: a: b" },
	{ "sinks:\n  a:\n    type: webhook\n    url: https://h\n    headers:\n      a: \"c\\r\\nd: e\"\n",
	  "k.yaml:6:10: headers: a control character in it" },
	{ "sinks:\n  a:\n    type: webhook\n    url: https://h\n    token: s3cret\n",
	  "k.yaml:5:5: token: a secret does not stand here: name a file (token_file) or a variable of the "
	  "environment (token_env)" },
	{ "sinks:\n  a:\n    type: webhook\n    url: https://h\n    token_file: s3cret\n",
	  "k.yaml:5:17: token_file: not an absolute path" },
	{ "sinks:\n  a:\n    type: webhook\n    url: https://h\n    token_env: s3cret=\n",
	  "k.yaml:5:16: token_env: not the name of a variable" },
	{ "sinks:\n  a:\n    type: webhook\n    url: https://h\n    token_env: T\n    token_file: /t\n",
	  "k.yaml:5:16: token: from a file and from the environment: one of them" },
	{ "sinks:\n  a:\n    type: webhook\n    url: http://h\n    tls:\n      ca_file: /c\n",
	  "k.yaml:6:7: tls: settings for it, but it is not spoken here" },
	{ "sinks:\n  a:\n    type: webhook\n    url: https://h\n    tls:\n      key_file: /c\n",
	  "k.yaml:6:7: tls: a key without certificate_file" },
	{ "sinks:\n  a:\n    type: syslog\n    address: /dev/log\n",
	  "k.yaml:4:14: address: a path, but transport is not unix: /dev/log" },
	{ "sinks:\n  a:\n    type: kafka\n    brokers: h\n", "k.yaml:3:5: topic is missing" },
	{ "store:\n  enabled: false\nsinks:\n  a:\n    type: file\n    path: /f\n",
	  "k.yaml:5:5: a: nothing reaches it with store.enabled: false" },
	{ "state_dir: \"\\e[2J\\u202e\"\n", "k.yaml:1:12: state_dir: a control character in it" },
	{ "\"\\e[2J\": 1\n", "k.yaml:1:1: unknown key \"\\x1b[2J\"" },
};

Test(config, what_is_wrong_is_said_with_its_line_and_column)
{
	for (size_t i = 0; i < ARRAY_SIZE(wrongs); i++)
		assert_says(wrongs[i].text, wrongs[i].says);
}

Test(config, several_mistakes_are_all_said_but_not_without_end)
{
	_cleanup_(buf_free) struct buf text = {}, problems = {};
	struct config *c;
	size_t lines = 1;

	assert_says("a: 1\nstore:\n  enabled: 7\n",
		    "k.yaml:1:1: unknown key \"a\"\n"
		    "k.yaml:3:12: enabled: neither true nor false: 7");
	for (int i = 0; i < 5000; i++)
		buf_fmt(&text, "key%d: 1\n", i);
	cr_assert_eq(parse_n(text.data, text.len, 0, &problems, &c), -EINVAL);
	for (size_t i = 0; i < problems.len; i++)
		lines += problems.data[i] == '\n';
	cr_assert_eq(lines, 51);
	cr_assert(strstr(problems.data, "\nk.yaml: more than 50 problems"));
}

Test(config, what_is_no_text_is_refused_whatever_it_is)
{
	static const struct {
		const char *text;
		size_t len;
	} cases[] = {
		{ "state_dir: /a\0b\n", 15 },
		{ "\0", 1 },
		{ "state_dir: \"/a\\0b\"\n", 19 },
		{ "state_dir: /\xff\xfe\n", 14 },
		{ "state_dir: /\xc0\xaf\n", 14 },
		{ "state_dir: /\xed\xa0\x80\n", 15 },
		{ "store:\n\tenabled: true\n", 22 },
		{ "store: {enabled: true\n", 22 },
		{ "state_dir: \"/a\n", 15 },
		{ "a: b: c\n", 8 },
		{ "\x1b[2J", 4 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(buf_free) struct buf problems = {};
		struct config *c;

		cr_assert_eq(parse_n(cases[i].text, cases[i].len, 0, &problems, &c), -EINVAL,
			     "case %zu", i);
		cr_assert(strstr(buf_cstr(&problems), "k.yaml:"), "case %zu: %s", i,
			  buf_cstr(&problems));
		for (size_t j = 0; j < problems.len; j++)
			cr_assert((unsigned char)problems.data[j] >= ' ' ||
					  problems.data[j] == '\n',
				  "case %zu", i);
	}
}

Test(config, lines_may_end_as_elsewhere)
{
	struct config *c = parse("store:\r\n  max_size: 2GiB\r\nstate_dir: /s\r\n");

	cr_assert_eq(c->store_max_bytes, 2ULL << 30);
	cr_assert_str_eq(c->state_dir, "/s");
	config_free(c);
}

Test(config, what_is_enormous_or_deep_is_refused_quickly)
{
	static const char *const openings[] = { "[", "{a: ", "- ", "? " };

	for (size_t i = 0; i < ARRAY_SIZE(openings); i++) {
		_cleanup_(buf_free) struct buf text = {}, problems = {};
		struct config *c;

		while (text.len < 200000)
			buf_str(&text, openings[i]);
		cr_assert_eq(parse_n(text.data, text.len, 0, &problems, &c), -EINVAL);
		cr_assert_lt(problems.len, 1000, "%zu", problems.len);
	}
}

Test(config, a_billion_laughs_are_none)
{
	assert_says("a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nstore: *c\n",
		    "k.yaml:1:7: anchors and aliases are not taken here");
	assert_says("base: {a: 1}\nstore:\n  <<: *base\n",
		    "k.yaml:3:7: anchors and aliases are not taken here");
}

Test(config, a_long_value_is_not_quoted_whole)
{
	_cleanup_(buf_free) struct buf text = {}, problems = {};
	struct config *c;

	buf_str(&text, "store:\n  enabled: ");
	for (int i = 0; i < 100000; i++)
		buf_char(&text, 'x');
	cr_assert_eq(parse_n(text.data, text.len, 0, &problems, &c), -EINVAL);
	cr_assert_lt(problems.len, 600);
}

Test(config, more_sinks_than_there_may_be_are_refused)
{
	_cleanup_(buf_free) struct buf text = {};

	buf_str(&text, "sinks:\n");
	for (int i = 0; i <= CONFIG_SINKS_MAX; i++)
		buf_fmt(&text, "  s%d:\n    type: file\n    path: /f%d\n", i, i);
	assert_says(text.data, "k.yaml:2:3: sinks: more than 32");
}

/* --- files --- */

struct folder {
	char dir[32];
};

static const char *in(const struct folder *f, const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	return path;
}

static void folder_new(struct folder *f)
{
	strcpy(f->dir, "/tmp/keelwatch-config-XXXXXX");
	cr_assert(mkdtemp(f->dir));
}

static void folder_end(struct folder *f)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -r %s", f->dir);
	cr_assert_eq(system(command), 0);
}

static void write_file(const char *path, const char *bytes, size_t len, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, bytes, len), (ssize_t)len);
	cr_assert_eq(fchmod(fd, mode), 0);
	close(fd);
}

static int load(const char *path, unsigned int flags, struct buf *problems)
{
	struct config *c = NULL;
	int err = config_load(path, flags, problems, &c);

	config_free(c);
	return err;
}

Test(config, a_file_that_is_none_too_long_or_anybodys_is_refused)
{
	_cleanup_free_ char *big = calloc(1, CONFIG_FILE_MAX + 1);
	struct folder f;
	struct buf problems = {};

	folder_new(&f);
	cr_assert_eq(load(in(&f, "none"), CONFIG_OPTIONAL, &problems), 0);
	cr_assert_eq(load(in(&f, "none"), 0, &problems), -ENOENT);
	cr_assert(strstr(problems.data, "/none: No such file or directory"));
	buf_reset(&problems);
	cr_assert_eq(load(f.dir, 0, &problems), -EINVAL);
	cr_assert(strstr(problems.data, ": not a file"));
	buf_reset(&problems);
	cr_assert_eq(mkfifo(in(&f, "pipe"), 0600), 0);
	cr_assert_eq(load(in(&f, "pipe"), 0, &problems), -EINVAL);
	buf_reset(&problems);
	write_file(in(&f, "open"), "", 0, 0666);
	cr_assert_eq(load(in(&f, "open"), 0, &problems), -EPERM);
	cr_assert(strstr(problems.data, "refused: everybody could change what the monitor does"));
	buf_reset(&problems);
	write_file(in(&f, "ours"), "", 0, 0660);
	cr_assert_eq(load(in(&f, "ours"), 0, &problems), 0);
	if (!geteuid()) {
		cr_assert_eq(chown(in(&f, "ours"), 0, 12345), 0);
		cr_assert_eq(load(in(&f, "ours"), 0, &problems), -EPERM);
		cr_assert(strstr(problems.data, "refused: its group could change"));
		buf_reset(&problems);
		cr_assert_eq(chmod(in(&f, "ours"), 0640), 0);
		cr_assert_eq(load(in(&f, "ours"), 0, &problems), 0);
	}
	memset(big, '#', CONFIG_FILE_MAX + 1);
	write_file(in(&f, "big"), big, CONFIG_FILE_MAX + 1, 0600);
	cr_assert_eq(load(in(&f, "big"), 0, &problems), -EFBIG);
	buf_reset(&problems);
	write_file(in(&f, "big"), big, CONFIG_FILE_MAX, 0600);
	cr_assert_eq(load(in(&f, "big"), 0, &problems), 0, "%s", problems.data);
	buf_free(&problems);
	folder_end(&f);
}

/* --- secrets --- */

static int load_token(const struct folder *f, const char *line, struct buf *problems,
		      struct config **ret)
{
	_cleanup_(buf_free) struct buf text = {};

	(void)f;
	buf_reset(problems);
	buf_fmt(&text, "sinks:\n  a:\n    type: webhook\n    url: https://h\n    %s\n", line);
	return parse_n(text.data, text.len, CONFIG_SECRETS, problems, ret);
}

static int load_secret_file(const struct folder *f, const char *bytes, size_t len, mode_t mode,
			    struct buf *problems, struct config **ret)
{
	char line[160];

	write_file(in(f, "secret"), bytes, len, mode);
	snprintf(line, sizeof(line), "token_file: %s", in(f, "secret"));
	return load_token(f, line, problems, ret);
}

Test(config, a_secret_is_one_line_of_a_file_whose_end_does_not_count)
{
	static const char *const fine[] = { "s3cret", "s3cret\n", "s3cret\r\n" };
	struct buf problems = {};
	struct folder f;
	struct config *c;

	folder_new(&f);
	for (size_t i = 0; i < ARRAY_SIZE(fine); i++) {
		cr_assert_eq(load_secret_file(&f, fine[i], strlen(fine[i]), 0600, &problems, &c),
			     0);
		cr_assert_eq(problems.len, 0);
		cr_assert_str_eq(c->sinks[0].token.value, "s3cret");
		config_free(c);
	}
	buf_free(&problems);
	folder_end(&f);
}

Test(config, a_secret_that_cannot_be_one_is_said_but_not_shown)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *says;
	} cases[] = {
		{ "s3cret\nX-Other: 1\n", 18, "more than one line, or a control character in it" },
		{ "s3cret\r\nX: 1", 12, "more than one line, or a control character in it" },
		{ "s3c\0ret", 7, "a NUL in it" },
		{ "", 0, "empty" },
		{ "\n", 1, "empty" },
	};
	struct buf problems = {};
	struct folder f;
	struct config *c;

	folder_new(&f);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cr_assert_eq(load_secret_file(&f, cases[i].bytes, cases[i].len, 0600, &problems,
					      &c),
			     -EINVAL, "case %zu", i);
		cr_assert(strstr(problems.data, "k.yaml:5:17: token: "), "%s", problems.data);
		cr_assert(strstr(problems.data, cases[i].says), "%s", problems.data);
		cr_assert_null(strstr(problems.data, "s3c"), "%s", problems.data);
	}
	buf_free(&problems);
	folder_end(&f);
}

Test(config, a_secret_that_everybody_may_read_is_warned_of)
{
	struct buf problems = {};
	struct folder f;
	struct config *c;

	folder_new(&f);
	cr_assert_eq(load_secret_file(&f, "s3cret", 6, 0644, &problems, &c), 0);
	cr_assert(strstr(problems.data, "k.yaml:5:17: warning: token: /tmp/keelwatch-config-"));
	cr_assert(strstr(problems.data, "everybody may read it (mode 0644)"));
	config_free(c);
	buf_free(&problems);
	folder_end(&f);
}

Test(config, a_secret_that_is_not_there_is_said_at_its_place)
{
	struct buf problems = {};
	struct folder f;
	struct config *c;

	folder_new(&f);
	cr_assert_eq(load_token(&f, "token_file: /nonexistent", &problems, &c), -EINVAL);
	cr_assert_str_eq(problems.data,
			 "k.yaml:5:17: token: /nonexistent: No such file or directory");
	cr_assert_eq(load_token(&f, "token_file: /tmp", &problems, &c), -EINVAL);
	cr_assert_str_eq(problems.data, "k.yaml:5:17: token: /tmp: not a file");
	unsetenv("KEELWATCH_TEST_TOKEN");
	cr_assert_eq(load_token(&f, "token_env: KEELWATCH_TEST_TOKEN", &problems, &c), -EINVAL);
	cr_assert_str_eq(problems.data,
			 "k.yaml:5:16: token_env: the variable KEELWATCH_TEST_TOKEN is not set");
	setenv("KEELWATCH_TEST_TOKEN", "", 1);
	cr_assert_eq(load_token(&f, "token_env: KEELWATCH_TEST_TOKEN", &problems, &c), -EINVAL);
	cr_assert_str_eq(problems.data, "k.yaml:5:16: token: empty");
	setenv("KEELWATCH_TEST_TOKEN", "s3cret", 1);
	cr_assert_eq(load_token(&f, "token_env: KEELWATCH_TEST_TOKEN", &problems, &c), 0);
	cr_assert_str_eq(c->sinks[0].token.value, "s3cret");
	config_free(c);
	buf_free(&problems);
	folder_end(&f);
}

Test(config, headers_beyond_the_last_that_is_sent_are_refused)
{
	_cleanup_(buf_free) struct buf text = {};
	struct config *c;

	buf_str(&text, "sinks:\n  a:\n    type: webhook\n    url: https://h\n    headers:\n");
	for (int i = 1; i <= 32; i++)
		buf_fmt(&text, "      X-%d: a\n", i);
	c = parse(buf_cstr(&text));
	cr_expect_eq(c->sinks[0].header_count, 32);
	config_free(c);
	buf_str(&text, "      X-33: a\n");
	assert_says(buf_cstr(&text), "k.yaml:38:7: headers: more than 32");
}

Test(config, a_header_whose_name_sounds_secret_is_warned_of)
{
	static const char text[] =
		"sinks:\n  a:\n    type: webhook\n    url: https://h\n    headers:\n"
		"      X-Api-Key: s3cret\n      X-Scope: a\n";
	_cleanup_(buf_free) struct buf problems = {};
	struct config *c;

	cr_assert_eq(parse_n(text, strlen(text), 0, &problems, &c), 0);
	cr_assert_str_eq(
		problems.data,
		"k.yaml:6:7: warning: headers: X-Api-Key: it is no secret what stands here: "
		"`config show` shows it");
	config_free(c);
}

/* --- and back --- */

/* What config_show() says, without its comments. */
static void show(const struct config *c, struct buf *out)
{
	_cleanup_(buf_free) struct buf all = {};
	bool quoted = false, comment = false;

	config_show(c, &all);
	for (size_t i = 0; i < all.len; i++) {
		char ch = all.data[i];

		quoted ^= ch == '"' && all.data[i - 1] != '\\';
		comment = ch != '\n' && (comment || (ch == '#' && !quoted));
		if (!comment)
			buf_char(out, ch);
	}
}

static void assert_round_trip(const char *text)
{
	_cleanup_(buf_free) struct buf whole = {}, once = {}, again = {};
	struct config *c = parse(text), *back;

	config_show(c, &whole);
	back = parse(whole.data);
	show(c, &once);
	show(back, &again);
	cr_assert_str_eq(again.data, once.data);
	config_free(c);
	config_free(back);
}

Test(config, what_is_shown_gives_the_same_settings_when_it_is_read)
{
	assert_round_trip("");
	for (int type = 0; type < SINK_TYPE_MAX; type++)
		assert_round_trip(least[type]);
	assert_round_trip(
		"state_dir: \"/a b/\\\"#: '\\u00e9\"\nstore:\n  max_size: 1073741825\n  max_age: "
		"90061s\nshipper:\n  user: \"1000\"\n"
		"sinks:\n  x-1:\n    type: webhook\n    enabled: false\n    url: "
		"\"https://h/?a=1#b\"\n    kinds: [gap, finding]\n    min_severity: error\n"
		"    begin: newest\n    headers: {X-A: \"b: #\\\"c\", X-B: d}\n    hmac_env: H\n"
		"    user: \"null\"\n    password_file: \"/a b\"\n    tls:\n      "
		"certificate_file: /c\n      key_file: /k\n      server_name: s\n    retry:\n      "
		"min: 10ms\n");
}

Test(config, what_is_shown_says_where_each_came_from_and_no_secret)
{
	_cleanup_(buf_free) struct buf out = {}, problems = {};
	static const char text[] = "store:\n  max_size: 2GiB\nsinks:\n  a:\n    type: webhook\n"
				   "    url: https://h\n    token_env: KEELWATCH_TEST_TOKEN\n";
	struct config *c;

	setenv("KEELWATCH_TEST_TOKEN", "s3cret", 1);
	cr_assert_eq(parse_n(text, strlen(text), CONFIG_SECRETS, &problems, &c), 0);
	config_show(c, &out);
	cr_assert(strstr(out.data, "  max_size: 2GiB                                # k.yaml:2\n"),
		  "%s", out.data);
	cr_assert(strstr(out.data, "# default\n"));
	cr_assert(strstr(out.data, "    token_env: \"KEELWATCH_TEST_TOKEN\""), "%s", out.data);
	cr_assert_null(strstr(out.data, "s3cret"));
	config_free(c);
}

Test(config, every_setting_is_listed_with_its_default)
{
	_cleanup_(buf_free) struct buf out = {};

	config_show_defaults(&out);
	cr_assert(strstr(out.data, "store.max_size: 1GiB\n"));
	cr_assert(strstr(out.data, "(1MiB to 1TiB)"));
	cr_assert(strstr(out.data, "sinks.NAME.tls.key_file: (unset)\n"));
	for (size_t i = 0; i < settings_top_count; i++)
		cr_assert(strstr(out.data, settings_top[i].key));
	for (size_t i = 0; i < settings_sink_count; i++)
		cr_assert(strstr(out.data, settings_sink[i].key));
}

Test(config, metrics_leave_this_host_only_where_that_is_meant)
{
	struct config *c = parse("");

	cr_expect_str_eq(c->metrics_listen, "unix:/run/keelwatch/metrics.sock");
	config_free(c);
	c = parse("metrics:\n  listen: 0.0.0.0:9470\n  allow_remote: true\n");
	cr_expect(c->metrics_remote);
	config_free(c);
	config_free(parse("metrics:\n  listen: none\n"));
	config_free(parse("metrics:\n  listen: 127.0.0.1:9470\n"));
	assert_says(
		"metrics:\n  listen: 0.0.0.0:9470\n",
		"k.yaml:2:11: listen: other hosts reach 0.0.0.0:9470, and there is no password: "
		"metrics.allow_remote: true if that is meant");
	assert_says("metrics:\n  listen: web:80\n",
		    "k.yaml:2:11: listen: neither unix:/PATH nor ADDRESS:PORT by number nor none: "
		    "web:80");
}
