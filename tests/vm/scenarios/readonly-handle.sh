# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154
# monitor: findings
# A read-only container opens a file for writing by a handle instead of a path.
mkdir -p /run/harmless && : >/run/harmless/kept
container c --read-only --cap DAC_READ_SEARCH --mount /run/harmless:/data:ro -- \
	helper handle-write /data/kept
case $SAID in
*': EROFS') ;;
*) fail "it was not refused: $SAID" && return 0 ;;
esac
expect_finding c readonly-write-attempt '.file.error == "EROFS" and .process.exe == "/bin/helper"'
