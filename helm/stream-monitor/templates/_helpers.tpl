{{- define "stream-monitor.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{/* Fifty characters leave room for "-profiler-<ordinal>" in a label of 63. */}}
{{- define "stream-monitor.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "stream-monitor.name" . -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "stream-monitor.selector" -}}
app.kubernetes.io/name: {{ include "stream-monitor.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "stream-monitor.labels" -}}
{{ include "stream-monitor.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* Labels of pods that are not the services': without the selector's name, so that the headless Service
     does not list them. */}}
{{- define "stream-monitor.helperLabels" -}}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "stream-monitor.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}

{{/* Fails unless the cluster knows an API. Arguments: root, api, value. */}}
{{- define "stream-monitor.requireApi" -}}
{{- if not (.root.Capabilities.APIVersions.Has .api) -}}
{{- fail (printf "%s needs %s, which the cluster does not know: install its operator first (without a cluster: --api-versions %s)" .value .api .api) -}}
{{- end -}}
{{- end -}}

{{/* monitor.yaml: the user's settings with what the chart decides on top. */}}
{{- define "stream-monitor.config" -}}
{{- $ours := dict
      "models" "/etc/stream-monitor/models"
      "metrics" (dict "host" "0.0.0.0" "port" 9108)
      "profiler" (dict "store" "/var/lib/stream-monitor/pending") -}}
{{- range $stage := list "profiler" "detector" -}}
{{- if (index $.Values $stage).autoscaling.enabled -}}
{{- $_ := set $ours $stage (merge (dict "membership" "dynamic") (get $ours $stage | default dict)) -}}
{{- end -}}
{{- end -}}
{{- $config := mustMergeOverwrite (deepCopy .Values.config) $ours -}}
{{- if .Values.strimzi.users.enabled -}}
{{- $_ := set $config "kafka" (merge $config.kafka (dict
      "security.protocol" "SASL_SSL"
      "sasl.mechanism" "SCRAM-SHA-512"
      "ssl.ca.location" "/etc/stream-monitor/cluster-ca/ca.crt")) -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}

{{- define "stream-monitor.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "stream-monitor.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* Who signs in at the brokers. Arguments: root, role. */}}
{{- define "stream-monitor.credentials" -}}
{{- if .root.Values.strimzi.users.enabled }}
{{- $user := printf "%s-%s" (include "stream-monitor.fullname" .root) .role }}
- name: STREAM_MONITOR__KAFKA__SASL_USERNAME
  value: {{ $user }}
- name: STREAM_MONITOR__KAFKA__SASL_PASSWORD
  valueFrom:
    secretKeyRef:
      name: {{ $user }}
      key: password
{{- end }}
{{- end -}}

{{- define "stream-monitor.envFrom" -}}
{{- if or .Values.existingSecret .Values.extraEnvFrom }}
envFrom:
  {{- with .Values.existingSecret }}
  - secretRef:
      name: {{ . }}
  {{- end }}
  {{- with .Values.extraEnvFrom }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
{{- end -}}

{{- define "stream-monitor.podCommon" -}}
{{- with .Values.serviceAccount.name }}
serviceAccountName: {{ . }}
{{- end }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
securityContext:
  {{- include "stream-monitor.podSecurityContext" . | nindent 2 }}
{{- end -}}

{{- define "stream-monitor.mounts" -}}
- name: config
  mountPath: /etc/stream-monitor/monitor.yaml
  subPath: monitor.yaml
  readOnly: true
- name: models
  mountPath: /etc/stream-monitor/models
  readOnly: true
- name: cache
  mountPath: /var/cache/stream-monitor
- name: tmp
  mountPath: /tmp
{{- if .Values.strimzi.users.enabled }}
- name: cluster-ca
  mountPath: /etc/stream-monitor/cluster-ca
  readOnly: true
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "stream-monitor.volumes" -}}
- name: config
  configMap:
    name: {{ include "stream-monitor.fullname" . }}
- name: models
  configMap:
    name: {{ include "stream-monitor.fullname" . }}-models
- name: cache
  emptyDir:
    sizeLimit: 512Mi
- name: tmp
  emptyDir:
    sizeLimit: 1Gi
{{- if .Values.strimzi.users.enabled }}
- name: cluster-ca
  secret:
    secretName: {{ required "strimzi.users needs strimzi.cluster, the name of the Kafka resource" .Values.strimzi.cluster }}-cluster-ca-cert
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "stream-monitor.probes" -}}
{{/* Alive means that the loop polls, not that Kafka answers: a broker outage must not restart the pods. */}}
startupProbe:
  httpGet: {path: /live, port: metrics}
  periodSeconds: 5
  failureThreshold: 60
livenessProbe:
  httpGet: {path: /live, port: metrics}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: {path: /ready, port: metrics}
  periodSeconds: 10
  timeoutSeconds: 5
{{- end -}}
