# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154
# monitor: findings
# A container with capabilities beyond the default.
container c --cap SYS_ADMIN --cap NET_ADMIN -- true
expect_finding c added-capability '(.message | test("SYS_ADMIN")) and
	(.message | test("NET_ADMIN")) and (.message | test("CHOWN") | not)'
expect_no_finding c privileged-container privilege-gained privilege-unexplained
