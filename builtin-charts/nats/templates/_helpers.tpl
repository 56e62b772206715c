{{/* Base of every object name: the release name, with the chart name added unless it is already in it. */}}
{{- define "nats.fullname" -}}
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
{{- define "nats.selectorLabels" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "nats.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "nats.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "nats.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "nats.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* registry/repository:tag[@digest]; global.imageRegistry takes the place of image.registry. */}}
{{- define "nats.image" -}}
{{- $image := .Values.image -}}
{{- $registry := default $image.registry (.Values.global).imageRegistry -}}
{{- with $registry }}{{ trimSuffix "/" . }}/{{ end -}}
{{- $image.repository }}:{{ $image.tag -}}
{{- with $image.digest }}@{{ . }}{{ end -}}
{{- end -}}

{{/* Pull secrets of the chart and of global, each a list of {name}. */}}
{{- define "nats.imagePullSecrets" -}}
{{- with concat (default list (.Values.global).imagePullSecrets) (default list .Values.imagePullSecrets) | uniq -}}
imagePullSecrets:
{{ toYaml . | indent 2 }}
{{- end -}}
{{- end -}}

{{/* Name of the headless Service, and with it of the servers: NAME-0.<this>.NAMESPACE.svc. */}}
{{- define "nats.headless" -}}
{{- include "nats.fullname" . | trunc 54 | trimSuffix "-" }}-headless
{{- end -}}

{{/* Bytes of a Kubernetes quantity such as 512Mi. */}}
{{- define "nats.bytes" -}}
{{- $text := kindIs "float64" . | ternary (toString (int64 .)) (toString .) -}}
{{- $number := regexFind "^[0-9]+(\\.[0-9]+)?" $text -}}
{{- $factors := dict "" 1 "k" 1000 "M" 1000000 "G" 1000000000 "T" 1000000000000 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 -}}
{{- $factor := get $factors (trimPrefix $number $text) | required (printf "%q is not a quantity this chart can read: write one such as 512Mi" $text) -}}
{{- mulf (float64 $number) (float64 $factor) | int64 -}}
{{- end -}}

{{/* Name of the Secret with auth.conf. Empty without authentication. */}}
{{- define "nats.authSecret" -}}
{{- if eq .Values.auth.mode "generated" -}}
{{- include "nats.fullname" . | trunc 58 | trimSuffix "-" }}-auth
{{- else if eq .Values.auth.mode "existingSecret" -}}
{{- required "auth.mode is existingSecret: name the Secret in auth.existingSecret" .Values.auth.existingSecret -}}
{{- end -}}
{{- end -}}

{{/* The port of clients: its Service port and its name. Each listener that is on, as {"listeners": […]}. */}}
{{- define "nats.listeners" -}}
{{- $listeners := list (dict "name" "client" "port" 4222) -}}
{{- range $name := list "mqtt" "websocket" "leafnodes" -}}
{{- $listener := get $.Values $name -}}
{{- if $listener.enabled -}}
{{- $listeners = append $listeners (dict "name" $name "port" $listener.port) -}}
{{- end -}}
{{- end -}}
{{- dict "listeners" $listeners | toJson -}}
{{- end -}}
