# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154
# monitor: findings
# A container joins, or opens, a namespace of the host.
container join --pid-host --unmasked --cap SYS_ADMIN --cap SYS_PTRACE -- \
	helper setns-exec /proc/1/ns/mnt /bin/true
expect_finding join namespace-escape '.severity == "critical" and (.namespaces.host | index("mnt"))'
container open --pid-host --unmasked --cap SYS_ADMIN --cap SYS_PTRACE -- \
	helper open-ns /proc/1/ns/net
expect_finding open namespace-escape '.severity == "critical" and
	(.namespaces.host | index("net")) and .namespaces.operation == "open"'
