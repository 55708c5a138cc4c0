# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154
# monitor: all
# Each kind of event of a container is there.
MAY_FAIL=1
container c --cap SYS_ADMIN --unmasked -- sh -c '
	helper write-file /tmp/written; helper mount-tmpfs /mnt; helper umount /mnt
	helper mount-new tmpfs /data; helper saved-uid; helper setns /proc/self/ns/uts; helper chroot /
	exit 23'
expect_event c '.type == "file" and .file.path == "/tmp/written"'
expect_event c '.type == "mount" and .mount.operation == "mount" and .mount.target == "/mnt"'
for operation in umount fsopen fsmount move chroot; do
	expect_event c ".type == \"mount\" and .mount.operation == \"$operation\""
done
expect_event c '.type == "cred" and .credentials.operation == "setuid" and .credentials.new_euid == 1000'
expect_event c '.type == "namespace" and .namespaces.operation == "setns"'
expect_event c '.type == "exit" and .exit.code == 23'
