# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# Docker: a daemon of its own, which starts its own containerd.

DOCKER_DIR=$WORK/docker
DOCKER_PRIVILEGED= # set when this daemon can make privileged containers on this host

# With a limit: a dockerd that hangs is a failure, not the end of all that would follow.
docker_cli() {
	in_set timeout --foreground 120 docker --host "unix://$(set_path "$DOCKER_DIR/docker.sock")" "$@"
}

docker_start() {
	local dir
	dir=$(set_path "$DOCKER_DIR")
	mkdir -p "$DOCKER_DIR"
	"${IN_SET[@]}" dockerd --data-root "$dir/data" --exec-root "$dir/exec" \
		--pidfile "$dir/docker.pid" --host "unix://$dir/docker.sock" \
		--iptables=false --bridge=none >"$DOCKER_DIR/log" 2>&1 &
	at_exit "end_process $!"
	wait_until 30 docker_answers || { tail -n 1 "$DOCKER_DIR/log" && return 1; }
	docker_cli load -q -i "$(set_path "$IMAGE_TAR")" || return 1
	if docker_cli run --rm --network none --privileged "$IMAGE" true; then
		DOCKER_PRIVILEGED=1
	fi
	return 0
}

docker_answers() {
	docker_cli version >/dev/null 2>&1
}

docker_run() {
	local args=(run --name "$1" --network none) x
	[[ -n $o_read_only ]] && args+=(--read-only)
	[[ -n $o_privileged ]] && args+=(--privileged)
	[[ -n $o_user ]] && args+=(--user "$o_user")
	[[ -n $o_detach ]] && args+=(--detach)
	[[ -n $o_pid_host ]] && args+=(--pid host)
	[[ -n $o_unconfined ]] && args+=(--security-opt seccomp=unconfined
		--security-opt apparmor=unconfined --security-opt systempaths=unconfined)
	for x in "${o_caps[@]}"; do args+=(--cap-add "$x"); done
	for x in "${o_mounts[@]}"; do args+=(--volume "$x"); done
	for x in "${o_tmpfs[@]}"; do args+=(--tmpfs "$x"); done
	if [[ -n $o_detach ]]; then
		docker_cli "${args[@]}" "$IMAGE" "${o_command[@]}" >/dev/null
	else
		docker_cli "${args[@]}" "$IMAGE" "${o_command[@]}"
	fi
}

docker_exec() {
	local args=(exec)
	[[ -n $o_user ]] && args+=(--user "$o_user")
	[[ -n $o_privileged ]] && args+=(--privileged)
	docker_cli "${args[@]}" "$1" "${o_command[@]}"
}

docker_stop() {
	docker_cli stop -t 1 "$1"
}

docker_remove() {
	docker_cli rm --force --volumes "$1"
}

docker_id() {
	docker_cli inspect --type container --format '{{.Id}}' "$1"
}

docker_pid() {
	docker_cli inspect --type container --format '{{.State.Pid}}' "$1"
}

docker_root() {
	local format='{{.GraphDriver.Data.MergedDir}}'
	seen_path "$(docker_cli inspect --type container --format "$format" "$1")"
}
