/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of containers: bounded, by name, and nothing of all of them is lost. */
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/buf.h"
#include "base/util.h"
#include "cli/census.h"

static struct container containers[] = {
	{ .cgroup_id = 1, .msg = { .name = (char *)"web", .id = (char *)"aaa" } },
	{ .cgroup_id = 2, .msg = { .name = (char *)"db", .id = (char *)"bbb" } },
	{ .cgroup_id = 3, .msg = { .name = (char *)"late", .id = (char *)"ccc" } },
	{ .cgroup_id = 4, .msg = { .name = (char *)"other", .id = (char *)"" } },
	{ .cgroup_id = 5, .msg = { .name = (char *)"web", .id = (char *)"aaa" } },
};

static struct census_totals totals;

static void look(struct census *c, const char *which)
{
	census_begin(c);
	for (; *which; which++)
		census_count(c, &containers[*which - '1']);
	census_end(c);
}

static void happen(int which, uint64_t events, uint64_t findings)
{
	containers[which - 1].events += events;
	containers[which - 1].findings += findings;
	totals.events += events;
	totals.findings += findings;
}

/* What is said of events, as "NAME=N NAME=N". */
static const char *events(struct census *c)
{
	static char out[1024];
	_cleanup_(buf_free) struct buf b = {};
	char *line, *rest;

	out[0] = '\0';
	census_write(c, totals, &b);
	rest = b.data;
	while ((line = strsep(&rest, "\n"))) {
		char name[80], id[80] = "";
		unsigned long n;

		if (sscanf(line,
			   "keelwatch_container_events_total{container=\"%79[^\"]\",id=\"%79[^\"]\"} %lu",
			   name, id, &n) == 3 ||
		    sscanf(line,
			   "keelwatch_container_events_total{container=\"%79[^\"]\",id=\"\"} %lu",
			   name, &n) == 2)
			snprintf(out + strlen(out), sizeof(out) - strlen(out), "%s%s=%lu",
				 out[0] ? " " : "", name, n);
	}
	return out;
}

Test(census, who_is_first_has_a_place_and_the_rest_is_summed_up)
{
	struct census *c;

	cr_assert_eq(census_new(2, &c), 0);
	happen(1, 10, 1);
	happen(2, 20, 0);
	happen(3, 30, 0);
	look(c, "123");
	cr_expect_str_eq(events(c), "web=10 db=20 other=30");
	/* A place that becomes free is for who comes then: a sum never takes back what it had. */
	happen(1, 5, 0);
	look(c, "23");
	cr_expect_str_eq(events(c), "db=20 other=35");
	happen(3, 1, 0);
	happen(5, 7, 0);
	look(c, "235");
	cr_expect_str_eq(events(c), "db=20 web=7 other=36");
	census_free(c);
}

Test(census, no_two_have_the_same_labels)
{
	struct census *c;

	cr_assert_eq(census_new(10, &c), 0);
	happen(1, 1, 0);
	happen(4, 2, 0);
	happen(5, 4, 0);
	look(c, "145");
	cr_expect_str_eq(events(c), "web=1 other=6");
	census_free(c);
}

Test(census, without_places_there_is_one_sum)
{
	struct census *c;

	cr_assert_eq(census_new(0, &c), 0);
	happen(1, 3, 0);
	look(c, "1");
	cr_expect_str_eq(events(c), "other=3");
	census_free(c);
}
