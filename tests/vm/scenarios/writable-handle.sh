# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154
# monitor: findings
# needs: fexit open
# The first write to a folder of the host in a read-only container, opened by a handle.
mkdir -p /run/harmless && : >/run/harmless/kept
container c --read-only --cap DAC_READ_SEARCH --mount /run/harmless:/data -- \
	helper handle-write /data/kept
worked || return 0
expect_finding c readonly-writable-path '.file.mount_point == "/data" and .file.mount_class == "host"'
