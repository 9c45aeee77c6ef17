"""The exporter: what the control plane says of a namespace's endpoints, as metrics. It asks no endpoint itself."""
