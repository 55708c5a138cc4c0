# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154,SC2016
# monitor: findings
# What is done to the monitor itself, from the host, while a container runs.
container beside --detach -- sleep 1000
sleep 2
expect_act() { # ACT JQ-CONDITION
	expectation "$1: $2" "any(\$all[]; .rule == \"monitor-tampering\" and
		([.evidence[] | select(.name == \"act\").value] == [\"$1\"]) and ($2))" ''
}
kill -STOP "$MONITOR_PID"
sleep 0.3
kill -CONT "$MONITOR_PID"
expect_act signal '.severity == "critical" or .severity == "warning"'
# What it begins is its own too.
for pid in $(cat "/proc/$MONITOR_PID/task/$MONITOR_PID/children"); do
	kill -STOP "$pid"
	kill -CONT "$pid"
done
expect_act signal '.severity == "error" and (.message | test("exporter"))'
SAID=$(helper trace "$MONITOR_PID"; helper read-memory "$MONITOR_PID"
	helper open-memory "$MONITOR_PID"; helper map-open shared_control
	helper take-descriptor "$MONITOR_PID")
for act in trace memory descriptor; do
	expect_act "$act" '.severity == "critical" and .process.exe == "/bin/helper"'
done
expect_act object-open '.severity == "notice" and .process.exe == "/bin/helper"'
helper map-change shared_asleep
expect_act object-change '.severity == "critical" and (.message | test("shared_asleep"))'
container reach --detach --pid-host --unmasked --cap SYS_PTRACE -- helper open-memory "$MONITOR_PID"
expect_finding reach monitor-tampering '.severity == "critical" and .process.exe == "/bin/helper"'
container_end beside
