// Modules that are read, not compiled: their files are custom resource definitions.
// `go mod tidy` would drop them, as nothing imports them; a new one is added with `go mod download -json MODULE@VERSION`.
module llm-inference/lab/tools/crds

go 1.26.0

require (
	github.com/cert-manager/cert-manager v1.21.2
	github.com/kedacore/keda/v2 v2.21.0
	github.com/prometheus-operator/prometheus-operator v0.85.0
	sigs.k8s.io/gateway-api v1.6.3
)
