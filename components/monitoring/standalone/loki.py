"""Loki: it keeps the logs that the collector sends, on a claim, and answers Grafana."""

from blueprint.monitoring.stores import LOKI_FOLDER, loki_config
from blueprint.settings.monitoring import OwnLoki
from components.monitoring.standalone.pod import probe
from components.monitoring.standalone.store import Keeper


def loki(sizes: OwnLoki) -> Keeper:
    """One replica, since two would need a store of objects between them."""
    return Keeper(
        configuration=loki_config(sizes),
        folder="/etc/loki",
        file="loki.yaml",
        flag="-config.file",
        data=LOKI_FOLDER,
        probes={
            # 15 minutes: it replays its log before it is ready, and killed in between it would begin anew.
            "startupProbe": probe("/ready", period=15, failures=60),
            "readinessProbe": probe("/ready", period=5, failures=3),
            # Answered by a part that waits for no other.
            "livenessProbe": probe("/loki/api/v1/status/buildinfo", period=10, failures=6),
        },
        memory_gib=sizes.memory_gib,
        size_gib=sizes.size_gib,
    )
