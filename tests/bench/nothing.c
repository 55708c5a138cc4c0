// SPDX-License-Identifier: Apache-2.0
/* The smallest program there is: what fork+exec runs, so that little else is measured. */
#include <sys/syscall.h>

void _start(void)
{
	__asm__ volatile("syscall" : : "a"(SYS_exit_group), "D"(0) : "rcx", "r11", "memory");
	__builtin_unreachable();
}
