/* SPDX-License-Identifier: Apache-2.0 */
/* What we call ourselves, everywhere. */
#ifndef KEELWATCH_VERSION_H
#define KEELWATCH_VERSION_H

#define KEELWATCH_VERSION "0.1.0"
#define KEELWATCH_PRODUCT "keelwatch"
#define KEELWATCH_VENDOR "keelwatch"

#endif
