# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The product under test: started for a group of scenarios, its lines kept, and looked into.

MONITOR_PID=
MONITOR_JSON= # what it prints: one object a line
MONITOR_ERR=
MONITORS=0
ARMED_WITHIN=10  # seconds
SEEN_WITHIN=5    # seconds from a deed to its line, where the monitor gets to run
BEHIND_WITHIN=60 # seconds in which one that does not get to run has caught up
GONE_WITHIN=10   # seconds from SIGINT
SETTLE=0.4       # seconds after which a line that should not come would have come

monitor_start() { # [OPTION OF run]...
	MONITORS=$((MONITORS + 1))
	MONITOR_JSON=$WORK/monitor-$MONITORS.json
	MONITOR_ERR=$WORK/monitor-$MONITORS.err
	# What a monitor of before left on this machine is not the test's.
	echo 'pins: none' >"$WORK/keelwatch.yaml"
	# A shell's background processes ignore SIGINT; the monitor is to take it.
	env --default-signal=INT "$KEELWATCH" run --json --config "$WORK/keelwatch.yaml" --state "$WORK/state" "$@" >"$MONITOR_JSON" 2>"$MONITOR_ERR" \
		</dev/null &
	MONITOR_PID=$!
	if ! wait_until "$ARMED_WITHIN" monitor_armed_or_dead || ! monitor_runs; then
		say 'e2e: the monitor did not get armed; it said:'
		sed 's/^/    /' "$MONITOR_ERR"
		die 'no monitor, no test'
	fi
}

# docker and containerd have their data roots in the work folder. Once it has seen a container of each, the
# monitor knows them, as it does the usual ones: one that is gone before it gets to run is named by them.
monitor_acquaint() {
	local RT name
	for RT in docker containerd; do
		[[ " ${RUNTIMES[*]} " == *" $RT "* ]] || continue
		name=kw-$RUN_ID-$RT-acquaint-$MONITORS
		rt_run "$name" -- sleep 1 || say "e2e: no container of $RT to begin with"
		rt_remove "$name"
	done
	wait_for_monitor
}

monitor_armed_or_dead() {
	grep -qs '^keelwatch: watching' "$MONITOR_ERR" || ! monitor_runs
}

monitor_runs() {
	[[ -n $MONITOR_PID ]] && kill -0 "$MONITOR_PID" 2>/dev/null
}

# As Ctrl-C does. Its exit status is left in MONITOR_STATUS.
monitor_stop() {
	MONITOR_STATUS=0
	kill -INT "$MONITOR_PID" 2>/dev/null || true
	wait_until "$GONE_WITHIN" monitor_is_gone || kill -KILL "$MONITOR_PID" 2>/dev/null || true
	wait "$MONITOR_PID" 2>/dev/null || MONITOR_STATUS=$?
	MONITOR_PID=
}

monitor_is_gone() {
	! monitor_runs
}

monitor_end() { # at the very end, should it still be there
	[[ -n $MONITOR_PID ]] && end_process "$MONITOR_PID"
}

monitor_is() { # STATE-LETTER (proc(5), stat)
	[[ $(cut -d' ' -f3 "/proc/$MONITOR_PID/stat") == "$1" ]]
}

# It waits without a time limit where it has read all there is, and some milliseconds at most while there
# may be more: epoll_wait(2)'s fourth argument, as /proc/PID/syscall shows it. Looked at for half a
# second, by nothing that starts a program: each that starts is another record to read.
monitor_is_done() {
	local i call never
	exec {never}<> <(:)
	for ((i = 0; i < 50; i++)); do
		read -ra call 2>/dev/null <"/proc/$MONITOR_PID/syscall" || break
		[[ ${call[4]:-} != 0xffffffff* ]] || break
		read -rt 0.01 -u "$never" || true
	done
	exec {never}<&-
	[[ ${call[4]:-} == 0xffffffff* ]]
}

# Before something is done to a container from outside: it is watched for that from when it is known.
wait_for_monitor() {
	wait_until "$BEHIND_WITHIN" monitor_is_done_or_dead
}

monitor_is_done_or_dead() {
	monitor_is_done || ! monitor_runs
}

# Until the command succeeds. It fails when the time is over and the monitor has nothing left to read.
wait_for_line() { # COMMAND [ARG]...
	wait_until "$SEEN_WITHIN" "$@" && return
	monitor_runs && wait_until "$BEHIND_WITHIN" line_or_done "$@" && "$@"
}

line_or_done() { # COMMAND [ARG]...
	"$@" || monitor_is_done
}

# --- its lines ---

# jq over the lines of one container, by its name or its id: the program sees an array of objects.
of_container() { # NAME PROGRAM [JQ-OPTION]...
	local name=$1 program=$2 id
	id=$(rt_id "$1")
	shift 2
	{ grep -aF -e "\"$name\"" -e "\"$id\"" "$MONITOR_JSON" || true; } |
		jq -nRrc --arg name "$name" --arg id "$id" "$@" \
			"[inputs | fromjson? | select(.container.name == \$name or .container.id == \$id)]
			 | $program"
}

# The lines of NAME that a jq condition holds for, of one kind.
matches() { # NAME KIND CONDITION
	of_container "$1" ".[] | select(.kind == \"$2\") | select($3)"
}

has_match() { # NAME KIND CONDITION
	[[ -n $(matches "$@" | head -n 1) ]]
}

print_findings() { # NAME
	local lines line
	lines=$(of_container "$1" '.[] | select(.kind == "finding")
		| "\(.rule) (\(.severity)): \(.message) [\(
		[.process.exe, .file.operation, .file.path, .file.error, .mount.operation, .mount.target,
		 .credentials.explanation] | map(select(. != null and . != "")) | join(" "))]"')
	if [[ -z $lines ]]; then
		note 'there is no finding of this container'
	else
		note 'its findings are:'
		while IFS= read -r line; do note "  $line"; done < <(head -n 30 <<<"$lines")
	fi
}

# --- expectations ---

# Prints the conditions that no line of the container fulfils, and how the first line that
# fulfils one names its container wrongly.
unmet() { # NAME KIND CONDITION...
	local name=$1 kind=$2 image='' condition program
	shift 2
	rt_has_image "$name" && image=keelwatch-e2e
	program='def wrong: [
		(select(.id != $id) | "id \(.id), not \($id)"),
		(select(.name != $name) | "name \(.name), not \($name)"),
		(select(.runtime != $runtime) | "runtime \(.runtime), not \($runtime)"),
		(select((.image // "") | contains($image) | not) | "image \(.image), not \($image)")
		] | if . == [] then empty else "the container is named wrongly: " + join("; ") end;
		def ask(condition; text): first(.[] | select(condition)) // null
			| if . == null then "missing: " + text else .container | wrong end;
		map(select(.kind == $kind)) |'
	for condition; do
		program+=" ask($condition; $(jq -n --arg text "$condition" '$text')),"
	done
	of_container "$name" "$program empty" --arg kind "$kind" --arg image "$image" \
		--arg runtime "$(rt_product_name)" || echo 'the condition is no jq'
}

all_met() { # NAME KIND CONDITION...; what is not is left in UNMET
	UNMET=$(unmet "$@")
	[[ -z $UNMET ]]
}

# For each condition a finding of the rule about the container, which it names rightly.
expect_finding() { # NAME RULE[|RULE] [JQ-CONDITION]...
	local name=$1 rule=$2 condition line full=()
	shift 2
	(($# > 0)) || set -- true
	for condition; do full+=("(.rule | test(\"^($rule)\$\")) and ($condition)"); done
	wait_for_line all_met "$name" finding "${full[@]}" && return
	while IFS= read -r line; do fail "$line"; done <<<"$UNMET"
	print_findings "$name"
}

# For each condition an event of the container, which it names rightly. (Needs --all.)
expect_event() { # NAME JQ-CONDITION...
	local name=$1 line
	shift
	wait_for_line all_met "$name" event "$@" && return
	while IFS= read -r line; do fail "$line"; done <<<"$UNMET"
	note "its events: $(matches "$name" event true | jq -r .type | sort | uniq -c | xargs)"
}

# No finding, or none of the rules that are given.
expect_no_findings() { # NAME [RULE]...
	local name=$1 found
	shift
	sleep "$SETTLE"
	wait_for_monitor
	found=$(of_container "$name" '.[] | select(.kind == "finding") | .rule
		| select($unwanted == "" or inside($unwanted))' --arg unwanted "$*")
	if [[ -n $found ]]; then
		fail "findings where none should be${*:+: $*}"
		print_findings "$name"
	fi
}
