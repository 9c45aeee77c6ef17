"""`llm adapter-rules`: what prometheus-adapter has to know for a stack's HorizontalPodAutoscalers."""

from collections.abc import Sequence
from typing import Any

import click
import yaml

from blueprint.metrics import adapter, emitted
from blueprint.scaling import NEEDS
from blueprint.workload import Workload
from ops.project import Project


@click.command()
@click.option("--stack", required=True, help="Stack whose models scale by custom metrics.")
def command(stack: str) -> None:
    """Print the rules as values of the prometheus-adapter chart.

    The adapter has one configuration for its cluster, in its own namespace, so these are yours to merge into it.
    """
    values = chart_values(Project.find().resolve(stack).workloads)
    if not values["rules"]["custom"]:
        raise click.ClickException(f"No model of stack {stack} has scaling.by: hpa, so no rules are needed.")
    click.echo(yaml.safe_dump(values, sort_keys=False, width=1000), nl=False)


def chart_values(workloads: Sequence[Workload]) -> dict[str, Any]:
    """The rules of all signals that some HorizontalPodAutoscaler asks for, each once."""
    rules: dict[str, Any] = {}
    for workload in workloads:
        scaling, engine = workload.scaling.value, workload.engine
        if scaling is None or scaling.by != "hpa":
            continue
        known = emitted(engine.name, engine.version)
        for signal in scaling.signals:
            metrics = [known[meaning] for meaning in NEEDS[signal.kind]]
            rules[adapter.metric_name(engine.name, signal.kind)] = adapter.rule(engine.name, signal.kind, metrics)
    return {"rules": {"custom": list(rules.values())}}
