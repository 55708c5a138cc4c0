#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Checks that #include lines under user/ follow the order of the layers:
#
#   base < event.h < source < model < enrich < detect; posture stands on model; message, output and
#   store on base and the protocol, which model describes its containers in; config on message;
#   export (the exporter of metrics) on base;
#   ship (the shipper) on those and feed, which both programs share; probe on base, the kernel half's
#   headers, the skeletons and source; cli and main.c on anything but ship.
set -euo pipefail
cd "$(dirname "$0")/.."

# What each layer may include, besides itself. "kernel" is bpf/event.h and bpf/control.h, "proto"
# event.pb-c.h, "skeleton" *.skel.h.
declare -A may=(
	[base]=''
	[source]='base kernel'
	[model]='base kernel proto source'
	[probe]='base kernel skeleton source'
	[enrich]='base kernel proto source model'
	[detect]='base kernel proto source model enrich'
	[posture]='base kernel proto source model'
	[message]='base proto'
	[config]='base proto message'
	[feed]='base proto message config store'
	[store]='base proto message'
	[export]='base'
	[ship]='base proto message config feed output'
	[output]='base proto'
	[cli]='base kernel skeleton proto source model probe enrich detect posture message config feed store output export'
	[main.c]='base cli'
)

target_of() { # FILE INCLUDE: sets target, the layer that the include belongs to
	local dir=${1%/*} include=$2
	local own=${dir#user/}
	own=${own%%/*}
	case $include in
	event.h | control.h)
		# A quoted include looks beside the including file first.
		target=kernel
		[[ -e $dir/$include ]] && target=$own
		;;
	bpf/event.h | bpf/control.h) target=kernel ;;
	bpf/*) target=libbpf ;;
	event.pb-c.h) target=proto ;;
	layout.h) target=kernel ;;
	*.skel.h) target=skeleton ;;
	*/*) target=${include%%/*} ;;
	*) target=$own ;;
	esac
	return 0
}

passed=0 failed=0
while IFS= read -r file; do
	layer=${file#user/}
	layer=${layer%%/*}
	if [[ -z ${may[$layer]+set} ]]; then
		echo "$file: user/$layer is in no layer (scripts/layers.sh)"
		failed=$((failed + 1))
		continue
	fi
	bad=0
	while IFS=: read -r line include; do
		target_of "$file" "$include"
		case " $layer libbpf ${may[$layer]} " in
		*" * "* | *" $target "*) continue ;;
		esac
		echo "$file:$line: $layer must not include \"$include\" (of $target)"
		bad=1
	done < <(sed -nE '/^[[:space:]]*#[[:space:]]*include[[:space:]]*"/{=;s/[^"]*"([^"]*)".*/\1/p}' \
		"$file" | paste -d: - -)
	if ((bad)); then failed=$((failed + 1)); else passed=$((passed + 1)); fi
done < <(find user -name '*.[ch]' | LC_ALL=C sort)

echo "layers: $passed passed, $failed failed"
((failed == 0))
