"""A checkout whose stack dev has ten models on both targets, after three changes. Prices are the tests' own.

What sizing needs stands in the lock, from the dimensions in bench/fit/models.yaml.
"""

import json
from pathlib import Path
from typing import Any

import yaml

from blueprint.locks import ModelsLock
from tests.blueprint.sizing.models import facts_of
from tests.blueprint.timing.test_start import PIN
from tests.ops.checkout import commit
from tests.support import copy_project

L4, A100 = "nvidia-l4", "nvidia-a100-80gb"


def _cluster(name: str, kind: str, count: int, *, fewest: int = 1, most: int = 1, **engine: Any) -> dict[str, Any]:
    return {
        "target": "kubernetes",
        "model": f"org/{name}",
        "owner": "team-search" if kind == L4 else "team-chat",
        "engine": {"name": "vllm", "maxModelLen": 8192, **engine},
        "accelerator": {"type": kind, "count": count},
        "cache": {"mode": "shared", "sizeGiB": 200},
        "scaling": {"min": fewest, "max": most},
    }


def _endpoint(name: str, kind: str, *, fewest: int = 0, most: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "target": "endpoint",
        "model": f"org/{name}",
        "owner": "team-mail",
        "engine": {"name": "vllm", "maxModelLen": 8192},
        "instance": {"vendor": "aws", "region": "us-east-1", "type": kind, "size": "x1"},
        "scaling": {"min": fewest, "max": most},
        **changes,
    }


TGI = {"name": "tgi", "image": "ghcr.io/huggingface/text-generation-inference:3.3.5"}
MODELS = {
    "search-answers": _cluster("Llama-3.1-8B", L4, 1, fewest=2, most=4),
    "search-rewrites": _cluster("Qwen2.5-1.5B", L4, 1, fewest=2, most=2),
    "long-mails": _cluster("Mistral-Nemo-12B", L4, 2, maxModelLen=32768),
    "tickets": _cluster("Mistral-Nemo-12B", L4, 1),
    "code": _cluster("Qwen3-32B", A100, 2, fewest=1, most=2, maxModelLen=32768),
    "reasoning": _cluster("Llama-3.1-70B", A100, 2, maxModelLen=32768),
    "experts": _cluster("Qwen3-30B-A3B-FP8", A100, 1, maxModelLen=32768),
    "mail-summaries": _endpoint("Llama-3.1-8B", L4),
    "mail-labels": _endpoint("Qwen3-8B", "nvidia-l40s", fewest=1, most=3),
    "mail-drafts": _endpoint("Qwen2.5-7B", L4, engine=TGI),
}
GONE = {"old-answers": _cluster("Llama-2-7B", L4, 1, maxModelLen=4096)}


def ten_models(root: Path) -> str:
    """Make the checkout, with the changes not committed: a flag, replicas, a deletion. Gives the commit before them."""
    copy_project(root)
    names = {model["model"] for model in (MODELS | GONE).values()}
    pins = {f"{name}@main": {**PIN, "facts": _facts(name)} for name in sorted(names)}
    lock = ModelsLock.model_validate({"models": pins})
    (root / "models.lock.yaml").write_text(yaml.safe_dump(lock.model_dump(exclude_none=True, mode="json")))
    write(root, MODELS | GONE)
    before = commit(root, "before")
    flag = {**MODELS["search-answers"]["engine"], "maxNumSeqs": 64}
    replicas = {"min": 4, "max": 4}
    write(
        root,
        MODELS
        | {
            "search-answers": {**MODELS["search-answers"], "engine": flag},
            "search-rewrites": {**MODELS["search-rewrites"], "scaling": replicas},
        },
    )
    return before


def _facts(name: str) -> Any:
    return facts_of(name.removeprefix("org/")).model_dump(exclude_none=True)


def write(root: Path, models: dict[str, Any]) -> None:
    """The stack file."""
    config = {
        "cluster": {
            "context": "lab",
            "id": "lab",
            "namespace": {"name": "llm"},
            "accelerators": {L4: {"available": 16, "hourlyUsd": 0.8}, A100: {"available": 8, "hourlyUsd": 2.5}},
        },
        "huggingface": {
            "namespace": "lab-org",
            "api": "lab",
            "hourlyUsd": {f"{L4}/x1": 0.8, "nvidia-l40s/x1": 1.8},
        },
        "monitoring": {"mode": "operator"},
        "budget": {"monthlyUsd": 20000, "models": {"code": 7000}},
        "models": models,
    }
    content = {"config": {f"llm-inference:{key}": value for key, value in config.items()}}
    # A copy, as YAML would write what models share as an alias.
    (root / "Pulumi.dev.yaml").write_text(yaml.safe_dump(json.loads(json.dumps(content)), sort_keys=False))
