"""PromQL over an engine's own metrics, as a PodMonitor's scrape labels them."""

from collections.abc import Iterable, Mapping

from blueprint.metrics.metric import Metric


def selector(namespace: str, monitor: str) -> Mapping[str, str]:
    """Labels of the series that one model's PodMonitor brings in, and of no others.

    The operator gives a PodMonitor's targets job="<its namespace>/<its name>", and namespace, pod and container of the
    target (pkg/prometheus/promcfg.go of v0.85.0). A router that exports the engine's names has another job.
    """
    return {"namespace": namespace, "job": f"{namespace}/{monitor}"}


def total(metrics: Iterable[Metric], labels: Mapping[str, str]) -> str:
    """One number over all pods: what the metrics add up to. No element where no pod is scraped."""
    return " + ".join(f"sum(max by ({', '.join(('pod', *m.apart))}) ({series(m, labels)}))" for m in metrics)


def full_pods(metric: Metric, labels: Mapping[str, str]) -> str:
    """One number over all pods of a share from 0 to 1: how many pods' worth is used, by the fullest shard of each."""
    return f"sum(max by (pod) ({series(metric, labels)}))"


def series(metric: Metric, labels: Mapping[str, str]) -> str:
    """The series of a metric with these labels."""
    return f"{metric.name}{{{matchers({**labels, **metric.where})}}}"


def matchers(labels: Mapping[str, str | tuple[str, ...]]) -> str:
    """Label matchers, without the braces. Several values: any of them."""
    return ",".join(
        f'{key}="{value}"' if isinstance(value, str) else f'{key}=~"{"|".join(value)}"' for key, value in labels.items()
    )
