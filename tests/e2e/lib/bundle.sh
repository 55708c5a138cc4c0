# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# runc and crun by themselves, on bundles made here.

BUNDLES=$WORK/bundles

# A bundle's config.json: what `runc spec` writes, with docker's default capabilities and masks,
# and what the o_ variables say.
bundle_config() { # ROOT-PATH
	local caps=("${DEFAULT_CAPABILITIES[@]}" "${o_caps[@]}") user=${o_user:-0}
	[[ -n $o_privileged ]] && mapfile -t caps < <(host_capabilities)
	[[ $user == app ]] && user=1000
	jq --arg root "$1" --argjson uid "$user" --arg read_only "$o_read_only" \
		--arg privileged "$o_privileged" --arg unconfined "$o_unconfined" \
		--arg pid_host "$o_pid_host" \
		--argjson caps "$(jq -n '$ARGS.positional | map("CAP_" + .)' --args "${caps[@]}")" \
		--argjson binds "$(jq -n '$ARGS.positional' --args "${o_mounts[@]}")" \
		--argjson tmpfs "$(jq -n '$ARGS.positional' --args "${o_tmpfs[@]}")" \
		--argjson notes "$(jq -n '$ARGS.positional' --args "${o_annotations[@]}")" \
		--argjson command "$(jq -n '$ARGS.positional' --args -- "${o_command[@]}")" '
		.root = { path: $root, readonly: ($read_only != "") }
		| .hostname = "keelwatch-e2e"
		| .process.terminal = false
		| .process.noNewPrivileges = false
		| del(.process.rlimits)
		| .process.env = ["PATH=/bin"]
		| .process.user = { uid: $uid, gid: $uid }
		| .process.args = $command
		| .process.capabilities |= { bounding: $caps }
		| if $uid == 0 then .process.capabilities |= . + { permitted: $caps, effective: $caps }
		  else . end
		| .annotations = ($notes | map(capture("(?<key>[^=]*)=(?<value>.*)"; "s")) | from_entries)
		| .mounts += [$tmpfs[] | { destination: ., type: "tmpfs", source: "tmpfs",
			options: ["nosuid", "nodev"] }]
		| .mounts += [$binds[] | split(":") | { source: .[0], destination: .[1], type: "bind",
			options: ["rbind", .[2] // "rw"] }]
		| if $pid_host != "" then
			.linux.namespaces |= map(select(.type != "pid")) else . end
		| if $unconfined != "" or $privileged != "" then
			del(.linux.maskedPaths, .linux.readonlyPaths) else . end
		| if $privileged != "" then
			.mounts |= map(if .type == "sysfs" or .type == "cgroup"
				then .options |= map(select(. != "ro")) else . end)
			| .linux.resources.devices = [{ allow: true, access: "rwm" }]
		  else . end' "$WORK/spec.json"
}

# The template of every bundle.
make_specification() {
	mkdir -p "$BUNDLES"
	in_set runc spec --bundle "$(set_path "$BUNDLES")" &&
		mv "$BUNDLES/config.json" "$WORK/spec.json"
}

bundle_start() { # runc or crun
	rt_parse -- /bin/true
	"${1}_run" "keelwatch-probe-$RUN_ID" || return 1
	"${1}_remove" "keelwatch-probe-$RUN_ID"
	return 0
}

# A bundle with a root file system of its own, or with what BUNDLE_ROOTFS names: prints its folder.
BUNDLE_ROOTFS=
bundle_make() { # NAME
	local bundle=$BUNDLES/$1
	mkdir -p "$bundle"
	[[ -n $BUNDLE_ROOTFS ]] || cp -a "$ROOTFS" "$bundle/rootfs"
	bundle_config "$(set_path "${BUNDLE_ROOTFS:-$bundle/rootfs}")" >"$bundle/config.json"
	echo "$bundle"
}

bundle_run() { # PROGRAM NAME
	local bundle
	bundle=$(bundle_make "$2") || return 1
	if [[ -n $o_detach ]]; then
		in_set "$1" run --detach --bundle "$(set_path "$bundle")" "$2" \
			</dev/null >"$bundle/out" 2>&1 ||
			{ cat "$bundle/out" >&2 && return 1; }
	else
		in_set "$1" run --bundle "$(set_path "$bundle")" "$2" </dev/null
	fi
}

bundle_exec() { # PROGRAM NAME
	local args=(exec) cap
	case $o_user in
	'') ;;
	app) args+=(--user 1000:1000) ;;
	*) args+=(--user "$o_user:$o_user") ;;
	esac
	if [[ -n $o_privileged ]]; then
		for cap in $(host_capabilities); do args+=(--cap "CAP_$cap"); done
	fi
	in_set "$1" "${args[@]}" "$2" "${o_command[@]}" </dev/null
}

bundle_stop() { # PROGRAM NAME
	in_set "$1" kill "$2" TERM
	wait_until 1 bundle_stopped "$1" "$2" || in_set "$1" kill "$2" KILL
	wait_until 3 bundle_stopped "$1" "$2"
}

bundle_stopped() { # PROGRAM NAME
	[[ $(in_set "$1" state "$2" | jq -r .status) == stopped ]]
}

bundle_remove() { # PROGRAM NAME
	in_set "$1" delete --force "$2"
	rm -rf --one-file-system "${BUNDLES:?}/$2"
}

bundle_pid() { # PROGRAM NAME
	in_set "$1" state "$2" | jq .pid
}

runc_start() { bundle_start runc; }
runc_run() { bundle_run runc "$1"; }
runc_exec() { bundle_exec runc "$1"; }
runc_stop() { bundle_stop runc "$1"; }
runc_remove() { bundle_remove runc "$1"; }
runc_id() { echo "$1"; }
runc_pid() { bundle_pid runc "$1"; }
runc_root() { echo "$BUNDLES/$1/rootfs"; }

crun_start() {
	CRUN=$(crun_program)
	bundle_start crun
}
crun_run() { bundle_run "$CRUN" "$1"; }
crun_exec() { bundle_exec "$CRUN" "$1"; }
crun_stop() { bundle_stop "$CRUN" "$1"; }
crun_remove() { bundle_remove "$CRUN" "$1"; }
crun_id() { echo "$1"; }
crun_pid() { bundle_pid "$CRUN" "$1"; }
crun_root() { echo "$BUNDLES/$1/rootfs"; }
