/* SPDX-License-Identifier: Apache-2.0 */
/* Records of a file or a socket: their text made text again. */
#ifndef KEELWATCH_CLEAN_H
#define KEELWATCH_CLEAN_H

#include <protobuf-c/protobuf-c.h>

/*
 * For a message that was unpacked (with no allocator of its own): each string in it that is no clean
 * text, which protobuf does not look at, is replaced by what text_clean() makes of it. Then any format
 * can be written of it. 0 or -ENOMEM.
 */
int message_clean(ProtobufCMessage *message);

#endif
