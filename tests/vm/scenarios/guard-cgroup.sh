# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154
# monitor: findings
# The clock is set forward and back; the monitor is moved to another control group, where it is starved by
# many that want the little there is, and that is frozen.
[ -e /sys/fs/cgroup/cgroup.controllers ] || {
	skip 'control groups of version 1 freeze by a file of their own'
	return
}
expect_told() { # RULE JQ-CONDITION
	expectation "$1: $2" "any(\$all[]; .rule == \"$1\" and ($2))" ''
}
cage=/sys/fs/cgroup/cage
date -s "@$(($(date +%s) + 3600))" >/dev/null
sleep 3
date -s "@$(($(date +%s) - 3600))" >/dev/null
sleep 3
expect_told clock-changed '.severity == "warning" and (.message | test("forward by 3[56]..\\.. s"))'
expect_told clock-changed '.severity == "warning" and (.message | test("back by 3[56]..\\.. s"))'
mkdir "$cage"
echo "$MONITOR_PID" >"$cage/cgroup.procs"
sleep 3
expect_told monitor-altered '.severity == "critical" and (.message | test("moved to another control group"))'
echo +cpu >/sys/fs/cgroup/cgroup.subtree_control
hogs=''
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
	sh -c 'echo $$ >"$1/cgroup.procs" && while :; do :; done' hog "$cage" &
	hogs="$hogs $!"
done
renice -n 19 -p "$MONITOR_PID"
echo '1000 1000000' >"$cage/cpu.max"
sleep 14
echo max >"$cage/cpu.max"
# shellcheck disable=SC2086
kill -KILL $hogs
renice -n 0 -p "$MONITOR_PID"
sleep 2
expect_told monitor-interrupted '.message | test("looked at nothing for 1[0-9]\\.. s: it got no processor")'
echo 1 >"$cage/cgroup.freeze"
sleep 1
echo 0 >"$cage/cgroup.freeze"
expect_told monitor-tampering '.evidence | any(.value == "freeze")'
sleep 2
echo "$MONITOR_PID" >/sys/fs/cgroup/cgroup.procs
rmdir "$cage"
