"""How metrics are scraped so that they arrive under the names of the registry."""

from collections.abc import Mapping, Sequence
from typing import Literal

Protocol = Literal["PrometheusText0.0.4"]

PROTOCOLS: Mapping[str, Sequence[Protocol]] = {
    # It serves what the scraper asks for, and prometheus_client >= 0.23 writes OpenMetrics without colons unless the
    # scraper wants UTF-8 names, which no Prometheus 2 does. Prometheus before 2.49 cannot be told the protocol.
    "sglang": ("PrometheusText0.0.4",),
}
"""By engine, the formats to ask for; of others any will do. Text has no exemplars, and these engines have none."""

CREATED = ".*_created"
"""The second series of each counter and histogram, which says when it began; nobody asks for it."""

RENAMED: Mapping[str, tuple[str, str]] = {"sglang": ("sglang_(.+)", "sglang:$1")}
"""By engine, which names to give back their colon; those that have it do not match."""

GIVEN_BACK: Mapping[str, Sequence[str]] = {"sglang": ("endpoint",)}
"""By engine, labels of its own that the operator gives targets, too: Prometheus puts exported_ before the engine's."""


def relabelings(engine: str) -> Sequence[Mapping[str, object]]:
    """What is done to each series of an engine, as a PodMonitor's metricRelabelings."""
    steps: list[Mapping[str, object]] = [{"action": "drop", "sourceLabels": ["__name__"], "regex": CREATED}]
    if engine in RENAMED:
        regex, replacement = RENAMED[engine]
        names = {"sourceLabels": ["__name__"], "targetLabel": "__name__"}
        steps.append({"action": "replace", **names, "regex": regex, "replacement": replacement})
    for label in GIVEN_BACK.get(engine, ()):
        own = f"exported_{label}"
        steps.append({"action": "replace", "sourceLabels": [own], "regex": "(.+)", "targetLabel": label})
        steps.append({"action": "labeldrop", "regex": own})
    return steps
