"""The stack's own Prometheus, Alertmanager and Grafana, for clusters without an operator."""
