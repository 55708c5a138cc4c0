# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154
# monitor: findings
# A process of the host writes into a read-only container's root.
container c --read-only --detach -- sleep 1000
# What comes in the very moment of a start is another matter.
sleep 1
sh -c "echo here >$(container_root c)/from-outside"
container_end c
expect_finding c readonly-defeated '.severity == "critical" and
	(.file.path // "" | endswith("/from-outside"))'
