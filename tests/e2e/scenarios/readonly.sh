# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
# Writes on read-only containers: refused, let through elsewhere, the protection undone.

GROUP_findings+=(
	readonly_write_attempt readonly_write_attempts_are_folded readonly_uring readonly_looks_are_no_writes
	readonly_writable_tmpfs readonly_writable_host_path readonly_writable_volume
	readonly_remount readonly_mount_setattr readonly_mount_over readonly_mount_over_new_api
	readonly_pivot_root readonly_write_through_merged_folder
	readonly_write_through_proc_root
)

# What undoing it takes.
UNDO=(--read-only --cap-add SYS_ADMIN --unconfined)

scenario_readonly_write_attempt() {
	local name
	name=$(new_name)
	rt_run "$name" --read-only -- helper writes / >/dev/null || fail 'the container did not run'
	local refused='.file.error == "EROFS" and .severity == "warning" and .process.exe == "/bin/helper"
		and .process.pid > 1 and (.process.args | index("writes")) and .container.read_only
		and .technique != null and (.ancestors | length) > 0'
	local op path conditions=() operations=(create:new-creat open:file create:new-open truncate:file
		mkdir:new-mkdir rmdir:dir unlink:file rename:file link:file.link symlink:new-symlink
		mknod:new-mknod chmod:file chown:file utime:file setxattr:file removexattr:file
		bind:new-bind)
	for op in "${operations[@]}"; do
		path=/${op#*:} op=${op%%:*}
		# Where the call's own word is all there is, opening for a new file may count as open.
		[[ $op == create ]] && op='create|open'
		[[ $op == truncate ]] && op='truncate|open'
		conditions+=("(.file.operation | test(\"^($op)\$\")) and .file.path == \"$path\" and $refused")
	done
	expect_finding "$name" readonly-write-attempt "${conditions[@]}"
	rt_remove "$name"
}

scenario_readonly_write_attempts_are_folded() {
	local name lines
	name=$(new_name)
	rt_run "$name" --read-only -- sh -c 'for i in $(seq 50); do helper mkdir /again; done' \
		>/dev/null || fail 'the container did not run'
	expect_finding "$name" readonly-write-attempt '.file.path == "/again" and .count >= 50'
	lines=$(matches "$name" finding '.file.path == "/again"' | wc -l)
	((lines <= 10)) || fail "50 equal attempts made $lines lines"
	rt_remove "$name"
}

# By tracepoints the hooks come when the collector has seen the container: a moment.
scenario_readonly_uring() {
	local name said deed path conditions=()
	name=$(new_name)
	said=$(rt_run "$name" --read-only --unconfined -- sh -c \
		'sleep 1; for deed in "open /file" "unlink /file" "mkdir /new" "rename /dir"; do helper uring-$deed; done') || :
	while read -r deed path; do
		conditions+=(".file.error == \"EROFS\" and .file.path == \"$path\" and
			.process.exe == \"/bin/helper\" and .process.args[1] == \"$deed\"")
	done < <(sed -n 's/^\(uring-[a-z]*\) \(.*\): EROFS$/\1 \2/p' <<<"$said")
	if ((${#conditions[@]} == 0)); then
		skip "there is no io_uring here: $(head -n 1 <<<"$said")"
	else
		expect_finding "$name" readonly-write-attempt "${conditions[@]}"
	fi
	rt_remove "$name"
}

scenario_readonly_looks_are_no_writes() {
	local name
	name=$(new_name)
	rt_run "$name" --read-only -- sh -c \
		'helper access-write / /file /etc; helper open-rdonly-creat /file; test -w /etc' \
		>/dev/null
	expect_no_findings "$name"
	rt_remove "$name"
}

scenario_readonly_writable_tmpfs() {
	local name
	name=$(new_name)
	rt_run "$name" --read-only --tmpfs /tmp -- \
		sh -c 'helper write-file /tmp/one; helper write-file /tmp/two' >/dev/null ||
		fail 'the container did not run'
	expect_finding "$name" readonly-writable-path '.severity == "info" and
		.file.mount_point == "/tmp" and .file.mount_class == "tmpfs" and .file.path == "/tmp/one"'
	! has_match "$name" finding '.file.path == "/tmp/two"' || fail 'the second write is told as well'
	rt_remove "$name"
}

scenario_readonly_writable_host_path() {
	local name dir=$WORK/harmless-$RT
	name=$(new_name)
	mkdir -p "$dir"
	rt_run "$name" --read-only --mount "$dir:/data" -- helper write-file /data/kept >/dev/null ||
		fail 'the container did not run'
	expect_finding "$name" readonly-writable-path '.severity == "warning" and
		.file.mount_point == "/data" and .file.mount_class == "host"' \
		".file.host_path == \"$dir/kept\""
	rt_remove "$name"
}

scenario_readonly_writable_volume() {
	local name
	case $RT in
	docker | podman-*) ;;
	*) not_for_this_runtime && return ;;
	esac
	name=$(new_name)
	rt_run "$name" --read-only --mount "kw-volume-$RT:/data" -- \
		helper write-file /data/kept >/dev/null || fail 'the container did not run'
	expect_finding "$name" readonly-writable-path '.severity == "info" and
		.file.mount_point == "/data" and .file.mount_class == "volume"'
	rt_remove "$name"
}

# Runs "${UNDO[@]}" with a command that undoes it, and expects that it was seen.
undone_by() { # CONDITION COMMAND-LINE
	local name condition=$1 said
	name=$(new_name)
	said=$(rt_run "$name" "${UNDO[@]}" --tmpfs /mnt -- sh -c "sleep 0.3; $2; /bin/helper sleep 0.3")
	if ! grep -q ': ok$' <<<"$said"; then
		fail "the container could not do it: $said"
	fi
	expect_finding "$name" readonly-defeated ".severity == \"critical\" and ($condition)"
	rt_remove "$name"
}

scenario_readonly_remount() {
	undone_by '.mount.target == "/"' 'helper remount-rw /; helper write-file /new'
}

scenario_readonly_mount_setattr() {
	undone_by '.mount.target == "/"' 'helper setattr-rw /; helper write-file /new'
}

scenario_readonly_mount_over() {
	undone_by '.mount.target == "/etc" and .mount.filesystem == "tmpfs"' 'helper mount-tmpfs /etc'
}

scenario_readonly_mount_over_new_api() {
	undone_by '.mount.target == "/etc" and .mount.filesystem == "tmpfs"' \
		'helper mount-new tmpfs /etc'
}

scenario_readonly_pivot_root() {
	undone_by true 'mkdir -p /mnt/old /mnt/bin && cp /bin/helper /mnt/bin &&
		helper pivot-root /mnt /mnt/old'
}

# --- from outside the container ---

scenario_readonly_write_through_merged_folder() {
	local name root
	name=$(new_name)
	rt_run "$name" --read-only --detach -- sleep 100 || fail 'the container did not run'
	root=$(rt_root "$name")
	if [[ ! -d $root ]]; then
		fail "the container's root is not to be seen at ${root:-(unknown)}"
	else
		wait_for_monitor
		/bin/bash -c 'echo here >"$1/from-outside"' writer "$root"
		expect_finding "$name" readonly-defeated '.severity == "critical" and
			(.file.path // "" | endswith("/from-outside")) and .process.comm == "bash"'
	fi
	rt_remove "$name"
}

scenario_readonly_write_through_proc_root() {
	local name pid
	name=$(new_name)
	rt_run "$name" --read-only --detach -- sleep 100 || fail 'the container did not run'
	pid=$(rt_pid "$name")
	nsenter -t "$pid" -m /bin/helper remount-rw / >/dev/null || fail 'nsenter did not work'
	wait_for_monitor
	/bin/bash -c 'echo here >"$1/from-outside"' writer "/proc/$pid/root"
	expect_finding "$name" readonly-defeated '.severity == "critical" and
		(.file.path // "" | endswith("/from-outside")) and .process.comm == "bash"'
	rt_remove "$name"
}
