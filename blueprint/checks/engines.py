"""Engines: versions that the registry knows."""

from collections.abc import Iterator

from blueprint.description import Description
from blueprint.engines import VLLM_VERSIONS
from blueprint.issues import Issue, KeyPath
from blueprint.settings import KubernetesModel


def check(description: Description) -> Iterator[Issue]:
    """Mistakes of each model's engine."""
    for name, model in description.kubernetes_models():
        yield from _engine(("models", name), model)


def _engine(path: KeyPath, model: KubernetesModel) -> Iterator[Issue]:
    if model.engine.version not in VLLM_VERSIONS:
        yield Issue(
            path=(*path, "engine", "version"),
            problem=f"vLLM {model.engine.version} is not in the engine registry",
            remedy=f"Use {', '.join(VLLM_VERSIONS)}. CONTRIBUTING.md says how to add a version.",
        )
