# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
# The other subcommands, and what a person sees. No monitor runs here but those started below.

run_commands_group() {
	local scenario
	RT=runc
	for scenario in lines_for_people ps_lists_containers doctor_tells_ways doctor_json selftest_passes \
		recording_replays_alike without_root_it_says_so; do
		run_scenario "$scenario"
	done
}

# Runs a monitor with other options, a read-only container beside it, and stops it.
beside_a_container() { # NAME OUTPUT [ARG]...
	local name=$1 out=$2 pid
	shift 2
	env --default-signal=INT "$KEELWATCH" "$@" >"$out" 2>"$out.err" </dev/null &
	pid=$!
	wait_until "$ARMED_WITHIN" grep -qs '^keelwatch: ' "$out.err" || fail "$1 did not get armed"
	sleep 1
	rt_run "$name" --read-only --mount /etc:/host-etc:ro -- helper writes / >/dev/null ||
		fail 'the container did not run'
	sleep 1
	kill -INT "$pid"
	wait "$pid" || fail "$1 ended with status $?"
	rt_remove "$name"
}

scenario_lines_for_people() {
	local name out=$WORK/people.out
	name=$(new_name)
	beside_a_container "$name" "$out" run
	grep -q "$name.*mkdir" "$out" || fail "no line tells of the mkdir in $name"
	! grep -q $'\033' "$out" || fail 'colours, though it is no terminal'
	((${#FAILURES[@]} == 0)) || while IFS= read -r line; do note "$line"; done < <(head "$out")
}

scenario_ps_lists_containers() {
	local name out
	name=$(new_name)
	rt_run "$name" --read-only --detach -- sleep 100 || fail 'the container did not run'
	out=$("$KEELWATCH" ps 2>&1) || fail "ps ended with status $?"
	grep -q "$name.*runc" <<<"$out" || fail "ps does not list it: $out"
	rt_remove "$name"
}

scenario_doctor_tells_ways() {
	local out
	out=$("$KEELWATCH" doctor 2>&1) || fail "doctor ended with status $?"
	for word in mount cgroup exec; do
		grep -qi "$word" <<<"$out" || fail "doctor does not tell of $word"
	done
}

scenario_doctor_json() {
	local out rules unknown
	out=$("$KEELWATCH" doctor --json) || fail "doctor --json ended with status $?"
	rules=$(sed -nE 's/^\.Ss ([a-z-]+)$/\1/p' man/keelwatch-findings.7)
	jq -e '.kind == "coverage" and (.kernel | length) > 0 and .obstacle == "" and
		(.features | length) > 0 and .missing == ([.features[] | select(.way == "none")] | length)
		and all(.features[]; ([keys[]] - ["name", "domain", "way", "hook", "program", "attached",
		"rules", "blind", "why_missing", "fell_back", "instructions"]) == [] and (keys | length) == 11)' \
		<<<"$out" >/dev/null || fail "it is not as keelwatch-doctor(1) says: $out"
	unknown=$(jq -r '.features[].rules[]' <<<"$out" | sort -u | grep -vxF "$rules")
	[[ -z $unknown ]] || fail "rules that are none: $unknown"
	[[ $(jq -r '.features[].rules[]' <<<"$out" | sort -u) == "$(sort -u <<<"$rules")" ]] ||
		fail 'not every rule stands on a feature'
}

scenario_selftest_passes() {
	local out
	out=$("$KEELWATCH" selftest 2>&1) || fail "selftest ended with status $?"
	(($(grep -c PASS <<<"$out") >= 3)) || fail "fewer than three are caught: $out"
	! grep -q FAIL <<<"$out" || fail "not all are caught: $out"
}

scenario_recording_replays_alike() {
	local name out=$WORK/record.out again=$WORK/replay.out
	name=$(new_name)
	"$KEELWATCH" record --help >/dev/null 2>&1 || { skip 'record is not built' && return; }
	beside_a_container "$name" "$out" record "$WORK/recording"
	"$KEELWATCH" replay --json "$WORK/recording" >"$again" 2>"$again.err" ||
		fail "replay ended with status $?: $(tail -n 1 "$again.err")"
	MONITOR_JSON=$again
	has_match "$name" finding '.rule == "readonly-write-attempt" and .file.operation == "mkdir"' ||
		fail 'the replay does not find the mkdir'
	has_match "$name" finding '.rule == "sensitive-host-mount"' ||
		fail 'the replay does not find the mount'
}

scenario_without_root_it_says_so() {
	local status=0 out
	command -v setpriv >/dev/null || { skip 'no setpriv' && return; }
	# A copy, as the folder may be closed to others.
	install -m 755 "$KEELWATCH" "$WORK/keelwatch" && chmod 711 "$WORK"
	out=$(setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all \
		"$WORK/keelwatch" run 2>&1 </dev/null) || status=$?
	((status == 2)) || fail "it ended with status $status, not 2"
	grep -qiE 'root|cap' <<<"$out" || fail "it does not say what is missing: $out"
}
