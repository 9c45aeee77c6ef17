"""The one registry of metrics: what each engine's versions really emit, by what it means."""

from collections.abc import Mapping, Sequence

from blueprint.metrics import blackbox, custom, dcgm, endpoints, keda, kube_state, sglang, tgi, vllm
from blueprint.metrics.metric import Meaning as Meaning
from blueprint.metrics.metric import Metric as Metric
from blueprint.metrics.raw import Raw as Raw

SERVER_METRICS: Sequence[Metric] = custom.METRICS
"""Of the server of this project."""

METRICS: Mapping[str, Sequence[Metric]] = {
    "custom": SERVER_METRICS,
    "sglang": sglang.METRICS,
    "tgi": tgi.METRICS,
    "vllm": vllm.METRICS,
}
"""By the engine's name. A custom server without version may be anyone's image, of which no metric is known."""

ABSENT: Mapping[str, Mapping[Meaning, str]] = {
    "custom": custom.ABSENT,
    "sglang": sglang.ABSENT,
    "tgi": tgi.ABSENT,
    "vllm": vllm.ABSENT,
}
"""By the engine's name, what none or not each of its versions tells, and why."""

RAW: Sequence[Raw] = (
    *(*dcgm.METRICS, *kube_state.METRICS, *keda.METRICS),
    *(*endpoints.METRICS, *blackbox.METRICS),
)
"""Of what surrounds the engines, of Inference Endpoints, and of public hosts."""


def emitted(engine: str, version: str | None) -> Mapping[Meaning, Metric]:
    """The metrics of an engine's version, by meaning; empty for one that nobody looked up."""
    return {metric.meaning: metric for metric in METRICS.get(engine, ()) if version in metric.versions}
