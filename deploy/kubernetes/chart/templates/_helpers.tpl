{{- define "keelwatch.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "keelwatch.fullname" -}}
{{- $name := include "keelwatch.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "keelwatch.selector" -}}
app.kubernetes.io/name: {{ include "keelwatch.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "keelwatch.labels" -}}
{{ include "keelwatch.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "keelwatch.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "keelwatch.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end -}}

{{- define "keelwatch.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{- printf "%s@%s" .repository .digest -}}
{{- else -}}
{{- printf "%s:%s" .repository (.tag | default $.Chart.AppVersion) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The Secret's name, or nothing where there is none. */}}
{{- define "keelwatch.secret" -}}
{{- if .Values.secrets.existing -}}
{{- .Values.secrets.existing -}}
{{- else if .Values.secrets.values -}}
{{- include "keelwatch.fullname" . -}}
{{- end -}}
{{- end -}}

{{/* The file of settings, with the folder that is mounted. */}}
{{- define "keelwatch.settings" -}}
{{- if hasKey .Values.settings "state_dir" -}}
{{- fail "settings.state_dir: the folder is mounted where it is by default; state.hostPath says where it is on the node" -}}
{{- end -}}
{{- if hasKey .Values.settings "metrics" -}}
{{- fail "settings.metrics: the chart's own values metrics.* say it" -}}
{{- end -}}
{{- if and .Values.metrics.bpfStats (not (has "SYS_ADMIN" (concat .Values.security.capabilities .Values.security.addedCapabilities))) -}}
{{- fail "metrics.bpfStats: the kernel measures for SYS_ADMIN alone; security.addedCapabilities must have it" -}}
{{- end -}}
{{- $metrics := dict "listen" "none" "allow_remote" .Values.metrics.enabled -}}
{{- with .Values.metrics -}}
{{- if .enabled -}}
{{- $_ := set $metrics "listen" (printf "%s:%d" .address (int .port)) -}}
{{- end -}}
{{- $_ := set $metrics "containers" (int .containers) -}}
{{- $_ := set $metrics "bpf_stats" .bpfStats -}}
{{- end -}}
{{- merge (dict "metrics" $metrics) .Values.settings | toYaml -}}
{{- end -}}

{{/* The port that the shipper takes where a PLACE of a SINK names none. */}}
{{- define "keelwatch.defaultPort" -}}
{{- if eq (.sink.type | default "") "syslog" -}}
{{- get (dict "tls" "6514" "tcp" "601" "udp" "514") (.sink.transport | default "tls") -}}
{{- else if eq (.sink.type | default "") "kafka" -}}
9092
{{- else if hasPrefix "https://" .place -}}
443
{{- else -}}
{{- ternary "1080" "80" (eq .place (.sink.proxy | default "")) -}}
{{- end -}}
{{- end -}}

{{/* The ports of the sinks that are sent to over a network, as a JSON list of PROTOCOL/PORT. */}}
{{- define "keelwatch.ports" -}}
{{- $ports := dict -}}
{{- range $name, $sink := (.Values.settings.sinks | default dict) -}}
{{- $protocol := ternary "UDP" "TCP" (eq ($sink.transport | default "") "udp") -}}
{{- $places := list -}}
{{- if eq (toString $sink.enabled) "false" -}}
{{- /* Nothing is sent to it. */ -}}
{{- else if $sink.proxy -}}
{{- $places = list $sink.proxy -}}
{{- else if $sink.url -}}
{{- $places = list $sink.url -}}
{{- else if $sink.brokers -}}
{{- $places = splitList "," $sink.brokers -}}
{{- else if and $sink.address (ne ($sink.transport | default "") "unix") -}}
{{- $places = list $sink.address -}}
{{- end -}}
{{- range $places -}}
{{- $authority := regexReplaceAll "^([^/]*://)?([^/?#]*).*$" (trim .) "${2}" -}}
{{- $port := regexFind "[0-9]+$" (regexFind ":[0-9]+$" $authority) -}}
{{- if not $port -}}
{{- $port = include "keelwatch.defaultPort" (dict "sink" $sink "place" .) -}}
{{- end -}}
{{- $_ := set $ports (printf "%s/%s" $protocol $port) true -}}
{{- end -}}
{{- end -}}
{{- keys $ports | sortAlpha | toJson -}}
{{- end -}}

{{/* What the monitor and the test read: settings and secrets. */}}
{{- define "keelwatch.mounts" -}}
- {name: settings, mountPath: /etc/keelwatch/keelwatch.yaml, subPath: keelwatch.yaml, readOnly: true}
{{- if include "keelwatch.secret" . }}
- {name: secrets, mountPath: /etc/keelwatch/secrets, readOnly: true}
{{- end }}
{{- end -}}

{{- define "keelwatch.volumes" -}}
- name: settings
  configMap: {name: {{ include "keelwatch.fullname" . }}, defaultMode: 0444}
{{- with include "keelwatch.secret" . }}
- name: secrets
  secret: {secretName: {{ . }}, defaultMode: 0400}
{{- end }}
{{- end -}}

{{- define "keelwatch.appArmor" -}}
{{- if semverCompare ">=1.30.0-0" .Capabilities.KubeVersion.Version -}}
{{- with .Values.security.appArmorProfile -}}
appArmorProfile: {{ toJson . }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Before Kubernetes 1.30 an annotation says it. */}}
{{- define "keelwatch.appArmorAnnotation" -}}
{{- if not (semverCompare ">=1.30.0-0" .Capabilities.KubeVersion.Version) -}}
{{- with .Values.security.appArmorProfile -}}
container.apparmor.security.beta.kubernetes.io/keelwatch: {{ get (dict "Unconfined" "unconfined" "RuntimeDefault" "runtime/default" "Localhost" (printf "localhost/%s" (.localhostProfile | default ""))) .type | quote }}
{{- end -}}
{{- end -}}
{{- end -}}
