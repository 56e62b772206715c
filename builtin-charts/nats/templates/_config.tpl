{{/* The tls block of a listener, as {"tls": …}; {} if it has none. */}}
{{- define "nats.tls" -}}
{{- $root := index . 0 -}}
{{- $tls := $root.Values.tls -}}
{{- if and $tls.existingSecret (has (index . 1) $tls.listeners) -}}
{{- $block := dict "cert_file" "/etc/nats-tls/tls.crt" "key_file" "/etc/nats-tls/tls.key" -}}
{{- if $tls.verify -}}
{{- $block = merge $block (dict "ca_file" "/etc/nats-tls/ca.crt" "verify" true) -}}
{{- end -}}
{{- dict "tls" $block | toJson -}}
{{- else -}}
{}
{{- end -}}
{{- end -}}

{{/* NATS's configuration as this chart makes it, with .Values.config laid over it; JSON. */}}
{{- define "nats.config" -}}
{{- $fullname := include "nats.fullname" . -}}
{{- $config := dict
      "port" 4222
      "http_port" 8222
      "max_payload" .Values.maxPayload
      "max_connections" .Values.maxConnections
      "pid_file" "/var/run/nats/nats.pid" -}}
{{- $config = merge $config (include "nats.tls" (list . "client") | fromJson) -}}
{{- if .Values.jetstream.enabled -}}
{{- $jetstream := dict "store_dir" "/data" -}}
{{- $memory := default "128Mi" (.Values.resources.limits).memory -}}
{{- $volume := ternary .Values.persistence.size .Values.persistence.emptyDirSizeLimit .Values.persistence.enabled -}}
{{- $_ := set $jetstream "max_mem" (default (mulf 0.25 (include "nats.bytes" $memory | float64) | int64) .Values.jetstream.maxMemory) -}}
{{- $_ := set $jetstream "max_file" (default (mulf 0.9 (include "nats.bytes" $volume | float64) | int64) .Values.jetstream.maxFile) -}}
{{- with .Values.jetstream.domain }}{{ $_ := set $jetstream "domain" . }}{{ end -}}
{{- $_ := set $config "jetstream" $jetstream -}}
{{- end -}}
{{- if .Values.mqtt.enabled -}}
{{- if not .Values.jetstream.enabled }}{{ fail "mqtt.enabled needs jetstream.enabled: sessions and kept messages are streams" }}{{ end -}}
{{- $mqtt := dict "port" .Values.mqtt.port "ack_wait" .Values.mqtt.ackWait "max_ack_pending" .Values.mqtt.maxAckPending -}}
{{- $_ := set $config "mqtt" (merge $mqtt (include "nats.tls" (list . "mqtt") | fromJson)) -}}
{{- end -}}
{{- if .Values.websocket.enabled -}}
{{- $tls := include "nats.tls" (list . "websocket") | fromJson -}}
{{- $websocket := dict "port" .Values.websocket.port -}}
{{- if not $tls }}{{ $_ := set $websocket "no_tls" true }}{{ end -}}
{{- $_ := set $config "websocket" (merge $websocket $tls) -}}
{{- end -}}
{{- if or .Values.leafnodes.enabled .Values.leafnodes.remotes -}}
{{- $leafnodes := dict -}}
{{- if .Values.leafnodes.enabled -}}
{{- $leafnodes = merge (dict "port" .Values.leafnodes.port) (include "nats.tls" (list . "leafnodes") | fromJson) -}}
{{- end -}}
{{- with .Values.leafnodes.remotes }}{{ $_ := set $leafnodes "remotes" . }}{{ end -}}
{{- $_ := set $config "leafnodes" $leafnodes -}}
{{- end -}}
{{- mergeOverwrite $config (deepCopy .Values.config) | toJson -}}
{{- end -}}

{{/* nats.conf: a block for each key. What is secret is in other files. */}}
{{- define "nats.file" -}}
{{- if ne .Values.auth.mode "none" -}}
include auth.conf
{{ end -}}
{{- if gt (int .Values.replicas) 1 -}}
include cluster.conf
{{ end -}}
{{- range $key, $value := include "nats.config" . | fromJson -}}
{{ $key }}: {{ toPrettyJson $value }}
{{ end -}}
{{- end -}}
