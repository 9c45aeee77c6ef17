"""Dashboards for Grafana, as code: over recorded names, so that they know no engine."""

from collections.abc import Sequence
from dataclasses import replace

from blueprint.monitoring.dashboards.autoscaling import AUTOSCALING
from blueprint.monitoring.dashboards.cost import cost
from blueprint.monitoring.dashboards.dashboard import FOLDER as FOLDER
from blueprint.monitoring.dashboards.dashboard import Dashboard as Dashboard
from blueprint.monitoring.dashboards.endpoints import ENDPOINTS
from blueprint.monitoring.dashboards.fleet import FLEET
from blueprint.monitoring.dashboards.gpu import GPU
from blueprint.monitoring.dashboards.logs import TO_LOGS, logs
from blueprint.monitoring.dashboards.model import MODEL
from blueprint.monitoring.dashboards.slo import SLO
from blueprint.monitoring.stores import Store


def dashboards(
    monthly_usd: float | None = None, stores: Sequence[Store] = (), *, endpoints: bool = True
) -> Sequence[Dashboard]:
    """All dashboards.

    monthly_usd: the stack's budget, if it has one. stores: those of logs and traces, if any. endpoints: whether an
    exporter tells of them.
    """
    every = (FLEET, MODEL, SLO, AUTOSCALING, GPU, cost(monthly_usd), *([ENDPOINTS] if endpoints else []))
    if not stores:
        return every
    return (*(replace(one, links=(TO_LOGS,)) if one is MODEL else one for one in every), logs(stores))
