/* SPDX-License-Identifier: Apache-2.0 */
/* The account of keelwatch doctor. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <string.h>

#include "base/buf.h"
#include "base/util.h"
#include "cli/coverage.h"
#include "detect/detect.h"

static const struct feature_state features[] = {
	{ .name = "exec",
	  .domain = "process",
	  .program = "tp__exec",
	  .way = WAY_TRACEPOINT,
	  .hook = "sched_process_exec",
	  .carries = "all",
	  .blind = "",
	  .when = "always",
	  .instructions = 21 },
	{ .name = "exit",
	  .domain = "process",
	  .program = "tp__exit",
	  .way = WAY_TRACEPOINT,
	  .hook = "sched_process_exit",
	  .carries = "events only",
	  .blind = "one; another",
	  .when = "always" },
	{ .name = "write",
	  .domain = "file",
	  .program = "sys__file",
	  .way = WAY_TRACEPOINT,
	  .hook = "sys_exit",
	  .carries = "readonly-write-attempt, readonly-writable-path",
	  .blind = "one",
	  .when = "while a container runs" },
	{ .name = "mount",
	  .domain = "mount",
	  .program = "sys__mount",
	  .way = WAY_NONE,
	  .hook = "sys_exit",
	  .carries = "readonly-defeated",
	  .blind = "one; \"third\"",
	  .when = "while a container runs",
	  .why = "sys_exit: \"Invalid argument\"" },
};

static const struct coverage coverage = {
	.kernel = "6.1.0",
	.architecture = "x86_64",
	.btf = true,
	.cgroups = "v2",
	.cgroup_root = "/sys/fs/cgroup",
	.obstacle = "",
	.features = features,
	.feature_count = ARRAY_SIZE(features),
};

static const char *const feature_keys[] = {
	"name",	 "domain", "way",	  "hook",      "program",      "attached",
	"rules", "blind",  "why_missing", "fell_back", "instructions",
};

/* The caller drops it. */
static json_t *account(const struct coverage *c)
{
	_cleanup_(buf_free) struct buf b = {};
	json_error_t error;
	json_t *root;

	coverage_json(&b, c);
	root = json_loads(buf_cstr(&b), JSON_REJECT_DUPLICATES, &error);
	cr_assert(root, "%s in %s", error.text, buf_cstr(&b));
	return root;
}

static json_t *feature(const json_t *root, size_t i)
{
	return json_array_get(json_object_get(root, "features"), i);
}

static size_t length(const json_t *object, const char *key)
{
	return json_array_size(json_object_get(object, key));
}

static const char *item(const json_t *object, const char *key, size_t i)
{
	return json_string_value(json_array_get(json_object_get(object, key), i));
}

Test(coverage, every_feature_has_every_key)
{
	json_t *root = account(&coverage);

	cr_assert_eq(length(root, "features"), ARRAY_SIZE(features));
	for (size_t i = 0; i < ARRAY_SIZE(features); i++) {
		cr_assert_eq(json_object_size(feature(root, i)), ARRAY_SIZE(feature_keys));
		for (size_t k = 0; k < ARRAY_SIZE(feature_keys); k++)
			cr_assert(json_object_get(feature(root, i), feature_keys[k]), "%s",
				  feature_keys[k]);
	}
	cr_assert_eq(json_integer_value(json_object_get(root, "missing")), 1);
	json_decref(root);
}

Test(coverage, rules_are_ids_and_all_means_all)
{
	json_t *root = account(&coverage);

	cr_assert_eq(length(feature(root, 0), "rules"), RULE_MAX);
	cr_assert_eq(length(feature(root, 1), "rules"), 0);
	cr_assert_eq(length(feature(root, 2), "rules"), 2);
	cr_assert_str_eq(item(feature(root, 2), "rules", 1), "readonly-writable-path");
	json_decref(root);
}

Test(coverage, blind_spots_are_a_list_and_a_missing_feature_has_a_reason_instead)
{
	json_t *root = account(&coverage);

	cr_assert_eq(length(feature(root, 1), "blind"), 2);
	cr_assert_str_eq(item(feature(root, 1), "blind", 1), "another");
	cr_assert_eq(length(feature(root, 3), "blind"), 0);
	cr_assert_str_eq(json_string_value(json_object_get(feature(root, 3), "why_missing")),
			 "sys_exit: \"Invalid argument\"");
	cr_assert_str_eq(json_string_value(json_object_get(feature(root, 3), "way")), "none");
	json_decref(root);
}

Test(coverage, people_read_each_blind_spot_once_as_a_sentence)
{
	_cleanup_(buf_free) struct buf b = {};

	coverage_people(&b, &coverage);
	cr_assert(strstr(buf_cstr(&b), "\nexit and write do not see one.\n"));
	cr_assert(strstr(buf_cstr(&b), "\nexit does not see another.\n"));
	cr_assert_not(strstr(buf_cstr(&b), "third"));
	cr_assert(strstr(buf_cstr(&b), "missing     mount: sys_exit: \"Invalid argument\"\n"));
	cr_assert(strstr(buf_cstr(&b), "4 features, 1 missing\n"));
}

Test(coverage, where_nothing_works_the_obstacle_is_said)
{
	struct coverage none = coverage;
	_cleanup_(buf_free) struct buf b = {};
	json_t *root;

	none.obstacle = "locked";
	none.features = NULL;
	none.feature_count = 0;
	root = account(&none);
	cr_assert_str_eq(json_string_value(json_object_get(root, "obstacle")), "locked");
	cr_assert_eq(length(root, "features"), 0);
	json_decref(root);
	coverage_people(&b, &none);
	cr_assert(strstr(buf_cstr(&b), "nothing works here: locked\n"));
	cr_assert_not(strstr(buf_cstr(&b), "FEATURE"));
}
