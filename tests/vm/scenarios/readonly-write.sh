# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154
# monitor: findings
# Every kind of write on a read-only container is refused, and told.
container c --read-only -- helper writes /
for said in create:new-creat open:file create:new-open truncate:file mkdir:new-mkdir rmdir:dir \
	unlink:file rename:file link:file.link symlink:new-symlink mknod:new-mknod chmod:file chown:file \
	utime:file setxattr:file removexattr:file bind:new-bind; do
	operation=${said%%:*}
	# Where the call's own word is all there is, opening to create or to truncate may count as open.
	case $operation in create | truncate) operation="$operation|open" ;; esac
	expect_finding c readonly-write-attempt "(.file.operation | test(\"^($operation)\$\")) and
		.file.path == \"/${said#*:}\" and .file.error == \"EROFS\" and .container.read_only and
		.process.exe == \"/bin/helper\" and .severity == \"warning\""
done
