{{/* How to speak with kubelets or, with "api", with the API server: a scrape_config's scheme and credentials. */}}
{{- define "prometheus.clusterAccess" -}}
scheme: https
authorization:
  credentials_file: /var/run/secrets/kubernetes.io/serviceaccount/token
tls_config:
  ca_file: /var/run/secrets/kubernetes.io/serviceaccount/ca.crt
  {{- if .insecure }}
  insecure_skip_verify: true
  {{- end }}
{{- end -}}

{{/* The jobs that ask kubelets and the API server. */}}
{{- define "prometheus.nodeJobs" -}}
{{- $kubelet := .Values.scrape.kubelet -}}
{{- range $job, $path := dict "kubelet" "/metrics" "cadvisor" "/metrics/cadvisor" }}
{{- $settings := get $.Values.scrape $job }}
{{- if $settings.enabled }}
- job_name: {{ $job }}
  {{- include "prometheus.clusterAccess" (dict "insecure" (and $kubelet.insecureTLS (not $kubelet.viaApiServer))) | nindent 2 }}
  kubernetes_sd_configs:
    - role: node
  relabel_configs:
    - source_labels: [__meta_kubernetes_node_name]
      target_label: node
    - source_labels: [__meta_kubernetes_node_name]
      target_label: instance
    {{- if $kubelet.viaApiServer }}
    - source_labels: [__meta_kubernetes_node_name]
      target_label: __metrics_path__
      replacement: /api/v1/nodes/${1}/proxy{{ $path }}
    - target_label: __address__
      replacement: kubernetes.default.svc:443
    {{- else }}
    - target_label: __metrics_path__
      replacement: {{ $path }}
    {{- end }}
  {{- with $settings.drop }}
  metric_relabel_configs:
    - source_labels: [__name__]
      regex: {{ . | quote }}
      action: drop
  {{- end }}
{{- end }}
{{- end }}
{{- if .Values.scrape.apiServer }}
- job_name: kube-apiserver
  {{- include "prometheus.clusterAccess" (dict "insecure" false) | nindent 2 }}
  static_configs:
    - targets: ["kubernetes.default.svc:443"]
{{- end }}
{{- end -}}

{{/*
A job for what carries the annotation prometheus.io/scrape, of .role endpointslice or pod. A "foreign" one is
for applications whose metrics are about other objects: it adds no labels of the pod, and keeps theirs.
*/}}
{{- define "prometheus.annotatedJob" -}}
{{- $of := ternary "pod" "service" (eq .role "pod") -}}
{{- $meta := printf "__meta_kubernetes_%s" $of -}}
{{- $honor := printf "%s_annotation_prometheus_io_honor_labels" $meta -}}
{{- $name := printf "%s_label_app_kubernetes_io_name" $meta -}}
- job_name: {{ $of }}s{{ if .foreign }}-about-others{{ end }}
  {{- if .foreign }}
  honor_labels: true
  {{- end }}
  kubernetes_sd_configs:
    - role: {{ .role }}
  relabel_configs:
    - source_labels: [{{ $meta }}_annotation_prometheus_io_scrape]
      regex: "true"
      action: keep
    - source_labels: [{{ $honor }}, {{ $name }}]
      regex: {{ printf "true;.*|[^;]*;(%s)" (join "|" (default (list "-") .root.Values.scrape.honorLabelsOf)) | quote }}
      action: {{ ternary "keep" "drop" .foreign }}
    {{- if eq .role "pod" }}
    # A pod that has ended answers no more.
    - source_labels: [__meta_kubernetes_pod_phase]
      regex: Succeeded|Failed
      action: drop
    # Metrics come over TCP.
    - source_labels: [__meta_kubernetes_pod_container_port_protocol]
      regex: UDP|SCTP
      action: drop
    {{- end }}
    - source_labels: [{{ $meta }}_annotation_prometheus_io_scheme]
      regex: (https?)
      target_label: __scheme__
    - source_labels: [{{ $meta }}_annotation_prometheus_io_path]
      regex: (.+)
      target_label: __metrics_path__
    - source_labels: [__address__, {{ $meta }}_annotation_prometheus_io_port]
      regex: (\[[^]]+\]|[^:]+)(?::\d+)?;(\d+)
      target_label: __address__
      replacement: $1:$2
    - source_labels: [{{ $meta }}_name]
      target_label: job
    - source_labels: [{{ $name }}]
      regex: (.+)
      target_label: job
    {{- if not .foreign }}
    - source_labels: [__meta_kubernetes_namespace]
      target_label: namespace
    {{- if eq $of "service" }}
    - source_labels: [__meta_kubernetes_service_name]
      target_label: service
    {{- end }}
    - source_labels: [__meta_kubernetes_pod_name]
      target_label: pod
    - source_labels: [__meta_kubernetes_pod_node_name]
      target_label: node
    {{- end }}
{{- end -}}
