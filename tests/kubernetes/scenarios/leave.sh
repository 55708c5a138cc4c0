# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What is left when the chart is taken away: nothing.

uninstall() {
	helm uninstall keelwatch --wait --timeout 90s && wait_until 60 no_monitor_left
}

no_monitor_left() {
	[[ -z $(kubectl -n "$NAMESPACE" get pods -o name) ]]
}

nothing_is_left() {
	find "$STATE" "$BPFFS" -mindepth 1 ! -name "*.debug" 2>/dev/null | tee "$WORK/left"
	kubectl -n "$NAMESPACE" get daemonset,configmap,secret,serviceaccount,networkpolicy -o name |
		grep keelwatch | tee -a "$WORK/left"
	[[ ! -s $WORK/left ]]
}

leave_checks() {
	check 'helm uninstalls it' uninstall
	check 'nothing of it is left on the node' nothing_is_left
}
