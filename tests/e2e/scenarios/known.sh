# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
# Containers that run before the monitor does.

GROUP_known=(
	known_container_is_named known_container_with_a_host_path session_in_a_known_container
	specification_missing specification_truncated specification_huge specification_hostile
)

BROKEN=(missing truncated huge hostile)

known_name() { # SUFFIX
	echo "kw-$RUN_ID-$RT-known-$1"
}

before_known() {
	local how bundle
	for RT in "${RUNTIMES[@]}"; do
		rt_run "$(known_name writer)" --read-only --mount /etc:/host-etc:ro --detach -- \
			sh -c 'while sleep 1; do helper mkdir /again; done' || true
	done
	RT=runc
	[[ " ${RUNTIMES[*]} " == *' runc '* ]] || return 0
	for how in "${BROKEN[@]}"; do
		rt_parse --read-only -- helper writes /
		bundle=$(bundle_make "$(known_name "$how")")
		echo "runc $(known_name "$how")" >"$CONTAINERS/$(known_name "$how")"
		in_set runc create --bundle "$(set_path "$bundle")" "$(known_name "$how")" \
			</dev/null >"$bundle/out" 2>&1 ||
			cat "$bundle/out" >>"$RUNTIME_LOG"
		"break_$how" "$bundle/config.json"
	done
}

break_missing() {
	rm "$1"
}

break_truncated() {
	truncate -s 300 "$1"
}

break_huge() {
	head -c 100000000 /dev/zero | tr '\0' ' ' >>"$1"
}

break_hostile() {
	head -c 200000 /dev/zero | tr '\0' '[' >"$1"
}

scenario_known_container_is_named() {
	local name
	name=$(known_name writer)
	expect_finding "$name" readonly-write-attempt '.file.path == "/again" and
		(.container.attribution | IN("exact", "cached")) and .container.partial == false'
}

scenario_known_container_with_a_host_path() {
	expect_finding "$(known_name writer)" sensitive-host-mount \
		'.mount.target == "/host-etc" and .mount.host_path == "/etc"'
}

scenario_session_in_a_known_container() {
	local name
	name=$(known_name writer)
	rt_exec "$name" -- helper mkdir /by-session >/dev/null || fail 'the session did not run'
	expect_finding "$name" readonly-write-attempt '.file.path == "/by-session"'
	expect_no_findings "$name" privileged-exec-session namespace-escape privilege-unexplained
}

# runc read the specification when it created the container; the monitor finds it as it is now.
watched_without_specification() { # HOW
	local name
	[[ $RT == runc ]] || { not_for_this_runtime && return; }
	name=$(known_name "$1")
	in_set runc start "$name" 2>>"$RUNTIME_LOG" || fail 'the container did not start'
	wait_for_line has_match "$name" finding '.rule == "readonly-write-attempt" and
		.container.id == "'"$name"'" and .container.runtime == "runc" and
		.container.partial and .container.partial_why != null' || {
		fail 'no finding of a container whose specification is partial'
		note "$(matches "$name" finding true | head -n 1 | jq -c .container)"
		print_findings "$name"
	}
}

scenario_specification_missing() { watched_without_specification missing; }
scenario_specification_truncated() { watched_without_specification truncated; }
scenario_specification_huge() { watched_without_specification huge; }
scenario_specification_hostile() { watched_without_specification hostile; }
