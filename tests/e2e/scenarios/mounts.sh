# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
# Sensitive places of the host in a container: from its start, and mounted later.

GROUP_findings+=(
	host_root_mounted host_root_mounted_for_a_moment host_etc_mounted_read_only host_etc_mounted_by_another_name
	runtime_socket_mounted folder_of_a_runtime_socket_mounted harmless_folder_mounted
	mounted_later_kernel_file_systems mounted_later_kernel_file_systems_new_api
	mounted_later_host_path mounted_later_from_outside mounted_again_is_nothing_new
	mounted_later_block_device
	mounted_later_propagation mounted_later_from_the_host
)

# Starts a container with one mount, and expects that it is found at start.
mounted_at_start() { # SOURCE:TARGET[:ro] CONDITION [COMMAND [ARG]...]
	local name
	(($# > 2)) || set -- "$@" sleep 0.5
	name=$(new_name)
	rt_run "$name" --mount "$1" -- "${@:3}" || fail 'the container did not run'
	expect_finding "$name" sensitive-host-mount "$2"
	rt_remove "$name"
}

scenario_host_root_mounted() {
	mounted_at_start /:/host '.mount.target == "/host" and .mount.host_path == "/" and
		.severity == "critical" and .mount.read_only == false'
}

# Gone before anybody can look: what was declared tells.
scenario_host_root_mounted_for_a_moment() {
	mounted_at_start /:/host '(.message | test("/host")) and .severity == "critical"' true
}

scenario_host_etc_mounted_read_only() {
	mounted_at_start /etc:/host-etc:ro '.mount.target == "/host-etc" and
		.mount.host_path == "/etc" and .mount.read_only'
}

scenario_host_etc_mounted_by_another_name() {
	ln -sfnr /etc "$WORK/innocent"
	mounted_at_start "$WORK/innocent:/data:ro" \
		'.mount.target == "/data" and .mount.host_path == "/etc"'
}

scenario_runtime_socket_mounted() {
	[[ -S $DOCKER_DIR/docker.sock ]] || { skip 'no dockerd runs' && return; }
	mounted_at_start "$DOCKER_DIR/docker.sock:/data/x" \
		'.mount.target == "/data/x" and (.severity | IN("error", "critical"))'
}

scenario_folder_of_a_runtime_socket_mounted() {
	[[ -S $DOCKER_DIR/docker.sock ]] || { skip 'no dockerd runs' && return; }
	mkdir -p "$WORK/sockets/below"
	mountpoint -q "$WORK/sockets/below" || mount --bind "$DOCKER_DIR" "$WORK/sockets/below"
	mounted_at_start "$DOCKER_DIR:/data" '.mount.target == "/data"'
}

scenario_harmless_folder_mounted() {
	local name dir=$WORK/harmless-$RT
	name=$(new_name)
	mkdir -p "$dir"
	rt_run "$name" --mount "$dir:/data" --tmpfs /mnt -- sh -c 'echo x >/data/x; echo y >/mnt/y' ||
		fail 'the container did not run'
	expect_no_findings "$name"
	rt_remove "$name"
}

# --- later ---

MOUNTER=(--cap-add SYS_ADMIN --unconfined)

# Runs a command that mounts in a container that has run for a moment and goes on for one, long enough for
# a monitor that has to wait for a processor to read its table; what it says must be that it worked. The
# container's name is left in name.
mounted_later() { # COMMAND [SUFFIX]
	local said
	name=$(new_name "${2:-}")
	said=$(rt_run "$name" "${MOUNTER[@]}" "${EXTRA[@]}" -- sh -c "sleep 0.3; $1; sleep 1")
	grep -q ': ok$' <<<"$said" && ! grep -qv ': ok$' <<<"$said" ||
		fail "the container could not do it: $said"
}

on_target() { # TARGET FILE-SYSTEM
	echo ".mount.target == \"$1\" and .mount.filesystem == \"$2\""
}

# A file system is opened before it has a target: all there is to tell of a container that is gone by
# the time that the monitor gets to run.
on_target_or_opened() { # TARGET FILE-SYSTEM
	echo ".mount.filesystem == \"$2\" and (.mount.target == \"$1\" or
		(.mount.operation == \"fsopen\" and any(.evidence[]; .name == \"table\")))"
}

scenario_mounted_later_kernel_file_systems() {
	local name EXTRA=()
	mounted_later 'mkdir -p /mnt/p /mnt/s /mnt/c /mnt/o
		helper mount proc proc /mnt/p; helper mount sysfs sysfs /mnt/s
		helper mount cgroup2 cgroup /mnt/c; helper mount overlay overlay /mnt/o lowerdir=/bin:/etc'
	expect_finding "$name" sensitive-mount-runtime "$(on_target /mnt/p proc)" \
		"$(on_target /mnt/s sysfs)" "$(on_target /mnt/c cgroup2)" "$(on_target /mnt/o overlay)"
	rt_remove "$name"
}

scenario_mounted_later_kernel_file_systems_new_api() {
	local name EXTRA=()
	mounted_later 'mkdir -p /mnt/p /mnt/s /mnt/c /mnt/o
		helper mount-new proc /mnt/p; helper mount-new sysfs /mnt/s
		helper mount-new cgroup2 /mnt/c; helper mount-new overlay /mnt/o lowerdir=/bin:/etc'
	expect_finding "$name" sensitive-mount-runtime \
		"$(on_target_or_opened /mnt/p proc)" "$(on_target_or_opened /mnt/s sysfs)" \
		"$(on_target_or_opened /mnt/c cgroup2)" "$(on_target_or_opened /mnt/o overlay)"
	rt_remove "$name"
}

# A process of the container visits the host's mount namespace and brings something back.
scenario_mounted_later_host_path() {
	local name EXTRA=(--pid-host --cap-add SYS_PTRACE)
	mounted_later "helper take-mount $HOST_NS/mnt /etc /mnt"
	expect_finding "$name" sensitive-mount-runtime \
		'.mount.target == "/mnt" and .mount.host_path == "/etc" and (.message | test("outside") | not)'
	rt_remove "$name"
}

# A process of the host puts it there.
scenario_mounted_later_from_outside() {
	local name
	name=$(new_name)
	rt_run "$name" --detach -- sleep 100 || fail 'the container did not run'
	sleep 0.3
	wait_for_monitor
	"$HELPER" give-mount "/proc/$(rt_pid "$name")/ns/mnt" /etc /mnt | grep -q ': ok$' ||
		fail 'it could not be mounted'
	expect_finding "$name" sensitive-mount-runtime \
		'.mount.target == "/mnt" and .mount.host_path == "/etc"'
	rt_remove "$name"
}

scenario_mounted_again_is_nothing_new() {
	local name EXTRA=(--mount /etc:/host-etc:ro)
	mounted_later 'helper bind-mount /host-etc /mnt; helper bind-mount-new /host-etc /data'
	expect_finding "$name" sensitive-host-mount '.mount.target == "/host-etc"'
	expect_no_findings "$name" sensitive-mount-runtime
	rt_remove "$name"
}

scenario_mounted_later_block_device() {
	local name loop numbers
	skip_unless_privileged && return
	loop=$(loop_device) || { skip 'the host gives no loop device' && return; }
	numbers=$((0x$(stat -c %t "$loop"))):$((0x$(stat -c %T "$loop")))
	name=$(new_name)
	rt_run "$name" --privileged -- sh -c "mknod /data/disk b ${numbers/:/ } &&
		helper mount ext2 /data/disk /mnt" | grep -q ': ok$' ||
		fail 'the container could not mount it'
	expect_finding "$name" sensitive-mount-runtime \
		'.mount.target == "/mnt" and (.severity | IN("error", "critical"))'
	rt_remove "$name"
}

# A loop device with an empty ext2 on it, the same one each time: prints its path.
loop_device() {
	(
		flock 9
		if [[ ! -e $WORK/loop ]]; then
			truncate -s 8M "$WORK/disk" && busybox mke2fs -F "$WORK/disk" &&
				losetup --find --show "$WORK/disk" >"$WORK/loop.new" || exit 1
			mv "$WORK/loop.new" "$WORK/loop"
		fi >>"$RUNTIME_LOG" 2>&1
		cat "$WORK/loop"
	) 9>"$WORK/loop.lock"
}

at_exit '[[ ! -e $WORK/loop ]] || losetup -d "$(cat "$WORK/loop")"'

scenario_mounted_later_propagation() {
	local name EXTRA=()
	mounted_later 'helper make-shared /'
	expect_finding "$name" sensitive-mount-runtime '.mount.propagation == "shared" or
		(.message | test("shared"))'
	rt_remove "$name"
	mounted_later 'helper make-shared-new /' new-api
	expect_finding "$name" sensitive-mount-runtime '.mount.propagation == "shared" or
		(.message | test("shared"))'
	rt_remove "$name"
}

# A slave of the host's mount gets what the host mounts there.
scenario_mounted_later_from_the_host() {
	local name shared=$WORK/shared-$RT
	name=$(new_name)
	mkdir -p "$shared"
	mount -t tmpfs tmpfs "$shared" && mount --make-shared "$shared" || fail 'no shared mount'
	mkdir "$shared/below"
	if ! rt_run "$name" --mount "$shared:/data:rslave" --detach -- sleep 100; then
		fail 'the container did not run'
	elif [[ $RT == *crun ]] && ! grep -q ' /data .* master:' "/proc/$(rt_pid "$name")/mountinfo"; then
		skip 'crun runs in a mount namespace of its own here: nothing is passed on'
	else
		sleep 0.3
		wait_for_monitor
		# Not /etc: it would have a second name, which other scenarios might be told of.
		mount --bind /root "$shared/below"
		expect_finding "$name" sensitive-mount-runtime '.mount.target == "/data/below"'
		umount "$shared/below"
	fi
	rt_remove "$name"
	umount -l "$shared"
}
