"""What several dashboards share: which series, which variables, what counts as much."""

from collections.abc import Sequence

from blueprint.monitoring.alerts.engine import KV_CACHE_SHARE
from blueprint.monitoring.alerts.objectives import ERROR_SHARE
from blueprint.monitoring.dashboards.dashboard import Variable
from blueprint.monitoring.dashboards.panels import Panel, Query, Threshold, Unit
from blueprint.monitoring.recorded import Quantile
from blueprint.monitoring.subject import HASH

SEVERAL = (
    Variable(name="namespace", label="Namespace", several=True),
    Variable(name="model", label="Model", several=True, within=("namespace",)),
)
ONE = (
    Variable(name="namespace", label="Namespace", several=False),
    Variable(name="model", label="Model", several=False, within=("namespace",)),
)
MODEL_UID = "llm-model"
TO_MODEL = (
    f"/d/{MODEL_UID}?${{datasource:queryparam}}&var-namespace=${{__data.fields.namespace}}"
    "&var-model=${__data.fields.model}&${__url_time_range}"
)
FAILED_THRESHOLDS = (Threshold(0.01, "yellow"), Threshold(ERROR_SHARE, "red"))
FULL_THRESHOLDS = (Threshold(0.8, "yellow"), Threshold(KV_CACHE_SHARE, "red"))
PODS = f'namespace=~"$namespace",pod=~"($model)-([0-9]+(-[0-9]+)?|(decode-)?{HASH}+-{HASH}{{5}})"'
"""Pods of the models that are chosen above, whatever runs them: as Subject.pod_pattern."""

BY_QUANTILE: Sequence[Quantile] = ("p50", "p95", "p99")


def chosen(recorded: str, **labels: str) -> str:
    """The series of a recorded name for the models that are chosen above."""
    own = "".join(f',{key}="{value}"' for key, value in labels.items())
    return f'{recorded}{{namespace=~"$namespace",model=~"$model"{own}}}'


def per_model(recorded: str, **labels: str) -> str:
    """One series per model. max: there is one anyway, and of quantiles and shares no sum has a meaning."""
    return f"max by (namespace, model, engine) ({chosen(recorded, **labels)})"


def together(recorded: str) -> str:
    """One number for all models that are chosen."""
    return f"sum({chosen(recorded)})"


def worst(recorded: str) -> str:
    """The highest of the models that are chosen."""
    return f"max({chosen(recorded)})"


def by_model(
    title: str, description: str, recorded: str, unit: Unit, *, stacked: bool = False, maximum: float | None = None
) -> Panel:
    """One line per model over time."""
    return Panel(
        kind="timeseries",
        title=title,
        description=description,
        queries=(Query(per_model(recorded), "{{model}}"),),
        unit=unit,
        stacked=stacked,
        maximum=maximum,
    )


def now(title: str, description: str, expr: str, unit: Unit, thresholds: Sequence[Threshold] = ()) -> Panel:
    """One number."""
    return Panel(
        kind="stat",
        title=title,
        description=description,
        queries=(Query(expr),),
        unit=unit,
        width=4,
        height=4,
        base="green" if thresholds else "blue",
        thresholds=thresholds,
    )
