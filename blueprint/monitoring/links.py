"""Where what an alert is about is shown, as an address that Grafana opens."""

from collections.abc import Mapping
from functools import cache

from blueprint.monitoring.dashboards import dashboards
from blueprint.monitoring.rule import Alert

_CHOSEN = ("namespace", "model")
"""Labels of alerts that are variables of the dashboards. Their values are names of Kubernetes: nothing to escape."""


def panel_link(alert: Alert, labels: Mapping[str, str], grafana: str | None) -> str:
    """The alert's panel, for what its labels name.

    labels: of the alert. grafana: address of Grafana; without one the link is a path below it.
    Raises ValueError for a dashboard or a panel that is not there.
    """
    chosen = "".join(f"&var-{label}={labels[label]}" for label in _CHOSEN if label in labels)
    # A number alone is understood by every Grafana since 8: public/app/features/dashboard-scene/utils/utils.ts.
    number = _panel_id(alert.dashboard, alert.panel)
    return f"{(grafana or '').rstrip('/')}/d/{alert.dashboard}?viewPanel={number}{chosen}"


@cache
def _panel_id(uid: str, title: str) -> int:
    found = next((one for one in dashboards() if one.uid == uid), None)
    if found is None:
        raise ValueError(f"there is no dashboard {uid}")
    return found.panel_id(title)
