# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What the monitor has stored on the node, as its own program shows it.

records() { # [OPTION OF events]...
	"$KEELWATCH" events --state "$STATE" --json --limit 0 "$@" 2>/dev/null
}

# Among the records of standard input: a finding of this rule that says of which namespace, pod, uid,
# container and image it is.
has_finding() { # RULE NAMESPACE POD UID CONTAINER [JQ-CONDITION]
	jq -e --slurp --arg rule "$1" --arg ns "$2" --arg pod "$3" --arg uid "$4" --arg container "$5" --arg image "$IMAGE" \
		'map(select(.rule == $rule and .container.image == $image
			and .container.kubernetes.namespace == $ns and .container.kubernetes.pod == $pod
			and .container.kubernetes.uid == $uid and .container.kubernetes.container == $container
			and ('"${6:-true}"'))) | length > 0' >/dev/null
}

found() { # as has_finding
	records --rule "$1" --namespace "$2" --pod "$3" | has_finding "$@"
}

# In time; else says what there is of the pod.
finds() { # as found
	wait_until 20 found "$@" && return
	echo "no $1 of $2/$3 ($4) $5; of it there are:"
	records --pod "$3" | jq -c '[.kind, .rule, .message, .container.image, .container.kubernetes]'
	return 1
}
