# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154
# monitor: findings
# A container with all the powers of the host.
container c --privileged -- true
expect_finding c privileged-container '.container.privileged and (.evidence | length) > 0'
expect_no_finding c added-capability
