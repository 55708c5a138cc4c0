# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
# One face for all container runtimes. RT names the one in use; each lives in a file of its own
# and defines these functions, with the runtime's name in front (- becomes _):
#
#   start              makes it ready
#   run                a container as the o_ variables say, runs "${o_command[@]}"
#   exec               NAME: "${o_command[@]}" in a running container
#   stop, remove       NAME
#   id, pid, root      NAME: full id; host pid of its first process; its root as the host sees it

# shellcheck source=/dev/null
source "$TOP/tests/e2e/lib/docker.sh"
# shellcheck source=/dev/null
source "$TOP/tests/e2e/lib/containerd.sh"
# shellcheck source=/dev/null
source "$TOP/tests/e2e/lib/podman.sh"
# shellcheck source=/dev/null
source "$TOP/tests/e2e/lib/bundle.sh"

read -ra RUNTIMES <<<"${RUNTIMES:-docker containerd podman-runc podman-crun runc crun}"
RUNTIME_LOG=$WORK/runtime.log
declare -A UNAVAILABLE=() # runtime -> why
CONTAINERS=$WORK/containers # a file for each that is to be removed: its runtime and its id
mkdir -p "$CONTAINERS" "$WORK/removed"

# The options of rt_run and rt_exec, up to --; the command follows.
rt_parse() {
	o_read_only= o_privileged= o_user= o_detach= o_pid_host= o_unconfined= o_caps=()
	o_mounts=() o_tmpfs=() o_annotations=() o_command=()
	while (($# > 0)); do
		case $1 in
		--read-only) o_read_only=1 ;;
		--privileged) o_privileged=1 ;;
		--unconfined) o_unconfined=1 ;; # no seccomp, no AppArmor, nothing masked
		--detach) o_detach=1 ;;
		--pid-host) o_pid_host=1 ;;
		--user) o_user=$2 && shift ;;
		--cap-add) o_caps+=("$2") && shift ;;
		--mount) # SOURCE:TARGET[:ro]
			[[ $2 != /* ]] || set -- "$1" "$(set_path "${2%%:*}"):${2#*:}" "${@:3}"
			o_mounts+=("$2") && shift
			;;
		--tmpfs) o_tmpfs+=("$2") && shift ;;
		--annotation) o_annotations+=("$2") && shift ;; # KEY=VALUE
		--)
			shift
			o_command=("$@")
			return 0
			;;
		*) die "rt_run, rt_exec: no such option: $1" ;;
		esac
		shift
	done
}

rt_call() { # FUNCTION [ARG]...
	local function=${RT//-/_}_$1
	shift
	"$function" "$@"
}

# What it needs to be there; where that is missing, it is skipped.
declare -A PROGRAMS=(
	[docker]='docker dockerd' [containerd]='containerd ctr' [podman-runc]='podman conmon runc'
	[podman-crun]='podman conmon crun' [runc]=runc [crun]=crun
)

# One that is there and does not start is a failure.
rt_start() {
	local program why=$WORK/start-$RT.log
	for program in ${PROGRAMS[$RT]}; do
		set_has "$program" && continue
		UNAVAILABLE[$RT]="there is no $program"
		SKIPPED=$((SKIPPED + 1))
		record RESULT "$RT" all_scenarios skip "${UNAVAILABLE[$RT]}"
		say "skipped: $RT: all scenarios: ${UNAVAILABLE[$RT]}"
		return
	done
	if ! rt_call start >"$why" 2>&1; then
		UNAVAILABLE[$RT]='it does not start'
		FAILED=$((FAILED + 1))
		record RESULT "$RT" all_scenarios fail "${UNAVAILABLE[$RT]}: $(tail -n 1 "$why")"
		say "failed   $RT: it does not start:"
		tail -n 5 "$why" | sed 's/^/           /'
	fi
}

# What a program calls itself: the first number with dots that it says.
program_version() { # PROGRAM
	in_set "$1" --version 2>>"$RUNTIME_LOG" | grep -oE -m 1 '[0-9]+\.[0-9]+(\.[0-9]+)*' | head -n 1
}

# The versions of the programs at work, in one line.
rt_say_versions() {
	local -A program=([docker]=dockerd [podman-runc]=podman [podman-crun]=podman)
	local version line= RT
	for RT in "${RUNTIMES[@]}" conmon; do
		version=$(program_version "${program[$RT]:-$RT}")
		record VERSION "$RT" "${version:-?}"
		line+="${line:+, }$RT ${version:-?}"
	done
	say "e2e: set $SET: $line"
}

# Runs a container; without --detach waits for its end, and prints what it says.
rt_run() { # NAME [OPTION]... -- COMMAND [ARG]...
	local name=$1 status=0
	shift
	rt_parse "$@"
	echo "$RT $name" >"$CONTAINERS/$name"
	rt_call run "$name" 2>>"$RUNTIME_LOG" || status=$?
	echo "$RT $(rt_call id "$name" 2>>"$RUNTIME_LOG")" >"$CONTAINERS/$name"
	return "$status"
}

rt_exec() { # NAME [OPTION]... -- COMMAND [ARG]...
	local name=$1
	shift
	rt_parse "$@"
	rt_call exec "$name" 2>>"$RUNTIME_LOG"
}

rt_stop() { # NAME
	rt_call stop "$1" >>"$RUNTIME_LOG" 2>&1
}

rt_remove() { # NAME
	rt_call remove "$1" >>"$RUNTIME_LOG" 2>&1 || true
	mv "$CONTAINERS/$1" "$WORK/removed/" # its id is asked for still
}

rt_remove_all() {
	local file
	for file in "$CONTAINERS"/*; do
		[[ -e $file ]] || continue
		read -r RT _ <"$file"
		rt_remove "${file##*/}"
	done
}

# The id of a container that runs or has run; its name where that is not known.
rt_id() { # NAME
	local id=
	read -r _ id < <(cat "$CONTAINERS/$1" "$WORK/removed/$1" 2>/dev/null)
	echo "${id:-$1}"
}

rt_pid() { # NAME
	rt_call pid "$1" 2>>"$RUNTIME_LOG"
}

rt_root() { # NAME
	rt_call root "$1" 2>>"$RUNTIME_LOG"
}

# What the monitor is to call it in container.runtime.
rt_product_name() {
	case $RT in
	podman-*) echo podman ;;
	*) echo "$RT" ;;
	esac
}

# Runtimes that have images put the image's name with their containers.
rt_has_image() { # NAME
	[[ $RT != runc && $RT != crun && ! -e $WORK/removed/$1.no-image ]]
}

# The OCI runtime program that makes the containers.
rt_oci_runtime() {
	case $RT in
	*crun) echo crun ;;
	*) echo runc ;;
	esac
}
