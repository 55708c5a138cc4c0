# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154
# monitor: findings
# What looks like a write on a read-only container and is none.
container c --read-only -- sh -c \
	'helper access-write / /file /etc; helper open-rdonly-creat /file; test -w /etc; true'
expect_no_finding c
