"""The catalogue of models with tested configurations. The recipes are the lab's; their layout is the service's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lab.hub.images import VARIANTS
from lab.hub.models import DEFAULT_REVISION
from lab.hub.refusal import Refusal

_ENGINES = {"vllm": "vLLM", "sglang": "sGLang", "llamacpp": "llamacpp", "tei": "tei"}


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A tested way to serve a model."""

    id: str
    repository: str
    task: str
    accelerator: str
    engine: str
    image: str
    type: str
    size: str
    args: tuple[str, ...] = ()
    gguf_file: str | None = None


RECIPES: Sequence[Recipe] = (
    Recipe(
        id="simulated-noodles-l4x1",
        repository="Qwen/Qwen2.5-1.5B-Instruct",
        task="text-generation",
        accelerator="gpu",
        engine="vllm",
        image="vllm/vllm-openai:v0.23.0",
        type="nvidia-l4",
        size="x1",
        args=("--max-model-len", "8192"),
    ),
    Recipe(
        id="simulated-broth-sprx4",
        repository="Qwen/Qwen2.5-1.5B-Instruct",
        task="text-generation",
        accelerator="cpu",
        engine="llamacpp",
        image="ghcr.io/ggml-org/llama.cpp:server",
        type="intel-spr",
        size="x4",
        gguf_file="qwen2.5-1.5b-instruct-q4_k_m.gguf",
    ),
    Recipe(
        id="simulated-dumpling-l4x1",
        repository="Qwen/Qwen2.5-7B-Instruct",
        task="text-generation",
        accelerator="gpu",
        engine="sglang",
        image="lmsysorg/sglang:v0.5.12",
        type="nvidia-l4",
        size="x1",
    ),
    Recipe(
        id="simulated-tea-sprx2",
        repository="BAAI/bge-small-en-v1.5",
        task="sentence-embeddings",
        accelerator="cpu",
        engine="tei",
        image="ghcr.io/huggingface/text-embeddings-inference:cpu-1.8",
        type="intel-spr",
        size="x2",
    ),
)


def listed(query: Mapping[str, str]) -> Sequence[dict[str, Any]]:
    """The models that have a recipe of the wanted kind, each with all its recipes."""
    names = dict.fromkeys(recipe.repository for recipe in RECIPES if _matches(recipe, query))
    items = [_item(name) for name in names]
    limit = query.get("limit", "")
    return items[: int(limit)] if limit.isdigit() else items


def body(kind: str, name: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The create body of a deployment from the catalogue. Raises Refusal."""
    found = [
        recipe
        for recipe in RECIPES
        if name == (recipe.id if kind == "recipe" else recipe.repository)
        and wanted.get("accelerator", recipe.accelerator) == recipe.accelerator
        and wanted.get("ggufFile", recipe.gguf_file) == recipe.gguf_file
    ]
    if kind not in ("recipe", "model") or not found:
        raise Refusal(404, f"No recipe for {kind} {name} in the catalog")
    recipe = found[0]
    config = wanted.get("config") or {}
    variant = _ENGINES[recipe.engine]
    container: dict[str, Any] = {"url": recipe.image, "port": 8000}
    if "modelPath" in VARIANTS[variant].fields and recipe.gguf_file:
        container["modelPath"] = f"/repository/{recipe.gguf_file}"
    model: dict[str, Any] = {
        "repository": recipe.repository,
        "framework": "llamacpp" if recipe.engine == "llamacpp" else "pytorch",
        "task": recipe.task,
        "image": {variant: container},
    }
    if recipe.args:
        model["args"] = list(recipe.args)
    return {
        "name": config.get("name") or f"{recipe.repository.rpartition('/')[2].lower().replace('.', '-')}-lab"[:32],
        "type": "authenticated",
        "provider": {"vendor": "aws", "region": "us-east-1"},
        "compute": {
            "accelerator": recipe.accelerator,
            "instanceType": recipe.type,
            "instanceSize": recipe.size,
            "scaling": {"minReplica": 1, "maxReplica": 1},
        },
        "model": model,
    }


def _matches(recipe: Recipe, query: Mapping[str, str]) -> bool:
    return (
        query.get("accelerator", recipe.accelerator) == recipe.accelerator
        and query.get("engine", recipe.engine) == recipe.engine
        and query.get("task", recipe.task) == recipe.task
        and query.get("license", "Apache 2.0") == "Apache 2.0"
        and query.get("search", "").lower() in recipe.repository.lower()
    )


def _item(name: str) -> dict[str, Any]:
    found = [recipe for recipe in RECIPES if recipe.repository == name]
    return {
        "repoId": name,
        "modelName": name.rpartition("/")[2],
        "authorName": name.partition("/")[0],
        "license": "Apache 2.0",
        "task": found[0].task,
        "createdAt": "2026-01-15T10:00:00.000Z",
        "recipes": [
            {
                "publicId": recipe.id,
                "accelerator": recipe.accelerator,
                "engineType": recipe.engine,
                "revision": DEFAULT_REVISION,
                **({"ggufFile": recipe.gguf_file} if recipe.gguf_file else {}),
            }
            for recipe in found
        ],
    }
