"""The one registry of metrics: what each engine's versions really emit, by what it means."""

from collections.abc import Mapping, Sequence

from blueprint.metrics import custom, sglang, vllm
from blueprint.metrics.metric import Meaning as Meaning
from blueprint.metrics.metric import Metric as Metric

METRICS: Mapping[str, Sequence[Metric]] = {"sglang": sglang.METRICS, "vllm": vllm.METRICS}
"""By the engine's name in the registry of engines."""

SERVER_METRICS: Sequence[Metric] = custom.METRICS
"""Of this project's own server. Not beside the engines': what a stack file calls custom may be anyone's image."""


def emitted(engine: str, version: str | None) -> Mapping[Meaning, Metric]:
    """The metrics of an engine's version, by meaning; empty for one that nobody looked up."""
    return {metric.meaning: metric for metric in METRICS.get(engine, ()) if version in metric.versions}
