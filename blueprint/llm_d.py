"""llm-d by its chart: which chart at which version, and what its own language calls the model's weights."""

from dataclasses import dataclass

from blueprint.charts import Chart, KnownChart, resolve_chart
from blueprint.resources import Resolved
from blueprint.settings.llm_d import LlmD
from blueprint.weights import Storage

CHART = KnownChart(
    name="llm-d-modelservice",
    # Source: the README of https://github.com/llm-d-incubation/llm-d-modelservice
    repository="https://llm-d-incubation.github.io/llm-d-modelservice/",
    # v0.4.12 is the first with modelArtifacts.readOnly. Those before mount a claim read-only, and the engine could not
    # download into it: https://github.com/llm-d-incubation/llm-d-modelservice/pull/249
    versions=("v0.4.12",),
)
"""The chart, with the versions whose values.yaml, schema and templates were read."""


@dataclass(frozen=True)
class Delivery:
    """The chart that delivers a model. uri: the weights as modelArtifacts.uri."""

    chart: Chart
    uri: str


def resolve_delivery(llm_d: LlmD | None, repository: str, storage: Storage) -> Resolved[Delivery] | None:
    """The chart of a model with weights from a repository of the Hub; None for a model without llm-d."""
    if llm_d is None:
        return None
    chart = resolve_chart(CHART, llm_d.chart, "llmD.chart")
    return Resolved(Delivery(chart.value, model_uri(repository, storage)), chart.why)


def model_uri(repository: str, storage: Storage) -> str:
    """The place of the weights in the chart's words.

    pvc and not pvc+hf: the latter fixes /model-cache as the path, and the claim would have two layouts, one with llm-d
    and one without.
    """
    if storage.kind == "emptyDir":
        return f"hf://{repository}"
    return f"pvc://{storage.claim_name}/huggingface"
