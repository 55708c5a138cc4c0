/* SPDX-License-Identifier: Apache-2.0 */
/* When it is told what was held back of a container, and how much. */
#include <criterion/criterion.h>

#include "cli/floods.h"

#define SECOND 1000000000ULL
#define START (1000 * SECOND)

static struct floods *floods;
static struct flood_word word;

static void set_up(void)
{
	cr_assert_eq(floods_new(&floods), 0);
}

static void tear_down(void)
{
	floods_free(floods);
}

/* Files held back of container 7 so far, at so many seconds: how many of them are told, or -1. */
static long note(uint64_t files, bool last, unsigned int second)
{
	const __u64 limited[CLASS_MAX] = { [CLASS_FILE] = files };

	if (!floods_note(floods, 7, limited, last, START + second * SECOND, SECOND, &word))
		return -1;
	return word.limited[CLASS_FILE];
}

static bool was_gone;

static void is_safe(void *arg, uint64_t container, const __u64 told[CLASS_MAX], __u64 told_ns,
		    bool gone)
{
	cr_expect_geq(told_ns, START);
	cr_expect_eq(container, 7);
	*(long *)arg = told[CLASS_FILE];
	was_gone = gone;
}

/* Records up to this one are on the disk: how many files are told for good, or -1. */
static long safe(uint64_t record)
{
	long told = -1;

	was_gone = false;
	floods_safe(floods, record, is_safe, &told);
	return told;
}

TestSuite(floods, .init = set_up, .fini = tear_down);

Test(floods, are_told_as_they_begin)
{
	cr_expect_eq(note(50, false, 1), 50);
	cr_expect_eq(word.from_ns, START);
	cr_expect_eq(word.limited[CLASS_PROCESS], 0);
}

Test(floods, that_go_on_are_told_once_a_minute)
{
	cr_expect_eq(note(50, false, 1), 50);
	for (unsigned int s = 2; s < 61; s++)
		cr_expect_eq(note(50 + s, false, s), -1);
	cr_expect_eq(note(150, false, 61), 100);
	cr_expect_eq(word.from_ns, START + SECOND);
}

Test(floods, that_stop_are_told_to_their_end)
{
	note(50, false, 1);
	cr_expect_eq(note(80, false, 2), -1);
	cr_expect_eq(note(80, false, 3), 30);
	cr_expect_eq(note(80, false, 4), -1, "nothing is new");
}

Test(floods, of_a_container_that_is_gone_are_told_at_once)
{
	note(50, false, 1);
	cr_expect_eq(note(51, true, 2), 1);
	cr_expect_eq(floods_total(floods, CLASS_FILE), 51);
	cr_expect_eq(safe(0), 51);
	/* Its number is another's now. */
	cr_expect_eq(note(5, false, 3), 5);
	cr_expect_eq(floods_total(floods, CLASS_FILE), 56);
}

Test(floods, of_a_container_are_expected_until_it_is_gone)
{
	cr_expect_not(floods_expects(floods, 7));
	floods_expect(floods, 7);
	cr_expect(floods_expects(floods, 7));
	cr_expect_eq(note(50, false, 1), 50);
	note(50, true, 2);
	cr_expect(floods_expects(floods, 7));
	safe(0);
	cr_expect_not(floods_expects(floods, 7));
}

Test(floods, are_told_for_good_when_their_record_is_on_the_disk)
{
	note(50, false, 1);
	floods_recorded(floods, 7, 10);
	cr_expect_eq(safe(9), -1);
	cr_expect_eq(safe(10), 50);
	cr_expect_not(was_gone);
	cr_expect_eq(safe(11), -1, "once");
	note(80, true, 2);
	floods_recorded(floods, 7, 12);
	cr_expect_eq(safe(11), -1);
	cr_expect(floods_expects(floods, 7));
	cr_expect_eq(safe(12), 80);
	cr_expect(was_gone);
}

Test(floods, that_a_monitor_before_told_are_told_from_there)
{
	const __u64 told[CLASS_MAX] = { [CLASS_FILE] = 50 };

	floods_resume(floods, 7, told, START - 500 * SECOND);
	cr_expect_eq(note(70, false, 1), 20);
	cr_expect_eq(word.from_ns, START - 500 * SECOND, "nobody has looked since");
	cr_expect_eq(floods_total(floods, CLASS_FILE), 20);
	cr_expect_eq(note(90, true, 100), 20);
	cr_expect_eq(word.from_ns, START + 99 * SECOND);
}

Test(floods, that_began_while_nobody_looked_are_told_from_there)
{
	floods_since(floods, START - 100 * SECOND);
	floods_expect(floods, 7);
	floods_since(floods, 0);
	cr_expect_eq(note(50, false, 1), 50);
	cr_expect_eq(word.from_ns, START - 100 * SECOND);
}

Test(floods, are_told_at_our_end_and_not_gone_by_that)
{
	note(50, false, 1);
	safe(0);
	floods_end(floods);
	cr_expect_eq(note(60, false, 2), 10);
	cr_expect_eq(safe(0), 60);
	cr_expect_not(was_gone);
}
