# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154
# monitor: all
# Containers that live an instant are named in their first exec.
for i in 1 2 3 4 5 6 7 8; do
	container "$i" -- /bin/true "$(name_of "$i")" &
done
wait_for=$!
wait $wait_for
while [ "$(runc list -q | grep -c "^vm-$SCENARIO-")" -gt 0 ]; do sleep 0.2; done
for i in 1 2 3 4 5 6 7 8; do
	expect_event "$i" ".type == \"exec\" and .process.exe == \"/bin/busybox\" and
		.process.args == [\"/bin/true\", \"$(name_of "$i")\"] and .container.name == \"$(name_of "$i")\"
		and .container.runtime == \"runc\" and .container.attribution == \"exact\" and (.setup | not)"
	expect_event "$i" '.type == "exit"'
done
