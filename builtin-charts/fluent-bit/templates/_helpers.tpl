{{/* Base of every object name: the release name, with the chart name added unless it is already in it. */}}
{{- define "fluent-bit.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* The labels that find the pods. They never change in a release's life. */}}
{{- define "fluent-bit.selectorLabels" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "fluent-bit.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "fluent-bit.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "fluent-bit.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "fluent-bit.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* registry/repository:tag[@digest]; global.imageRegistry takes the place of image.registry. */}}
{{- define "fluent-bit.image" -}}
{{- $image := .Values.image -}}
{{- $registry := default $image.registry (.Values.global).imageRegistry -}}
{{- with $registry }}{{ trimSuffix "/" . }}/{{ end -}}
{{- $image.repository }}:{{ $image.tag -}}
{{- with $image.digest }}@{{ . }}{{ end -}}
{{- end -}}

{{/* Pull secrets of the chart and of global, each a list of {name}. */}}
{{- define "fluent-bit.imagePullSecrets" -}}
{{- with concat (default list (.Values.global).imagePullSecrets) (default list .Values.imagePullSecrets) | uniq -}}
imagePullSecrets:
{{ toYaml . | indent 2 }}
{{- end -}}
{{- end -}}

{{/* Where logs go: loki.host, or the Service that the chart loki makes beside this release. */}}
{{- define "fluent-bit.lokiHost" -}}
{{- default (printf "loki.%s.svc" .Release.Namespace) .Values.loki.host -}}
{{- end -}}

{{/* Fluent Bit's configuration, as YAML. */}}
{{- define "fluent-bit.config" -}}
service:
  flush: 5
  grace: 10
  log_level: {{ .Values.logLevel }}
  http_server: on
  http_listen: 0.0.0.0
  http_port: 2020
  # Seconds until the next try, at first and at most: an outage ends for every chunk at about the same time.
  scheduler.base: 5
  scheduler.cap: 60
  storage.path: /var/lib/fluent-bit/buffer
  storage.sync: normal
  # A power cut can tear a chunk; it is told by its sum and left out.
  storage.checksum: on
  storage.delete_irrecoverable_chunks: on
  storage.max_chunks_up: 8
  storage.backlog.mem_limit: {{ .Values.buffer.backlogMemory }}
  storage.metrics: on
{{- with .Values.extraParsers }}
parsers:
  {{- toYaml . | nindent 2 }}
{{- end }}
pipeline:
  inputs:
    - name: tail
      tag: kube.*
      path: {{ .Values.tail.path | quote }}
      {{- with .Values.tail.excludePaths }}
      exclude_path: {{ join "," . | quote }}
      {{- end }}
      multiline.parser: {{ join ", " .Values.tail.multilineParsers | quote }}
      read_from_head: {{ ternary "on" "off" .Values.tail.readFromHead }}
      db: /var/lib/fluent-bit/tail.db
      db.locking: on
      refresh_interval: 10
      rotate_wait: 30
      skip_long_lines: on
      buffer_max_size: 256k
      storage.type: filesystem
    {{- if .Values.systemd.enabled }}
    - name: systemd
      tag: host.*
      path: {{ .Values.systemd.path | quote }}
      db: /var/lib/fluent-bit/systemd.db
      read_from_tail: on
      lowercase: on
      strip_underscores: on
      {{- with .Values.systemd.units }}
      systemd_filter:
        {{- range . }}
        - _SYSTEMD_UNIT={{ . }}
        {{- end }}
      {{- end }}
      storage.type: filesystem
    {{- end }}
    {{- with .Values.extraInputs }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  filters:
    - name: kubernetes
      match: kube.*
      kube_tag_prefix: kube.var.log.containers.
      labels: {{ ternary "on" "off" .Values.kubernetes.labels }}
      annotations: {{ ternary "on" "off" .Values.kubernetes.annotations }}
      merge_log: {{ ternary "on" "off" .Values.kubernetes.mergeLog }}
      keep_log: {{ ternary "off" "on" .Values.kubernetes.mergeLog }}
      k8s-logging.parser: on
      k8s-logging.exclude: on
      buffer_size: 64k
    {{- with .Values.extraFilters }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- if or .Values.loki.enabled .Values.extraOutputs }}
  outputs:
    {{- if .Values.loki.enabled }}
    {{- include "fluent-bit.lokiOutput" (dict "root" . "match" "kube.*" "labels" .Values.loki.labels) | nindent 4 }}
      remove_keys: kubernetes,stream,time,_p
      drop_single_key: raw
      line_format: json
    {{- if .Values.systemd.enabled }}
    {{- $labels := dict "job" "systemd" "node" "$hostname" "unit" "$systemd_unit" }}
    {{- include "fluent-bit.lokiOutput" (dict "root" . "match" "host.*" "labels" $labels) | nindent 4 }}
      line_format: json
    {{- end }}
    {{- end }}
    {{- with .Values.extraOutputs }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- end }}
{{- end -}}

{{/* An output to Loki for the records that match, with these labels; more properties may follow it. */}}
{{- define "fluent-bit.lokiOutput" -}}
{{- $loki := .root.Values.loki -}}
- name: loki
  match: {{ .match | quote }}
  host: {{ include "fluent-bit.lokiHost" .root | quote }}
  port: {{ $loki.port }}
  uri: {{ $loki.uri }}
  {{- with $loki.tenantID }}
  tenant_id: {{ . | quote }}
  {{- end }}
  {{- if $loki.tls.enabled }}
  tls: on
  tls.verify: {{ ternary "on" "off" $loki.tls.verify }}
  {{- end }}
  {{- if $loki.basicAuthSecret }}
  http_user: ${LOKI_USERNAME}
  http_passwd: ${LOKI_PASSWORD}
  {{- end }}
  {{- $labels := list }}
  {{- range $name, $value := .labels }}
  {{- $labels = append $labels (printf "%s=%s" $name $value) }}
  {{- end }}
  labels: {{ join ", " $labels | quote }}
  retry_limit: no_limits
  storage.total_limit_size: {{ .root.Values.buffer.limit }}
{{- end -}}
