"""`llm metrics`: what each model promises, and what Prometheus says of it now."""

import contextlib
import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence

import click

from blueprint.addresses import address_of
from blueprint.description import LAB_ID
from blueprint.metrics import emitted
from blueprint.monitoring import recorded
from blueprint.monitoring.slis import Sli, measured
from blueprint.settings import Cluster
from blueprint.stack import Stack
from blueprint.workload import Workload
from ops.endpoints.outcome import NotSoError, UnusableError
from ops.metrics.options import prometheus_options
from ops.metrics.prometheus import Prometheus, reached
from ops.project import Project
from ops.table import table

LOAD = {
    "requests_per_second": recorded.ENDED,
    "tokens_per_second": recorded.GENERATION_TOKENS,
    "running": recorded.RUNNING,
    "waiting": recorded.WAITING,
    "kv_cache_usage": recorded.KV_CACHE_USAGE,
    "ttft_p95_seconds": recorded.first_token("p95"),
    "itl_p95_seconds": recorded.inter_token("p95"),
    "replicas_up": recorded.TARGETS_UP,
    "usd_per_hour": recorded.COST,
}
"""By key of --json, the recorded series."""

_HEADS = ("req/s", "tokens/s", "running", "waiting", "KV", "TTFT p95", "ITL p95", "up", "USD/h")
_SHARES, _SECONDS = ("kv_cache_usage",), ("ttft_p95_seconds", "itl_p95_seconds")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Promise:
    """One objective. good_1h, good_3d: the share that met it; burn_1h: how many times too fast the budget goes.

    None where Prometheus has nothing: no traffic, or not scraped for so long.
    """

    objective: str
    seconds: float | None
    promised: float
    good_1h: float | None
    good_3d: float | None
    burn_1h: float | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Observed:
    """One model. load: by key of LOAD; None where nothing is recorded."""

    model: str
    engine: str
    load: Mapping[str, float | None]
    objectives: Sequence[Promise]


@click.command()
@click.option("--stack", default="dev", show_default=True, help="Stack whose models are looked at.")
@prometheus_options
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@click.argument("model", required=False)
def command(stack: str, url: str | None, as_json: bool, timeout: float, model: str | None) -> None:
    """Show what MODEL (default: every model) promises, and how it does.

    Only reads, and only what the stack's rules record.
    """
    resolved = Project.find().resolve(stack)
    workloads = [workload for workload in resolved.workloads if model in (None, workload.name)]
    if not workloads or resolved.cluster is None:
        known = ", ".join(workload.name for workload in resolved.workloads) or "none"
        raise NotSoError(f"No such model with target: kubernetes in stack {stack}. There: {known}.")
    with prometheus_of(resolved, resolved.cluster, url, seconds=timeout) as prometheus:
        observed = _observed(workloads, resolved.cluster.namespace.name, prometheus)
    if as_json:
        click.echo(json.dumps({"version": 1, "models": [dataclasses.asdict(one) for one in observed]}, indent=2))
    else:
        _print(observed)


@contextlib.contextmanager
def prometheus_of(stack: Stack, cluster: Cluster, url: str | None, *, seconds: float) -> Iterator[Prometheus]:
    """A stack's Prometheus, or the one at a URL, for as long as the way to it is open. seconds: its longest silence.

    Raises UnusableError where there is none, NotSoError when it cannot be reached.
    """
    with _address(stack, cluster, url) as address, Prometheus(address, seconds=seconds) as prometheus:
        yield prometheus


def _address(stack: Stack, cluster: Cluster, url: str | None) -> contextlib.AbstractContextManager[str]:
    if url is not None:
        try:
            address_of(url)
        except ValueError as error:
            raise UnusableError(f"--url: {error}.") from None
        return contextlib.nullcontext(url)
    if stack.prometheus is None:
        raise UnusableError(f"Pulumi.{stack.name}.yaml has no monitoring: add it, or give --url.")
    return _stacks_own(stack.prometheus, cluster)


@contextlib.contextmanager
def _stacks_own(address: str, cluster: Cluster) -> Iterator[str]:
    with contextlib.ExitStack() as open_while:
        try:
            way = open_while.enter_context(reached(address, cluster))
        except NotSoError as error:
            if cluster.context == cluster.id == LAB_ID:
                raise NotSoError(
                    f"{error.message} The lab runs a Prometheus of the stack's own alone (monitoring.mode standalone, "
                    "and `make monitoring-tools`), which `make metrics` asks; --url takes another one."
                ) from None
            raise
        yield way


def _observed(workloads: Sequence[Workload], namespace: str, prometheus: Prometheus) -> Sequence[Observed]:
    load = {key: prometheus.latest(name, namespace) for key, name in LOAD.items()}
    slis = {workload.name: list(_slis(workload)) for workload in workloads}
    missed = {
        (sli, window): prometheus.latest(recorded.bad(window), namespace, sli=sli)
        for sli in sorted({sli.name for own in slis.values() for sli in own})
        for window in ("1h", "3d")
    }
    return [
        Observed(
            model=workload.name,
            engine=workload.engine.name,
            load={key: values.get(workload.name) for key, values in load.items()},
            objectives=[
                _promise(sli, *(missed[sli.name, window].get(workload.name) for window in ("1h", "3d")))
                for sli in slis[workload.name]
            ],
        )
        for workload in workloads
    ]


def _slis(workload: Workload) -> Sequence[Sli]:
    return list(measured(workload.objectives, emitted(workload.engine.name, workload.engine.version)))


def _promise(sli: Sli, hour: float | None, days: float | None) -> Promise:
    return Promise(
        objective=sli.name,
        seconds=sli.seconds,
        promised=sli.share,
        good_1h=None if hour is None else 1 - hour,
        good_3d=None if days is None else 1 - days,
        burn_1h=None if hour is None else hour / (1 - sli.share),
    )


def _print(observed: Sequence[Observed]) -> None:
    rows: list[Sequence[str]] = [("model", *_HEADS)]
    rows += [(one.model, *(_number(key, value) for key, value in one.load.items())) for one in observed]
    for line in table(rows, right=range(1, len(rows[0]))):
        click.echo(line)
    promises = [
        (
            one.model,
            promise.objective + (f" <= {promise.seconds:g} s" if promise.seconds else ""),
            f"{promise.promised:.4g}",
            *("-" if share is None else f"{share:.4f}" for share in (promise.good_1h, promise.good_3d)),
            "-" if promise.burn_1h is None else f"{promise.burn_1h:.1f}",
        )
        for one in observed
        for promise in one.objectives
    ]
    if promises:
        click.echo()
        for line in table([("model", "objective", "promised", "1 h", "3 d", "burns"), *promises], right=range(2, 6)):
            click.echo(line)
    silent = [one.model for one in observed if not one.load["replicas_up"]]
    if silent:
        click.echo(
            f"\nNo running replica is recorded of {', '.join(silent)}: docs/monitoring.md says what has to be there."
        )


def _number(key: str, value: float | None) -> str:
    if value is None:
        return "-"
    if key in _SHARES:
        return f"{value:.0%}"
    if key in _SECONDS:
        return f"{value:.3g} s"
    return f"{value:.4g}"
