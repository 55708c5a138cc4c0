# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154
# monitor: findings
# A user becomes root by a setuid file, by the saved uid, by capset.
container file --user 1000 -- su -c 'id -u'
expect_finding file privilege-gained '.process.exe == "/bin/su" and
	.credentials.explanation == "setuid-file" and .credentials.old_euid == 1000 and
	.credentials.new_euid == 0'
container saved -- helper saved-uid
expect_finding saved privilege-gained '.credentials.explanation == "setuid-call"'
container capset -- helper capset-raise
expect_finding capset privilege-gained '.credentials.explanation == "capset"'
for word in file saved capset; do
	expect_no_finding $word privilege-unexplained privileged-exec-session
done
