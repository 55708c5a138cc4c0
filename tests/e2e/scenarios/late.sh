# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
# Containers that are gone before the monitor comes to their records: it stands still while they
# live. What nobody can look at any more is told by the records, and by what is left on disk.

GROUP_late=(late_writes late_names late_writes_in_a_container_that_was_removed late_gain late_powers)

late_name() { # SUFFIX
	echo "kw-$RUN_ID-$RT-late-$1"
}

late_run() { # SUFFIX [OPTION OF rt_run]...
	rt_run "$(late_name "$1")" "${@:2}" || echo "the container $1 did not run"
}

late_has_volumes() {
	[[ $RT == docker || $RT == podman-* ]]
}

# docker takes the specification away when the container ends, and has nothing else of its tmpfs;
# containerd does too, but has it all in its database.
late_has_tmpfs() {
	[[ $RT != docker ]]
}

# --- while it stands still ---

# In two rounds, as the ring has to hold all that the machine does meanwhile. One container goes on:
# while there is none, no system call is looked at.
amid_late() {
	local name
	RT=${RUNTIMES[0]}
	name=$(late_name keeper)
	rt_run "$name" --detach -- sleep 600 || say 'e2e: no container keeps the monitor awake'
	late_round late_writers
	late_round late_mighty
	RT=${RUNTIMES[0]}
	rt_remove "$name"
}

# All runtimes' containers of a round live and die while it stands still.
late_round() { # FUNCTION
	local pids=()
	wait_until 10 monitor_is_done
	kill -STOP "$MONITOR_PID"
	wait_until 5 monitor_is T || die 'the monitor does not stop'
	for RT in "${RUNTIMES[@]}"; do
		"$1" >>"$WORK/late-$RT.said" 2>&1 &
		pids+=($!)
	done
	wait "${pids[@]}"
	kill -CONT "$MONITOR_PID"
}

late_mighty() {
	late_run powers "${UNDO[@]}" --mount /etc:/host-etc:ro -- helper remount-rw /
	late_run gain --user app --mount "$WORK/rootfs:/data" --tmpfs /tmp -- su -c '
		helper write-file /dir/other; helper write-file /tmp/one; helper mkdir /allowed'
}

late_writers() {
	local dir=$WORK/late-$RT
	mkdir -p "$dir"/{writes,removed}/below
	late_writer writes &
	late_writer removed &
	wait_until 60 late_all_have_written || echo 'not all have written'
	touch "$dir"/{writes,removed}/over
	wait
	rt_remove "$(late_name removed)"
}

# They stay until all have written, and none has written before: the kernel half knows the mounts of
# new cgroups by their addresses alone, which another has soon.
late_writer() { # SUFFIX
	local volume=() also=:
	if [[ $1 == writes ]] && late_has_volumes; then
		volume=(--mount "kw-volume-late-$RT:/dir") also='helper write-file /dir/kept'
	fi
	late_run "$1" --read-only --mount "$WORK/late-$RT/$1:/data" --tmpfs /tmp "${volume[@]}" -- sh -c "
		helper write-file /data/below/kept; helper write-file /tmp/one; helper mkdir /refused; $also
		echo 0 >/proc/self/oom_score_adj; echo >/dev/null
		helper write-file /data/done; until [ -e /data/over ]; do helper sleep 0.05; done"
}

late_all_have_written() {
	local runtime
	for runtime in "${RUNTIMES[@]}"; do
		[[ -e $WORK/late-$runtime/writes/done && -e $WORK/late-$runtime/removed/done ]] || return 1
	done
}

# --- what is said of it ---

# As expect_finding, but for the names: those of removed containers are gone.
expect_late() { # NAME RULE JQ-CONDITION...
	local name=$1 rule=$2 condition
	shift 2
	for condition; do
		wait_for_line has_match "$name" finding \
			".rule == \"$rule\" and .container.partial and ($condition)" && continue
		fail "missing: $rule: $condition"
		print_findings "$name"
	done
}

# That many findings of each rule, and no other.
expect_nothing_else() { # NAME RULE:COUNT...
	local name=$1 found count rule
	shift
	found=$(matches "$name" finding true | jq -r .rule | sort | uniq -c |
		while read -r count rule; do echo "$rule:$count"; done)
	[[ $found == "$(printf '%s\n' "$@" | sort)" ]] && return
	fail "other findings than $*"
	print_findings "$name"
}

# Without table and specification: that it was no write to the root, and on what device.
expect_unplaced_writes() { # NAME
	expect_late "$1" readonly-writable-path \
		'.severity == "warning" and .file.path == "/data/below/kept" and
			.file.mount_class == "unknown" and .file.filesystem != null' \
		'.file.path == "/tmp/one" and .file.mount_class == "unknown"'
	expect_late "$1" readonly-write-attempt '.file.path == "/refused"'
}

scenario_late_writes() {
	local name paths=2 tmpfs='.severity == "info" and .file.mount_point == "/tmp" and
		.file.mount_class == "tmpfs"'
	name=$(late_name writes)
	! late_has_volumes || paths=3
	late_has_tmpfs || tmpfs='.file.mount_class == "unknown"'
	expect_finding "$name" readonly-writable-path \
		'.severity == "warning" and .file.mount_point == "/data" and
			.file.mount_class == "host" and .file.path == "/data/below/kept"' \
		".file.host_path == \"$WORK/late-$RT/writes/below/kept\"" \
		".file.path == \"/tmp/one\" and $tmpfs"
	! late_has_volumes || expect_finding "$name" readonly-writable-path \
		'.severity == "info" and .file.mount_point == "/dir" and .file.mount_class == "volume"'
	expect_nothing_else "$name" readonly-writable-path:$paths readonly-write-attempt:1
}

scenario_late_writes_in_a_container_that_was_removed() {
	local name
	name=$(late_name removed)
	expect_unplaced_writes "$name"
	expect_nothing_else "$name" readonly-writable-path:2 readonly-write-attempt:1
}

# Its specification may be gone with it, its name and image are not.
scenario_late_names() {
	local name image='.image == "docker.io/library/keelwatch-e2e:1"'
	name=$(late_name writes)
	[[ $RT != runc && $RT != crun ]] || image='.image == null'
	wait_for_line has_match "$name" finding ".container | .name == \"$name\" and
		.id == \"$(rt_id "$name")\" and .runtime == \"${RT%%-*}\" and ($image)" && return
	fail "it is not named: $(matches "$name" finding true | jq -c .container | head -n 1)"
}

# And nothing of its writes: it is no read-only container.
scenario_late_gain() {
	local name
	name=$(late_name gain)
	wait_for_line has_match "$name" finding '.rule == "privilege-gained" and
		.credentials.explanation == "setuid-file" and .process.exe == "/bin/su"' ||
		fail 'the rise by a setuid file is not found'
	expect_nothing_else "$name" privilege-gained:1
}

# What was bound is told by the specification, or what its engine has of it, alone.
scenario_late_powers() {
	local name
	name=$(late_name powers)
	expect_finding "$name" sensitive-host-mount '.mount.target == "/host-etc" and
		.mount.host_path == "/etc" and .mount.read_only'
	expect_finding "$name" added-capability '.message | test("SYS_ADMIN")'
	expect_finding "$name" readonly-defeated '.severity == "critical" and .mount.target == "/"'
	expect_nothing_else "$name" added-capability:1 readonly-defeated:1 sensitive-host-mount:1
}
