# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# containerd, driven by ctr: a daemon with folders of its own.

CONTAINERD_DIR=$WORK/containerd
CONTAINERD_NAMESPACE=default

ctr_cli() {
	in_set ctr --address "$(set_path "$CONTAINERD_DIR/containerd.sock")" \
		--namespace "$CONTAINERD_NAMESPACE" "$@"
}

containerd_start() {
	local namespace dir
	dir=$(set_path "$CONTAINERD_DIR")
	mkdir -p "$CONTAINERD_DIR"
	cat >"$CONTAINERD_DIR/config.toml" <<-END
		version = 2
		root = "$dir/root"
		state = "$dir/state"
		disabled_plugins = ["io.containerd.grpc.v1.cri"]
		[grpc]
		  address = "$dir/containerd.sock"
		[ttrpc]
		  address = "$dir/containerd.sock.ttrpc"
	END
	"${IN_SET[@]}" containerd --config "$dir/config.toml" >"$CONTAINERD_DIR/log" 2>&1 &
	at_exit "end_process $!"
	wait_until 20 containerd_answers || { tail -n 1 "$CONTAINERD_DIR/log" && return 1; }
	for namespace in k8s.io default; do
		CONTAINERD_NAMESPACE=$namespace
		ctr_cli images import "$(set_path "$IMAGE_TAR")" || return 1
	done
}

containerd_answers() {
	ctr_cli version >/dev/null 2>&1
}

# ctr 1.6 cannot start a container as another user: it gets a whole specification instead, and then
# knows of no image.
containerd_run_specified() { # NAME
	local bundle=$CONTAINERD_DIR/bundles/$1 args=(run)
	mkdir -p "$bundle"
	cp -a "$ROOTFS" "$bundle/rootfs"
	bundle_config "$(set_path "$bundle/rootfs")" |
		jq --arg path "/$CONTAINERD_NAMESPACE/$1" '.linux.cgroupsPath = $path' >"$bundle/config.json"
	: >"$WORK/removed/$1.no-image"
	[[ -n $o_detach ]] && args+=(--detach --null-io)
	ctr_cli "${args[@]}" --config "$(set_path "$bundle/config.json")" "$1" </dev/null
}

containerd_run() {
	if [[ -n $o_user ]]; then
		containerd_run_specified "$1"
		return
	fi
	# Without --allow-new-privs ctr sets no_new_privs, unlike every other runtime here.
	local args=(run --allow-new-privs) x source target options
	[[ -n $o_read_only ]] && args+=(--read-only)
	[[ -n $o_privileged ]] && args+=(--privileged)
	[[ -n $o_detach ]] && args+=(--detach --null-io)
	[[ -n $o_pid_host ]] && args+=(--with-ns "pid:$HOST_NS/pid")
	for x in "${o_caps[@]}"; do args+=(--cap-add "CAP_$x"); done
	for x in "${o_annotations[@]}"; do args+=(--annotation "$x"); done
	for x in "${o_tmpfs[@]}"; do args+=(--mount "type=tmpfs,src=tmpfs,dst=$x,options=nosuid"); done
	for x in "${o_mounts[@]}"; do
		IFS=: read -r source target options <<<"$x"
		args+=(--mount "type=bind,src=$source,dst=$target,options=rbind:${options:-rw}")
	done
	ctr_cli "${args[@]}" "$IMAGE" "$1" "${o_command[@]}" </dev/null
}

containerd_exec() {
	local args=(task exec --exec-id "exec-$RANDOM$RANDOM")
	[[ -n $o_user ]] && args+=(--user "$o_user")
	ctr_cli "${args[@]}" "$1" "${o_command[@]}" </dev/null
}

containerd_stop() {
	ctr_cli task kill --signal TERM "$1"
	wait_until 1 containerd_stopped "$1" || ctr_cli task kill --signal KILL "$1"
	wait_until 3 containerd_stopped "$1"
}

containerd_stopped() {
	ctr_cli task ls | awk -v name="$1" '$1 == name && $3 == "RUNNING" { found = 1 }
		END { exit found }'
}

containerd_remove() {
	ctr_cli task rm --force "$1"
	ctr_cli container rm "$1"
	rm -rf --one-file-system "$CONTAINERD_DIR/bundles/$1"
}

containerd_id() {
	echo "$1"
}

containerd_pid() {
	ctr_cli task ls | awk -v name="$1" '$1 == name { print $2 }'
}

containerd_root() {
	local tasks=$CONTAINERD_DIR/state/io.containerd.runtime.v2.task
	seen_path "$(set_path "$tasks/$CONTAINERD_NAMESPACE/$1/rootfs")"
}
