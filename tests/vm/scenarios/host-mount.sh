# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154
# monitor: findings
# Sensitive folders of the host in a container from its start.
container root --mount /:/host -- true
expect_finding root sensitive-host-mount '.mount.target == "/host" and .mount.host_path == "/" and
	.severity == "critical"'
container etc --mount /etc:/host-etc:ro -- true
expect_finding etc sensitive-host-mount '.mount.target == "/host-etc" and
	.mount.host_path == "/etc" and .mount.read_only'
