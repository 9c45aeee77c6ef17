{{- define "modelservice.name" -}}{{ .Values.fullnameOverride | default .Release.Name }}{{- end }}

{{- define "modelservice.rendered" -}}
{{- $text := toYaml .value }}{{ if contains "{{" $text }}{{ tpl $text .root }}{{ else }}{{ $text }}{{ end }}
{{- end }}

{{- define "modelservice.labels" -}}
{{ toYaml .Values.modelArtifacts.labels }}
llm-d.ai/role: decode
{{- end }}

{{- define "modelservice.container" -}}
{{- $artifacts := .root.Values.modelArtifacts }}
{{- if ne .container.modelCommand "custom" }}{{ fail "the tests' chart knows modelCommand: custom only" }}{{ end -}}
- name: {{ .container.name }}
  image: {{ required "image of container is required" .container.image }}
  imagePullPolicy: {{ .container.imagePullPolicy | default "IfNotPresent" }}
  {{- with .container.extraConfig }}
  {{- include "modelservice.rendered" (dict "value" . "root" $.root) | nindent 2 }}
  {{- end }}
  command: {{- toYaml .container.command | nindent 4 }}
  args: {{- toYaml .container.args | nindent 4 }}
  env:
    - {name: TP_SIZE, value: {{ .root.Values.decode.parallelism.tensor | quote }}}
    {{- with .container.env }}
    {{- include "modelservice.rendered" (dict "value" . "root" $.root) | nindent 4 }}
    {{- end }}
    {{- if and (hasPrefix "hf://" $artifacts.uri) .container.mountModelVolume }}
    - {name: HF_HOME, value: {{ $artifacts.mountPath }}}
    {{- end }}
    {{- with $artifacts.authSecretName }}
    - {name: HF_TOKEN, valueFrom: {secretKeyRef: {name: {{ . }}, key: HF_TOKEN}}}
    {{- end }}
  {{- with .container.ports }}
  ports: {{- include "modelservice.rendered" (dict "value" . "root" $.root) | nindent 4 }}
  {{- end }}
  resources: {{- toYaml .container.resources | nindent 4 }}
  volumeMounts:
    {{- with .container.volumeMounts }}{{ toYaml . | nindent 4 }}{{ end }}
    {{- if .container.mountModelVolume }}
    - {name: model-storage, mountPath: {{ $artifacts.mountPath }}, readOnly: {{ $artifacts.readOnly }}}
    {{- end }}
{{- end }}
