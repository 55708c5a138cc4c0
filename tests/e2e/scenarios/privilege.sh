# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
# Containers with much power, processes that gain it, sessions that bring it in, ways out.

GROUP_findings+=(
	privileged_container privileged_container_in_the_hosts_pid_namespace
	nearly_privileged_container added_capability added_capabilities_of_a_user
	privilege_gained_by_setuid_file privilege_gained_by_saved_uid privilege_gained_by_capset
	privilege_gained_in_a_user_namespace privileges_kept_are_not_gained
	exec_session_as_root exec_session_privileged exec_session_of_the_same_user
	escape_by_setns escape_by_opening_a_namespace host_pid_namespace_is_no_escape
)

skip_unless_privileged() {
	[[ $RT == docker && -z $DOCKER_PRIVILEGED ]] || return 1
	skip "this dockerd cannot make privileged containers on this host"
}

scenario_privileged_container() {
	local name
	skip_unless_privileged && return
	name=$(new_name)
	rt_run "$name" --privileged -- true || fail 'the container did not run'
	expect_finding "$name" privileged-container '.process.exe == "/bin/busybox" and
		.container.privileged and (.evidence | length) > 0'
	expect_no_findings "$name" added-capability
	rt_remove "$name"
}

scenario_privileged_container_in_the_hosts_pid_namespace() {
	local name
	skip_unless_privileged && return
	name=$(new_name)
	rt_run "$name" --privileged --pid-host -- true || fail 'the container did not run'
	expect_finding "$name" privileged-container
	expect_no_findings "$name" namespace-escape
	rt_remove "$name"
}

# Every capability that can be had, each by name, and nothing in the way.
scenario_nearly_privileged_container() {
	local name cap caps=()
	name=$(new_name)
	for cap in $(host_capabilities); do
		# Docker 20.10 does not know the newest.
		[[ $RT == docker && $cap =~ ^(BPF|PERFMON|CHECKPOINT_RESTORE)$ ]] || caps+=(--cap-add "$cap")
	done
	rt_run "$name" --unconfined "${caps[@]}" -- true || fail 'the container did not run'
	expect_finding "$name" 'added-capability|privileged-container' \
		'.severity == "error" or .severity == "critical"'
	rt_remove "$name"
}

scenario_added_capability() {
	local name
	name=$(new_name)
	rt_run "$name" --cap-add SYS_ADMIN --cap-add NET_ADMIN -- true ||
		fail 'the container did not run'
	expect_finding "$name" added-capability '(.message | test("SYS_ADMIN")) and
		(.message | test("NET_ADMIN")) and (.message | test("CHOWN") | not)'
	expect_no_findings "$name" privileged-container privilege-gained privilege-unexplained
	rt_remove "$name"
}

# Not effective, as the user is not root, but within reach.
scenario_added_capabilities_of_a_user() {
	local name
	name=$(new_name)
	rt_run "$name" --user app --cap-add SYS_PTRACE -- true || fail 'the container did not run'
	expect_finding "$name" added-capability '.message | test("SYS_PTRACE")'
	rt_remove "$name"
}

scenario_privilege_gained_by_setuid_file() {
	local name
	name=$(new_name)
	rt_run "$name" --user app -- su -c 'id -u' >/dev/null || fail 'the container did not run'
	expect_finding "$name" privilege-gained '.process.exe == "/bin/su" and
		.credentials.explanation == "setuid-file" and .credentials.old_euid == 1000 and
		.credentials.new_euid == 0'
	expect_no_findings "$name" privilege-unexplained privileged-exec-session
	rt_remove "$name"
}

scenario_privilege_gained_by_saved_uid() {
	local name
	name=$(new_name)
	rt_run "$name" -- helper saved-uid >/dev/null || fail 'the container did not run'
	expect_finding "$name" privilege-gained '.process.exe == "/bin/helper" and
		.credentials.explanation == "setuid-call" and .credentials.new_euid == 0'
	expect_no_findings "$name" privilege-unexplained
	rt_remove "$name"
}

scenario_privilege_gained_by_capset() {
	local name
	name=$(new_name)
	rt_run "$name" -- helper capset-raise >/dev/null || fail 'the container did not run'
	expect_finding "$name" privilege-gained '.process.exe == "/bin/helper" and
		.credentials.explanation == "capset"'
	expect_no_findings "$name" privilege-unexplained
	rt_remove "$name"
}

scenario_privilege_gained_in_a_user_namespace() {
	local name said
	name=$(new_name)
	said=$(rt_run "$name" --user app --unconfined -- helper unshare-user)
	if ! grep -q ': ok$' <<<"$said"; then
		skip "the host allows no user namespace: $said" && return
	fi
	expect_finding "$name" privilege-gained '.credentials.child_user_namespace and
		(.severity | IN("debug", "info", "notice"))'
	expect_no_findings "$name" privilege-unexplained namespace-escape
	rt_remove "$name"
}

scenario_privileges_kept_are_not_gained() {
	local name
	name=$(new_name)
	rt_run "$name" -- sh -c 'id; su app -c "id; /bin/true"; sh -c id' >/dev/null ||
		fail 'the container did not run'
	expect_no_findings "$name"
	rt_remove "$name"
}

# --- sessions ---

scenario_exec_session_as_root() {
	local name
	name=$(new_name)
	rt_run "$name" --user app --detach -- sleep 100 || fail 'the container did not run'
	rt_exec "$name" --user 0 -- id -u >/dev/null || fail 'the session did not run'
	expect_finding "$name" privileged-exec-session '.process.args[0] == "id"'
	expect_no_findings "$name" privilege-unexplained namespace-escape
	rt_remove "$name"
}

scenario_exec_session_privileged() {
	local name
	# ctr has no privileged sessions.
	[[ $RT == containerd ]] && not_for_this_runtime && return
	skip_unless_privileged && return
	name=$(new_name)
	rt_run "$name" --detach -- sleep 100 || fail 'the container did not run'
	rt_exec "$name" --privileged -- id -u >/dev/null || fail 'the session did not run'
	expect_finding "$name" privileged-exec-session '.process.args[0] == "id"'
	expect_no_findings "$name" privilege-unexplained namespace-escape
	rt_remove "$name"
}

scenario_exec_session_of_the_same_user() {
	local name
	name=$(new_name)
	rt_run "$name" --detach -- sleep 100 || fail 'the container did not run'
	rt_exec "$name" -- sh -c 'id; ls /; echo x >/tmp/x' >/dev/null || fail 'the session did not run'
	rt_exec "$name" --user app -- id >/dev/null || fail 'the session did not run'
	expect_no_findings "$name"
	rt_remove "$name"
}

# --- ways out ---

OUT=(--pid-host --unconfined --cap-add SYS_ADMIN --cap-add SYS_PTRACE)

scenario_escape_by_setns() {
	local name said
	name=$(new_name)
	said=$(rt_run "$name" "${OUT[@]}" -- helper setns-exec "$HOST_NS/mnt" /bin/true)
	grep -q ': ok$' <<<"$said" || fail "the container could not do it: $said"
	expect_finding "$name" namespace-escape '.severity == "critical" and
		(.namespaces.host | index("mnt"))'
	rt_remove "$name"
}

scenario_escape_by_opening_a_namespace() {
	local name said
	name=$(new_name)
	said=$(rt_run "$name" "${OUT[@]}" -- helper open-ns "$HOST_NS/net")
	grep -q ': ok$' <<<"$said" || fail "the container could not do it: $said"
	expect_finding "$name" namespace-escape '.severity == "critical" and
		(.namespaces.host | index("net")) and .namespaces.operation == "open"'
	rt_remove "$name"
}

scenario_host_pid_namespace_is_no_escape() {
	local name
	name=$(new_name)
	rt_run "$name" --pid-host -- sh -c 'ps >/dev/null; helper open-ns /proc/self/ns/pid' \
		>/dev/null || fail 'the container did not run'
	expect_no_findings "$name" namespace-escape privileged-container
	rt_remove "$name"
}
