{{/* The StatefulSet of one service. Arguments: root, stage (profiler or detector). */}}
{{- define "stream-monitor.stage" -}}
{{- $root := .root -}}
{{- $stage := .stage -}}
{{- $values := index $root.Values $stage -}}
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: {{ include "stream-monitor.fullname" $root }}-{{ $stage }}
  labels:
    {{- include "stream-monitor.labels" $root | nindent 4 }}
    app.kubernetes.io/component: {{ $stage }}
spec:
  {{- if not $values.autoscaling.enabled }}
  replicas: {{ $values.replicas }}
  {{- end }}
  serviceName: {{ include "stream-monitor.fullname" $root }}
  podManagementPolicy: Parallel
  selector:
    matchLabels:
      {{- include "stream-monitor.selector" $root | nindent 6 }}
      app.kubernetes.io/component: {{ $stage }}
  template:
    metadata:
      labels:
        {{- include "stream-monitor.labels" $root | nindent 8 }}
        app.kubernetes.io/component: {{ $stage }}
        {{- with $root.Values.podLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      annotations:
        checksum/config: {{ include "stream-monitor.config" $root | sha256sum }}
        {{- with $root.Values.podAnnotations }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    spec:
      {{- include "stream-monitor.podCommon" $root | nindent 6 }}
      terminationGracePeriodSeconds: {{ $root.Values.terminationGracePeriodSeconds }}
      {{- with $root.Values.initContainers }}
      initContainers:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      containers:
        - name: {{ $stage }}
          image: {{ include "stream-monitor.image" $root | quote }}
          imagePullPolicy: {{ $root.Values.image.pullPolicy }}
          args: [run, {{ $stage }}, --config, /etc/stream-monitor/monitor.yaml]
          env:
            - name: NUMBA_CACHE_DIR
              value: /var/cache/stream-monitor
            - name: STREAM_MONITOR__{{ upper $stage }}__INSTANCE
              valueFrom:
                fieldRef:
                  fieldPath: metadata.name
            {{- include "stream-monitor.credentials" (dict "root" $root "role" $stage) | nindent 12 }}
            {{- with $values.env }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
          {{- include "stream-monitor.envFrom" $root | nindent 10 }}
          ports:
            - name: metrics
              containerPort: 9108
          {{- include "stream-monitor.probes" $root | nindent 10 }}
          resources:
            {{- toYaml $values.resources | nindent 12 }}
          securityContext:
            {{- include "stream-monitor.containerSecurityContext" $root | nindent 12 }}
          volumeMounts:
            {{- include "stream-monitor.mounts" $root | nindent 12 }}
            {{- if $values.storage }}
            - name: pending
              mountPath: /var/lib/stream-monitor
            {{- end }}
        {{- with $root.Values.extraContainers }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- range $field := list "nodeSelector" "tolerations" "affinity" "topologySpreadConstraints" }}
      {{- with index $values $field }}
      {{ $field }}:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- end }}
      volumes:
        {{- include "stream-monitor.volumes" $root | nindent 8 }}
  {{- with $values.storage }}
  {{- with .retentionPolicy }}
  persistentVolumeClaimRetentionPolicy:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  volumeClaimTemplates:
    - metadata:
        name: pending
      spec:
        accessModes: [ReadWriteOnce]
        {{- with .storageClass }}
        storageClassName: {{ . }}
        {{- end }}
        resources:
          requests:
            storage: {{ .size }}
  {{- end }}
{{- end -}}
