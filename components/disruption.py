"""How many replicas may be away at once because somebody empties nodes."""

from typing import Any

from blueprint.workload import Workload
from components.labels import selector


def disruption_budget_spec(workload: Workload) -> Any:
    """One at a time. With one replica that is this one: a budget that asks for it to stay blocks a drain for ever."""
    return {
        "selector": {"matchLabels": selector(workload)},
        "maxUnavailable": 1,
        # A replica that never becomes ready would otherwise hold its node for ever, too.
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
    }
