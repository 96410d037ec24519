{{- define "millwright.labels" -}}
app.kubernetes.io/name: millwright
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "millwright.mlflowUri" -}}
{{- if .Values.mlflow.embedded -}}
http://{{ .Release.Name }}-mlflow.{{ .Release.Namespace }}.svc
{{- else -}}
{{ .Values.mlflow.trackingUri }}
{{- end }}
{{- end }}

{{- define "millwright.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "millwright.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- define "millwright.pullSecrets" -}}
{{- with .Values.images.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- /* Pods read the keys once, so that other keys need other pods. Generated keys never change. */}}
{{- define "millwright.keysAnnotation" -}}
{{- with .Values.storage.secretAccessKey -}}
annotations: {millwright.dev/keys: {{ printf "%s %s" $.Values.storage.accessKeyId . | sha256sum | trunc 16 | quote }}}
{{- end }}
{{- end }}

{{- /* The operator only reads S3, and only for pipelines in S3 and replays: it gets no credentials where neither can be. */}}
{{- define "millwright.operatorSecret" -}}
{{- $given := or .Values.storage.embedded .Values.storage.pipelines -}}
{{- .Values.storage.operatorSecretName | default (ternary .Values.storage.secretName "" (not (empty $given))) -}}
{{- end }}
