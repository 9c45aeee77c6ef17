"""llm-d: what its chart cannot take of the settings that a model has without it."""

from collections.abc import Iterator

from blueprint.checks.charts import chart_mistakes
from blueprint.description import Description
from blueprint.issues import Issue, KeyPath
from blueprint.llm_d import CHART
from blueprint.settings import KubernetesModel


def check(description: Description) -> Iterator[Issue]:
    """Mistakes of each model that llm-d delivers."""
    for name, model in description.kubernetes_models():
        if model.llm_d is not None:
            path = ("models", name)
            yield from chart_mistakes((*path, "llmD", "chart"), CHART, model.llm_d.chart, "docs/llm-d.md")
            yield from _beyond_the_chart(path, model)


def _beyond_the_chart(path: KeyPath, model: KubernetesModel) -> Iterator[Issue]:
    at = (*path, "llmD")
    low, high = model.scaling.min, model.scaling.max
    if low < high:
        yield Issue(
            path=(*path, "scaling", "min"),
            problem=f"{low} to {high} replicas need a scaler, and the chart writes their number at every upgrade",
            remedy=f"Use min: {high} and max: {high}, or remove llmD.",
            reads=((*path, "scaling", "max"), at),
        )
    if model.cache.mode not in ("shared", "none"):
        yield Issue(
            path=(*path, "cache", "mode"),
            problem=f"{model.cache.mode} gives each replica or node a place of its own, and the chart mounts one claim "
            "or an empty directory",
            remedy="Use shared or none, or remove llmD.",
            reads=(at,),
        )
    if model.parallel.nodes > 1:
        yield Issue(
            path=(*path, "parallel", "nodes"),
            problem=f"for {model.parallel.nodes} nodes the chart has another template, which was not read",
            remedy="Use nodes: 1, or remove llmD.",
            reads=(at,),
        )
    if model.source is not None:
        yield Issue(
            path=(*path, "source"),
            problem="the chart takes weights from the Hub or from a claim",
            remedy="Remove source, or remove llmD.",
            reads=(at,),
        )
    if model.engine.name != "vllm":
        yield Issue(
            path=(*path, "engine", "name"),
            problem=f"llm-d serves with vLLM, not {model.engine.name}",
            remedy="Use name: vllm, or remove llmD.",
            reads=(at,),
        )
