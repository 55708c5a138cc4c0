# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154
# monitor: findings
# A read-only container is made writable by a remount.
container c --read-only --unmasked --cap SYS_ADMIN -- \
	sh -c 'sleep 1; helper remount-rw / && helper write-file /new; sleep 1'
worked || return 0
expect_finding c readonly-defeated '.severity == "critical" and .mount.target == "/"'
