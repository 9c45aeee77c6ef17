"""llm-d by its chart: which chart at which version, and what its own language calls the model's weights."""

from dataclasses import dataclass

from blueprint.resources import Resolved
from blueprint.settings.llm_d import LlmD
from blueprint.weights import Storage

CHART = "llm-d-modelservice"

REPOSITORY = "https://llm-d-incubation.github.io/llm-d-modelservice/"
"""Source: the README of https://github.com/llm-d-incubation/llm-d-modelservice"""

VERSIONS = ("v0.4.12",)
"""Versions whose keys were read, values.yaml, schema and templates; the newest last.

v0.4.12 is the first with modelArtifacts.readOnly. Those before mount a claim read-only, and the engine could not
download into it: https://github.com/llm-d-incubation/llm-d-modelservice/pull/249
"""


@dataclass(frozen=True)
class Delivery:
    """The chart that delivers a model.

    chart: its name, its address at an OCI registry, or its path below the project's folder.
    version: None for a path, whose Chart.yaml says it. repository: None where the chart's name says all.
    uri: the weights as modelArtifacts.uri.
    """

    chart: str
    version: str | None
    repository: str | None
    uri: str


def resolve_delivery(llm_d: LlmD | None, repository: str, storage: Storage) -> Resolved[Delivery] | None:
    """The chart of a model with weights from a repository of the Hub; None for a model without llm-d."""
    if llm_d is None:
        return None
    chart, uri = llm_d.chart, model_uri(repository, storage)
    if chart.path is not None:
        return Resolved(
            Delivery(chart.path, None, None, uri), "given: llmD.chart.path; its Chart.yaml says the version"
        )
    version = chart.version or VERSIONS[-1]
    why = "given: llmD.chart.version" if chart.version else "the newest version whose keys were read"
    source = chart.repository or REPOSITORY
    if source.startswith("oci://"):
        # An OCI registry has no index: the chart's address is its name.
        return Resolved(Delivery(f"{source.rstrip('/')}/{CHART}", version, None, uri), why)
    return Resolved(Delivery(CHART, version, source, uri), why)


def model_uri(repository: str, storage: Storage) -> str:
    """The place of the weights in the chart's words.

    pvc and not pvc+hf: the latter fixes /model-cache as the path, and the claim would have two layouts, one with llm-d
    and one without.
    """
    if storage.kind == "emptyDir":
        return f"hf://{repository}"
    return f"pvc://{storage.claim_name}/huggingface"
