# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What is left when the chart is taken away: what a receiver has not had yet, else nothing.

uninstall() {
	helm uninstall keelwatch --wait --timeout 90s && wait_until 60 no_monitor_left
}

no_monitor_left() {
	[[ -z $(kubectl -n "$NAMESPACE" get pods -o name) ]]
}

what_is_not_sent_stays() {
	local uid
	stop_receiver
	pod unsent "$(container app 'echo x >/etc/unsent; exec sleep 1000' "$READ_ONLY")" || return 1
	uid=$(uid_of unsent)
	finds readonly-write-attempt default unsent "$uid" app && uninstall || return 1
	found readonly-write-attempt default unsent "$uid" app && ! arrived readonly-write-attempt default unsent "$uid" app &&
		store_is_whole
}

# This time with a Secret of the chart's own, and with what metrics can be told to measure.
what_stayed_arrives() {
	start_receiver || return 1
	helm install keelwatch "$CHART" --set state.hostPath="$STATE" --set state.bpffs="$BPFFS" --values "$WORK/sink.yaml" \
		--set secrets.values.token="$RECEIVER_TOKEN" --set secrets.values.key="$RECEIVER_KEY" \
		--set metrics.bpfStats=true --set metrics.containers=1 --set security.addedCapabilities='{SYS_ADMIN}' \
		--wait --timeout 120s || { monitor_says && return 1; }
	wait_until 30 arrived readonly-write-attempt default unsent "$(uid_of unsent)" app || { shipper_says && return 1; }
}

metrics() {
	python3 -c 'import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=5).read().decode())' \
		"http://$(kubectl -n "$NAMESPACE" get pod "$(monitor_pod)" -o jsonpath='{.status.podIP}'):9470/metrics"
}

# One has numbers of its own, and the rest has one's.
programs_and_one_container_are_measured() {
	metrics >"$WORK/metrics" && [[ $(grep -c '^keelwatch_container_events_total{' "$WORK/metrics") == 2 ]] &&
		awk '/^keelwatch_program_run_seconds_total\{/ { sum += $NF } END { exit !(sum > 0) }' "$WORK/metrics"
}

measures_what_it_is_told_to() {
	wait_until 20 programs_and_one_container_are_measured && return
	grep -E '^keelwatch_(container_events|program_run_seconds)_total' "$WORK/metrics" | head -n 6
	monitor_says
	return 1
}

nothing_is_left() {
	find "$STATE" "$BPFFS" -mindepth 1 ! -name "*.debug" 2>/dev/null | tee "$WORK/left"
	kubectl -n "$NAMESPACE" get daemonset,configmap,secret,serviceaccount,networkpolicy -o name |
		grep keelwatch | tee -a "$WORK/left"
	[[ ! -s $WORK/left ]]
}

leave_checks() {
	check 'sink: taken away while the receiver is down, it leaves what has not arrived' what_is_not_sent_stays
	check 'sink: back again, with a Secret of its own, it brings what stayed' what_stayed_arrives
	check 'sink: with SYS_ADMIN programs are measured, and one container of all' measures_what_it_is_told_to
	check 'sink: SYS_ADMIN is given up once that is begun' has_few_rights
	check 'helm uninstalls it' uninstall
	check 'nothing of it is left on the node' nothing_is_left
}
