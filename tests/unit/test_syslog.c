/* SPDX-License-Identifier: Apache-2.0 */
/* syslog: messages of RFC 5424, their framing, and what is sent again after a connection broke. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/util.h"
#include "ship/sink.h"
#include "ship/syslog_message.h"

#define TIME_NS 1700000000123456789ULL
#define PATIENCE_S 60
#define WAIT_MS 5000

/* --- records --- */

struct paper {
	Keelwatch__Record record;
	Keelwatch__Finding finding;
	Keelwatch__Metadata metadata;
	Keelwatch__Host host;
	Keelwatch__Container container;
	char id[16];
};

static void paper_fill(struct paper *p, const char *id)
{
	keelwatch__record__init(&p->record);
	keelwatch__finding__init(&p->finding);
	keelwatch__metadata__init(&p->metadata);
	keelwatch__host__init(&p->host);
	keelwatch__container__init(&p->container);
	snprintf(p->id, sizeof(p->id), "%s", id);
	p->record.body_case = KEELWATCH__RECORD__BODY_FINDING;
	p->record.finding = &p->finding;
	p->finding.rule = (char *)"a-rule";
	p->finding.severity = KEELWATCH__SEVERITY__warning;
	p->finding.time = TIME_NS;
	p->finding.metadata = &p->metadata;
	p->metadata.id = p->id;
	p->metadata.sequence = 42;
	p->metadata.host = &p->host;
	p->host.name = (char *)"node";
}

static const char *message(const struct paper *p, enum record_format format, const char *text)
{
	static struct buf b;

	buf_free(&b);
	cr_assert_eq(syslog_message(&b, &p->record, 13, 7, format, text, strlen(text)), 0);
	return buf_cstr(&b);
}

Test(syslog, a_message_is_one_of_rfc_5424)
{
	struct paper p;

	paper_fill(&p, "id-1");
	cr_assert_str_eq(message(&p, FORMAT_NATIVE, "{}"),
			 "<108>1 2023-11-14T22:13:20.123456Z node keelwatch - finding/a-rule "
			 "[keelwatch@32473 id=\"id-1\" sequence=\"42\" kind=\"finding\" "
			 "rule=\"a-rule\" severity=\"warning\"][meta sequenceId=\"7\"] {}");
}

Test(syslog, structured_data_escapes_what_would_end_it)
{
	struct paper p;

	paper_fill(&p, "id-1");
	p.finding.container = &p.container;
	p.container.name = (char *)"a\"] b\\x \xc3\xa9";
	cr_assert(strstr(message(&p, FORMAT_NATIVE, "{}"),
			 " container_name=\"a\\\"\\] b\\\\x \xc3\xa9\"]"));
}

Test(syslog, the_header_stays_printable_and_within_its_bounds)
{
	char name[400];
	struct paper p;
	const char *text;

	paper_fill(&p, "id-1");
	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	memcpy(name, "a b\xc3\xa9", 5);
	p.host.name = name;
	p.finding.rule = (char *)"a-rule-whose-name-goes-on-and-on";
	text = message(&p, FORMAT_NATIVE, "{}");
	cr_assert(strstr(text, "Z a?b??n"));
	cr_assert_eq(strcspn(strstr(text, "a?b"), " "), 255);
	cr_assert(strstr(text, " - finding/a-rule-whose-name-goes-o [keelwatch"));
	p.host.name = (char *)"";
	cr_assert(strstr(message(&p, FORMAT_NATIVE, "{}"), "Z - keelwatch "));
}

Test(syslog, json_is_ascii_for_it_may_have_no_byte_order_mark)
{
	struct paper p;

	paper_fill(&p, "id-1");
	cr_assert(strstr(message(&p, FORMAT_NATIVE,
				 "{\"a\":\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z\"}"),
			 "] {\"a\":\"\\u00e9\\u20ac\\ud83d\\ude00z\"}"));
	cr_assert(strstr(message(&p, FORMAT_CEF, "CEF:0|\xc3\xa9"), "] CEF:0|\xc3\xa9"));
}

Test(syslog, a_record_of_no_kind_is_none)
{
	Keelwatch__Record record = KEELWATCH__RECORD__INIT;
	struct buf b = {};

	cr_assert_eq(syslog_message(&b, &record, 13, 1, FORMAT_NATIVE, "{}", 2), -EINVAL);
	buf_free(&b);
}

/* --- a receiver, and a sink to it --- */

struct bench {
	struct config_sink settings;
	struct sink *sink;
	char address[108];
	int listener, peer, stop;
	uint16_t port;
	struct paper papers[64];
	struct item items[64];
	struct batch batch;
};

/* Listens at port of the loopback interface, 0: any; with room for little that is not read. */
static void bench_listen(struct bench *b, uint16_t port)
{
	struct sockaddr_in in = {
		.sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) },
		.sin_port = htons(port),
	};
	socklen_t len = sizeof(in);
	int small = 4096, one = 1;

	b->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(b->listener, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	setsockopt(b->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	cr_assert_eq(bind(b->listener, (struct sockaddr *)&in, sizeof(in)), 0);
	cr_assert_eq(listen(b->listener, 8), 0);
	cr_assert_eq(getsockname(b->listener, (struct sockaddr *)&in, &len), 0);
	b->port = ntohs(in.sin_port);
	snprintf(b->address, sizeof(b->address), "127.0.0.1:%u", b->port);
}

static void bench_open(struct bench *b, uint32_t resend)
{
	alarm(PATIENCE_S);
	signal(SIGPIPE, SIG_IGN);
	*b = (struct bench){ .peer = -1 };
	bench_listen(b, 0);
	b->stop = eventfd(0, EFD_CLOEXEC);
	b->settings = (struct config_sink){
		.name = (char *)"siem",
		.address = b->address,
		.transport = SYSLOG_TCP,
		.facility = 13,
		.resend = resend,
		.timeout_ns = 2 * NS_PER_S,
	};
	cr_assert_eq(sink_syslog.open(&b->settings, NULL, &b->sink), 0);
}

static void bench_close(struct bench *b)
{
	sink_syslog.close(b->sink);
	cleanup_close(&b->peer);
	cleanup_close(&b->listener);
	close(b->stop);
	alarm(0);
}

/* Sends one record for each letter; how many were delivered. */
static size_t bench_send(struct bench *b, const char *ids, const char *text)
{
	size_t delivered = 0;

	b->batch = (struct batch){ .items = b->items, .count = strlen(ids) };
	for (size_t i = 0; ids[i]; i++) {
		paper_fill(&b->papers[i], (char[]){ ids[i], '\0' });
		b->items[i] = (struct item){
			.record = &b->papers[i].record,
			.text = text,
			.len = strlen(text),
		};
	}
	sink_syslog.send(b->sink, &b->batch, b->stop);
	for (size_t i = 0; i < b->batch.count; i++)
		delivered += b->items[i].result == ITEM_DELIVERED;
	return delivered;
}

static void bench_accept(struct bench *b)
{
	struct pollfd fd = { .fd = b->listener, .events = POLLIN };

	cleanup_close(&b->peer);
	cr_assert_eq(poll(&fd, 1, WAIT_MS), 1, "nobody connected");
	b->peer = accept(b->listener, NULL, NULL);
	cr_assert_geq(b->peer, 0);
}

/* Leaves with a reset, as a process that is killed does with what it has not read. */
static void bench_reset(struct bench *b)
{
	struct linger now = { .l_onoff = 1 };

	setsockopt(b->peer, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	cleanup_close(&b->peer);
	b->peer = -1;
}

/* The ids of the messages that are there, whole and counted. */
static const char *bench_ids(struct bench *b)
{
	static char ids[128], text[1 << 16];
	size_t len = 0, at = 0, n = 0;
	ssize_t got;

	while ((got = recv(b->peer, text + len, sizeof(text) - 1 - len, MSG_DONTWAIT)) > 0)
		len += got;
	text[len] = '\0';
	while (at < len) {
		char *behind;
		size_t size = strtoul(text + at, &behind, 10);
		const char *id = strstr(behind, " id=\"");

		cr_assert_eq(*behind, ' ');
		at = behind + 1 - text + size;
		cr_assert_leq(at, len, "a message was cut");
		cr_assert(id && id < text + at);
		ids[n++] = id[5];
	}
	ids[n] = '\0';
	return ids;
}

Test(syslog, each_message_is_counted_and_delivered_when_it_is_acknowledged)
{
	struct bench b;

	bench_open(&b, 10);
	cr_assert_eq(bench_send(&b, "abc", "{}"), 3);
	bench_accept(&b);
	cr_assert_str_eq(bench_ids(&b), "abc");
	cr_assert_eq(bench_send(&b, "d", "{}"), 1);
	cr_assert_str_eq(bench_ids(&b), "d");
	bench_close(&b);
}

Test(syslog, the_last_records_are_sent_again_after_a_connection_broke)
{
	struct bench b;

	bench_open(&b, 2);
	cr_assert_eq(bench_send(&b, "abc", "{}"), 3);
	bench_accept(&b);
	bench_reset(&b);
	cr_assert_eq(bench_send(&b, "d", "{}"), 1);
	bench_accept(&b);
	cr_assert_str_eq(bench_ids(&b), "bcd");
	cr_assert_eq(bench_send(&b, "e", "{}"), 1);
	cr_assert_str_eq(bench_ids(&b), "e");
	bench_close(&b);
}

Test(syslog, with_resend_0_none_is_sent_again)
{
	struct bench b;

	bench_open(&b, 0);
	cr_assert_eq(bench_send(&b, "ab", "{}"), 2);
	bench_accept(&b);
	bench_reset(&b);
	cr_assert_eq(bench_send(&b, "c", "{}"), 1);
	bench_accept(&b);
	cr_assert_str_eq(bench_ids(&b), "c");
	bench_close(&b);
}

Test(syslog, what_was_to_be_sent_again_still_is_after_a_receiver_was_down)
{
	struct bench b;

	bench_open(&b, 10);
	cr_assert_eq(bench_send(&b, "ab", "{}"), 2);
	bench_accept(&b);
	bench_reset(&b);
	cleanup_close(&b.listener);
	cr_assert_eq(bench_send(&b, "c", "{}"), 0);
	cr_assert(strstr(b.batch.why, "Connection refused"), "%s", b.batch.why);
	bench_listen(&b, b.port);
	cr_assert_eq(bench_send(&b, "c", "{}"), 1);
	bench_accept(&b);
	cr_assert_str_eq(bench_ids(&b), "abc");
	bench_close(&b);
}

/* Who takes the connection and closes it at once is no receiver. */
static void *close_at_once(void *arg)
{
	struct bench *b = arg;

	bench_accept(b);
	bench_reset(b);
	return NULL;
}

Test(syslog, nothing_is_delivered_to_who_closes_a_new_connection)
{
	pthread_t thread;
	struct bench b;

	bench_open(&b, 10);
	cr_assert_eq(pthread_create(&thread, NULL, close_at_once, &b), 0);
	cr_assert_eq(bench_send(&b, "a", "{}"), 0);
	cr_assert_neq(b.batch.why[0], '\0');
	pthread_join(thread, NULL);
	bench_close(&b);
}

Test(syslog, a_receiver_that_never_reads_is_left_in_time)
{
	_cleanup_(buf_free) struct buf big = {};
	struct bench b;

	bench_open(&b, 10);
	buf_char(&big, '"');
	while (big.len < 1 << 20)
		buf_str(&big, "................................");
	buf_char(&big, '"');
	cr_assert_lt(bench_send(&b, "abcdefgh", buf_cstr(&big)), 8);
	cr_assert_eq(b.items[7].result, ITEM_RETRY);
	cr_assert(strstr(b.batch.why, "does not take"), "%s", b.batch.why);
	bench_close(&b);
}

Test(syslog, an_end_that_is_asked_for_is_not_waited_for)
{
	_cleanup_(buf_free) struct buf big = {};
	uint64_t one = 1;
	struct bench b;

	bench_open(&b, 10);
	b.settings.timeout_ns = 3600 * NS_PER_S;
	while (big.len < 1 << 20)
		buf_str(&big, "................................");
	cr_assert_eq(write(b.stop, &one, sizeof(one)), sizeof(one));
	cr_assert_lt(bench_send(&b, "abcdefgh", buf_cstr(&big)), 8);
	bench_close(&b);
}

/* --- datagrams --- */

/* From now on the sink's receiver is a Unix socket of datagrams: the listener. */
static void bench_use_path(struct bench *b)
{
	struct sockaddr_un local = { .sun_family = AF_UNIX };

	sink_syslog.close(b->sink);
	cleanup_close(&b->listener);
	strcpy(b->address, "/tmp/keelwatch-unit-XXXXXX");
	cr_assert(mkdtemp(b->address));
	cr_assert_eq(rmdir(b->address), 0);
	memcpy(local.sun_path, b->address, sizeof(local.sun_path));
	b->listener = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(b->listener, (struct sockaddr *)&local, sizeof(local)), 0);
	b->settings.transport = SYSLOG_UNIX;
	cr_assert_eq(sink_syslog.open(&b->settings, NULL, &b->sink), 0);
}

/* A Unix socket's datagrams count as delivered when they are read: somebody has to. */
static void *read_datagrams(void *arg)
{
	struct bench *b = arg;
	static char text[1024];

	while (recv(b->listener, text, sizeof(text), 0) > 0)
		if (strstr(text, " id=\"c\""))
			return NULL;
	return NULL;
}

Test(syslog, a_unix_sockets_datagram_is_delivered_when_it_was_read)
{
	pthread_t thread;
	struct bench b;

	bench_open(&b, 0);
	bench_use_path(&b);
	b.settings.timeout_ns = 700 * NS_PER_MS;
	cr_assert_eq(bench_send(&b, "a", "{}"), 0);
	cr_assert_eq(pthread_create(&thread, NULL, read_datagrams, &b), 0);
	cr_assert_eq(bench_send(&b, "bc", "{}"), 2);
	pthread_join(thread, NULL);
	unlink(b.address);
	bench_close(&b);
}

Test(syslog, what_is_longer_than_a_datagram_is_refused_for_good_and_the_rest_goes)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	_cleanup_(buf_free) struct buf big = {};
	socklen_t len = sizeof(in);
	struct bench b;

	bench_open(&b, 10);
	b.peer = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(b.peer, (struct sockaddr *)&in, sizeof(in)), 0);
	cr_assert_eq(getsockname(b.peer, (struct sockaddr *)&in, &len), 0);
	sink_syslog.close(b.sink);
	snprintf(b.address, sizeof(b.address), "127.0.0.1:%u", ntohs(in.sin_port));
	b.settings.transport = SYSLOG_UDP;
	cr_assert_eq(sink_syslog.open(&b.settings, NULL, &b.sink), 0);
	while (big.len < 65507)
		buf_char(&big, '.');
	cr_assert_eq(bench_send(&b, "a", buf_cstr(&big)), 0);
	cr_assert_eq(b.items[0].result, ITEM_REFUSED);
	cr_assert(strstr(b.items[0].why, "more than one datagram"), "%s", b.items[0].why);
	cr_assert_eq(bench_send(&b, "b", "{}"), 1);
	bench_close(&b);
}

Test(syslog, an_address_that_is_none_is_said)
{
	static const char *const wrong[] = { "::1",    "host:0", "host:65536",
					     "host:x", ":514",	 "[::1]x" };
	struct config_sink settings = { .transport = SYSLOG_TCP };
	struct sink *sink;

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		_cleanup_(buf_free) struct buf why = {};

		settings.address = (char *)wrong[i];
		cr_assert_eq(sink_syslog.open(&settings, &why, &sink), -EINVAL, "%s", wrong[i]);
		cr_assert(strstr(buf_cstr(&why), "neither host:port"), "%s", buf_cstr(&why));
	}
}

Test(syslog, certificates_that_are_none_are_said)
{
	struct config_sink settings = { .transport = SYSLOG_TLS, .address = (char *)"host" };
	struct sink *sink;
	_cleanup_(buf_free) struct buf why = {};

	settings.tls.verify = true;
	settings.tls.ca = (char *)"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
	cr_assert_eq(sink_syslog.open(&settings, &why, &sink), -EINVAL);
	cr_assert(strstr(buf_cstr(&why), "tls.ca_file"), "%s", buf_cstr(&why));
	buf_reset(&why);
	settings.tls.ca = NULL;
	settings.tls.key.value = (char *)"no key";
	cr_assert_eq(sink_syslog.open(&settings, &why, &sink), -EINVAL);
	cr_assert(strstr(buf_cstr(&why), "tls.key"), "%s", buf_cstr(&why));
}
