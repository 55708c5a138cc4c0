# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154
# monitor: findings
# The same by fsopen, fsmount and move_mount.
container c --read-only --unmasked --cap SYS_ADMIN -- \
	sh -c 'sleep 1; helper mount-new tmpfs /etc; sleep 1'
worked || return 0
expect_finding c readonly-defeated '.severity == "critical" and .mount.target == "/etc" and
	.mount.filesystem == "tmpfs"'
