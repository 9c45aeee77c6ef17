"""llm-d: what its chart cannot take of the settings that a model has without it."""

from collections.abc import Iterator

from blueprint.description import Description
from blueprint.issues import Issue, KeyPath
from blueprint.llm_d import VERSIONS
from blueprint.settings import KubernetesModel
from blueprint.settings.llm_d import ModelServiceChart


def check(description: Description) -> Iterator[Issue]:
    """Mistakes of each model that llm-d delivers."""
    for name, model in description.kubernetes_models():
        if model.llm_d is not None:
            path = ("models", name)
            yield from _chart((*path, "llmD", "chart"), model.llm_d.chart)
            yield from _beyond_the_chart(path, model)


def _chart(path: KeyPath, chart: ModelServiceChart) -> Iterator[Issue]:
    if chart.path is not None:
        for key, value in (("repository", chart.repository), ("version", chart.version)):
            if value is not None:
                yield Issue(
                    path=(*path, key),
                    problem=f"{value} says where to fetch the chart, and path says that it is here",
                    remedy=f"Remove {key}, or remove path.",
                    reads=((*path, "path"),),
                )
    elif chart.version is not None and chart.version not in VERSIONS:
        yield Issue(
            path=(*path, "version"),
            problem=f"the keys of {chart.version} have not been read, and a chart ignores many that it does not know",
            remedy=f"Use {' or '.join(VERSIONS)}. docs/llm-d.md says how to add a version, and how to try one by path.",
            reads=((*path, "path"),),
        )


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
