# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC3043,SC2034
#
# For the scenarios in the virtual machine (busybox ash): containers of runc, and what is expected to
# be said of them. Deeds come first and are judged together when the monitor has ended, by one run of
# jq: what should not come has had all the time there was, and nothing waits.

CONTAINERS=/run/containers
ALL_CAPABILITIES='CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP
LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE
SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME
SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM
BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE'
# What docker gives.
DEFAULT_CAPABILITIES='CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP
NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE'

# --- what is expected of a scenario ---

# A string of JSON.
quoted() { # TEXT
	printf '"%s"' "$(printf '%s' "$1" | sed 's/[\\"]/\\&/g; s/\t/\\t/g' | awk '
		{ printf "%s%s", (NR > 1 ? "\\n" : ""), $0 }')"
}

expectation() { # TEXT JQ-TEST CONTAINER
	printf '{ scenario: %s, what: %s, container: %s, holds: (%s) },\n' "$(quoted "$SCENARIO")" \
		"$(quoted "$1")" "$(quoted "$(name_of "$3")")" "$2" >>"$EXPECTED"
}

fail() {
	expectation "$*" false ''
}

# In a scenario: skip 'why'; return
skip() {
	echo "$SCENARIO $*" >>"$SKIPPED"
}

# The name of a scenario's container: a word of its own is enough within the scenario. The same
# scenario may run by one way after the other.
name_of() { # WORD
	echo "vm-$SCENARIO${WAY:+-$WAY}${1:+-$1}"
}

expect_finding() { # WORD RULE [JQ-CONDITION]
	expectation "$2: ${3:-any}" "any(findings($(quoted "$(name_of "$1")")); .rule == \"$2\"
		and (${3:-true}))" "$1"
}

expect_no_finding() { # WORD [RULE]...; without a rule: none at all
	local word=$1 rule
	shift
	[ $# -gt 0 ] || expectation 'no finding' \
		"[findings($(quoted "$(name_of "$word")"))] == []" "$word"
	for rule; do
		expectation "no $rule" "any(findings($(quoted "$(name_of "$word")"));
			.rule == \"$rule\") | not" "$word"
	done
}

expect_event() { # WORD JQ-CONDITION   (a scenario with: monitor: all)
	expectation "event: $2" "any(events($(quoted "$(name_of "$1")")); $2)" "$1"
}

# --- containers ---

# A list of JSON strings, one a word.
json_capabilities() { # NAME...
	local first='' name
	for name; do
		printf '%s"CAP_%s"' "$first" "$name"
		first=,
	done
}

json_mount() { # TARGET TYPE SOURCE OPTIONS
	printf ',{"destination":%s,"type":"%s","source":%s,"options":[%s]}' "$(quoted "$1")" "$2" \
		"$(quoted "$3")" "$4"
}

# What o_ variables say, as runc's config.json.
config() {
	local caps effective user=${o_user:-0} ro=',"ro"' masks devices=false pid='{"type":"pid"},'
	# shellcheck disable=SC2086
	caps=$(json_capabilities $DEFAULT_CAPABILITIES $o_caps)
	masks='"maskedPaths":["/proc/kcore","/proc/keys","/proc/timer_list","/sys/firmware"],
		"readonlyPaths":["/proc/bus","/proc/fs","/proc/irq","/proc/sys","/proc/sysrq-trigger"],'
	[ -z "$o_unmasked$o_privileged" ] || masks=
	# shellcheck disable=SC2086
	[ -z "$o_privileged" ] || { caps=$(json_capabilities $ALL_CAPABILITIES) ro='' devices=true; }
	[ -z "$o_pid_host" ] || pid=
	[ "$user" != 0 ] || effective=",\"permitted\":[$caps],\"effective\":[$caps]"
	cat <<-END
		{"ociVersion":"1.0.2","hostname":"keelwatch-vm",
		"process":{"user":{"uid":$user,"gid":$user},"args":[$o_command],"env":["PATH=/bin"],
		"cwd":"/","capabilities":{"bounding":[$caps]${effective:-}}},
		"root":{"path":"root","readonly":${o_read_only:-false}},
		"mounts":[{"destination":"/proc","type":"proc","source":"proc"},
		{"destination":"/dev","type":"tmpfs","source":"tmpfs",
		"options":["nosuid","strictatime","mode=755","size=65536k"]},
		{"destination":"/dev/pts","type":"devpts","source":"devpts",
		"options":["nosuid","noexec","newinstance","ptmxmode=0666","mode=0620","gid=5"]},
		{"destination":"/dev/shm","type":"tmpfs","source":"shm",
		"options":["nosuid","noexec","nodev","mode=1777","size=65536k"]},
		{"destination":"/sys","type":"sysfs","source":"sysfs",
		"options":["nosuid","noexec","nodev"$ro]},
		{"destination":"/sys/fs/cgroup","type":"cgroup","source":"cgroup",
		"options":["nosuid","noexec","nodev","relatime"$ro]}$o_mounts],
		"linux":{"resources":{"devices":[{"allow":$devices,"access":"rwm"}]},$masks
		"namespaces":[$pid{"type":"mount"},{"type":"ipc"},{"type":"uts"},{"type":"network"},
		{"type":"cgroup"}]}}
	END
}

container_options() { # sets the o_ variables and taken, the number of words it took
	local source target options
	o_read_only='' o_privileged='' o_unmasked='' o_detach='' o_pid_host='' o_user='' o_caps=''
	o_mounts='' o_command='' taken=0
	while [ "$1" != -- ]; do
		case $1 in
		--read-only) o_read_only=true ;;
		--privileged) o_privileged=1 ;;
		--unmasked) o_unmasked=1 ;;
		--detach) o_detach=--detach ;;
		--pid-host) o_pid_host=1 ;;
		--user) o_user=$2 && shift && taken=$((taken + 1)) ;;
		--cap) o_caps="$o_caps $2" && shift && taken=$((taken + 1)) ;;
		--tmpfs)
			o_mounts=$o_mounts$(json_mount "$2" tmpfs tmpfs '"nosuid","nodev"')
			shift && taken=$((taken + 1))
			;;
		--mount) # SOURCE:TARGET[:OPTION]
			source=${2%%:*} target=${2#*:} options=rw
			case $target in *:*) options=${target#*:} target=${target%%:*} ;; esac
			o_mounts=$o_mounts$(json_mount "$target" bind "$source" "\"rbind\",\"$options\"")
			shift && taken=$((taken + 1))
			;;
		*) fail "container: no such option: $1" ;;
		esac
		shift && taken=$((taken + 1))
	done
}

# Runs a container; what it prints is left in SAID. Its root is an overlay, as the big runtimes' are.
container() { # WORD [OPTION]... -- COMMAND [ARG]...
	local word=$1 name bundle arg
	name=$(name_of "$1")
	bundle=$CONTAINERS/$name
	shift
	container_options "$@"
	shift $((taken + 1))
	for arg; do o_command=$o_command${o_command:+,}$(quoted "$arg"); done
	mkdir -p "$bundle/root" "$bundle/upper" "$bundle/work"
	chmod 755 "$bundle/upper"
	mount -t overlay -o "lowerdir=/rootfs,upperdir=$bundle/upper,workdir=$bundle/work" overlay \
		"$bundle/root"
	config >"$bundle/config.json"
	# shellcheck disable=SC2086
	if ! runc run $o_detach --bundle "$bundle" "$name" </dev/null >"$bundle/said" 2>&1; then
		[ -n "$MAY_FAIL" ] || fail "the container did not run: $(head -c 300 "$bundle/said")"
	fi
	SAID=$(cat "$bundle/said")
}

session() { # WORD [OPTION of runc exec]... -- COMMAND [ARG]...
	local name options=''
	name=$(name_of "$1")
	shift
	while [ "$1" != -- ]; do options="$options $1" && shift; done
	shift
	# shellcheck disable=SC2086
	SAID=$(runc exec $options "$name" "$@" </dev/null 2>&1) || fail "the session did not run: $SAID"
}

container_root() { # WORD
	echo "$CONTAINERS/$(name_of "$1")/root"
}

container_pid() { # WORD
	runc state "$(name_of "$1")" | sed -n 's/^ *"pid": \([0-9]*\),*$/\1/p'
}

container_end() { # WORD
	runc delete --force "$(name_of "$1")"
}

# Whether all of what the helper was to do in the last container worked; ENOSYS skips the scenario.
worked() {
	case $SAID in
	*': ENOSYS'*) skip 'this kernel has no such call' && return 1 ;;
	esac
	if [ -z "$SAID" ] || printf '%s\n' "$SAID" | grep -qv ': ok$'; then
		fail "the container could not do it: $SAID"
		return 1
	fi
}
