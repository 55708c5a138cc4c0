# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154
# monitor: findings
# A read-only container is made writable by mount_setattr (from 5.12).
container c --read-only --unmasked --cap SYS_ADMIN -- \
	sh -c 'sleep 1; helper setattr-rw / && helper write-file /new; sleep 1'
worked || return 0
expect_finding c readonly-defeated '.severity == "critical" and .mount.target == "/"'
