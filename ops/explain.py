"""`llm explain`: what a stack resolves to, each value with its reason."""

import dataclasses
from typing import Any

import click

from ops.project import Project


@click.command()
@click.option("--stack", required=True, help="Stack whose file is read.")
@click.argument("model", required=False)
def command(stack: str, model: str | None) -> None:
    """Print what MODEL (default: every model) resolves to, and why."""
    resolved = Project.find().resolve(stack)
    workloads = [workload for workload in resolved.workloads if model in (None, workload.name)]
    if model is not None and not workloads:
        names = ", ".join(workload.name for workload in resolved.workloads) or "none"
        raise click.ClickException(f"No model {model} in stack {stack}. Models: {names}.")
    for workload in workloads:
        click.echo(f"{workload.name}: {workload.replicas} x {workload.gpu_count} {workload.gpu_resource}")
        for name, decision in sorted(workload.decisions().items()):
            click.echo(f"  {name}: {_shown(decision.value)}\n    {decision.why}")


def _shown(value: Any) -> str:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        given = {key: item for key, item in dataclasses.asdict(value).items() if item is not None}
        return ", ".join(f"{key} {item}" for key, item in given.items())
    return str(value)
