# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154
# monitor: findings
# The first write to a folder of the host in a read-only container.
mkdir -p /run/harmless
container c --read-only --mount /run/harmless:/data -- helper write-file /data/kept
expect_finding c readonly-writable-path '.severity == "warning" and .file.mount_point == "/data" and
	.file.mount_class == "host"'
