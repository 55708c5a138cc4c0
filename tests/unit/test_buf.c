/* SPDX-License-Identifier: Apache-2.0 */
/* The growing buffer: content, bound, reuse. */
#include <string.h>

#include <criterion/criterion.h>

#include "base/buf.h"

Test(buf, an_untouched_buffer_reads_as_the_empty_string)
{
	struct buf b = {};

	cr_assert_str_eq(buf_cstr(&b), "");
	cr_assert_null(b.data);
}

Test(buf, additions_follow_each_other_and_end_in_a_nul)
{
	struct buf b = {};

	buf_str(&b, "one");
	buf_char(&b, ' ');
	buf_add(&b, "two-and-more", 3);
	buf_fmt(&b, " %d%s", 3, "!");
	cr_assert_str_eq(buf_cstr(&b), "one two 3!");
	cr_assert_eq(b.len, 10);
	buf_free(&b);
}

Test(buf, bytes_after_a_nul_are_kept)
{
	struct buf b = {};

	buf_add(&b, "a\0b", 3);
	cr_assert_eq(b.len, 3);
	cr_assert_arr_eq(b.data, "a\0b", 4);
	buf_free(&b);
}

Test(buf, adding_nothing_still_leaves_a_terminated_string)
{
	struct buf b = {};

	buf_add(&b, NULL, 0);
	cr_assert_not_null(b.data);
	cr_assert_str_eq(b.data, "");
	cr_assert_eq(b.len, 0);
	buf_free(&b);
}

Test(buf, a_formatted_text_longer_than_the_buffer_is_whole)
{
	struct buf b = {};
	char longer[5000];

	memset(longer, 'x', sizeof(longer));
	buf_str(&b, "<");
	buf_fmt(&b, "%.*s>", (int)sizeof(longer), longer);
	cr_assert_eq(b.len, sizeof(longer) + 2);
	cr_assert_eq(b.data[b.len - 1], '>');
	cr_assert_arr_eq(b.data + 1, longer, sizeof(longer));
	buf_free(&b);
}

Test(buf, many_small_additions_all_arrive)
{
	struct buf b = {};

	for (int i = 0; i < 100000; i++)
		buf_char(&b, 'a' + i % 26);
	cr_assert_not(b.failed);
	cr_assert_eq(b.len, 100000);
	for (int i = 0; i < 100000; i++)
		cr_assert_eq(b.data[i], 'a' + i % 26);
	buf_free(&b);
}

Test(buf, the_bound_can_be_filled_exactly)
{
	struct buf b = { .max = 100 };

	for (int i = 0; i < 100; i++)
		buf_char(&b, 'x');
	cr_assert_not(b.failed);
	cr_assert_eq(b.len, 100);
	cr_assert_leq(b.cap, 101, "more memory than the bound needs");
	buf_char(&b, 'x');
	cr_assert(b.failed);
	cr_assert_eq(b.len, 100);
	buf_free(&b);
}

Test(buf, an_addition_beyond_the_bound_does_nothing_and_neither_do_later_ones)
{
	struct buf b = { .max = 8 };

	buf_str(&b, "12345");
	buf_str(&b, "6789");
	cr_assert(b.failed);
	buf_str(&b, "6");
	buf_fmt(&b, "%d", 6);
	cr_assert_str_eq(buf_cstr(&b), "12345");
	buf_free(&b);
}

Test(buf, a_formatted_text_beyond_the_bound_adds_no_part_of_itself)
{
	struct buf b = { .max = 8 };

	buf_str(&b, "12345");
	buf_fmt(&b, "%s", "6789");
	cr_assert(b.failed);
	cr_assert_str_eq(buf_cstr(&b), "12345");
	buf_free(&b);
}

Test(buf, a_length_that_would_overflow_fails)
{
	struct buf b = {};

	buf_str(&b, "abc");
	buf_add(&b, "x", (size_t)-1);
	cr_assert(b.failed);
	cr_assert_str_eq(buf_cstr(&b), "abc");
	buf_free(&b);
}

Test(buf, reset_keeps_the_memory_and_clears_the_failure)
{
	struct buf b = { .max = 4 };
	const char *data;

	buf_str(&b, "1234");
	buf_str(&b, "5");
	data = b.data;
	buf_reset(&b);
	cr_assert_not(b.failed);
	cr_assert_str_eq(buf_cstr(&b), "");
	buf_str(&b, "abcd");
	cr_assert_str_eq(buf_cstr(&b), "abcd");
	cr_assert_eq(b.data, data);
	buf_free(&b);
}

Test(buf, free_leaves_an_empty_buffer_with_the_same_bound)
{
	struct buf b = { .max = 4 };

	buf_str(&b, "12345");
	buf_free(&b);
	cr_assert_null(b.data);
	cr_assert_eq(b.len, 0);
	cr_assert_not(b.failed);
	buf_str(&b, "1234");
	cr_assert_not(b.failed);
	buf_str(&b, "5");
	cr_assert(b.failed);
	buf_free(&b);
}
