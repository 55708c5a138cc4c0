/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kafka, by librdkafka: every in-sync replica has a record before it counts (acks=all), and what the
 * library itself sends again makes no second one (idempotence). Its key is its container, so that one
 * container's records stay in order; the headers "id" and "kind" are the record's own.
 */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include <librdkafka/rdkafka.h>
#include <openssl/x509.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "base/util.h"
#include "message/head.h"
#include "ship/patience.h"
#include "ship/sink.h"

#define POLL_MS 50	  /* between two looks at the time, and whether all is to end */
#define PURGE_NS NS_PER_S /* for reports of what was called back; else the producer goes */
#define CONNECT_MAX_MS 15000
#define CONNECT_MIN_MS 1000 /* the library takes no less */
#define WORDS 192	    /* bytes of what the library or a broker says */

/* What became of a message; outlives its report, for the sink waits for that or ends the producer. */
struct note {
	struct item *item;
	rd_kafka_resp_err_t err; /* of the last try */
};

struct sink {
	const struct config_sink *settings;
	rd_kafka_t *producer; /* NULL: the next attempt makes one */
	size_t outstanding;   /* messages whose report is to come */
	bool proved;	      /* a broker has answered this producer for a message */
	bool down;	      /* since it was made, none could be reached */
	bool spent;	      /* no further attempt with this producer */
	char words[WORDS];    /* what the library said went wrong last; "" */
	/* X509_V_ERR_*: what was wrong with a broker's; a thread of the library's says */
	atomic_int certificate;
};

struct attempt {
	struct sink *s;
	struct batch *batch;
	struct patience patience;
	bool over; /* what is not there yet is for the next one */
};

/* --- what the library says --- */

/* From its own threads too. */
static void on_log(const rd_kafka_t *producer, int level, const char *facility, const char *words)
{
	char clean[2 * WORDS];

	(void)producer;
	(void)level;
	text_clean_cut(clean, sizeof(clean), words, strlen(words));
	log_debug("kafka: %s: %s", facility, clean);
}

/* A thread of the library's asks: whether OpenSSL's own judgement stands. It does; which it was is kept. */
static int on_certificate(rd_kafka_t *producer, const char *broker, int32_t id, int *error,
			  int depth, const char *data, size_t len, char *words, size_t size,
			  void *arg)
{
	struct sink *s = arg;

	(void)producer, (void)broker, (void)id, (void)depth, (void)data, (void)len;
	if (*error == X509_V_OK)
		return 1;
	snprintf(words, size, "%s", X509_verify_cert_error_string(*error));
	atomic_store(&s->certificate, *error);
	return 0;
}

/* "BROKER: certificate: hostname mismatch", where the library would guess at its own settings. */
static void say_certificate(struct sink *s)
{
	int error = atomic_exchange(&s->certificate, X509_V_OK);
	char broker[96];

	if (error == X509_V_OK)
		return;
	text_cut(broker, sizeof(broker), s->words);
	broker[strcspn(broker, " ")] = '\0';
	snprintf(s->words, sizeof(s->words), "%s certificate: %s", broker,
		 X509_verify_cert_error_string(error));
}

/* "HOST/bootstrap: Connect to ... failed: Connection refused (after 0ms in state CONNECT)" */
static void on_error(rd_kafka_t *producer, int err, const char *words, void *arg)
{
	struct sink *s = arg;
	char fatal[WORDS];
	const char *state;

	if (err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
		s->down = true;
		if (s->words[0])
			return;
	}
	if (err == RD_KAFKA_RESP_ERR__FATAL) {
		s->spent = true;
		if (rd_kafka_fatal_error(producer, fatal, sizeof(fatal)))
			words = fatal;
	}
	state = strstr(words, " (after ");
	text_clean_cut(s->words, sizeof(s->words), words,
		       state ? (size_t)(state - words) : strlen(words));
	if (strstr(words, "certificate verify failed"))
		say_certificate(s);
}

static void on_report(rd_kafka_t *producer, const rd_kafka_message_t *message, void *arg)
{
	struct note *note = message->_private;
	struct sink *s = arg;

	(void)producer;
	s->outstanding--;
	note->err = message->err;
	if (!note->err) {
		s->proved = true;
		s->words[0] = '\0';
		return;
	}
	snprintf(note->item->why, sizeof(note->item->why), "%s", rd_kafka_err2str(note->err));
}

/* --- set-up --- */

struct option {
	const char *name, *value; /* NULL: the library's default */
};

static int set_options(rd_kafka_conf_t *conf, const struct option *options, size_t n,
		       struct buf *why)
{
	char words[256];

	for (size_t i = 0; i < n; i++) {
		if (!options[i].value || !rd_kafka_conf_set(conf, options[i].name, options[i].value,
							    words, sizeof(words)))
			continue;
		text_clean(why, words, strlen(words));
		return -EINVAL;
	}
	return 0;
}

static const char *protocol(const struct config_sink *s)
{
	if (s->sasl_mechanism)
		return s->kafka_tls ? "sasl_ssl" : "sasl_plaintext";
	return s->kafka_tls ? "ssl" : "plaintext";
}

static int configure(const struct config_sink *s, rd_kafka_conf_t *conf, struct buf *why)
{
	uint64_t timeout_ms = s->timeout_ns / NS_PER_MS, connect_ms = timeout_ms;
	char timeout[24], connect[24];
	const struct option options[] = {
		{ "metadata.broker.list", s->address },
		{ "client.id", "keelwatch" },
		{ "acks", "all" },
		{ "enable.idempotence", "true" },
		{ "compression.type", "lz4" },
		/* How long a message may be is the topic's word, not ours. */
		{ "message.max.bytes", "67108864" },
		{ "message.timeout.ms", timeout },
		{ "socket.connection.setup.timeout.ms", connect },
		{ "reconnect.backoff.max.ms", "2000" },
		/* A topic that is not known may be just being made; then it is said. */
		{ "topic.metadata.propagation.max.ms", "5000" },
		{ "log.thread.name", "false" },
		{ "security.protocol", protocol(s) },
		{ "enable.ssl.certificate.verification", s->tls.verify ? "true" : "false" },
		{ "ssl.endpoint.identification.algorithm", s->tls.verify ? "https" : "none" },
		{ "ssl.ca.pem", s->kafka_tls ? s->tls.ca : NULL },
		{ "ssl.certificate.pem", s->kafka_tls ? s->tls.certificate : NULL },
		{ "ssl.key.pem", s->kafka_tls ? s->tls.key.value : NULL },
		{ "sasl.mechanism", s->sasl_mechanism },
		{ "sasl.username", s->user },
		{ "sasl.password", s->password.value },
	};

	if (connect_ms > CONNECT_MAX_MS)
		connect_ms = CONNECT_MAX_MS;
	if (connect_ms < CONNECT_MIN_MS)
		connect_ms = CONNECT_MIN_MS;
	snprintf(timeout, sizeof(timeout), "%llu", (unsigned long long)timeout_ms);
	snprintf(connect, sizeof(connect), "%llu", (unsigned long long)connect_ms);
	return set_options(conf, options, ARRAY_SIZE(options), why);
}

static int make_producer(struct sink *s, struct buf *why)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char words[512] = "";
	int err = configure(s->settings, conf, why);

	if (err) {
		rd_kafka_conf_destroy(conf);
		return err;
	}
	rd_kafka_conf_set_opaque(conf, s);
	rd_kafka_conf_set_log_cb(conf, on_log);
	rd_kafka_conf_set_error_cb(conf, on_error);
	rd_kafka_conf_set_dr_msg_cb(conf, on_report);
	if (s->settings->kafka_tls && s->settings->tls.verify)
		rd_kafka_conf_set_ssl_cert_verify_cb(conf, on_certificate);
	s->proved = s->down = s->spent = false;
	s->words[0] = '\0';
	s->producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, words, sizeof(words));
	if (s->producer)
		return 0;
	rd_kafka_conf_destroy(conf);
	text_clean(why, words, strlen(words));
	return -EINVAL;
}

/* What is outstanding is reported to nobody. */
static void end_producer(struct sink *s)
{
	if (s->producer)
		rd_kafka_destroy(s->producer);
	s->producer = NULL;
	s->outstanding = 0;
}

static void kafka_close(struct sink *s)
{
	if (!s)
		return;
	end_producer(s);
	free(s);
}

/* With the producer, for only that looks into certificates and keys; it may connect at once. */
static int kafka_open(const struct config_sink *settings, struct buf *why, struct sink **ret)
{
	struct sink *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->settings = settings;
	err = make_producer(s, why);
	if (err)
		kafka_close(s);
	else
		*ret = s;
	return err;
}

/* --- sending --- */

static void produce(struct attempt *a, struct note *note)
{
	const struct item *item = note->item;
	struct record_head head = {};
	const char *key = item->container, *kind;

	record_head(item->record, &head);
	kind = record_kind_name(head.kind);
	if (!*key && head.metadata && head.metadata->host)
		key = head.metadata->host->name;
	note->err = rd_kafka_producev(a->s->producer, RD_KAFKA_V_TOPIC(a->s->settings->topic),
				      RD_KAFKA_V_KEY(key, strlen(key)),
				      RD_KAFKA_V_VALUE((void *)item->text, item->len),
				      RD_KAFKA_V_HEADER("id", item->id, strlen(item->id)),
				      RD_KAFKA_V_HEADER("kind", kind, strlen(kind)),
				      RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
				      RD_KAFKA_V_OPAQUE(note), RD_KAFKA_V_END);
	if (note->err)
		snprintf(note->item->why, sizeof(note->item->why), "%s",
			 rd_kafka_err2str(note->err));
	else
		a->s->outstanding++;
}

/* Nobody is reported of afterwards. */
static void call_back(struct sink *s)
{
	struct patience purge = patience_for(PURGE_NS, -1);

	s->spent = true;
	rd_kafka_purge(s->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
	while (s->outstanding && !patience_pause(&purge, -1, 0, 0))
		rd_kafka_poll(s->producer, POLL_MS);
	if (s->outstanding)
		end_producer(s);
}

/*
 * A producer no broker ever answered waits no longer once none can be reached. One that has had answers
 * waits on: the broker that comes back knows what it has already.
 */
static bool is_hopeless(const struct sink *s)
{
	return s->spent || (s->down && !s->proved);
}

static void wait_for_reports(struct attempt *a)
{
	struct sink *s = a->s;

	while (s->outstanding && !a->over) {
		rd_kafka_poll(s->producer, POLL_MS);
		a->over = s->outstanding &&
			  (is_hopeless(s) || patience_pause(&a->patience, -1, 0, 0));
	}
	if (s->outstanding)
		call_back(s);
}

/* Of the message itself, or of one that the library had put into one batch with it. */
static bool is_of_message(rd_kafka_resp_err_t err)
{
	static const rd_kafka_resp_err_t errors[] = {
		RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE,
		RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE,   RD_KAFKA_RESP_ERR_INVALID_RECORD,
		RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP,
	};

	for (size_t i = 0; i < ARRAY_SIZE(errors); i++)
		if (err == errors[i])
			return true;
	return false;
}

static void say_why(struct attempt *a, const struct note *note)
{
	const struct sink *s = a->s;
	struct batch *batch = a->batch;
	const char *colon = s->words[0] ? ": " : "";
	bool late = note->err == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT ||
		    note->err == RD_KAFKA_RESP_ERR__PURGE_QUEUE ||
		    note->err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT ||
		    note->err == RD_KAFKA_RESP_ERR__IN_PROGRESS;

	if (batch->why[0])
		return;
	if (a->over && patience_pause(&a->patience, -1, 0, 0) == -ECANCELED)
		snprintf(batch->why, sizeof(batch->why), "stopped");
	else if (late && s->down && !s->proved)
		snprintf(batch->why, sizeof(batch->why), "no broker can be reached%s%s", colon,
			 s->words);
	else if (late && s->spent && s->words[0])
		snprintf(batch->why, sizeof(batch->why), "%s", s->words);
	else if (late)
		snprintf(batch->why, sizeof(batch->why), "not acknowledged within %.1f s%s%s",
			 (double)s->settings->timeout_ns / NS_PER_S, colon, s->words);
	else
		snprintf(batch->why, sizeof(batch->why), "topic %.64s: %s", s->settings->topic,
			 note->item->why);
}

/* True when it is to be tried again in less company, to learn whether the fault is its own. */
static bool judge(struct attempt *a, const struct note *note, bool alone)
{
	struct item *item = note->item;

	if (!note->err) {
		item->result = ITEM_DELIVERED;
		return false;
	}
	if (!is_of_message(note->err)) {
		say_why(a, note);
		return false;
	}
	if (alone)
		item->result = ITEM_REFUSED;
	return !alone;
}

static void send_notes(struct attempt *a, struct note **notes, size_t n)
{
	size_t suspects = 0, half;

	if (a->over || !n)
		return;
	for (size_t i = 0; i < n; i++)
		produce(a, notes[i]);
	wait_for_reports(a);
	for (size_t i = 0; i < n; i++)
		if (judge(a, notes[i], n == 1))
			notes[suspects++] = notes[i];
	half = suspects / 2;
	send_notes(a, notes, half);
	send_notes(a, notes + half, suspects - half);
}

static bool prepare(struct sink *s, struct batch *batch)
{
	_cleanup_(buf_free) struct buf why = {};

	if (s->producer || !make_producer(s, &why))
		return true;
	text_cut(batch->why, sizeof(batch->why), buf_cstr(&why));
	return false;
}

static void kafka_send(struct sink *s, struct batch *batch, int stop)
{
	_cleanup_free_ struct note *notes = calloc(batch->count + 1, sizeof(*notes));
	_cleanup_free_ struct note **order = calloc(batch->count + 1, sizeof(*order));
	struct attempt a = { .s = s,
			     .batch = batch,
			     .patience = patience_for(s->settings->timeout_ns, stop) };
	size_t n = 0;

	if (!notes || !order) {
		snprintf(batch->why, sizeof(batch->why), "out of memory");
		return;
	}
	if (!prepare(s, batch))
		return;
	for (size_t i = 0; i < batch->count; i++) {
		if (batch->items[i].result != ITEM_RETRY)
			continue;
		notes[n] = (struct note){ &batch->items[i], RD_KAFKA_RESP_ERR__IN_PROGRESS };
		order[n] = &notes[n];
		n++;
	}
	send_notes(&a, order, n);
	/* A fresh one asks anew whether the topic is there, and says anew what keeps it from a broker. */
	if (s->spent || batch->why[0])
		end_producer(s);
}

const struct sink_ops sink_kafka = {
	.open = kafka_open,
	.close = kafka_close,
	.send = kafka_send,
};
