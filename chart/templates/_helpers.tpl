{{/* Base of every object name: the release name, with the chart name added unless it is already in it. */}}
{{- define "chartroom.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Name of what belongs to no namespace: another release of this name elsewhere has its own. */}}
{{- define "chartroom.clusterName" -}}
{{- printf "%s-%s" .Release.Namespace (include "chartroom.fullname" .) -}}
{{- end -}}

{{- define "chartroom.serviceName" -}}
{{- default (include "chartroom.fullname" .) .Values.service.name -}}
{{- end -}}

{{/* Where uploads are: scratch (an emptyDir), host (a directory of the node), given (a claim of the user's) or claim. */}}
{{- define "chartroom.storage" -}}
{{- with .Values.persistence -}}
{{- if and .hostPath .existingClaim -}}
{{- fail "persistence.hostPath and persistence.existingClaim are two places: name one" -}}
{{- end -}}
{{- if not .enabled }}scratch{{ else if .hostPath }}host{{ else if .existingClaim }}given{{ else }}claim{{ end -}}
{{- end -}}
{{- end -}}

{{- define "chartroom.claimName" -}}
{{- default (printf "%s-data" (include "chartroom.fullname" .)) .Values.persistence.existingClaim -}}
{{- end -}}

{{- define "chartroom.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* What all objects of the release have in common. */}}
{{- define "chartroom.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/name: {{ include "chartroom.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{/* Its address for the cluster. */}}
{{- define "chartroom.serviceUrl" -}}
{{- printf "%s://%s.%s:%v%s" (include "chartroom.scheme" .) (include "chartroom.serviceName" .) .Release.Namespace .Values.service.port (include "chartroom.contextPath" .) -}}
{{- end -}}

{{- define "chartroom.scheme" -}}
{{- ternary "https" "http" (ne (toString (default "" .Values.env.open.TLS_CERT)) "") -}}
{{- end -}}

{{/* The path under which everything is served, /charts or nothing. */}}
{{- define "chartroom.contextPath" -}}
{{- with default "" .Values.env.open.CONTEXT_PATH | trimAll "/" }}/{{ . }}{{ end -}}
{{- end -}}

{{/* The labels that find the server's pod, and no pod of a hook. They never change in a release's life. */}}
{{- define "chartroom.selectorLabels" -}}
app.kubernetes.io/name: {{ include "chartroom.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: server
{{- end -}}

{{- define "chartroom.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "chartroom.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* [registry/]repository:tag[@digest]; global.imageRegistry takes the place of image.registry. */}}
{{- define "chartroom.image" -}}
{{- $image := .Values.image -}}
{{- if eq (toString $image.tag) "latest" -}}
{{- fail "image.tag is latest: name a version, or leave it empty for the chart's own" -}}
{{- end -}}
{{- $registry := default $image.registry (.Values.global).imageRegistry -}}
{{- with $registry }}{{ trimSuffix "/" . }}/{{ end -}}
{{- $image.repository }}:{{ default .Chart.AppVersion $image.tag -}}
{{- with $image.digest }}@{{ . }}{{ end -}}
{{- end -}}

{{/* Pull secrets of the chart and of global, each a list of {name}. */}}
{{- define "chartroom.imagePullSecrets" -}}
{{- with concat (default list (.Values.global).imagePullSecrets) (default list .Values.imagePullSecrets) | uniq -}}
imagePullSecrets:
{{ toYaml . | indent 2 }}
{{- end -}}
{{- end -}}

{{/* The ports in the container, as JSON: the node's with the host's network. */}}
{{- define "chartroom.ports" -}}
{{- if .Values.hostNetwork.enabled -}}
{{- toJson (merge (dict) .Values.hostNetwork.ports (dict "probes" 18083)) -}}
{{- else -}}
{"http": 8080, "health": 8081, "metrics": 8082, "probes": 8083}
{{- end -}}
{{- end -}}

{{/* Where a pod runs and how it reaches the API server: the same for the server and the hooks. */}}
{{- define "chartroom.placement" -}}
securityContext:
  {{- toYaml .Values.podSecurityContext | nindent 2 }}
{{- with include "chartroom.imagePullSecrets" . }}
{{ . }}
{{- end }}
{{- if .Values.hostNetwork.enabled }}
hostNetwork: true
{{- end }}
{{- with default (ternary "Default" "" .Values.hostNetwork.enabled) .Values.dnsPolicy }}
dnsPolicy: {{ . }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with concat (ternary .Values.hostNetwork.tolerations list .Values.hostNetwork.enabled) .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* The way to the API server, where pods are told a wrong one. */}}
{{- define "chartroom.apiServerEnv" -}}
{{- with .Values.apiServer }}
{{- if .host -}}
- name: HOST_IP
  valueFrom:
    fieldRef:
      fieldPath: status.hostIP
- name: KUBERNETES_SERVICE_HOST
  value: {{ .host | quote }}
- name: KUBERNETES_SERVICE_PORT
  value: {{ .port | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{/* The Secret with the credentials for pushing. */}}
{{- define "chartroom.authSecretName" -}}
{{- default (printf "%s-push" (include "chartroom.fullname" .)) .Values.auth.existingSecret -}}
{{- end -}}

{{/* The password for pushing: the given one, else the one that there is, else a new one, the same in all templates. */}}
{{- define "chartroom.password" -}}
{{- if not .Values.auth.password -}}
{{- $there := lookup "v1" "Secret" .Release.Namespace (include "chartroom.authSecretName" .) -}}
{{- $known := get (default dict $there.data) "password" -}}
{{- $_ := set .Values.auth "password" (ternary (b64dec $known) (randAlphaNum 32) (ne $known "")) -}}
{{- end -}}
{{- .Values.auth.password -}}
{{- end -}}

{{/* What the rest of the chart relies on, and who sets an option by name must not take away. */}}
{{- define "chartroom.checkEnv" -}}
{{- $owned := dict
  "PORT" "service.port or hostNetwork.ports"
  "STORAGE_LOCAL_ROOTDIR" "persistence.path"
  "BUILTIN_CHARTS" "builtinCharts"
  "BASIC_AUTH_USER" "auth"
  "BASIC_AUTH_PASS" "auth"
  "AUTH_ANONYMOUS_GET" "auth.anonymousGet"
  "ENABLE_METRICS" "metrics.enabled"
  "CONTROLLER" "controller.enabled"
  "CONCURRENCY" "controller.concurrency"
  "WATCH_NAMESPACE" "controller.watchNamespace"
  "ALLOWED_REPOSITORIES" "allowedRepositories"
  "SERVICE_URL" "nothing: it is the Service's"
  "LEADER_ELECT_NAME" "nothing: the name follows the release's"
  "HEALTH_PROBE_BIND_ADDRESS" "hostNetwork.ports"
  "METRICS_BIND_ADDRESS" "hostNetwork.ports"
  "PROBE_BIND_ADDRESS" "hostNetwork.ports"
  "KUBERNETES_SERVICE_HOST" "apiServer.host"
  "KUBERNETES_SERVICE_PORT" "apiServer.port" -}}
{{- if ne .Values.tenancy "open" -}}
{{- $owned = set $owned "ALLOWED_NAMESPACES" "tenancy" -}}
{{- end -}}
{{- if eq .Values.tenancy "impersonate" -}}
{{- $owned = set $owned "DEFAULT_SERVICE_ACCOUNT" "tenantServiceAccount" -}}
{{- end -}}
{{- range $name, $value := .Values.env.open -}}
{{- if and (hasKey $owned $name) (ne (toString $value) "") -}}
{{- fail (printf "env.open.%s is set by this chart: use the value %s" $name (get $owned $name)) -}}
{{- end -}}
{{- end -}}
{{- with (.Values.env.open).STORAGE -}}
{{- if ne . "local" -}}
{{- fail (printf "env.open.STORAGE is %q: this version stores in a local directory only" .) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/*
Two controllers must not have the same Components: both would install them, and the uninstall of one release would take
down what the other installed. Only seen where helm looks at the cluster.
*/}}
{{- define "chartroom.checkAlone" -}}
{{- if and .Values.controller.enabled .Values.rbac.create -}}
{{- $root := . -}}
{{- $mine := default "" .Values.controller.watchNamespace -}}
{{- range (lookup "apps/v1" "Deployment" "" "").items -}}
{{- $namespace := .metadata.namespace -}}
{{- $release := get (default dict .metadata.annotations) "meta.helm.sh/release-name" -}}
{{- if not (and (eq $release $root.Release.Name) (eq $namespace $root.Release.Namespace)) -}}
{{- $deployment := .metadata.name -}}
{{- range .spec.template.spec.containers -}}
{{- $env := dict -}}
{{- range .env -}}{{- $_ := set $env .name (default "" .value) -}}{{- end -}}
{{- if and (hasKey $env "LEADER_ELECT_NAME") (eq (get $env "CONTROLLER") "true") -}}
{{- $theirs := default "" (get $env "WATCH_NAMESPACE") -}}
{{- if or (eq $mine "") (eq $theirs "") (eq $mine $theirs) -}}
{{- fail (printf "deployment %s in namespace %s is a controller of %s already, and two would fight over them: give each its own controller.watchNamespace, set controller.enabled=false for a repository alone, or uninstall release %s first"
  $deployment $namespace (ternary "all Components" (printf "the Components in %s" $theirs) (eq $theirs "")) $release) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/*
"true" if nobody is known who makes a volume for the claim: it asks for the default class, and there is none. Only seen
where helm looks at the cluster, and only asked where this release has rights in all of it.
*/}}
{{- define "chartroom.lacksStorageClass" -}}
{{- $claim := lookup "v1" "PersistentVolumeClaim" .Release.Namespace (include "chartroom.claimName" .) -}}
{{- $isBound := eq (dig "status" "phase" "" (default dict $claim)) "Bound" -}}
{{- if and .Values.rbac.create (not .Values.persistence.storageClass) (not $isBound) (lookup "v1" "Namespace" "" "kube-system") -}}
{{- $lacks := true -}}
{{- range (lookup "storage.k8s.io/v1" "StorageClass" "" "").items -}}
{{- if eq (get (default dict .metadata.annotations) "storageclass.kubernetes.io/is-default-class") "true" -}}
{{- $lacks = false -}}
{{- end -}}
{{- end -}}
{{- $lacks -}}
{{- end -}}
{{- end -}}

{{/* A probe of the repository, on a port of its own: it is answered however many clients there are. */}}
{{- define "chartroom.repositoryProbe" -}}
httpGet:
  path: {{ .path }}
  port: probes
{{- end -}}

{{/* The name of the Lease by which one controller works at a time. */}}
{{- define "chartroom.leaseName" -}}
{{- printf "%s-controller" (include "chartroom.fullname" .) -}}
{{- end -}}

{{/*
Annotations of what brings the definition up to date, by root and weight. It runs before an install too if the cluster
has another version's, which an earlier release has left there: helm does not touch one that exists.
*/}}
{{- define "chartroom.crdHook" -}}
{{- $there := lookup "apiextensions.k8s.io/v1" "CustomResourceDefinition" "" "components.ext.theriseunion.io" -}}
{{- $version := get (default dict (($there).metadata).annotations) "ext.theriseunion.io/definition-version" -}}
{{- $isAnothers := and $there (ne $version .root.Chart.AppVersion) -}}
helm.sh/hook: pre-upgrade,pre-rollback{{ if $isAnothers }},pre-install{{ end }}
helm.sh/hook-weight: {{ .weight | quote }}
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
helm.sh/hook-output-log-policy: hook-failed
{{- end -}}

{{/* The container of a hook, without its name: the same image with these words. */}}
{{- define "chartroom.hookContainer" -}}
{{- $root := .root -}}
image: {{ include "chartroom.image" $root }}
imagePullPolicy: {{ $root.Values.image.pullPolicy }}
args:
  {{- range .args }}
  - {{ . | quote }}
  {{- end }}
{{- with include "chartroom.apiServerEnv" $root }}
env:
  {{- . | nindent 2 }}
{{- end }}
# why it failed is in its last lines
terminationMessagePolicy: FallbackToLogsOnError
securityContext:
  {{- toYaml $root.Values.securityContext | nindent 2 }}
resources:
  {{- toYaml $root.Values.hookResources | nindent 2 }}
{{- end -}}
