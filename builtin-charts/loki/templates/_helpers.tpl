{{/* Base of every object name: the release name, with the chart name added unless it is already in it. */}}
{{- define "loki.fullname" -}}
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
{{- define "loki.selectorLabels" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "loki.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "loki.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "loki.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "loki.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* registry/repository:tag[@digest]; global.imageRegistry takes the place of image.registry. */}}
{{- define "loki.image" -}}
{{- $image := .Values.image -}}
{{- $registry := default $image.registry (.Values.global).imageRegistry -}}
{{- with $registry }}{{ trimSuffix "/" . }}/{{ end -}}
{{- $image.repository }}:{{ $image.tag -}}
{{- with $image.digest }}@{{ . }}{{ end -}}
{{- end -}}

{{/* Pull secrets of the chart and of global, each a list of {name}. */}}
{{- define "loki.imagePullSecrets" -}}
{{- with concat (default list (.Values.global).imagePullSecrets) (default list .Values.imagePullSecrets) | uniq -}}
imagePullSecrets:
{{ toYaml . | indent 2 }}
{{- end -}}
{{- end -}}

{{/* Bytes of a Kubernetes quantity such as 512Mi. */}}
{{- define "loki.bytes" -}}
{{- $text := kindIs "float64" . | ternary (toString (int64 .)) (toString .) -}}
{{- $number := regexFind "^[0-9]+(\\.[0-9]+)?" $text -}}
{{- $factors := dict "" 1 "k" 1000 "M" 1000000 "G" 1000000000 "T" 1000000000000 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 -}}
{{- $factor := get $factors (trimPrefix $number $text) | required (printf "%q is not a quantity this chart can read: write one such as 512Mi" $text) -}}
{{- mulf (float64 $number) (float64 $factor) | int64 -}}
{{- end -}}

{{/* Loki's configuration as this chart makes it, before .Values.config. */}}
{{- define "loki.config" -}}
auth_enabled: false
analytics:
  # Nothing leaves the site.
  reporting_enabled: false
server:
  http_listen_port: 3100
  grpc_listen_port: 9095
  log_level: {{ .Values.logLevel }}
common:
  path_prefix: /var/loki
  instance_addr: 127.0.0.1
  replication_factor: 1
  ring:
    kvstore:
      store: inmemory
  storage:
    filesystem:
      chunks_directory: /var/loki/chunks
      rules_directory: /var/loki/rules
schema_config:
  configs:
    - from: "2024-04-01"
      store: tsdb
      object_store: filesystem
      schema: v13
      index:
        prefix: index_
        period: 24h
ingester:
  chunk_encoding: snappy
  # Half of this is how late a line may come.
  max_chunk_age: {{ include "loki.doubled" .Values.outOfOrderWindow }}
  lifecycler:
    # There are no others to wait for.
    min_ready_duration: 0s
  wal:
    replay_memory_ceiling: 128MB
querier:
  max_concurrent: 2
  # Chunks stay in the ingester for long: ask it always.
  query_ingesters_within: 0s
query_range:
  results_cache:
    cache:
      embedded_cache:
        enabled: true
        max_size_mb: 16
chunk_store_config:
  chunk_cache_config:
    embedded_cache:
      enabled: true
      max_size_mb: 32
compactor:
  working_directory: /var/loki/compactor
  retention_enabled: {{ .Values.retention.enabled }}
  {{- if .Values.retention.enabled }}
  delete_request_store: filesystem
  {{- end }}
limits_config:
  {{- if .Values.retention.enabled }}
  retention_period: {{ .Values.retention.period }}
  reject_old_samples: true
  reject_old_samples_max_age: {{ .Values.retention.period }}
  {{- else }}
  reject_old_samples: false
  {{- end }}
  ingestion_rate_mb: {{ .Values.limits.ingestionRateMB }}
  ingestion_burst_size_mb: {{ .Values.limits.ingestionBurstSizeMB }}
  per_stream_rate_limit: {{ .Values.limits.perStreamRateLimit }}
  per_stream_rate_limit_burst: {{ .Values.limits.perStreamRateLimitBurst }}
  max_global_streams_per_user: {{ .Values.limits.maxStreams }}
  max_line_size: {{ .Values.limits.maxLineSize }}
  max_line_size_truncate: true
  max_query_length: {{ .Values.limits.maxQueryLength }}
  max_query_parallelism: 4
  max_entries_limit_per_query: {{ .Values.limits.maxEntriesPerQuery }}
  allow_structured_metadata: true
  volume_enabled: true
{{- end -}}

{{/* 12h is 24h, 30m is 60m. */}}
{{- define "loki.doubled" -}}
{{- mul 2 (regexFind "^[0-9]+" . | int) }}{{ regexFind "[a-z]+$" . -}}
{{- end -}}

{{/* The file: the above with .Values.config laid over it. */}}
{{- define "loki.file" -}}
{{- mergeOverwrite (include "loki.config" . | fromYaml) (deepCopy .Values.config) | toYaml -}}
{{- end -}}
