# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What pods of every kind do, and whose it is said to be.

# A container of the test's image. MORE is what else its specification has, as YAML in one line.
container() { # NAME COMMAND [MORE]
	printf '{name: %s, image: "%s", imagePullPolicy: Never, command: [sh, -c, "%s"]%s}' \
		"$1" "$IMAGE" "$2" "${3:+, $3}"
}

READ_ONLY='securityContext: {readOnlyRootFilesystem: true}'

# What a container's shell does all its life: it writes where it cannot.
tries_to_write() { # NAME
	container main "while :; do echo x >/etc/$1; sleep 0.2; done" "$READ_ONLY"
}

pod_of() { # NAME CONTAINERS [MORE]
	printf 'apiVersion: v1\nkind: Pod\nmetadata: {name: %s}\nspec: {restartPolicy: Never, terminationGracePeriodSeconds: 1, automountServiceAccountToken: false, containers: [%s]%s}\n' \
		"$1" "$2" "${3:+, $3}"
}

pod() { # as pod_of
	pod_of "$@" | kubectl apply -f -
}

pod_runs() { # NAME
	[[ $(kubectl get pod "$1" -o jsonpath='{.status.phase}' 2>/dev/null) =~ ^(Running|Succeeded)$ ]]
}

uid_of() { # NAME
	kubectl get pod "$1" -o jsonpath='{.metadata.uid}'
}

SLEEPS='exec sleep 1000'

a_read_only_pod_writes() {
	pod writer "$(container app 'echo x >/etc/hostile; exec sleep 1000' "$READ_ONLY")" || return 1
	finds readonly-write-attempt default writer "$(uid_of writer)" app '.file.path // .message | test("/etc/hostile")'
}

a_privileged_pod() {
	pod mighty "$(container root "$SLEEPS" 'securityContext: {privileged: true}')" || return 1
	finds privileged-container default mighty "$(uid_of mighty)" root
}

a_pod_with_the_hosts_etc() {
	pod mounter "$(container reader "$SLEEPS" 'volumeMounts: [{name: host, mountPath: /host}]')" \
		'volumes: [{name: host, hostPath: {path: /etc}}]' || return 1
	finds sensitive-host-mount default mounter "$(uid_of mounter)" reader \
		'any(.evidence[]; .name == "host_path" and .value == "/etc")'
}

a_pod_with_the_runtimes_socket() {
	pod socket "$(container client "$SLEEPS" 'volumeMounts: [{name: host, mountPath: /cri.sock}]')" \
		"volumes: [{name: host, hostPath: {path: $CRI}}]" || return 1
	finds sensitive-host-mount default socket "$(uid_of socket)" client
}

# Two containers of one pod are told apart.
the_second_container_writes() {
	pod pair "$(container first "$SLEEPS" "$READ_ONLY"), $(container second 'echo x >/etc/second; exec sleep 1000' "$READ_ONLY")" ||
		return 1
	finds readonly-write-attempt default pair "$(uid_of pair)" second && ! found readonly-write-attempt \
		default pair "$(uid_of pair)" first
}

exec_writes() {
	wait_until 30 pod_runs mighty || return 1
	pod entered "$(container idle "$SLEEPS" "$READ_ONLY")" && wait_until 30 pod_runs entered || return 1
	kubectl exec entered -c idle -- touch /etc/by-exec
	finds readonly-write-attempt default entered "$(uid_of entered)" idle '.process.exe == "/bin/busybox"'
}

# Its uid is the kubelet's own; the API server's copy of it names that in an annotation.
a_static_pod_writes() {
	local name=static-$NODE_NAME uid
	pod_of static "$(tries_to_write static)" >"$STATIC/pod.yaml"
	wait_until 60 pod_runs "$name" || return 1
	uid=$(kubectl get pod "$name" -o jsonpath='{.metadata.annotations.kubernetes\.io/config\.hash}')
	finds readonly-write-attempt default "$name" "$uid" main
}

an_init_container_writes() {
	pod begun "$(container main "$SLEEPS")" \
		"initContainers: [$(container prepare 'echo x >/etc/begin; sleep 1' "$READ_ONLY")]" || return 1
	finds readonly-write-attempt default begun "$(uid_of begun)" prepare
}

an_ephemeral_container_is_privileged() {
	wait_until 30 pod_runs entered || return 1
	kubectl debug entered --image "$IMAGE" --image-pull-policy Never --container probe --profile sysadmin \
		--quiet -- sh -c "$SLEEPS" || return 1
	finds privileged-container default entered "$(uid_of entered)" probe
}

make_cron_job() {
	kubectl apply -f - <<-END
		apiVersion: batch/v1
		kind: CronJob
		metadata: {name: every-minute}
		spec:
		  schedule: "* * * * *"
		  jobTemplate:
		    spec:
		      template:
		        spec: {restartPolicy: Never, automountServiceAccountToken: false, containers: [$(
			container job 'echo x >/etc/cron; sleep 2' "$READ_ONLY")]}
	END
}

cron_pod() {
	kubectl get pods -o name | sed -n 's,^pod/\(every-minute-.*\),\1,p' | head -n 1
}

cron_has_run() {
	[[ -n $(cron_pod) ]]
}

a_cron_job_writes() {
	local pod
	wait_until 90 cron_has_run || { echo 'no job in time' && return 1; }
	pod=$(cron_pod)
	finds readonly-write-attempt default "$pod" "$(uid_of "$pod")" job
}

pod_is_over() { # NAME
	[[ $(kubectl get pod "$1" -o jsonpath='{.status.phase}') == Succeeded ]]
}

# The monitor stands still meanwhile: no process is left to be looked at, and no bundle.
a_pod_that_is_over_has_written() {
	local monitor status=0
	monitor=$(monitor_pid)
	kill -STOP "$monitor" || return 1
	pod brief "$(container main 'echo x >/etc/brief; echo done' "$READ_ONLY")" &&
		wait_until 30 pod_is_over brief || status=1
	kill -CONT "$monitor"
	((status == 0)) && finds readonly-write-attempt default brief "$(uid_of brief)" main \
		'.container.attribution == "derived"'
}

# Whatever it is about, a finding of a pod's container says all of it.
every_finding_is_somebodys() {
	# Others' containers, of no pod, may run beside: they have no part in this.
	records --kind finding | jq -c 'select(.container.cgroup // "" | contains("/kubepods/"))
		| select(.container.image == null or .container.image == ""
			or (.container.kubernetes | (.namespace and .pod and .uid and .container) | not))
		| [.rule, .message, .container]' >"$WORK/nobodys"
	cat "$WORK/nobodys"
	[[ $(records --kind finding | wc -l) -gt 8 && ! -s $WORK/nobodys ]]
}

pod_checks() {
	check 'a CronJob is made' make_cron_job
	check 'a read-only pod writes' a_read_only_pod_writes
	check 'a privileged pod' a_privileged_pod
	check 'a pod with /etc of the node' a_pod_with_the_hosts_etc
	check "a pod with the runtime's socket" a_pod_with_the_runtimes_socket
	check 'the second container of a pod writes' the_second_container_writes
	check 'kubectl exec writes' exec_writes
	check 'a static pod writes' a_static_pod_writes
	check 'an init container writes' an_init_container_writes
	check 'an ephemeral container is privileged' an_ephemeral_container_is_privileged
	check 'a job of a CronJob writes' a_cron_job_writes
	check 'every finding has namespace, pod, uid, container and image' every_finding_is_somebodys
	check 'nothing is said of the monitor'\''s own pod' nothing_of_itself
	check 'a pod is over before the monitor gets to run' a_pod_that_is_over_has_written
}
