# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154
# monitor: findings
# The same by the new mount calls.
container c --unmasked --cap SYS_ADMIN -- sh -c 'sleep 1
	mkdir -p /mnt/p /mnt/s /mnt/c /mnt/o
	helper mount-new proc /mnt/p; helper mount-new sysfs /mnt/s
	helper mount-new cgroup2 /mnt/c; helper mount-new overlay /mnt/o lowerdir=/bin:/etc; sleep 1'
worked || return 0
for what in p:proc s:sysfs c:cgroup2 o:overlay; do
	expect_finding c sensitive-mount-runtime ".mount.target == \"/mnt/${what%%:*}\" and
		.mount.filesystem == \"${what#*:}\""
done
