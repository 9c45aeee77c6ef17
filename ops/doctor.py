"""`llm doctor`: what stands between a stack and its cluster, found before `up` does."""

import contextlib
import dataclasses
import json
from collections.abc import Iterator, Sequence

import click

from blueprint.settings import Cluster
from blueprint.stack import Stack
from ops.cluster.connection import UnusableError, connect, find_context
from ops.preflight import doors, gpus, namespace, platform, storage
from ops.preflight.facts import Facts, Finding
from ops.preflight.reader import gather
from ops.project import Project


@click.command()
@click.option("--stack", required=True, help="Stack whose cluster is checked.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list of {check, status, message}.")
@click.option(
    "--timeout",
    type=click.FloatRange(0.1, 300),
    default=10.0,
    show_default=True,
    help="Longest silence of the API server, in seconds.",
)
def command(stack: str, as_json: bool, timeout: float) -> None:
    """Check the cluster that a stack names, without writing to it.

    One line per check: ok, warn or FAIL, what was found, what is wanted, what to do. The exit code is 1 when
    something FAILs. What your rights do not allow to see is a warning that names the right.
    """
    try:
        resolved = Project.find().resolve(stack)
    except click.ClickException as error:
        if not as_json:
            raise
        _print([Finding("stack file", "FAIL", error.message)], as_json=True)
        raise click.exceptions.Exit(1) from None
    findings = [Finding("stack file", "ok", f"Pulumi.{stack}.yaml resolves"), *examine(resolved, timeout)]
    _print(findings, as_json=as_json)
    if any(finding.status == "FAIL" for finding in findings):
        raise click.exceptions.Exit(1)


def examine(stack: Stack, timeout: float) -> Iterator[Finding]:
    """Look at the stack's cluster. Ends early where nothing more can be asked."""
    cluster = stack.cluster
    if cluster is None:
        yield Finding("context", "ok", "the stack names no cluster; nothing to check")
        return
    try:
        config = find_context(cluster.context)
        yield Finding("context", "ok", f"{cluster.context} is in the kubeconfig")
        connection, version = connect(config, timeout)
    except UnusableError as error:
        yield Finding(error.check, "FAIL", str(error))
        return
    with contextlib.closing(connection.http):
        yield Finding("api server", "ok", f"{connection.address} answers")
        yield from judge(stack, cluster, gather(connection, version, stack))


def judge(stack: Stack, cluster: Cluster, facts: Facts) -> Iterator[Finding]:
    """Compare facts with what the stack needs."""
    yield from platform.check(stack, cluster, facts)
    yield from gpus.check(stack, cluster, facts)
    yield from storage.check(stack, facts)
    yield from namespace.check(stack, cluster, facts)
    yield from doors.check(stack, cluster, facts)


def _print(findings: Sequence[Finding], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(finding) for finding in findings], indent=2))
        return
    for finding in findings:
        click.echo(finding.line())
