# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154
# monitor: findings
# Ordinary containers are silent.
container shell -- sh -c 'id; su app -c "id; /bin/true"; mkdir /new; echo x >/new/x; mv /new /old; rm -r /old'
container readonly --read-only --tmpfs /tmp -- true
mkdir -p /run/harmless
container mounts --mount /run/harmless:/data --tmpfs /mnt -- sh -c 'echo x >/data/x; echo y >/mnt/y'
container user --user 1000 -- sh -c 'id; ls / >/dev/null; cat /proc/self/status >/dev/null'
for word in shell readonly mounts user; do expect_no_finding $word; done
