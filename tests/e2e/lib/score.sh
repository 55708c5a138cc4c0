# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Scenarios: run one, say in one line how it went, count.

PASSED=0 FAILED=0 SKIPPED=0
FAILURES=() # of the scenario that runs; notes follow the failure they explain
SKIP_WHY=
APPLIES=1
SCENARIO=

fail() {
	FAILURES+=("$*")
}

note() {
	FAILURES+=("    $*")
}

# In a scenario: skip 'why' && return, where this host cannot do it
skip() {
	SKIP_WHY=$*
}

# In a scenario: not_for_this_runtime && return, where there is nothing to try. Does not count.
not_for_this_runtime() {
	APPLIES=
}

# The name of a container of the scenario that runs.
new_name() { # [SUFFIX]
	local name=kw-$RUN_ID-$RT-${SCENARIO//_/-}
	echo "${name}${1:+-$1}"
}

# Whether any of the scenarios is asked for.
wanted() { # SCENARIO...
	local scenario runtime
	for scenario; do
		for runtime in "${RUNTIMES[@]}" all; do
			[[ "$runtime: ${scenario//_/ }" =~ $FILTER ]] && return 0
		done
	done
	return 1
}

# A line for tests/e2e/matrix, which asks by RESULTS=FILE.
record() { # WORD...
	[[ -z ${RESULTS:-} ]] || printf '%s\n' "${*//$'\n'/ }" >>"$RESULTS"
}

run_scenario() { # SCENARIO; RT is the runtime
	local line label started=${EPOCHREALTIME/./}
	SCENARIO=$1
	FAILURES=() SKIP_WHY='' APPLIES=1
	label="$RT: ${1//_/ }"
	[[ $label =~ $FILTER ]] || return 0
	"scenario_$1" || fail 'the scenario itself broke off'
	[[ -z $MONITOR_PID ]] || monitor_runs || fail 'the monitor is gone'
	[[ -n $APPLIES ]] || return 0
	label+=" ($(((${EPOCHREALTIME/./} - started) / 1000)) ms)"
	if ((${#FAILURES[@]} > 0)); then
		FAILED=$((FAILED + 1))
		record RESULT "$RT" "$1" fail "${FAILURES[0]}"
		say "failed   $label"
		for line in "${FAILURES[@]}"; do say "           $line"; done
	elif [[ -n $SKIP_WHY ]]; then
		SKIPPED=$((SKIPPED + 1))
		record RESULT "$RT" "$1" skip "$SKIP_WHY"
		say "skipped: $label: $SKIP_WHY"
	else
		PASSED=$((PASSED + 1))
		record RESULT "$RT" "$1" pass
		say "passed   $label"
	fi
}
