# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154
# monitor: findings
# The first write to a tmpfs of a read-only container, and only the first.
container c --read-only --tmpfs /tmp -- sh -c 'helper write-file /tmp/one; helper write-file /tmp/two'
expect_finding c readonly-writable-path '.severity == "info" and .file.mount_point == "/tmp" and
	.file.mount_class == "tmpfs" and .file.path == "/tmp/one"'
expect_no_finding c readonly-write-attempt readonly-defeated
