# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The chart without a cluster: sound, as its values say, and strict on them.

template() { # [OPTION OF helm]...
	helm template keelwatch "$CHART" "$@"
}

lints() {
	helm lint --strict "$CHART"
}

manifests_are_the_charts() {
	diff -u deploy/kubernetes/manifests/keelwatch.yaml <(scripts/manifests)
}

versions_agree() {
	[[ $(helm show chart "$CHART" | sed -n 's/^appVersion: //p') == "$VERSION" ]]
}

# Each value has a word in values.yaml, and each the schema's consent: nothing stands in one alone.
values_and_schema_agree() {
	diff <(jq -r '.properties | keys[]' "$CHART/values.schema.json" | grep -vx global) \
		<(sed -n 's/^\([a-zA-Z]*\):.*/\1/p' "$CHART/values.yaml" | LC_ALL=C sort)
}

refused() { # OPTION...: says those that are taken
	local bad=0 option
	for option; do
		if template --set-json "$option" >/dev/null 2>&1; then
			echo "taken: $option"
			bad=1
		fi
	done
	return "$bad"
}

bad_values_are_refused() {
	refused 'nosuch=1' 'image.repo="x"' 'image.digest="sha256:1"' 'image.pullPolicy="Sometimes"' \
		'state.hostPath="relative"' 'state.hostPath="/var/../etc"' 'security.capabilities=["CAP_BPF"]' \
		'security.capabilities=["ALL"]' 'security.addedCapabilities="SYS_ADMIN"' \
		'security.seccompProfile={"type":"None"}' 'security.seccompProfile={"type":"Localhost"}' \
		'resources.limits={"memory":"lots"}' 'resources.limits={"disk":"1Gi"}' 'arguments=["status"]' \
		'tolerations=[{"operator":"Any"}]' 'terminationGracePeriodSeconds=0' 'metrics.port=80' \
		'metrics.address="everywhere"' 'metrics.containers=1001' 'metrics.containers=-1' \
		'metrics.containers=null' 'metrics.bpfStats="yes"' 'metrics.bpfStats=true' 'updateStrategy.type="Recreate"' \
		'serviceAccount.create="no"' 'networkPolicy.to={}' 'secrets.values={"a/b":"c"}' \
		'settings={"state_dir":"/x"}' 'settings={"metrics":{}}' \
		'secrets={"existing":"a","values":{"b":"c"}}'
}

# Settings with every type of sink, which the program itself then judges.
write_sinks() {
	cat >"$WORK/sinks.yaml" <<-'END'
		settings:
		  store: {max_size: 64MiB}
		  sinks:
		    syslog: {type: syslog, address: "siem.example:6514"}
		    datagrams: {type: syslog, transport: udp, address: "[2001:db8::1]:514"}
		    lines: {type: syslog, transport: tcp, address: siem.example}
		    local: {type: syslog, transport: unix, address: /dev/log}
		    search: {type: elasticsearch, url: "https://search.example:9200", index: keelwatch}
		    plain: {type: otlp, url: "http://collector/v1/logs"}
		    hook: {type: webhook, url: "https://hooks.example/keelwatch"}
		    kafka: {type: kafka, brokers: "a.example:9093,b.example:9094", topic: keelwatch}
		    broker: {type: kafka, brokers: c.example, topic: keelwatch}
		    behind: {type: splunk_hec, url: "https://splunk.example:8088", proxy: "http://proxy.example:3128",
		             token_file: /etc/keelwatch/secrets/token}
		    idle: {type: webhook, url: "https://idle.example:8443", enabled: false}
		    kept: {type: file, path: /var/lib/keelwatch/out/records}
		secrets:
		  values: {token: very-secret}
	END
}

# PROTOCOL PORT of each that is open.
open_ports() { # [OPTION OF helm]...
	template --show-only templates/networkpolicy.yaml "$@" |
		sed -n 's/.*{protocol: \(.*\), port: \(.*\)}/\1 \2/p'
}

# What the shipper takes where the settings name none; where it sends nothing, names are not looked up either.
default_ports_follow_the_sink() {
	local bad=0 sink expected got
	while IFS='|' read -r expected sink; do
		got=$(open_ports --set-json "settings={\"sinks\":{\"a\":$sink}}") || bad=1
		[[ $got == "${expected:+$'UDP 53\nTCP 53\n'}$expected" ]] || { echo "$sink: not $expected: $got" && bad=1; }
	done <<-'END'
		TCP 6514|{"type":"syslog","address":"siem.example"}
		TCP 6514|{"type":"syslog","transport":"tls","address":"[2001:db8::1]"}
		TCP 601|{"type":"syslog","transport":"tcp","address":"siem.example"}
		UDP 514|{"type":"syslog","transport":"udp","address":"192.0.2.1"}
		TCP 80|{"type":"webhook","url":"http://hooks.example?to=a:1"}
		TCP 443|{"type":"elasticsearch","url":"https://search.example/a:1"}
		TCP 443|{"type":"splunk_hec","url":"https://[2001:db8::1]/"}
		TCP 80|{"type":"otlp","url":"http://collector/v1/logs"}
		TCP 9092|{"type":"kafka","brokers":"a.example, SSL://b.example"}
		TCP 9093|{"type":"kafka","brokers":"SSL://a.example:9093"}
		TCP 1080|{"type":"webhook","url":"https://hooks.example","proxy":"http://proxy.example"}
		TCP 443|{"type":"webhook","url":"http://hooks.example","proxy":"https://proxy.example"}
		|{"type":"syslog","transport":"unix","address":"/dev/log"}
		|{"type":"webhook","url":"https://idle.example","enabled":false}
		|{"type":"file","path":"/var/lib/keelwatch/out/records"}
	END
	return "$bad"
}

document() { # KIND FILE: of what was rendered
	awk -v kind="kind: $1" 'BEGIN { RS = "---\n" } index($0, kind "\n") { print }' "$2"
}

only_the_ports_of_the_sinks_are_open() {
	diff - <(open_ports --values "$WORK/sinks.yaml") <<-END
		UDP 53
		TCP 53
		TCP 3128
		TCP 443
		TCP 601
		TCP 6514
		TCP 80
		TCP 9092
		TCP 9093
		TCP 9094
		TCP 9200
		UDP 514
	END
}

# What becomes the file of settings.
write_settings() { # [OPTION OF helm]...
	template "$@" >"$WORK/rendered" || return 1
	document ConfigMap "$WORK/rendered" | sed -n '/keelwatch.yaml: |/,$ s/^    //p' >"$WORK/keelwatch.yaml"
}

settings_pass_their_check() {
	write_settings --values "$WORK/sinks.yaml" || return 1
	mkdir -p "$WORK/secrets"
	echo very-secret >"$WORK/secrets/token"
	chmod 600 "$WORK/secrets/token"
	sed -i "s,/etc/keelwatch/secrets,$WORK/secrets," "$WORK/keelwatch.yaml"
	"$KEELWATCH" config check "$WORK/keelwatch.yaml"
}

# As the program reads them; in any order.
metrics_are() { # EXPECTED [OPTION OF helm]...
	write_settings "${@:2}" || return 1
	diff <(tr ' ' '\n' <<<"$1" | LC_ALL=C sort) <("$KEELWATCH" config show "$WORK/keelwatch.yaml" |
		sed -n '/^metrics:/,/^[^ ]/ s/^  \([a-z_]*\): "\?\([^" ]*\).*/\1=\2/p' | LC_ALL=C sort)
}

values_of_metrics_are_settings() {
	metrics_are 'allow_remote=true bpf_stats=false containers=100 listen=0.0.0.0:9470' &&
		metrics_are 'allow_remote=true bpf_stats=true containers=0 listen=[::]:9999' \
			--set metrics.bpfStats=true,security.addedCapabilities='{SYS_ADMIN}' \
			--set metrics.containers=0,metrics.address='[::]',metrics.port=9999 &&
		metrics_are 'allow_remote=false bpf_stats=false containers=1000 listen=none' \
			--set metrics.enabled=false,metrics.containers=1000
}

no_secret_outside_the_secret() {
	template --values "$WORK/sinks.yaml" >"$WORK/rendered" || return 1
	! grep -q very-secret "$WORK/rendered" &&
		document Secret "$WORK/rendered" | grep -q "token: \"$(printf very-secret | base64)\""
}

# Nothing is bound to its account, and no token is in reach.
no_rights_at_the_api() {
	template >"$WORK/rendered" || return 1
	! grep -qE 'kind: (Cluster)?Role' "$WORK/rendered" &&
		[[ $(grep -c 'automountServiceAccountToken: false' "$WORK/rendered") == 3 ]]
}

older_versions_get_an_annotation() {
	template --kube-version 1.28.0 >"$WORK/rendered" || return 1
	grep -q 'container.apparmor.security.beta.kubernetes.io/keelwatch: "unconfined"' "$WORK/rendered" &&
		! grep -q appArmorProfile "$WORK/rendered"
}

chart_checks() {
	write_sinks
	check 'chart: it lints' lints
	check 'chart: the manifests are what it renders' manifests_are_the_charts
	check 'chart: its version is the program'\''s' versions_agree
	check 'chart: values and schema agree' values_and_schema_agree
	check 'chart: what is wrong is refused' bad_values_are_refused
	check 'chart: the ports of the sinks are open, and no others' only_the_ports_of_the_sinks_are_open
	check 'chart: a port that is not named is the shipper'\''s own' default_ports_follow_the_sink
	check 'chart: settings pass the check of the program' settings_pass_their_check
	check 'chart: the values of metrics are the settings of metrics' values_of_metrics_are_settings
	check 'chart: secrets are in the Secret alone' no_secret_outside_the_secret
	check 'chart: no rights at the API' no_rights_at_the_api
	check 'chart: before 1.30 AppArmor is an annotation'\''s' older_versions_get_an_annotation
}
