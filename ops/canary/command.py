"""`llm canary`: compare what is tried beside a model with the model, and then promote it or withdraw it."""

import dataclasses
import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from blueprint.canary import canary_name
from blueprint.settings import Cluster
from blueprint.workload import Workload
from ops.asking.workload import ENGINE_KEY, engine_key, service_url
from ops.canary.changing import promoted, withdrawn
from ops.canary.criterion import Judgement, judge
from ops.canary.golden import read_golden, spoiled
from ops.canary.observed import Observed, observe
from ops.endpoints.outcome import NotSoError, UnusableError
from ops.endpoints.scope import json_option, resolved, stack_option
from ops.metrics.command import prometheus_of
from ops.metrics.options import prometheus_options
from ops.project import Project

_EXIT = {"promote": 0, "withdraw": 1, "undecided": 3}
_SECONDS = {"s": 1, "m": 60, "h": 3600}


class _Window(click.ParamType[int]):
    """A time such as 90s, 10m or 2h, in seconds."""

    name = "TIME"

    shortest, longest = 60, 24 * 3600

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        number, unit = value[:-1], value[-1:]
        seconds = int(number) * _SECONDS.get(unit, 0) if number.isdecimal() else 0
        if not self.shortest <= seconds <= self.longest:
            self.fail("a window is a time from 60s to 24h, such as 10m.", param, ctx)
        return seconds


@dataclass(frozen=True, kw_only=True)
class _Pair:
    """A model of a stack, and its canary."""

    project: Project
    stack: str
    cluster: Cluster
    stable: Workload
    canary: Workload


def _pair(model: str, stack: str) -> _Pair:
    found = resolved(stack)
    workloads = {workload.name: workload for workload in found.workloads}
    canary = workloads.get(canary_name(model))
    if found.cluster is None or canary is None or canary.stable != model:
        tried = ", ".join(one.stable for one in workloads.values() if one.stable) or "none"
        raise UnusableError(
            f"models.{model} has no canary in Pulumi.{stack}.yaml. Models that have one: {tried}. docs/canary.md says "
            "how to add one."
        )
    return _Pair(project=Project.find(), stack=stack, cluster=found.cluster, stable=workloads[model], canary=canary)


@click.group("canary")
def command() -> None:
    """Compare what is tried beside a model with the model; promote it or withdraw it."""


@command.command("judge")
@stack_option
@click.option(
    "--window", type=_Window(), default="10m", show_default=True, help="How far back: 60s to 24h; both in the same."
)
@click.option(
    "--min-requests",
    type=click.IntRange(1),
    # Without any failure it takes 381 of the canary before 1 % can be excluded.
    default=400,
    show_default=True,
    help="Requests of each of the two below which numbers decide nothing.",
)
@prometheus_options
@json_option
@click.argument("model")
def judge_command(
    *, model: str, stack: str, window: int, min_requests: int, url: str | None, timeout: float, as_json: bool
) -> None:
    """Compare MODEL's canary with MODEL: promote (exit 0), withdraw (exit 1), or undecided (exit 3).

    Reads Prometheus, and asks both the golden prompts; changes nothing. What cannot be asked ends with exit 2.
    """
    pair = _pair(model, stack)
    try:
        with prometheus_of(resolved(stack), pair.cluster, url, seconds=timeout) as prometheus:
            seen = observe(pair.canary, pair.stable, pair.cluster.namespace.name, prometheus, window)
        failed = _spoiled(pair)
    except NotSoError as error:
        # 1 is an answer here.
        raise UnusableError(error.message) from None
    judgement = judge(seen.canary, seen.stable, min_requests=min_requests, spoiled=failed, gone=seen.gone)
    if as_json:
        click.echo(json.dumps({"version": 1, "model": model, **_facts(judgement, seen)}, indent=2))
    else:
        _print(pair, judgement, seen)
    raise click.exceptions.Exit(_EXIT[judgement.verdict])


def _spoiled(pair: _Pair) -> Sequence[str]:
    """The golden prompts that the canary alone fails; none where the stack file names no file."""
    settings = pair.project.values(pair.stack)["models"][pair.stable.name]
    file = settings["canary"].get("golden")
    if file is None:
        return ()
    prompts = read_golden(pair.project.root / Path(file))
    key = engine_key()
    if pair.stable.keys is not None and key is None:
        raise UnusableError(f"{pair.stable.name} takes requests with a key alone: set {ENGINE_KEY} to one of its keys.")
    with ExitStack() as ways:
        # The public host would answer with either of the two.
        stable, canary = (ways.enter_context(service_url(one, pair.cluster)) for one in (pair.stable, pair.canary))
        return spoiled(prompts, canary=canary, stable=stable, model=pair.stable.engine.served_name, key=key)


def _facts(judgement: Judgement, seen: Observed) -> dict[str, Any]:
    return {
        "verdict": judgement.verdict,
        "reasons": list(judgement.reasons),
        "window_seconds": seen.seconds,
        "requests": {"canary": seen.canary and seen.canary.ended, "stable": seen.stable and seen.stable.ended},
        "compared": [dataclasses.asdict(one) for one in judgement.compared],
    }


def _print(pair: _Pair, judgement: Judgement, seen: Observed) -> None:
    canary, stable = (f"{0 if track is None else track.ended:.0f}" for track in (seen.canary, seen.stable))
    click.echo(
        f"{pair.stable.name}: {judgement.verdict}. Requests in {seen.seconds} s: {canary} of the canary, {stable} of "
        "the model."
    )
    for reason in judgement.reasons:
        click.echo(f"  {reason}")
    if judgement.verdict != "undecided":
        click.echo(f"Next: llm canary {judgement.verdict} {pair.stable.name} --stack {pair.stack}")


_yes = click.option("--yes", is_flag=True, help="Do not ask before the stack is changed.")
_no_apply = click.option("--no-apply", is_flag=True, help="Change the stack file alone; `make up` brings it up.")


@command.command("promote")
@stack_option
@_yes
@_no_apply
@click.argument("model")
def promote_command(*, model: str, stack: str, yes: bool, no_apply: bool) -> None:
    """Give MODEL what its canary tries, then remove the canary; it serves until MODEL has rolled over."""
    pair = _pair(model, stack)
    promoted(pair.project, stack, pair.stable, ask=not yes, apply=not no_apply)


@command.command("withdraw")
@stack_option
@_yes
@_no_apply
@click.argument("model")
def withdraw_command(*, model: str, stack: str, yes: bool, no_apply: bool) -> None:
    """Remove MODEL's canary; MODEL answers all requests again."""
    pair = _pair(model, stack)
    withdrawn(pair.project, stack, pair.stable, ask=not yes, apply=not no_apply)
