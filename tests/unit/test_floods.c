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
	cr_expect_not(floods_expects(floods, 7));
}
