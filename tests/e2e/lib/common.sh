# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What everything here stands on: the work folder, cleaning up, waiting, and the words of the host.

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
# shellcheck disable=SC2034
KEELWATCH=${KEELWATCH:-$TOP/build/keelwatch}
HELPER=${HELPER:-$TOP/build/e2e/helper}
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

RUN_ID=$$ # part of every container's name: names stay unique across runs
WORK=$(mktemp -d "${TMPDIR:-/tmp}/keelwatch-e2e.XXXXXX")
CLEANUP=()
# Namespaces of a process of the host, this one. (Some hosts let nobody look at process 1.)
# shellcheck disable=SC2034
HOST_NS=/proc/$$/ns

say() {
	printf '%s\n' "$*"
}

die() {
	printf 'e2e: %s\n' "$*" >&2
	exit 1
}

# Runs a command line at the end; the last one given runs first.
at_exit() {
	CLEANUP+=("$1")
}

clean_up() {
	local i
	trap - EXIT INT TERM
	for ((i = ${#CLEANUP[@]} - 1; i >= 0; i--)); do
		eval "${CLEANUP[i]}" >>"$WORK/cleanup.log" 2>&1 || true
	done
	unmount_below "$WORK"
	remove_cgroups
	if [[ -n ${KEEP:-} ]]; then
		say "e2e: logs are kept in $WORK"
	else
		rm -rf --one-file-system "$WORK"
	fi
}

unmount_below() { # FOLDER
	local target
	while IFS= read -r target; do
		umount -l "$target" || true
	done < <(findmnt -rno TARGET | grep -F "$1/" | LC_ALL=C sort -r)
}

# --- cgroups: those that a run leaves, empty, at the top of each hierarchy ---

cgroup_tops() {
	local mount
	while IFS= read -r mount; do
		find "$mount" -mindepth 1 -maxdepth 1 -type d 2>/dev/null
	done < <(findmnt -rno TARGET -t cgroup,cgroup2) | LC_ALL=C sort
}

remember_cgroups() {
	cgroup_tops >"$WORK/cgroups.before"
}

# Those of this run's containers with what is below; of the runtimes' own, which other daemons may
# use too, only what is new. rmdir refuses what is in use. Nothing else is touched: others may be
# making cgroups at the same time.
remove_cgroups() {
	local dir
	[[ -e $WORK/cgroups.before ]] || return 0
	while IFS= read -r dir; do
		case ${dir##*/} in
		kw-"$RUN_ID"-* | keelwatch-probe-"$RUN_ID")
			find "$dir" -depth -type d -exec rmdir {} + || true
			;;
		docker | default | k8s.io | libpod_parent)
			rmdir "$dir/conmon" "$dir" || true
			;;
		esac 2>/dev/null
	done < <(cgroup_tops | LC_ALL=C comm -13 "$WORK/cgroups.before" -)
}

# --- waiting ---

# Until the command succeeds, or SECONDS are over.
wait_until() { # SECONDS COMMAND [ARG]...
	local end=$((${EPOCHREALTIME/./} + ${1%.*} * 1000000))
	shift
	until "$@"; do
		((${EPOCHREALTIME/./} < end)) || return 1
		sleep 0.05
	done
}

# Ends a process that was started here, with mercy first.
end_process() { # PID
	local i
	kill -TERM "$1" 2>/dev/null || return 0
	for ((i = 0; i < 100; i++)); do
		kill -0 "$1" 2>/dev/null || return 0
		sleep 0.05
	done
	kill -KILL "$1" 2>/dev/null || true
}

# --- capabilities ---

CAPABILITY_NAMES=(
	CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE
	NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO
	SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME
	SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG
	WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE
)

# What docker gives a container.
DEFAULT_CAPABILITIES=(
	CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP
	NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE
)

# Those that this host can give; some hosts lack a few.
host_capabilities() {
	local bits i
	bits=$((16#$(awk '$1 == "CapBnd:" { print $2 }' /proc/self/status)))
	for ((i = 0; i < ${#CAPABILITY_NAMES[@]}; i++)); do
		((bits >> i & 1)) && printf '%s\n' "${CAPABILITY_NAMES[i]}"
	done
	return 0
}
