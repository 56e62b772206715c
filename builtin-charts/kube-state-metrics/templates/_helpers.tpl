{{/* Base of every object name: the release name, with the chart name added unless it is already in it. */}}
{{- define "kube-state-metrics.fullname" -}}
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
{{- define "kube-state-metrics.selectorLabels" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "kube-state-metrics.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "kube-state-metrics.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "kube-state-metrics.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "kube-state-metrics.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* registry/repository:tag[@digest]; global.imageRegistry takes the place of image.registry. */}}
{{- define "kube-state-metrics.image" -}}
{{- $image := .Values.image -}}
{{- $registry := default $image.registry (.Values.global).imageRegistry -}}
{{- with $registry }}{{ trimSuffix "/" . }}/{{ end -}}
{{- $image.repository }}:{{ $image.tag -}}
{{- with $image.digest }}@{{ . }}{{ end -}}
{{- end -}}

{{/* Pull secrets of the chart and of global, each a list of {name}. */}}
{{- define "kube-state-metrics.imagePullSecrets" -}}
{{- with concat (default list (.Values.global).imagePullSecrets) (default list .Values.imagePullSecrets) | uniq -}}
imagePullSecrets:
{{ toYaml . | indent 2 }}
{{- end -}}
{{- end -}}

{{/* Each collector's API group. */}}
{{- define "kube-state-metrics.kinds" -}}
certificatesigningrequests: {group: certificates.k8s.io}
configmaps: {group: ""}
cronjobs: {group: batch}
daemonsets: {group: apps}
deployments: {group: apps}
endpointslices: {group: discovery.k8s.io}
horizontalpodautoscalers: {group: autoscaling}
ingresses: {group: networking.k8s.io}
jobs: {group: batch}
leases: {group: coordination.k8s.io}
limitranges: {group: ""}
mutatingwebhookconfigurations: {group: admissionregistration.k8s.io}
namespaces: {group: ""}
networkpolicies: {group: networking.k8s.io}
nodes: {group: ""}
persistentvolumeclaims: {group: ""}
persistentvolumes: {group: ""}
poddisruptionbudgets: {group: policy}
pods: {group: ""}
replicasets: {group: apps}
replicationcontrollers: {group: ""}
resourcequotas: {group: ""}
secrets: {group: ""}
services: {group: ""}
statefulsets: {group: apps}
storageclasses: {group: storage.k8s.io}
validatingwebhookconfigurations: {group: admissionregistration.k8s.io}
volumeattachments: {group: storage.k8s.io}
{{- end -}}

{{/* The chosen collectors, as {"collectors": […]}. */}}
{{- define "kube-state-metrics.collectors" -}}
{{- $kinds := include "kube-state-metrics.kinds" . | fromYaml -}}
{{- $served := list -}}
{{- range .Values.collectors | uniq | sortAlpha -}}
{{- $kind := get $kinds . | required (printf "collectors: %s is not a kind this chart knows" .) -}}
{{- $served = append $served . -}}
{{- end -}}
{{- dict "collectors" $served | toJson -}}
{{- end -}}
