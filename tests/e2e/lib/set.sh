# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2016
# Whose programs make the containers: SET=host, those installed here, or SET=newest, those in the
# folder that scripts/runtimes makes. They then have that folder for their root, in a mount namespace
# of their own, with /proc, /sys and /dev of this machine, a /run of their own, and the machine itself
# at /host. (Not by chroot(2): setns(2) leads out of that, and so would `runc exec`.)
# Nobody but this file knows how:
#
#   in_set COMMAND [ARG]...   runs a program of the set
#   set_path PATH             a path of this machine, as the set's programs see it
#   seen_path PATH            a path that the set's programs gave, as this machine sees it

SET=${SET:-host}
SET_PID=  # who keeps the mount namespace; killed with this shell
IN_SET=() # what goes before a program; for what in_set cannot do, a process in the background

in_set() {
	"${IN_SET[@]}" "$@"
}

set_path() { # PATH
	if [[ -z $SET_PID ]]; then
		printf '%s\n' "$1"
	else
		printf '%s\n' "/host${1%/}"
	fi
}

seen_path() { # PATH
	if [[ -z $SET_PID ]]; then
		printf '%s\n' "$1"
	else
		printf '%s\n' "/proc/$SET_PID/root$1"
	fi
}

set_has() { # PROGRAM
	in_set sh -c 'command -v "$1"' sh "$1" >/dev/null
}

# What the programs write goes into memory, over the folder, which stays as it was made. Mounts of
# this machine reach /host; nothing comes back.
set_mounts() { # FOLDER MEMORY
	local root=$2/root
	mount -t tmpfs -o mode=755 tmpfs "$2" && mkdir "$2"/{upper,work,root} &&
		mount -t overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" overlay "$root" &&
		mkdir -p "$root/host" && mount --rbind / "$root/host" &&
		mount -t proc proc "$root/proc" && mount --rbind /sys "$root/sys" &&
		mount --rbind /dev "$root/dev" && mount -t tmpfs -o mode=755 tmpfs "$root/run"
}

# The work folder, shared: what is mounted in it later is seen by the set too.
share_work() {
	echo $$ >"$WORK/pid"
	mount --bind "$WORK" "$WORK" || return 1
	at_exit 'umount -l "$WORK"'
	mount --make-rshared "$WORK"
}

# The work folders that killed runs have left shared.
let_go_of_others() {
	local folder pid
	while IFS= read -r folder; do
		[[ $folder == "${WORK%.*}".* && $folder != */*.*/* ]] || continue
		pid=$(cat "$folder/pid" 2>/dev/null) || continue
		kill -0 "$pid" 2>/dev/null || { unmount_below "$folder" && umount -l "$folder"; }
	done < <(findmnt -rno TARGET)
}

set_start() {
	local folder
	[[ $SET != host ]] || return 0
	folder=$("$TOP/scripts/runtimes" "$SET") || die "no runtimes for SET=$SET"
	let_go_of_others
	share_work || die 'the work folder cannot be shared'
	mkdir "$WORK/set"
	export -f set_mounts
	unshare --mount --propagation slave bash -c 'set_mounts "$1" "$2" && cd "$2/root" &&
		pivot_root . . && umount -l . && exec chroot . setpriv --pdeathsig KILL \
		sh -c ": >/run/keelwatch-set; exec sleep infinity"' \
		bash "$folder" "$WORK/set" >"$WORK/set.log" 2>&1 &
	SET_PID=$!
	IN_SET=(nsenter --target "$SET_PID" --mount --root --wd)
	at_exit "end_process $SET_PID"
	wait_until 10 test -e "/proc/$SET_PID/root/run/keelwatch-set" || {
		sed 's/^/    /' "$WORK/set.log" >&2
		die "the set $SET does not come up"
	}
}
