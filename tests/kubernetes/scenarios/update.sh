# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# An update while containers are busy.

LOAD_FILES=300 # over some fifteen seconds: less than a container's share of what is told
UPGRADES=0

# Each write is to a path of its own, so that each is a finding of its own.
write_many() {
	pod load "$(container main "sleep 2; i=0; while [ \$i -lt $LOAD_FILES ]; do echo x >/etc/n\$i; i=\$((i+1)); sleep 0.05; done 2>/dev/null; exec sleep 1000" \
		"$READ_ONLY")"
}

# Back when the new pod has taken over from the one before.
upgrade() { # OPTION OF helm...
	local before
	before=$(monitor_pod)
	UPGRADES=$((UPGRADES + 1))
	helm upgrade keelwatch "$CHART" --reuse-values "$@" --wait --timeout 120s || return 1
	kubectl -n "$NAMESPACE" rollout status daemonset/keelwatch --timeout 60s || return 1
	wait_until 60 is_alone_and_other_than "$before" || { monitor_says && return 1; }
}

update() {
	write_many && wait_until 30 pod_runs load && upgrade --set podLabels.updated=yes
}

is_alone_and_other_than() { # POD
	[[ $(kubectl -n "$NAMESPACE" get pods -l app.kubernetes.io/name=keelwatch -o name) != *"$1"* ]]
}

paths_found() {
	records --rule readonly-write-attempt --pod load | jq -r '.file.path // .message' |
		grep -o '/etc/n[0-9]*' | LC_ALL=C sort -u | wc -l
}

all_paths_found() {
	[[ $(paths_found) == "$LOAD_FILES" ]]
}

nothing_was_missed() {
	wait_until 60 all_paths_found && return
	echo "found $(paths_found) of $LOAD_FILES"
	records --kind gap --kind monitor | jq -c '[.time, .message, .gap.reason // .monitor.operation]' | tail -n 6
	records --rule readonly-write-attempt --pod load | grep -o '/etc/n[0-9]*' | tr -dc '0-9\n' | sort -nu |
		awk 'NR > 1 && $1 != last + 1 { print "from", last, "to", $1 } { last = $1 } END { print "last", last }' | tail -n 5
	kubectl -n "$NAMESPACE" logs daemonset/keelwatch | grep -v '^{' | tail -n 5
	return 1
}

# Nothing that a pod says of itself makes it a monitor: to the one before, the new one is a pod with powers;
# to the new one, the last words of the one before are a pod's.
only_what_each_is_to_the_other() {
	records --kind finding --namespace "$NAMESPACE" | jq -c 'select(.container.kubernetes.pod != "keelwatch-test")
		| [.rule, .severity, .message, .container.kubernetes.pod]' >"$WORK/said-of-pods"
	cat "$WORK/said-of-pods"
	! grep -vE '^\["(added-capability|readonly-writable-path)"' "$WORK/said-of-pods" &&
		[[ $(wc -l <"$WORK/said-of-pods") -le $((4 * UPGRADES)) ]]
}

store_is_whole() {
	"$KEELWATCH" verify --state "$STATE"
}

# The most it had since it began, page cache with it, and what it may have; kernels without a peak say nothing.
read_memory() {
	local pid group
	pid=$(monitor_pid)
	group=/sys/fs/cgroup/memory$(sed -n 's/^[0-9]*:memory://p' "/proc/$pid/cgroup")
	[[ -e $group/memory.max_usage_in_bytes ]] || group=/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$pid/cgroup")
	MEMORY_PEAK=$(cat "$group"/memory.{max_usage_in_bytes,peak} 2>/dev/null | head -n 1)
	MEMORY_LIMIT=$(cat "$group"/memory.{limit_in_bytes,max} 2>/dev/null | head -n 1)
}

its_limits_hold() {
	read_memory
	[[ $(kubectl -n "$NAMESPACE" get pods -o jsonpath='{.items[*].status.containerStatuses[*].restartCount}') == 0 ]] &&
		[[ -n $MEMORY_LIMIT && ${MEMORY_PEAK:-0} -lt $MEMORY_LIMIT ]]
}

update_checks() {
	check 'it is updated under load' update
	check 'nothing was missed meanwhile' nothing_was_missed
	check 'sink: all of it arrives' all_arrives
	check 'its records are one whole chain' store_is_whole
	check 'of its pods only what each is to the other is said' only_what_each_is_to_the_other
	check 'its limits hold, and it was never begun again' its_limits_hold
}
