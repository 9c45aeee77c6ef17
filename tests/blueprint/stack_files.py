"""Valid configurations to break: what stands under `llm-inference:` in a stack file, and its locks."""

import copy
import json
from collections.abc import Mapping
from typing import Any

from blueprint.engines import VLLM_VERSIONS
from blueprint.issues import DescriptionError, Issue
from blueprint.locks import ImagesLock, ModelsLock
from blueprint.stack import Stack, resolve_stack

REPOSITORY = "Qwen/Qwen2.5-1.5B-Instruct"
KNOWN = {"how": "resolved", "source": "a hub of this test", "date": "2026-11-30"}
MODELS_LOCK = ModelsLock.model_validate(
    {"models": {f"{REPOSITORY}@main": {"sha": "0123456789abcdef0123456789abcdef01234567", "known": KNOWN}}}
)
IMAGES_LOCK = ImagesLock.model_validate(
    {"images": {VLLM_VERSIONS["0.31.0"].image: {"digest": "sha256:" + "ab" * 32, "known": KNOWN}}}
)

MODEL: Mapping[str, Any] = {
    "target": "kubernetes",
    "model": REPOSITORY,
    "owner": "team-search",
    "engine": {"name": "vllm", "maxModelLen": 8192},
    "accelerator": {"type": "nvidia-l4", "count": 1},
    "cache": {"mode": "shared", "sizeGiB": 10},
    "scaling": {"min": 2, "max": 2},
}
ENDPOINT: Mapping[str, Any] = {
    "target": "endpoint",
    "model": REPOSITORY,
    "owner": "team-search",
    "engine": {"name": "vllm", "maxModelLen": 8192},
    "instance": {"vendor": "aws", "region": "us-east-1", "type": "nvidia-l4", "size": "x1"},
}
DIGEST = "sha256:" + "cd" * 32
ENGINES: Mapping[str, Mapping[str, Any]] = {
    "vllm": ENDPOINT["engine"],
    "sglang": {"name": "sglang", "image": f"docker.io/lmsysorg/sglang:v1@{DIGEST}"},
    "tgi": {"name": "tgi", "image": f"ghcr.io/huggingface/text-generation-inference:3.3.5@{DIGEST}"},
    "tei": {"name": "tei", "image": f"ghcr.io/huggingface/text-embeddings-inference:1.8@{DIGEST}"},
    "llamacpp": {"name": "llamacpp", "image": f"ghcr.io/ggml-org/llama.cpp:server@{DIGEST}"},
    "huggingface": {"name": "huggingface"},
    "custom": {
        "name": "custom",
        "image": f"registry.example.com:5000/team/server:1@{DIGEST}",
        "healthRoute": "/ready",
        "registry": {"username": "robot", "password": "registry-robot"},
    },
}
"""The least that each engine of an endpoint needs."""

PROD: Mapping[str, Any] = {
    "cluster": {
        "context": "prod",
        "id": "prod-eu",
        "namespace": {"name": "llm", "create": True},
        "accelerators": {"nvidia-l4": {"available": 8, "hourlyUsd": 0.80}},
    },
    "huggingface": {"namespace": "my-org", "hubReadSecret": {"name": "hf-secret", "key": "token"}},
    "budget": {"monthlyUsd": 5000},
    "deletion": {"protect": True},
    "monitoring": {"mode": "operator"},
    "models": {"m": MODEL, "other": {**MODEL, "owner": "team-chat"}},
}
ENDPOINTS: Mapping[str, Any] = {
    # No cluster: endpoints need none.
    "huggingface": {"namespace": "my-org"},
    "models": {"e": ENDPOINT, **{f"e-{name}": {**ENDPOINT, "engine": engine} for name, engine in ENGINES.items()}},
}
LAB: Mapping[str, Any] = {
    "cluster": {
        "context": "lab",
        "id": "lab",
        "namespace": {"name": "llm"},
        "accelerators": {"nvidia-l4": {"available": 8}},
    },
    # Neither owner nor pins: the lab takes both.
    "models": {
        "m": {
            "target": "kubernetes",
            "model": "org/unpinned",
            "engine": {"name": "vllm", "version": "0.33.0", "maxModelLen": 8192},
            "accelerator": {"type": "nvidia-l4"},
        }
    },
}
LAB_ENDPOINTS: Mapping[str, Any] = {
    "huggingface": {"namespace": "lab-org", "api": "lab"},
    # Neither owner nor pins nor digests.
    "models": {
        "e": {
            "target": "endpoint",
            "model": "org/unpinned",
            "engine": {"name": "vllm", "version": "0.33.0", "maxModelLen": 8192},
            "instance": ENDPOINT["instance"],
        },
        "tagged": {
            "target": "endpoint",
            "model": "org/unpinned",
            "engine": {"name": "sglang", "image": "docker.io/lmsysorg/sglang:v1"},
            "instance": ENDPOINT["instance"],
        },
    },
}

DELETE = object()
"""As the value of an edit: the key goes."""


def edited(base: Mapping[str, Any], *edits: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of base with each edit's dotted keys set."""
    # Not deepcopy, which keeps the parts that the models of a base share shared.
    config = json.loads(json.dumps(base))
    for edit in edits:
        for dotted, value in edit.items():
            *parents, last = dotted.split(".")
            at = config
            for key in parents:
                at = at.setdefault(key, {})
            if value is DELETE:
                del at[last]
            else:
                at[last] = copy.deepcopy(value)
    return config


def resolve(config: Mapping[str, Any], stack: str = "prod") -> Stack:
    """The configuration, resolved against the locks of these tests."""
    return resolve_stack(stack, config, MODELS_LOCK, IMAGES_LOCK)


def refusal(config: Mapping[str, Any]) -> DescriptionError | None:
    """What a configuration is refused with."""
    try:
        resolve(config)
    except DescriptionError as error:
        return error
    return None


def mistakes(config: Mapping[str, Any]) -> list[Issue]:
    """The mistakes found in a configuration."""
    error = refusal(config)
    return list(error.issues) if error else []
