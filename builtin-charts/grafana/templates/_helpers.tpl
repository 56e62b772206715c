{{/* Base of every object name: the release name, with the chart name added unless it is already in it. */}}
{{- define "grafana.fullname" -}}
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
{{- define "grafana.selectorLabels" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "grafana.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "grafana.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "grafana.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "grafana.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* registry/repository:tag[@digest]; global.imageRegistry takes the place of image.registry. */}}
{{- define "grafana.image" -}}
{{- $image := .Values.image -}}
{{- $registry := default $image.registry (.Values.global).imageRegistry -}}
{{- with $registry }}{{ trimSuffix "/" . }}/{{ end -}}
{{- $image.repository }}:{{ $image.tag -}}
{{- with $image.digest }}@{{ . }}{{ end -}}
{{- end -}}

{{/* Pull secrets of the chart and of global, each a list of {name}. */}}
{{- define "grafana.imagePullSecrets" -}}
{{- with concat (default list (.Values.global).imagePullSecrets) (default list .Values.imagePullSecrets) | uniq -}}
imagePullSecrets:
{{ toYaml . | indent 2 }}
{{- end -}}
{{- end -}}

{{/* The Secret with the administrator's name and password. */}}
{{- define "grafana.adminSecret" -}}
{{- default (printf "%s-admin" (include "grafana.fullname" . | trunc 57 | trimSuffix "-")) .Values.admin.existingSecret -}}
{{- end -}}

{{/* A number, switch or text as text: numbers of values are floating-point ones, 1e+06 among them. */}}
{{- define "grafana.scalar" -}}
{{- if and (kindIs "float64" .) (eq . (floor .)) }}{{ int64 . }}{{ else }}{{ . }}{{ end -}}
{{- end -}}

{{/* grafana.ini */}}
{{- define "grafana.ini" -}}
{{- range $section, $settings := .Values.ini }}
[{{ $section }}]
{{- range $key, $value := $settings }}
{{ $key }} = {{ include "grafana.scalar" $value }}
{{- end }}
{{ end -}}
{{- end -}}

{{/* Where data come from, as Grafana's provisioning reads it. */}}
{{- define "grafana.datasources" -}}
{{- $ports := dict "prometheus" 9090 "alertmanager" 9093 "loki" 3100 -}}
{{- $list := list -}}
{{- range $name := list "prometheus" "alertmanager" "loki" -}}
{{- $source := get $.Values.datasources $name -}}
{{- if $source.enabled -}}
{{- $beside := printf "http://%s.%s.svc:%v" $name $.Release.Namespace (get $ports $name) -}}
{{- $entry := dict "name" (title $name) "uid" $name "type" $name "access" "proxy" "url" (default $beside $source.url) "editable" false -}}
{{- if eq $name "prometheus" }}{{ $entry = merge $entry (dict "isDefault" true "jsonData" (dict "httpMethod" "POST" "timeInterval" "30s")) }}{{ end -}}
{{- if eq $name "alertmanager" }}{{ $entry = merge $entry (dict "jsonData" (dict "implementation" "prometheus" "handleGrafanaManagedAlerts" false)) }}{{ end -}}
{{- $list = append $list $entry -}}
{{- end -}}
{{- end -}}
{{- dict "apiVersion" 1 "prune" true "datasources" (concat $list (default list .Values.datasources.extra)) | toYaml -}}
{{- end -}}

{{/* Where dashboards are. */}}
{{- define "grafana.dashboardProviders" -}}
apiVersion: 1
providers:
  - name: charts
    type: file
    allowUiUpdates: false
    updateIntervalSeconds: 60
    options:
      path: /etc/grafana/dashboards
      foldersFromFilesStructure: false
{{- end -}}
