# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What leaves the node: a receiver on it, whose secrets are a Secret's, and the shipper in the pod.

RECEIVER_PORT=16514
RECEIVER_TOKEN=token-of-a-secret RECEIVER_KEY=key-of-a-secret
RECEIVER_PID='' # while it is up
ARRIVED=$WORK/arrived # what came with the right token and signature, a record a line

# One that asks without a token is told so: it listens, and looks.
refuses_others() {
	local answer
	answer=$({
		printf 'POST / HTTP/1.1\r\nContent-Length: 2\r\nConnection: close\r\n\r\n[]' >&3
		head -n 1 <&3
	} 2>/dev/null 3<>"/dev/tcp/$GATEWAY/$RECEIVER_PORT") && [[ $answer == 'HTTP/1.1 401 '* ]]
}

start_receiver() {
	python3 tests/kubernetes/receiver.py "$GATEWAY" "$RECEIVER_PORT" "$RECEIVER_TOKEN" "$RECEIVER_KEY" "$ARRIVED" \
		>"$WORK/receiver" 2>&1 </dev/null &
	RECEIVER_PID=$!
	wait_until 10 refuses_others || { cat "$WORK/receiver" && return 1; }
}

stop_receiver() {
	end_process "$RECEIVER_PID"
	RECEIVER_PID=''
}

write_sink() {
	cat >"$WORK/sink.yaml" <<-END
		settings:
		  sinks:
		    hook:
		      type: webhook
		      url: http://$GATEWAY:$RECEIVER_PORT/keelwatch
		      token_file: /etc/keelwatch/secrets/token
		      hmac_file: /etc/keelwatch/secrets/key
		      retry: {min: 100ms, max: 500ms}
	END
}

a_sink_is_added() {
	write_sink
	start_receiver || return 1
	kubectl -n "$NAMESPACE" create secret generic receiver --from-literal=token="$RECEIVER_TOKEN" \
		--from-literal=key="$RECEIVER_KEY" || return 1
	upgrade --values "$WORK/sink.yaml" --set secrets.existing=receiver
}

arrived() { # as found
	[[ -e $ARRIVED ]] && has_finding "$@" <"$ARRIVED"
}

a_finding_arrives() {
	local uid
	pod told "$(container app 'echo x >/etc/told; exec sleep 1000' "$READ_ONLY")" || return 1
	uid=$(uid_of told)
	wait_until 30 arrived readonly-write-attempt default told "$uid" app '.file.path // .message | test("/etc/told")' ||
		{ shipper_says && return 1; }
}

shipper_says() {
	kubectl -n "$NAMESPACE" logs daemonset/keelwatch | grep -v '^{' | tail -n 5
	tail -n 3 "$STATE"/dead-letter/* 2>/dev/null
	cat "$WORK/receiver"
}

# What the store has and the receiver has not.
missing() {
	LC_ALL=C comm -23 <(records | jq -r .metadata.id | LC_ALL=C sort) \
		<(jq -r .metadata.id "$ARRIVED" | LC_ALL=C sort -u)
}

nothing_is_missing() {
	[[ -e $ARRIVED && -n $(records --limit 1) && -z $(missing) ]]
}

# From the first record on, which was before there was a sink.
all_arrives() {
	wait_until 30 nothing_is_missing && return
	echo "$(missing | wc -l) have not arrived"
	shipper_says
	return 1
}

shipper_pid() {
	pgrep -P "$(monitor_pid)" -x keelwatch-shipp
}

shipper_has_no_rights() {
	local status
	status=$(cat "/proc/$(shipper_pid)/status") || return 1
	grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp)' <<<"$status"
	! grep -qP '^[UG]id:.*\t0(\t|$)' <<<"$status" && grep -qP '^Groups:\s*$' <<<"$status" &&
		[[ $(grep -cP '^Cap(Inh|Prm|Eff|Bnd|Amb):\t0{16}$' <<<"$status") == 5 ]] &&
		grep -qP '^NoNewPrivs:\t1$' <<<"$status" && grep -qP '^Seccomp:\t2$' <<<"$status"
}

# It alone writes there, and there alone.
dead_letters_are_its_own() {
	local uid
	uid=$(awk '$1 == "Uid:" { print $2 }' "/proc/$(shipper_pid)/status") || return 1
	[[ $(stat -c %u "$STATE/dead-letter") == "$uid" ]]
}

sink_checks() {
	check 'sink: one is added, with a token and a key of a Secret' a_sink_is_added
	check 'sink: the shipper has no capability, is not root, and is confined' shipper_has_no_rights
	check "sink: the folder of dead letters is the shipper's" dead_letters_are_its_own
	check 'sink: a finding arrives, signed, and says whose it is' a_finding_arrives
	check 'sink: helm test reads its secrets' helm_test
	check 'sink: all that was before arrives too' all_arrives
}
