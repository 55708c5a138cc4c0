# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154
# monitor: findings
# All capabilities in a user namespace of its own are no gain on the host.
container c --user 1000 --unmasked -- helper unshare-user
worked || return 0
expect_finding c privilege-gained '.credentials.child_user_namespace and
	(.severity | IN("debug", "info", "notice"))'
expect_no_finding c privilege-unexplained namespace-escape
