"""Jaeger: it keeps the traces that the collector sends, on a claim, and answers Grafana and its own page."""

from typing import Any

from blueprint.monitoring.stores import JAEGER_FOLDER, JAEGER_HEALTH_PORT, jaeger_config
from blueprint.settings.monitoring import OwnJaeger
from components.monitoring.standalone.pod import probe
from components.monitoring.standalone.store import Keeper


def jaeger(sizes: OwnJaeger) -> Keeper:
    """One replica, since Badger is one process' own."""

    def asked(*, period: int, failures: int) -> Any:
        return probe("/status", period=period, failures=failures, port=JAEGER_HEALTH_PORT)

    return Keeper(
        configuration=jaeger_config(sizes),
        folder="/etc/jaeger",
        file="jaeger.yaml",
        flag="--config",
        data=JAEGER_FOLDER,
        probes={
            # 15 minutes: Badger replays its log before it is there, and killed in between it would begin anew.
            "startupProbe": asked(period=15, failures=60),
            "readinessProbe": asked(period=5, failures=3),
            "livenessProbe": asked(period=10, failures=6),
        },
        memory_gib=sizes.memory_gib,
        size_gib=sizes.size_gib,
    )
