"""`llm explain`: what a stack resolves to, each value with its reason."""

import dataclasses
from typing import Any

import click

from blueprint.cost.load import rate
from blueprint.endpoint import Endpoint
from blueprint.workload import Workload
from ops.project import Project


@click.command()
@click.option("--stack", required=True, help="Stack whose file is read.")
@click.argument("model", required=False)
def command(stack: str, model: str | None) -> None:
    """Print what MODEL (default: every model) resolves to, and why."""
    resolved = Project.find().resolve(stack)
    heads = {workload.name: _workload(workload) for workload in resolved.workloads}
    heads |= {endpoint.name: _endpoint(endpoint) for endpoint in resolved.endpoints}
    if model is not None and model not in heads:
        raise click.ClickException(f"No model {model} in stack {stack}. Models: {', '.join(heads) or 'none'}.")
    models: list[Workload | Endpoint] = [*resolved.workloads, *resolved.endpoints]
    for one in models:
        if model not in (None, one.name):
            continue
        click.echo(f"{one.name}: {heads[one.name]}")
        for name, decision in sorted(one.decisions().items()):
            click.echo(f"  {name}: {_shown(decision.value)}\n    {decision.why}")
        start = resolved.starts[one.name]
        click.echo(f"  start of a replica: {start}\n    {start.why}")
        at = resolved.cost.loaded.get(one.name)
        if at is not None:
            each = rate(at.load.replica_tokens_per_second)
            click.echo(f"  load: {at}\n    models.{one.name}.load: a replica makes {each}; within scaling")


def _workload(workload: Workload) -> str:
    nodes = f"{workload.nodes} nodes x " if workload.nodes > 1 else ""
    scaling = workload.scaling.value
    replicas = f"{scaling.min} to {scaling.max}" if scaling else workload.replicas
    gpus = f"{workload.gpu_count} {workload.gpu_resource}"
    devices = gpus if workload.gpu_resource else f"{workload.cpu.value} cores"
    tried = f", canary of {workload.stable}" if workload.stable else ""
    return f"{replicas} x {nodes}{devices}{tried}"


def _endpoint(endpoint: Endpoint) -> str:
    compute, provider = endpoint.body["compute"], endpoint.body["provider"]
    replicas = f"{compute['scaling']['minReplica']} to {compute['scaling']['maxReplica']}"
    instance = f"{compute['instanceType']} {compute['instanceSize']}"
    return f"endpoint in {endpoint.namespace}, {replicas} x {instance} at {provider['vendor']} {provider['region']}"


def _shown(value: Any) -> str:
    in_words = "__str__" in vars(type(value))
    if dataclasses.is_dataclass(value) and not isinstance(value, type) and not in_words:
        given = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return ", ".join(f"{key} {_item(item)}" for key, item in given.items() if item is not None)
    return "not set" if value is None else str(value)


def _item(value: Any) -> str:
    return f"[{', '.join(map(str, value))}]" if isinstance(value, list | tuple) else str(value)
