# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# podman over runc and over crun, with storage of its own.

# Lower than podman's own, which not every root may set.
PODMAN_LIMITS=(--ulimit nofile=1024:1024 --ulimit nproc=1024:1024)
PODMAN_DIR=$WORK/podman

# crun refuses a hybrid cgroup layout: it gets one with the v2 tree hidden from it. The program
# that it then is has its own name and path all the same.
crun_program() {
	local v2
	v2=$(findmnt -rno TARGET -t cgroup2 | head -n 1)
	if [[ $v2 != /sys/fs/cgroup/* ]]; then
		echo crun
		return
	fi
	mkdir -p "$WORK/bin"
	cat >"$WORK/bin/crun.new" <<-END
		#!/bin/sh
		exec unshare -m sh -c 'umount $v2; exec $(in_set sh -c 'command -v crun') "\$@"' crun "\$@"
	END
	chmod +x "$WORK/bin/crun.new"
	mv "$WORK/bin/crun.new" "$WORK/bin/crun"
	set_path "$WORK/bin/crun"
}

podman_cli() { # OCI-RUNTIME [ARG]...
	local oci=$1 dir
	dir=$(set_path "$PODMAN_DIR")
	shift
	in_set podman --root "$dir/root" --runroot "$dir/run" --tmpdir "$dir/tmp" \
		--cgroup-manager cgroupfs --events-backend none --runtime "$oci" "$@"
}

podman_load() { # OCI-RUNTIME
	mkdir -p "$PODMAN_DIR"
	podman_cli "$1" image exists "$IMAGE" ||
		podman_cli "$1" load -q -i "$(set_path "$IMAGE_TAR")" || return 1
	podman_cli "$1" run --rm --network none "${PODMAN_LIMITS[@]}" "$IMAGE" true
}

podman_run() { # OCI-RUNTIME NAME
	local args=(run --name "$2" --network none "${PODMAN_LIMITS[@]}") x
	[[ -n $o_read_only ]] && args+=(--read-only --read-only-tmpfs=false)
	[[ -n $o_privileged ]] && args+=(--privileged)
	[[ -n $o_user ]] && args+=(--user "$o_user")
	[[ -n $o_detach ]] && args+=(--detach)
	[[ -n $o_pid_host ]] && args+=(--pid host)
	[[ -n $o_unconfined ]] && args+=(--security-opt seccomp=unconfined
		--security-opt unmask=ALL)
	for x in "${o_caps[@]}"; do args+=(--cap-add "$x"); done
	for x in "${o_mounts[@]}"; do args+=(--volume "$x"); done
	for x in "${o_tmpfs[@]}"; do args+=(--tmpfs "$x"); done
	if [[ -n $o_detach ]]; then
		podman_cli "$1" "${args[@]}" "$IMAGE" "${o_command[@]}" >/dev/null
	else
		podman_cli "$1" "${args[@]}" "$IMAGE" "${o_command[@]}"
	fi
}

podman_exec() { # OCI-RUNTIME NAME
	local args=(exec)
	[[ -n $o_user ]] && args+=(--user "$o_user")
	[[ -n $o_privileged ]] && args+=(--privileged)
	podman_cli "$1" "${args[@]}" "$2" "${o_command[@]}"
}

podman_runc_start() { podman_load runc; }
podman_runc_run() { podman_run runc "$1"; }
podman_runc_exec() { podman_exec runc "$1"; }
podman_runc_stop() { podman_cli runc stop -t 1 "$1"; }
podman_runc_remove() { podman_cli runc rm --force -t 0 --volumes "$1"; }
podman_runc_id() { podman_cli runc inspect --type container --format '{{.Id}}' "$1"; }
podman_runc_pid() { podman_cli runc inspect --type container --format '{{.State.Pid}}' "$1"; }
podman_runc_root() { seen_path "$(podman_cli runc mount "$1")"; }

podman_crun_start() {
	CRUN=$(crun_program)
	podman_load "$CRUN"
}
podman_crun_run() { podman_run "$CRUN" "$1"; }
podman_crun_exec() { podman_exec "$CRUN" "$1"; }
podman_crun_stop() { podman_cli "$CRUN" stop -t 1 "$1"; }
podman_crun_remove() { podman_cli "$CRUN" rm --force -t 0 --volumes "$1"; }
podman_crun_id() { podman_runc_id "$1"; }
podman_crun_pid() { podman_runc_pid "$1"; }
podman_crun_root() { seen_path "$(podman_cli "$CRUN" mount "$1")"; }
