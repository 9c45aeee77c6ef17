"""`llm status`: what of a stack runs where, and why the rest does not."""

import contextlib
import dataclasses
import datetime
import json
from collections.abc import Iterator
from typing import Any

import click

from blueprint.settings import Cluster
from blueprint.stack import Stack
from blueprint.workload import Workload
from ops.cluster.connection import UnusableError, connect, find_context
from ops.cluster.reading import Unread
from ops.project import Project
from ops.status.facts import Pod, Replicas, Seen, look
from ops.status.reasons import missing, span, waiting
from ops.table import table


@dataclasses.dataclass(frozen=True, kw_only=True)
class Status:
    """One model as it is. why: what keeps it from being as it should."""

    model: str
    kind: str | None
    ready: int
    wanted: int
    gpus: int
    rollout: str
    pods: list[dict[str, Any]]
    why: list[str]

    @property
    def well(self) -> bool:
        """Whether it has the replicas that it should."""
        return self.kind is not None and self.ready >= self.wanted and not self.why


@click.command()
@click.option("--stack", default="dev", show_default=True, help="Stack whose cluster is asked.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@click.option(
    "--timeout",
    type=click.FloatRange(0.1, 300),
    default=10.0,
    show_default=True,
    help="Longest silence of the API server, in seconds.",
)
@click.argument("model", required=False)
def command(stack: str, as_json: bool, timeout: float, model: str | None) -> None:
    """Show what of MODEL (default: every model) runs where, and why the rest does not.

    Only reads. The exit code is 1 when a model has fewer ready replicas than it should.
    """
    resolved = Project.find().resolve(stack)
    workloads = [workload for workload in resolved.workloads if model in (None, workload.name)]
    if not workloads and model is not None:
        known = ", ".join(workload.name for workload in resolved.workloads) or "none"
        raise click.ClickException(f"No model {model} with target: kubernetes in stack {stack}. There: {known}.")
    if resolved.cluster is None or not workloads:
        click.echo("No model of this stack runs on a cluster. `llm endpoints list` shows its endpoints.")
        return
    seen = _look(resolved, resolved.cluster, timeout)
    now = datetime.datetime.now(datetime.UTC)
    statuses = [_status(workload, seen, now) for workload in workloads]
    if as_json:
        found = {"models": [dataclasses.asdict(one) for one in statuses], "gpus": list(_gpus(seen, resolved.cluster))}
        click.echo(json.dumps(found, indent=2))
    else:
        _print(statuses, list(_gpus(seen, resolved.cluster)))
    if not all(status.well for status in statuses):
        raise click.exceptions.Exit(1)


def _look(stack: Stack, cluster: Cluster, timeout: float) -> Seen:
    try:
        connection, _ = connect(find_context(cluster.context), timeout)
    except UnusableError as error:
        raise click.ClickException(f"stack {stack.name}: {error}") from None
    with contextlib.closing(connection.http):
        return look(connection.http, cluster)


def _status(workload: Workload, seen: Seen, now: datetime.datetime) -> Status:
    name = workload.object_name
    # llm-d's chart calls the Deployment of its decoding pods so.
    made = f"{name}-decode" if workload.llm_d else name
    unread = [f"not seen: {fact.why}" for fact in (seen.replicas, seen.pods) if isinstance(fact, Unread)]
    pods = [] if isinstance(seen.pods, Unread) else [pod for pod in seen.pods if pod.instance == name]
    replicas = None
    if not isinstance(seen.replicas, Unread):
        replicas = next((item for item in seen.replicas if item.name == made), None)
    return Status(
        model=workload.name,
        kind=replicas.kind if replicas else None,
        ready=replicas.ready if replicas else 0,
        wanted=replicas.wanted if replicas else workload.replicas,
        gpus=sum(pod.gpus for pod in pods if pod.node),
        rollout=_rollout(replicas, now),
        pods=[_pod(workload, pod, seen, now) for pod in sorted(pods, key=lambda pod: pod.name)],
        why=unread or list(missing(workload, replicas, pods, seen)),
    )


def _rollout(replicas: Replicas | None, now: datetime.datetime) -> str:
    if replicas is None:
        return "-"
    words, when = replicas.rollout
    return f"{words}, {span((now - when).total_seconds())} ago" if when else words


def _pod(workload: Workload, pod: Pod, seen: Seen, now: datetime.datetime) -> dict[str, Any]:
    return {
        "name": pod.name,
        "node": pod.node,
        "gpus": pod.gpus if pod.node else 0,
        "state": "Terminating" if pod.deleting else "Ready" if pod.ready else pod.phase,
        "age_seconds": round((now - pod.created).total_seconds()),
        "load_seconds": pod.load_seconds,
        "why": waiting(workload, pod, seen, now),
    }


def _gpus(seen: Seen, cluster: Cluster) -> Iterator[str]:
    """The namespace's quotas, and the devices of the nodes by type."""
    if isinstance(seen.quotas, Unread):
        yield f"quota not seen: {seen.quotas.why}"
    else:
        for name, amounts in sorted(seen.quotas.items()):
            yield from (f"quota {name}: {used} of {hard} {key}" for key, (used, hard) in amounts.items())
    if isinstance(seen.gpu_nodes, Unread) or isinstance(seen.pods, Unread):
        why = [fact.why for fact in (seen.gpu_nodes, seen.pods) if isinstance(fact, Unread)]
        yield f"nodes not seen: {'; '.join(why)}"
        return
    for accelerator in sorted(cluster.accelerators):
        nodes = {name: devices for name, (type_, devices) in seen.gpu_nodes.items() if type_ == accelerator}
        ours = sum(pod.gpus for pod in seen.pods if pod.node in nodes)
        if isinstance(seen.others, Unread):
            rest = f"; other namespaces not seen: {seen.others.why}"
        else:
            theirs = sum(seen.others.get(node, 0) for node in nodes)
            rest = f", {theirs} by others, {sum(nodes.values()) - ours - theirs} free" if nodes else ""
        many = f"{len(nodes)} node{'' if len(nodes) == 1 else 's'}"
        yield f"{accelerator}: {sum(nodes.values())} on {many}: {ours} held by this namespace{rest}"


def _print(statuses: list[Status], gpus: list[str]) -> None:
    rows = [("MODEL", "KIND", "READY", "GPUS", "LAST ROLLOUT")]
    rows += [(one.model, one.kind or "-", f"{one.ready}/{one.wanted}", str(one.gpus), one.rollout) for one in statuses]
    for line in table(rows, right=(2, 3)):
        click.echo(line)
    for one in statuses:
        if one.pods or one.why:
            click.echo(f"\n{one.model}")
        for why in one.why:
            click.echo(f"  ! {why}")
        pods = [
            (
                pod["name"],
                pod["state"],
                pod["node"] or "no node",
                f"{pod['gpus']} GPU",
                f"{span(pod['age_seconds'])} old",
                f"ready {span(pod['load_seconds'])} after it had a node" if pod["load_seconds"] is not None else "",
            )
            for pod in one.pods
        ]
        for pod, line in zip(one.pods, table(pods) if pods else [], strict=True):
            click.echo(f"  {line}")
            if pod["why"]:
                click.echo(f"    {pod['why']}")
    click.echo()
    for line in gpus:
        click.echo(line)
