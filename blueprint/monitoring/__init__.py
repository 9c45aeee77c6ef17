"""What Prometheus is told to record and to raise, and what Grafana shows of it: generated from the metric registry."""
