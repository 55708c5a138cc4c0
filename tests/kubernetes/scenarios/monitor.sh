# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The monitor's own pod: it gets ready with few rights, finds at once, and says nothing of itself.

install_chart() {
	pod before "$(tries_to_write before)" || return 1
	wait_until 30 pod_runs before || return 1
	INSTALLED=${EPOCHREALTIME/./}
	helm install keelwatch "$CHART" --set state.hostPath="$STATE" --set state.bpffs="$BPFFS" --wait --timeout 180s || {
		monitor_says
		return 1
	}
	READY=${EPOCHREALTIME/./}
}

monitor_pod() {
	kubectl -n "$NAMESPACE" get pods -l app.kubernetes.io/name=keelwatch \
		-o jsonpath='{.items[0].metadata.name}'
}

monitor_says() {
	kubectl -n "$NAMESPACE" describe pods | tail -n 30
	kubectl -n "$NAMESPACE" logs daemonset/keelwatch --tail 20
}

# On the node, whatever container it is in.
monitor_pid() {
	local id
	id=$(kubectl -n "$NAMESPACE" get pod "$(monitor_pod)" -o jsonpath='{.status.containerStatuses[0].containerID}')
	ctr_node tasks ls | awk -v id="${id#*//}" '$1 == id { print $2 }'
}

# Of what ran before it: the first line is there with the first look.
first_finding() {
	finds readonly-write-attempt default before "$(uid_of before)" main || return 1
	FOUND=${EPOCHREALTIME/./}
}

capability_mask() { # NAME...
	local i name mask=0
	for name; do
		for i in "${!CAPABILITY_NAMES[@]}"; do
			[[ ${CAPABILITY_NAMES[i]} != "$name" ]] || mask=$((mask | 1 << i))
		done
	done
	printf '%016x\n' "$mask"
}

has_few_rights() {
	local pid status
	pid=$(monitor_pid)
	status=$(cat "/proc/$pid/status") || return 1
	grep -E '^(Cap|NoNewPrivs|Seccomp)' <<<"$status"
	grep -qP "^CapEff:\t$(capability_mask BPF PERFMON SYS_PTRACE DAC_READ_SEARCH SETUID SETGID SETPCAP CHOWN KILL)$" \
		<<<"$status" && grep -qP '^NoNewPrivs:\t1$' <<<"$status" && grep -qP '^Seccomp:\t2$' <<<"$status"
}

cannot_write_its_root() {
	local root
	root=$(awk '$5 == "/" { print $6 }' "/proc/$(monitor_pid)/mountinfo")
	[[ ,$root, == *,ro,* ]]
}

has_no_token() {
	[[ ! -e /proc/$(monitor_pid)/root/var/run/secrets/kubernetes.io ]]
}

knows_its_node() {
	records --kind monitor | jq -e --slurp --arg node "$NODE_NAME" \
		'length > 0 and all(.metadata.host.node == $node)'
}

nothing_of_itself() {
	local said
	said=$(records --kind finding --namespace "$NAMESPACE" | jq -c 'select(.container.kubernetes.pod != "keelwatch-test")
		| [.rule, .message, .container.name]')
	[[ -z $said ]] || { echo "$said" && return 1; }
}

accepted_by_the_server() {
	kubectl apply -f deploy/kubernetes/manifests/namespace.yaml && kubectl apply --dry-run=server --validate=strict -f deploy/kubernetes/manifests
}

# In the log each finding is a line, as the store has it.
logs_findings() {
	kubectl -n "$NAMESPACE" logs daemonset/keelwatch | grep '^{' |
		jq -e --slurp 'map(select(.rule == "readonly-write-attempt" and .container.kubernetes.pod == "before")) |
			length > 0'
}

helm_test() {
	helm test keelwatch --timeout 60s
}

monitor_checks() {
	need 'the server accepts the manifests' accepted_by_the_server
	need 'helm installs it and it is ready' install_chart
	check 'it finds what a pod does that was there before' first_finding
	check 'it has the capabilities it needs, no more, and a seccomp filter' has_few_rights
	check 'its root is read-only' cannot_write_its_root
	check 'it has no token of the API' has_no_token
	check 'its records say which node' knows_its_node
	check 'findings are lines of its log' logs_findings
	check 'helm test passes' helm_test
}

# What it takes: from the node's own counters.
measures() {
	local pid group memory
	say "measured: ready $(((READY - INSTALLED) / 1000)) ms after helm install, the first finding stored within $(((${FOUND:-$READY} - INSTALLED) / 1000)) ms"
	say "measured: the image is $(($(stat -c %s "$WORK/keelwatch.tar") / 1000)) kB"
	[[ -z ${MEMORY_PEAK:-} ]] || say "measured: at most $((MEMORY_PEAK / 1048576)) MiB of $((MEMORY_LIMIT / 1048576)) MiB"
}
