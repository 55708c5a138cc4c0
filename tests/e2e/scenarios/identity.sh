# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
# Which container an event is said to belong to. The monitor runs with --all.

GROUP_identity=(
	events_are_named_from_the_first_exec exit_code_is_told sessions_belong_to_their_container
	nested_cgroups_belong_to_their_container kinds_of_events kubernetes_names
	hostile_arguments
)
# Once, with all runtimes together.
TOGETHER_identity=(short_lived_containers_are_named)

scenario_events_are_named_from_the_first_exec() {
	local name wrong
	name=$(new_name)
	rt_run "$name" -- sh -c '/bin/true "$0"; exit 0' "$name" || fail 'the container did not run'
	expect_event "$name" \
		'.type == "exec" and .process.args[0] == "sh" and .container.attribution == "exact"' \
		'.type == "exec" and .process.args[0] == "/bin/true" and .process.exe == "/bin/busybox"
		 and (.ancestors | length) > 0' \
		'.type == "fork"' '.type == "exit"'
	# The name as argument finds its events without their container's name.
	wrong=$(grep -aF "\"$name\"" "$MONITOR_JSON" | jq -c --arg name "$name" 'select(
		.kind == "event" and .type == "exec" and (.process.args | index($name)) and
		(.setup | not) and (.process.exe | test("/(docker|ctr|podman|conmon|runc|crun)$") | not)
		and .process.exe == "/bin/busybox" and .container.name != $name)' | head -n 3)
	[[ -z $wrong ]] || fail "execs of the container without its name: $wrong"
	rt_remove "$name"
}

scenario_exit_code_is_told() {
	local name
	name=$(new_name)
	rt_run "$name" -- sh -c 'exit 23'
	expect_event "$name" '.type == "exit" and .exit.code == 23'
	rt_remove "$name"
}

scenario_sessions_belong_to_their_container() {
	local name
	name=$(new_name)
	rt_run "$name" --detach -- sleep 100 || fail 'the container did not run'
	rt_exec "$name" -- /bin/true session-of-"$name" || fail 'the session did not run'
	expect_event "$name" \
		".type == \"exec\" and .process.args[1] == \"session-of-$name\" and (.setup | not)"
	rt_remove "$name"
}

# A cgroup below the container's own, in every hierarchy, and its process moved there.
scenario_nested_cgroups_belong_to_their_container() {
	local name pid root controllers path mount dir made=()
	name=$(new_name)
	rt_run "$name" --detach -- sh -c \
		'until [ -e /tmp/go ]; do sleep 0.1; done; /bin/true nested; sleep 100' ||
		fail 'the container did not run'
	pid=$(rt_pid "$name")
	root=/proc/$pid/root
	while IFS=: read -r _ controllers path; do
		if [[ -n $controllers ]]; then
			mount=$(findmnt -rno TARGET -t cgroup -O "${controllers#name=}" | head -n 1)
			[[ -n $mount ]] || mount=/sys/fs/cgroup/${controllers#name=}
		else
			mount=$(findmnt -rno TARGET -t cgroup2 | head -n 1)
		fi
		dir=$mount$path/nested
		[[ $path != / && -d $mount$path ]] && mkdir "$dir" 2>/dev/null || continue
		made+=("$dir")
		# A new cpuset has no processors; a process cannot move there before it has.
		if [[ -e $dir/cpuset.cpus ]]; then
			cat "$mount$path/cpuset.cpus" >"$dir/cpuset.cpus"
			cat "$mount$path/cpuset.mems" >"$dir/cpuset.mems"
		fi 2>/dev/null
		echo "$pid" >"$dir/cgroup.procs" || true
	done <"/proc/$pid/cgroup" 2>>"$RUNTIME_LOG"
	((${#made[@]} > 0)) || fail 'no nested cgroup could be made'
	: >"$root/tmp/go"
	expect_event "$name" '.type == "exec" and .process.args[1] == "nested"'
	# Made by a process of the host: the event is not the container's.
	wait_for_line grep -qE '"operation":"mkdir","path":"[^"]*/nested"' "$MONITOR_JSON" ||
		fail 'no event tells of the nested cgroup'
	rt_stop "$name"
	for dir in "${made[@]}"; do rmdir "$dir" 2>/dev/null || true; done
	rt_remove "$name"
}

scenario_kinds_of_events() {
	local name
	name=$(new_name)
	rt_run "$name" --cap-add SYS_ADMIN --unconfined -- sh -c '
		helper write-file /tmp/written; helper mount-tmpfs /mnt; helper umount /mnt
		helper mount-new tmpfs /data; helper setattr-rw /data; helper saved-uid
		helper setns /proc/self/ns/uts; helper chroot /' >/dev/null || fail 'the container did not run'
	expect_event "$name" \
		'.type == "file" and .file.path == "/tmp/written"' \
		'.type == "mount" and .mount.operation == "mount" and .mount.target == "/mnt"' \
		'.type == "mount" and .mount.operation == "umount"' \
		'.type == "mount" and .mount.operation == "fsopen"' \
		'.type == "mount" and .mount.operation == "fsmount"' \
		'.type == "mount" and .mount.operation == "move"' \
		'.type == "mount" and .mount.operation == "mount_setattr"' \
		'.type == "mount" and .mount.operation == "chroot"' \
		'.type == "cred" and .credentials.operation == "setuid" and .credentials.new_euid == 1000' \
		'.type == "namespace" and .namespaces.operation == "setns"'
	rt_remove "$name"
}

scenario_kubernetes_names() {
	local name namespace=$CONTAINERD_NAMESPACE
	[[ $RT == containerd ]] || { not_for_this_runtime && return; }
	name=$(new_name)
	CONTAINERD_NAMESPACE=k8s.io
	rt_run "$name" --annotation io.kubernetes.cri.container-type=container \
		--annotation io.kubernetes.cri.container-name=web \
		--annotation io.kubernetes.cri.image-name=registry.example/web:1 \
		--annotation io.kubernetes.cri.sandbox-id=0123456789abcdef \
		--annotation io.kubernetes.cri.sandbox-name=web-7d9f \
		--annotation io.kubernetes.cri.sandbox-namespace=shop \
		--annotation io.kubernetes.cri.sandbox-uid=11111111-2222-3333-4444-555555555555 \
		-- /bin/true || fail 'the container did not run'
	wait_for_line has_match "$name" event '.type == "exec" and
		.container.id == "'"$name"'" and .container.kubernetes == {
		namespace: "shop", pod: "web-7d9f", container: "web",
		uid: "11111111-2222-3333-4444-555555555555" } and
		.container.image == "registry.example/web:1" and .container.runtime == "containerd"' ||
		fail "it is not named as Kubernetes does: $(matches "$name" event \
			'.type == "exec"' | head -n 1 | jq -c .container)"
	rt_remove "$name"
	CONTAINERD_NAMESPACE=$namespace
}

scenario_hostile_arguments() {
	local name
	name=$(new_name)
	rt_run "$name" -- sh -c '/bin/true "$(printf "a\nb\033[31m\377")" "" "{\"kind\":\"finding\"}"' ||
		fail 'the container did not run'
	expect_event "$name" '.type == "exec" and .process.args[0] == "/bin/true" and
		(.process.args | length) == 4 and .process.args[2] == "" and
		.process.args[3] == "{\"kind\":\"finding\"}" and
		(.process.args[1] | test("[\u0000-\u001f]") | not)'
	rt_remove "$name"
}

# --- many short ones at once ---

# Of each runtime as many as it can start in reasonable time: 200 in all.
declare -A SHORT=([docker]=40 [containerd]=30 [podman-runc]=10 [podman-crun]=10 [runc]=60 [crun]=50)
AT_ONCE=16

scenario_short_lived_containers_are_named() {
	local runtime i expected=$WORK/short.names ids=$WORK/short.ids wrong total
	: >"$expected"
	for runtime in "${RUNTIMES[@]}"; do
		for ((i = 0; i < SHORT[$runtime]; i++)); do
			echo "kw-$RUN_ID-short-$runtime-$i $runtime"
		done
	done | shuf --random-source=/dev/zero >"$expected"
	total=$(wc -l <"$expected")
	rt_parse -- /bin/true @NAME@
	[[ ! -e $WORK/spec.json ]] || bundle_config "$(set_path "$ROOTFS")" >"$WORK/short.json"
	local -A SHORT_PROGRAM=([runc]=runc [crun]=${CRUN:-crun})

	# In a shell of its own: there are no other jobs to wait for.
	(
		while read -r name RT; do
			while (($(jobs -rp | wc -l) >= AT_ONCE)); do wait -n; done
			start_short "$name" >>"$RUNTIME_LOG" 2>&1 ||
				echo "$name did not start" >>"$WORK/short.failed" &
		done <"$expected"
		wait
	)
	[[ ! -e $WORK/short.failed ]] || fail "$(wc -l <"$WORK/short.failed") did not start"

	ids_of_short "$expected" >"$ids"
	wait_for_line short_is_right "$expected" "$ids" || true
	wrong=$(short_wrong "$expected" "$ids")
	if [[ -n $wrong ]]; then
		fail "of $total short containers not named rightly in their first exec:" \
			"$(wc -l <<<"$wrong"), as $(head -n 1 <<<"$wrong")"
		while IFS= read -r line; do note "$line"; done < <(sed -n 2,10p <<<"$wrong")
	fi
	remove_short "$expected"
}

# Runs /bin/true NAME in a container NAME. Those of runc and crun share one root file system, and
# a specification made beforehand: they are to start at once.
start_short() { # NAME
	local bundle=$BUNDLES/$1
	case $RT in
	runc | crun)
		mkdir "$bundle"
		sed "s/@NAME@/$1/" "$WORK/short.json" >"$bundle/config.json"
		in_set "${SHORT_PROGRAM[$RT]}" run --bundle "$(set_path "$bundle")" "$1" </dev/null
		;;
	*)
		rt_parse -- /bin/true "$1"
		rt_call run "$1"
		;;
	esac
}

ids_of_short() { # EXPECTED: "NAME ID" lines
	local prefix=kw-$RUN_ID-short
	grep -E ' (containerd|runc|crun)$' "$1" | awk '{ print $1, $1 }'
	! grep -q ' docker$' "$1" ||
		docker_cli ps -a --no-trunc --filter "name=$prefix" --format '{{.Names}} {{.ID}}'
	! grep -q ' podman-' "$1" ||
		podman_cli runc ps -a --no-trunc --filter "name=$prefix" --format '{{.Names}} {{.ID}}'
}

# Starts of programs that were lost, as the monitor counts them.
starts_lost() {
	jq -n '[inputs | select(.type == "loss") | .loss[] | select(.class == "process")
		| .lost + .busy + .limited] | max // 0' "$MONITOR_JSON"
}

# What is wrong with the first exec of each: one line each. Those that were not seen are fine as far as
# so many were counted as lost.
short_wrong() { # EXPECTED IDS
	local wrong unseen
	wrong=$(short_differs "$@")
	unseen=$(grep -c ': no exec seen$' <<<"$wrong")
	((unseen == 0 || unseen > $(starts_lost))) || wrong=$(grep -v ': no exec seen$' <<<"$wrong")
	[[ -z $wrong ]] || printf '%s\n' "$wrong"
}

short_differs() { # EXPECTED IDS
	grep -aF "kw-$RUN_ID-short-" "$MONITOR_JSON" | jq -r --rawfile expected "$1" \
		--rawfile ids "$2" -n '
		def table: split("\n") | map(select(. != "") | split(" ") | { (.[0]): .[1] }) | add // {};
		def product: if startswith("podman") then "podman" else . end;
		($expected | table) as $runtime | ($ids | table) as $id
		| reduce (inputs | select(.kind == "event" and .type == "exec"
			and .process.exe == "/bin/busybox" and .process.args[0] == "/bin/true"))
			as $e ({}; .[$e.process.args[1]] //= $e.container)
		| . as $seen | $runtime | keys[] | . as $name | $seen[$name]
		| if . == null then "\($name): no exec seen"
		  elif .name != $name or .id != $id[$name] or .runtime != ($runtime[$name] | product)
		  then "\($name) (\($id[$name])): \({ name, id, runtime, attribution })"
		  else empty end'
}

short_is_right() {
	[[ -z $(short_wrong "$@") ]]
}

remove_short() { # EXPECTED
	local names RT
	for RT in docker podman-runc podman-crun; do
		mapfile -t names < <(awk -v rt="$RT" '$2 == rt { print $1 }' "$1")
		((${#names[@]} > 0)) || continue
		case $RT in
		docker) docker_cli rm --force "${names[@]}" ;;
		*) podman_cli runc rm --force "${names[@]}" ;;
		esac >>"$RUNTIME_LOG" 2>&1
	done
	while read -r name RT; do
		case $RT in
		containerd | runc | crun) rt_call remove "$name" >>"$RUNTIME_LOG" 2>&1 ;;
		esac
	done <"$1"
}
