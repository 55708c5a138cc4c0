# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154
# monitor: findings
# A session with more power than the container it enters.
container user --user 1000 --detach -- sleep 1000
session user --user 0:0 -- id -u
session user --user 1000:1000 -- true same
container_end user
expect_finding user privileged-exec-session '.process.args[0] == "id"'
expect_no_finding user privilege-unexplained namespace-escape
container cap --detach -- sleep 1000
session cap --cap CAP_SYS_ADMIN -- id -u
container_end cap
expect_finding cap privileged-exec-session '.process.args[0] == "id"'
container same --detach -- sleep 1000
session same -- sh -c 'id; ls /; echo x >/tmp/x'
container_end same
expect_no_finding same
