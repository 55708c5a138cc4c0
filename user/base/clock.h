/* SPDX-License-Identifier: Apache-2.0 */
/* What time it is, by three clocks. All in nanoseconds. */
#ifndef KEELWATCH_CLOCK_H
#define KEELWATCH_CLOCK_H

#include <stdint.h>

#define NS_PER_US 1000ULL
#define NS_PER_MS 1000000ULL
#define NS_PER_S 1000000000ULL
#define NS_PER_TICK 10000000ULL /* of proc(5): USER_HZ is 100 on every architecture we run on */

/* CLOCK_BOOTTIME: since the boot, sleep included; as the kernel half's records have it. */
uint64_t clock_boot_ns(void);

/* CLOCK_REALTIME: since the epoch; anybody may set it. */
uint64_t clock_epoch_ns(void);

/* CLOCK_MONOTONIC: as poll(2) and its like count, which stands still in a sleep; for deadlines. */
uint64_t clock_monotonic_ns(void);

#endif
