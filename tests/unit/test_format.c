/* SPDX-License-Identifier: Apache-2.0 */
/* Records in foreign schemas: what stands where, what is escaped, and what hostile bytes become. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>
#include <jansson.h>

#include "base/buf.h"
#include "base/text.h"
#include "base/util.h"
#include "config/settings.h"
#include "detect/detect.h"
#include "message/clean.h"
#include "otlp.pb-c.h"
#include "sample.h"
#include "ship/format.h"
#include "ship/json_writer.h"

static Keelwatch__Record *sample(const char *name, const char *flavour)
{
	Keelwatch__Record *record = sample_make_named(name, flavour);

	cr_assert_not_null(record, "%s, %s", name, flavour);
	return record;
}

/* A record's line, which the caller frees with buf_free(). */
static struct buf line_of(Keelwatch__Record *record, enum record_format format)
{
	struct buf b = {};

	cr_assert_eq(format_record(&b, format, record), 0);
	keelwatch__record__free_unpacked(record, NULL);
	return b;
}

static json_t *json_of(const char *name, const char *flavour, enum record_format format)
{
	struct buf b = line_of(sample(name, flavour), format);
	json_t *json = json_loads(buf_cstr(&b), JSON_REJECT_DUPLICATES, NULL);

	cr_assert_not_null(json, "no JSON: %s", buf_cstr(&b));
	buf_free(&b);
	return json;
}

/* "a.b.0.c"; NULL where it is not there. */
static json_t *at(json_t *json, const char *path)
{
	char part[64];

	while (json && *path) {
		size_t len = strcspn(path, ".");

		snprintf(part, sizeof(part), "%.*s", (int)len, path);
		json = json_is_array(json) ? json_array_get(json, atoi(part)) :
					     json_object_get(json, part);
		path += path[len] ? len + 1 : len;
	}
	return json;
}

static void expect_text(json_t *json, const char *path, const char *want)
{
	const char *got = json_string_value(at(json, path));

	cr_expect(got && !strcmp(got, want), "%s: %s for %s", path, got ? got : "nothing", want);
}

static void expect_number(json_t *json, const char *path, json_int_t want)
{
	json_t *got = at(json, path);

	cr_expect(json_is_integer(got) && json_integer_value(got) == want, "%s: %lld for %lld",
		  path, json_integer_value(got), want);
}

static void expect_none(json_t *json, const char *path)
{
	cr_expect_null(at(json, path), "%s is there", path);
}

/* --- the writer --- */

Test(json_writer, objects_and_lists_without_anything_in_them_are_left_out)
{
	struct buf b = {};
	size_t outer, inner;

	json_begin(&b);
	outer = json_open(&b, "a", '{');
	inner = json_open(&b, "b", '[');
	json_text(&b, NULL, "");
	json_close(&b, inner, ']');
	json_close(&b, outer, '}');
	json_text(&b, "c", "{");
	outer = json_open(&b, "d", '{');
	json_close(&b, outer, '}');
	json_end(&b);
	cr_expect_str_eq(buf_cstr(&b), "{\"c\":\"{\"}");
	buf_free(&b);
}

Test(json_writer, what_stands_before_the_object_is_of_no_account)
{
	struct buf b = {};

	buf_str(&b, "{\"event\":");
	json_begin(&b);
	json_number(&b, "n", 1);
	json_end(&b);
	cr_expect_str_eq(buf_cstr(&b), "{\"event\":{\"n\":1}");
	buf_free(&b);
}

Test(json_writer, numbers_beyond_63_bits_become_the_greatest)
{
	struct buf b = {};

	json_begin(&b);
	json_number(&b, "a", UINT64_MAX);
	json_int(&b, "b", INT64_MIN);
	json_number_text(&b, "c", UINT64_MAX);
	json_end(&b);
	cr_expect_str_eq(buf_cstr(&b), "{\"a\":9223372036854775807,\"b\":-9223372036854775808,"
				       "\"c\":\"18446744073709551615\"}");
	buf_free(&b);
}

Test(json_writer, words_are_one_text_with_each_escaped)
{
	char *words[] = { "sh", "-c", "echo \"a\\b\"" };
	struct buf b = {};

	json_begin(&b);
	json_words(&b, "line", words, ARRAY_SIZE(words));
	json_words(&b, "none", words, 0);
	json_end(&b);
	cr_expect_str_eq(buf_cstr(&b), "{\"line\":\"sh -c echo \\\"a\\\\b\\\"\"}");
	buf_free(&b);
}

Test(json_writer, a_full_buffer_is_remembered)
{
	struct buf b = { .max = 16 };
	size_t open;

	json_begin(&b);
	open = json_open(&b, "a", '{');
	json_text(&b, "text", "longer than there is room for");
	json_close(&b, open, '}');
	json_end(&b);
	cr_expect(b.failed);
	cr_expect_leq(b.len, 16);
	buf_free(&b);
}

/* --- cleaning --- */

Test(message_clean, bytes_that_are_no_text_are_escaped_wherever_they_stand)
{
	Keelwatch__Record *record = sample("finding readonly-write-attempt", "plain");
	Keelwatch__Finding *f = record->finding;

	free(f->message);
	f->message = strdup("a\xff\nb");
	free(f->process->args[1]);
	f->process->args[1] = strdup("\x1b[2J");
	free(f->ancestors[0]->exe);
	f->ancestors[0]->exe = strdup("\xe2\x80\xae");
	free(f->metadata->host->name);
	f->metadata->host->name = strdup("\xc0\x80");
	cr_assert_eq(message_clean(&record->base), 0);
	cr_expect_str_eq(f->message, "a\\xff\\nb");
	cr_expect_str_eq(f->process->args[1], "\\x1b[2J");
	cr_expect_str_eq(f->ancestors[0]->exe, "\\xe2\\x80\\xae");
	cr_expect_str_eq(f->metadata->host->name, "\\xc0\\x80");
	keelwatch__record__free_unpacked(record, NULL);
}

Test(message_clean, text_that_is_clean_already_stays_with_its_escapes)
{
	Keelwatch__Record *record = sample("monitor test", "plain");

	free(record->monitor->message);
	record->monitor->message = strdup("a\\n\\\\b \xf0\x9f\x98\x80");
	cr_assert_eq(message_clean(&record->base), 0);
	cr_expect_str_eq(record->monitor->message, "a\\n\\\\b \xf0\x9f\x98\x80");
	keelwatch__record__free_unpacked(record, NULL);
}

Test(text, a_line_is_what_cleaning_may_have_made)
{
	cr_expect(text_is_line("", 0));
	cr_expect(text_is_line("a\\x1b\\\\", 7));
	cr_expect(text_is_line("\\", 1));
	cr_expect(text_is_line("\xc3\xa9\\\xc3\xa9", 5));
	cr_expect_not(text_is_line("a\\\n", 3));
	cr_expect_not(text_is_line("\\\xff", 2));
	cr_expect_not(text_is_line("\xe2\x80\xa8", 3));
}

/* --- all formats --- */

Test(format, every_sample_is_one_line_in_every_format)
{
	for (size_t i = 0; i < sample_count(); i++) {
		for (size_t j = 0; j < sample_flavour_count(); j++) {
			for (int f = 0; f < FORMAT_MAX; f++) {
				struct buf b = line_of(sample_make(i, j), f);

				cr_expect(b.len && strlen(b.data) == b.len && !strchr(b.data, '\n'),
					  "%s, %s, %s", sample_name(i), sample_flavour_name(j),
					  format_names[f]);
				buf_free(&b);
			}
		}
	}
}

Test(format, a_record_that_holds_nothing_or_has_no_id_is_refused)
{
	Keelwatch__Record empty = KEELWATCH__RECORD__INIT;
	Keelwatch__Monitor monitor = KEELWATCH__MONITOR__INIT;
	Keelwatch__Metadata metadata = KEELWATCH__METADATA__INIT;
	Keelwatch__Record nameless = KEELWATCH__RECORD__INIT;
	const Keelwatch__Record *list[] = { &empty };
	struct buf b = {};

	nameless.body_case = KEELWATCH__RECORD__BODY_MONITOR;
	nameless.monitor = &monitor;
	for (int f = 0; f < FORMAT_MAX; f++) {
		monitor.metadata = NULL;
		cr_expect_eq(format_record(&b, f, &empty), -EINVAL);
		cr_expect_eq(format_record(&b, f, &nameless), -EINVAL);
		monitor.metadata = &metadata;
		cr_expect_eq(format_record(&b, f, &nameless), -EINVAL);
		cr_expect_eq(format_otlp_request(&b, f, list, 1), -EINVAL);
	}
	cr_expect_eq(format_record(&b, FORMAT_MAX, &nameless), -EINVAL);
	cr_expect_eq(b.len, 0);
}

Test(format, a_buffer_that_is_full_is_told)
{
	Keelwatch__Record *record = sample("finding readonly-write-attempt", "plain");
	const Keelwatch__Record *list[] = { record };

	for (int f = 0; f < FORMAT_MAX; f++) {
		struct buf b = { .max = 100 };

		cr_expect_eq(format_record(&b, f, record), -ENOMEM);
		buf_free(&b);
		cr_expect_eq(format_otlp_request(&b, f, list, 1), -ENOMEM);
		buf_free(&b);
	}
	keelwatch__record__free_unpacked(record, NULL);
}

/* --- ECS --- */

Test(ecs, every_rule_has_a_class_of_its_own)
{
	for (size_t i = 0; i < RULE_MAX; i++) {
		char name[64];
		json_t *json;

		snprintf(name, sizeof(name), "finding %s", rules[i].id);
		json = json_of(name, "plain", FORMAT_ECS);
		cr_expect_eq(json_array_size(at(json, "event.category")), 2, "%s", name);
		expect_text(json, "event.kind", "alert");
		json_decref(json);
	}
}

Test(ecs, a_finding_names_who_did_what_where)
{
	json_t *json = json_of("finding readonly-write-attempt", "kubernetes", FORMAT_ECS);

	expect_text(json, "@timestamp", "2026-01-02T12:00:00.123456789Z");
	expect_text(json, "event.id", "91f3c8d20a7be615-42");
	expect_text(json, "event.action", "create");
	expect_text(json, "event.code", "readonly-write-attempt");
	expect_text(json, "event.outcome", "failure");
	expect_number(json, "event.severity", 47);
	expect_text(json, "log.level", "warning");
	expect_text(json, "threat.technique.id.0", "T1565");
	expect_text(json, "threat.technique.subtechnique.id.0", "T1565.001");
	expect_text(json, "orchestrator.type", "kubernetes");
	expect_text(json, "orchestrator.resource.name", "cart-6f7c9d8b5-x2x8z");
	expect_text(json, "process.entity_id",
		    "0f6d3a52-7f33-4b52-8b3e-6f5d6b0ad3c1-4687-1767355198123456789");
	expect_text(json, "process.user.id", "0");
	expect_text(json, "process.real_user.id", "1000");
	expect_number(json, "process.parent.pid", 4672);
	expect_none(json, "process.parent.args_count"); /* the list is cut */
	cr_expect_eq(json_array_size(at(json, "process.parent.thread.capabilities.effective")), 41);
	expect_text(json, "file.name", "motd");
	expect_text(json, "keelwatch.file.mount_class", "rootfs");
	json_decref(json);
}

Test(ecs, a_technique_that_has_no_parts_is_no_subtechnique)
{
	json_t *json = json_of("finding namespace-escape", "plain", FORMAT_ECS);

	expect_text(json, "threat.technique.id.0", "T1611");
	expect_text(json, "threat.technique.name.0", "Escape to Host");
	expect_none(json, "threat.technique.subtechnique");
	json_decref(json);
}

Test(ecs, an_end_says_how_and_when)
{
	json_t *json = json_of("container end failed", "plain", FORMAT_ECS);

	expect_text(json, "event.type.0", "end");
	expect_text(json, "event.outcome", "failure");
	expect_text(json, "event.start", "2026-01-02T11:59:55.123456789Z");
	expect_number(json, "process.exit_code", 3);
	json_decref(json);
	json = json_of("container end killed", "plain", FORMAT_ECS);
	expect_text(json, "event.outcome", "unknown");
	expect_none(json, "process.exit_code");
	expect_number(json, "keelwatch.exit.signal", 9);
	json_decref(json);
}

Test(ecs, capabilities_that_are_none_stay_out_of_the_schema_s_field)
{
	json_t *json = json_of("finding privileged-container", "quotes", FORMAT_ECS);

	expect_none(json, "process.thread.capabilities");
	cr_expect_eq(json_array_size(at(json, "keelwatch.process.capabilities")), 2);
	json_decref(json);
}

/* --- OCSF --- */

Test(ocsf, each_kind_is_of_its_class)
{
	static const struct {
		const char *sample;
		int class_uid, type_uid;
		const char *activity;
	} rows[] = {
		{ "finding sensitive-host-mount", 2004, 200401, "Create" },
		{ "container start", 6002, 600203, "Start" },
		{ "container found", 6002, 600299, "found" },
		{ "container end crashed", 6002, 600204, "Stop" },
		{ "gap retention", 1008, 100899, "Gap" },
		{ "monitor start", 1008, 100806, "Start" },
		{ "monitor stop", 1008, 100807, "Stop" },
		{ "monitor test", 1008, 100899, "test" },
		{ "monitor heartbeat", 1008, 100899, "heartbeat" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		json_t *json = json_of(rows[i].sample, "kubernetes", FORMAT_OCSF);

		expect_number(json, "class_uid", rows[i].class_uid);
		expect_number(json, "type_uid", rows[i].type_uid);
		expect_text(json, "activity_name", rows[i].activity);
		json_decref(json);
	}
}

Test(ocsf, a_finding_has_its_evidence_and_resources)
{
	json_t *json = json_of("finding readonly-write-attempt", "kubernetes", FORMAT_OCSF);

	expect_number(json, "time", 1767355200123);
	expect_number(json, "severity_id", 3);
	cr_expect(json_is_true(at(json, "is_alert")));
	expect_text(json, "attacks.0.sub_technique.uid", "T1565.001");
	expect_text(json, "finding_info.attacks.0.technique.uid", "T1565");
	expect_text(json, "evidences.0.process.file.name", "busybox");
	expect_text(json, "evidences.0.process.container.pod_uuid",
		    "9b2f7f0e-3c7a-4d0e-8f57-2f1f6c1c9a55");
	expect_text(json, "evidences.0.file.name", "motd");
	expect_number(json, "evidences.0.process.ancestry.1.pid", 1);
	expect_text(json, "resources.0.type", "Container");
	expect_text(json, "resources.1.type", "Pod");
	expect_text(json, "unmapped.container.attribution", "exact");
	json_decref(json);
	json = json_of("finding readonly-writable-path", "plain", FORMAT_OCSF);
	cr_expect(json_is_false(at(json, "is_alert")));
	json_decref(json);
}

Test(ocsf, an_uid_of_a_pod_that_is_no_uuid_stays_out_of_the_schema_s_field)
{
	json_t *json = json_of("finding readonly-write-attempt", "separators", FORMAT_OCSF);

	expect_none(json, "evidences.0.container.pod_uuid");
	expect_text(json, "unmapped.container.kubernetes.uid",
		    " a|b=c ]d=e cs1=f; CEF:0|x|y|z|1|2|3|g= ");
	json_decref(json);
}

/* --- CEF --- */

Test(cef, the_header_escapes_bars_and_backslashes_and_the_values_equals_signs)
{
	Keelwatch__Record *record = sample("finding namespace-escape", "bare");
	struct buf b;

	free(record->finding->rule);
	record->finding->rule = strdup("a|b\\n=c");
	free(record->finding->message);
	record->finding->message = strdup("x|y=z\\n");
	b = line_of(record, FORMAT_CEF);
	cr_expect_not_null(strstr(b.data, "|a\\|b\\\\n=c|a\\|b\\\\n=c|10|rt="), "%s", b.data);
	cr_expect_not_null(strstr(b.data, " msg=x|y\\=z\\\\n "), "%s", b.data);
	buf_free(&b);
}

Test(cef, a_line_as_receivers_read_it)
{
	struct buf b = line_of(sample("container end failed", "kubernetes"), FORMAT_CEF);

	cr_expect_str_eq(
		b.data,
		"CEF:0|keelwatch|keelwatch|0.1.0|container-end|container end|3|rt=1767355200123 "
		"externalId=91f3c8d20a7be615-42 cat=container msg=container cart started: image "
		"registry.example:5000/shop/cart:1.4, /bin/busybox dvchost=node-7 "
		"deviceExternalId=4c4c4544004b5210804bc7c04f503033 cn1Label=sequence cn1=42 act=end "
		"outcome=failed cn2Label=exitCode cn2=3 cs1Label=containerId "
		"cs1=1511ec941f4d0f2321a8a0e0051e2fb878692f7e9215886b5935860a3edd8d21 "
		"cs2Label=containerName cs2=cart cs3Label=image cs3=registry.example:5000/shop/cart:1.4 "
		"cs4Label=pod cs4=shop/cart-6f7c9d8b5-x2x8z sproc=/bin/busybox spid=4687 suid=1000 "
		"cs6Label=commandLine cs6=sh -c touch /etc/motd; exit 3");
	buf_free(&b);
}

/* --- OTLP --- */

static Otlp__ExportLogsServiceRequest *request_of(enum record_format format,
						  const Keelwatch__Record *const *records, size_t n)
{
	Otlp__ExportLogsServiceRequest *request;
	struct buf b = {};

	cr_assert_eq(format_otlp_request(&b, format, records, n), 0);
	request = otlp__export_logs_service_request__unpack(NULL, b.len, (uint8_t *)b.data);
	cr_assert_not_null(request);
	buf_free(&b);
	return request;
}

static const Otlp__AnyValue *attribute(Otlp__KeyValue *const *list, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(list[i]->key, key))
			return list[i]->value;
	return NULL;
}

static void expect_attribute(Otlp__KeyValue *const *list, size_t n, const char *key,
			     const char *want)
{
	const Otlp__AnyValue *value = attribute(list, n, key);

	cr_assert_not_null(value, "%s", key);
	cr_expect_eq(value->value_case, OTLP__ANY_VALUE__VALUE_STRING_VALUE);
	cr_expect_str_eq(value->string_value, want);
}

Test(otlp, a_record_comes_back_with_its_attributes_its_body_and_its_host)
{
	Keelwatch__Record *record = sample("finding privilege-unexplained", "kubernetes");
	const Keelwatch__Record *list[] = { record };
	Otlp__ExportLogsServiceRequest *request = request_of(FORMAT_OCSF, list, 1);
	const Otlp__Resource *resource = request->resource_logs[0]->resource;
	const Otlp__ScopeLogs *scope = request->resource_logs[0]->scope_logs[0];
	const Otlp__LogRecord *log = scope->log_records[0];
	Otlp__KeyValue **r = resource->attributes, **a = log->attributes;
	size_t rn = resource->n_attributes, an = log->n_attributes;
	struct buf body = {};

	expect_attribute(r, rn, "service.name", "keelwatch");
	expect_attribute(r, rn, "host.name", "node-7");
	expect_attribute(r, rn, "host.arch", "amd64");
	expect_attribute(r, rn, "k8s.node.name", "node-7.example");
	cr_expect_str_eq(scope->scope->name, "keelwatch");
	cr_expect_eq(log->time_unix_nano, 1767355200123456789ULL);
	cr_expect_eq(log->severity_number, 18);
	cr_expect_str_eq(log->severity_text, "critical");
	cr_expect_str_eq(log->event_name, "keelwatch.finding");
	expect_attribute(a, an, "keelwatch.id", "91f3c8d20a7be615-42");
	expect_attribute(a, an, "keelwatch.rule", "privilege-unexplained");
	expect_attribute(a, an, "container.name", "cart");
	expect_attribute(a, an, "k8s.pod.name", "cart-6f7c9d8b5-x2x8z");
	expect_attribute(a, an, "process.command_line", "sh -c touch /etc/motd; exit 3");
	cr_expect_eq(attribute(a, an, "process.pid")->int_value, 4687);
	cr_expect_eq(attribute(a, an, "keelwatch.sequence")->int_value, 42);
	cr_assert_eq(format_record(&body, FORMAT_OCSF, record), 0);
	cr_expect_str_eq(log->body->string_value, buf_cstr(&body));
	buf_free(&body);
	otlp__export_logs_service_request__free_unpacked(request, NULL);
	keelwatch__record__free_unpacked(record, NULL);
}

/* Three of one host, one of a host that is not named, one of the first again. */
Test(otlp, records_of_one_host_that_follow_each_other_stand_together)
{
	static const char *const flavours[] = { "plain", "plain", "plain", "bare", "plain" };
	static const size_t want[] = { 3, 1, 1 };
	const Keelwatch__Record *list[ARRAY_SIZE(flavours)];
	Otlp__ExportLogsServiceRequest *request;

	for (size_t i = 0; i < ARRAY_SIZE(list); i++)
		list[i] = sample("gap kernel", flavours[i]);
	request = request_of(FORMAT_NATIVE, list, ARRAY_SIZE(list));
	cr_assert_eq(request->n_resource_logs, ARRAY_SIZE(want));
	for (size_t i = 0; i < ARRAY_SIZE(want); i++)
		cr_expect_eq(request->resource_logs[i]->scope_logs[0]->n_log_records, want[i]);
	otlp__export_logs_service_request__free_unpacked(request, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(list); i++)
		keelwatch__record__free_unpacked((Keelwatch__Record *)list[i], NULL);
}

Test(otlp, every_sample_comes_back)
{
	for (size_t i = 0; i < sample_count(); i++) {
		for (size_t j = 0; j < sample_flavour_count(); j++) {
			Keelwatch__Record *record = sample_make(i, j);
			const Keelwatch__Record *list[] = { record };
			Otlp__ExportLogsServiceRequest *request =
				request_of(i % FORMAT_MAX, list, 1);
			const Otlp__LogRecord *log =
				request->resource_logs[0]->scope_logs[0]->log_records[0];
			struct buf body = {};

			cr_expect_eq(format_record(&body, i % FORMAT_MAX, record), 0);
			cr_expect_str_eq(log->body->string_value, buf_cstr(&body));
			buf_free(&body);
			otlp__export_logs_service_request__free_unpacked(request, NULL);
			keelwatch__record__free_unpacked(record, NULL);
		}
	}
}

Test(otlp, nothing_makes_an_empty_request)
{
	struct buf b = {};

	cr_expect_eq(format_otlp_request(&b, FORMAT_NATIVE, NULL, 0), 0);
	cr_expect_eq(b.len, 0);
	buf_free(&b);
}

/* What format_otlp_rejected() returns. */
static int rejected_of(const void *bytes, size_t len, uint64_t *rejected, struct buf *words)
{
	struct buf reply = {};
	int err;

	buf_add(&reply, bytes, len);
	err = format_otlp_rejected(&reply, rejected, words);
	buf_free(&reply);
	return err;
}

Test(otlp, a_partial_success_says_how_many_and_why)
{
	Otlp__ExportLogsPartialSuccess partial = OTLP__EXPORT_LOGS_PARTIAL_SUCCESS__INIT;
	Otlp__ExportLogsServiceResponse response = OTLP__EXPORT_LOGS_SERVICE_RESPONSE__INIT;
	struct buf words = {};
	uint8_t packed[64];
	uint64_t rejected;
	size_t len;

	response.partial_success = &partial;
	partial.rejected_log_records = 3;
	partial.error_message = "too\nold\x1b[2J";
	len = otlp__export_logs_service_response__pack(&response, packed);
	cr_expect_eq(rejected_of(packed, len, &rejected, &words), 0);
	cr_expect_eq(rejected, 3);
	cr_expect_str_eq(buf_cstr(&words), "too\\nold\\x1b[2J");
	partial.rejected_log_records = -1;
	len = otlp__export_logs_service_response__pack(&response, packed);
	cr_expect_eq(rejected_of(packed, len, &rejected, &words), 0);
	cr_expect_eq(rejected, 0);
	buf_free(&words);
}

Test(otlp, a_reply_that_is_none_is_told_from_one_that_rejects_nothing)
{
	static const char junk[] = "\xff\xff\xff<html>503</html>";
	struct buf words = {};
	uint64_t rejected;

	cr_expect_eq(rejected_of("", 0, &rejected, &words), 0);
	cr_expect_eq(rejected, 0);
	cr_expect_eq(rejected_of(junk, sizeof(junk) - 1, &rejected, &words), -EINVAL);
	cr_expect_eq(rejected, 0);
	cr_expect_eq(words.len, 0);
	buf_free(&words);
}
