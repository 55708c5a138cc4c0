# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154
# monitor: findings
# The host mounts something into a running container by propagation.
mkdir -p /run/shared
mount -t tmpfs tmpfs /run/shared && mount --make-shared /run/shared && mkdir /run/shared/below
container c --mount /run/shared:/data:rslave --detach -- sleep 1000
sleep 2
mount --bind /etc /run/shared/below
sleep 1
container_end c
umount /run/shared/below
umount -l /run/shared
expect_finding c sensitive-mount-runtime '.mount.target == "/data/below"'
