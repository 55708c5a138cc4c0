# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154
# monitor: findings
# needs: fexit write
# A process of the host changes a read-only container's root without opening a file.
for deed in 'mkdir new' 'unlink file' 'rename file' 'chmod data'; do
	word=${deed%% *}
	container "$word" --read-only --detach -- sleep 1000
	# What comes in the very moment of a start is another matter.
	sleep 1
	said=$(helper "$word" "$(container_root "$word")/${deed#* }")
	container_end "$word"
	case $said in
	*': ok') ;;
	*) fail "the host could not do it: $said" ;;
	esac
	expect_finding "$word" readonly-defeated '.severity == "critical" and
		.process.exe == "/bin/helper" and
		.process.args[1] == "'$word'" and
		any(.evidence[]; .name == "how" and .value == "write from outside")'
done
