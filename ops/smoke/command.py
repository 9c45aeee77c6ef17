"""`llm smoke`: one question after the other to each model of a stack."""

import dataclasses
import json
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import click

from blueprint.canary import with_canaries
from blueprint.stack import Stack
from ops.endpoints.outcome import UnusableError
from ops.endpoints.scope import json_option, resolved, stack_option
from ops.project import Project
from ops.smoke.running import Report, examine

VERSION = 1
"""Of what --json prints: raised when a field goes or changes its meaning."""
DEADLINE = 300.0
_AT_ONCE = 8
"""Models asked at the same time, so that a hundred of them do not wait for one another."""


@click.command("smoke")
@click.argument("models", metavar="[MODEL]...", nargs=-1)
@stack_option
@click.option(
    "--deadline",
    type=click.FloatRange(1, 7200),
    default=DEADLINE,
    show_default=True,
    help="Time in which everything has to pass, in seconds, with the waking of endpoints.",
)
@click.option("--wake/--no-wake", default=True, help="Wake endpoints that sleep, which costs money. [default: wake]")
@json_option
def command(*, models: Sequence[str], stack: str, deadline: float, wake: bool, as_json: bool) -> None:
    """Ask each MODEL (default: all of the stack) as its callers do, and see whether it answers.

    Health, one answer, one stream, an answer that keeps to a JSON schema where models.NAME.smoke.structured says so,
    and the metrics of its engine's version. A check that fails is repeated until the deadline, which is of all
    together. Exit code 0: all passed; 1: one failed.
    """
    values, _ = with_canaries(Project.find().values(stack))
    found, settings = resolved(stack), values.get("models") or {}
    reports = run(found, settings, models, deadline=deadline, wake=wake)
    passed = all(report.passed for report in reports)
    if as_json:
        click.echo(json.dumps(_as_json(stack, reports, passed=passed), indent=2))
    else:
        for report in reports:
            _show(report)
    if not passed:
        raise click.exceptions.Exit(1)


def run(
    stack: Stack, settings: Mapping[str, Any], models: Sequence[str], *, deadline: float, wake: bool
) -> Sequence[Report]:
    """Test models of a stack, all of them where none is named. Raises UnusableError for one that the stack lacks."""
    unknown = [model for model in models if model not in settings]
    if unknown:
        known = ", ".join(settings) or "none"
        raise UnusableError(f"Stack {stack.name} has no model {', '.join(unknown)}. There are: {known}.")
    until = time.monotonic() + deadline
    wanted = list(dict.fromkeys(models)) or list(settings)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(lambda model: examine(model, stack, settings[model], until=until, wake=wake), wanted))


def _as_json(stack: str, reports: Sequence[Report], *, passed: bool) -> dict[str, Any]:
    return {
        "version": VERSION,
        "stack": stack,
        "passed": passed,
        "models": [{**dataclasses.asdict(report), "passed": report.passed} for report in reports],
    }


def _show(report: Report) -> None:
    woken = ", which was asleep and is awake now" if report.woken else ""
    click.echo(f"{report.model} ({report.target}{f', by {report.way}' if report.way else ''}{woken})")
    for result in report.checks:
        took = f"  {result.seconds:.1f} s" + (f", {result.tries} tries" if result.tries > 1 else "")
        said = f"  {result.reason}" if result.reason else ""
        word = {"passed": "ok", "failed": "FAILED", "skipped": "-"}[result.status]
        click.echo(f"  {result.check:<11}{word:<7}{took if result.tries else ''}{said}".rstrip())
