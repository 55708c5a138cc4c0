# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154
# monitor: findings
# Writes on a read-only container that no system call of their own asks for.
container c --read-only -- sh -c 'for deed in "open /file" "unlink /file" "mkdir /new" "rename /dir"; do
	helper uring-$deed; done'
refused=$(printf '%s\n' "$SAID" | sed -n 's/^\(uring-[a-z]*\) \(.*\): EROFS$/\1:\2/p')
[ -n "$refused" ] || { skip "this kernel has no such requests: $(echo "$SAID" | tr '\n' ';')" && return 0; }
for deed in $refused; do
	expect_finding c readonly-write-attempt ".file.error == \"EROFS\" and
		.file.path == \"${deed#*:}\" and .process.exe == \"/bin/helper\" and
		.process.args[1] == \"${deed%%:*}\""
done
