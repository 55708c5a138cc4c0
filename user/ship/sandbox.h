/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the shipper gives up before it speaks to anybody: its rights (base/rights.h), but for the files
 * that names and certificates are in, and system calls (seccomp). Called once, with one thread.
 */
#ifndef KEELWATCH_SANDBOX_H
#define KEELWATCH_SANDBOX_H

#include "base/rights.h"

/* What is readable is set here. As rights_give_up(): after an error nothing may be sent. */
int sandbox_enter(const struct rights *rights, struct buf *what);

#endif
