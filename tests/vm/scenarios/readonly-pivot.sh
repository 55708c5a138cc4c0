# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154
# monitor: findings
# A read-only container takes a writable file system for its root.
container c --read-only --unmasked --cap SYS_ADMIN --tmpfs /mnt -- \
	sh -c 'sleep 1; mkdir -p /mnt/old /mnt/bin && cp /bin/helper /mnt/bin &&
	helper pivot-root /mnt /mnt/old; /bin/helper sleep 1'
worked || return 0
expect_finding c readonly-defeated '.severity == "critical"'
