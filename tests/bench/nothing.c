// SPDX-License-Identifier: Apache-2.0
/* The smallest program there is: what fork+exec runs, so that little else is measured. */
#include <sys/syscall.h>

void _start(void)
{
#ifdef __aarch64__
	register long nr __asm__("x8") = SYS_exit_group, status __asm__("x0") = 0;

	__asm__ volatile("svc 0" : : "r"(nr), "r"(status) : "memory");
#else
	__asm__ volatile("syscall" : : "a"(SYS_exit_group), "D"(0) : "rcx", "r11", "memory");
#endif
	__builtin_unreachable();
}
