"""Hypothesis strategies for stack files: valid ones, with everything that they can say."""

import string
from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import strategies as st

from blueprint.accelerators import ACCELERATORS, NODE_LABELS
from blueprint.engines import VLLM_VERSIONS
from tests.llm_d_strategies import deliverable, llm_d

_LOWER = string.ascii_lowercase
_LOWER_DIGITS = _LOWER + string.digits
_WORDS = string.ascii_letters + string.digits

_CLASSES = {"ReadWriteMany": "lab-rwx", "ReadWriteOnce": "lab-rwo"}
"""The lab's storage classes, by the access mode that each offers."""


def _text(first: str, middle: str, last: str, longest: int) -> st.SearchStrategy[str]:
    """Text of 1 to longest characters whose ends come from narrower alphabets."""
    inner = st.text(middle, max_size=max(longest - 2, 0))
    longer = st.tuples(st.sampled_from(first), inner, st.sampled_from(last)).map("".join)
    return st.sampled_from(first) | longer


def dns_labels(longest: int = 63) -> st.SearchStrategy[str]:
    """DNS labels as RFC 1035 has them."""
    return _text(_LOWER, _LOWER_DIGITS + "-", _LOWER_DIGITS, longest)


def object_names() -> st.SearchStrategy[str]:
    """Names of existing objects: DNS subdomains as RFC 1123 has them."""
    return st.lists(_text(_LOWER_DIGITS, _LOWER_DIGITS + "-", _LOWER_DIGITS, 20), min_size=1, max_size=3).map(".".join)


def label_values() -> st.SearchStrategy[str]:
    """Values of Kubernetes labels."""
    return _text(_WORDS, _WORDS + "-_.", _WORDS, 63)


def model_names() -> st.SearchStrategy[str]:
    """Names that a model may have, the shortest and the longest often."""
    edges = st.sampled_from(["m", "x" * 40, "a-0", "cache"])
    return (edges | dns_labels(40)).filter(lambda name: name not in ("default", "vllm"))


def repositories() -> st.SearchStrategy[str]:
    """Repositories on the Hub."""
    part = _text(_WORDS, _WORDS + "-_.", _WORDS, 30)
    return st.just("Qwen/Qwen2.5-1.5B-Instruct") | st.tuples(part, part).map("/".join)


def some(**strategies: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A mapping with any of these keys; every key is optional."""
    return st.fixed_dictionaries({}, optional=strategies)


def _engines() -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {"name": st.just("vllm"), "maxModelLen": st.integers(16, 10_000_000)},
        optional={
            "version": st.sampled_from(sorted(VLLM_VERSIONS)),
            "gpuMemoryUtilization": st.integers(5, 99).map(lambda percent: percent / 100),
            "maxNumSeqs": st.integers(1, 8192),
        },
    )


@st.composite
def _caches(draw: st.DrawFn, replicas: int) -> dict[str, Any]:
    size = st.integers(1, 2000)
    if draw(st.booleans()):
        return {"mode": "none", "sizeGiB": draw(size)}
    # Several replicas on several nodes share a claim only when it is ReadWriteMany.
    modes = ["ReadWriteMany", *(["ReadWriteOnce"] if replicas == 1 else [])]
    mode = draw(st.sampled_from(modes))
    cache = draw(some(mode=st.just("shared")))
    if mode == "ReadWriteOnce" or draw(st.booleans()):
        cache["accessMode"] = mode
    if draw(st.booleans()):
        return {**cache, "existingClaim": draw(object_names())}
    storage = draw(some(storageClass=st.just(_CLASSES[mode])))
    return {**cache, **storage, "sizeGiB": draw(size)}


@st.composite
def _resources(draw: st.DrawFn, gpus: int) -> dict[str, Any]:
    """Shared memory counts as memory and must leave some of it, also where one of the two is derived."""
    resources = draw(some(cpu=st.integers(1, 512)))
    memory, shm = 16 + 16 * gpus, 1 if gpus == 1 else 2 * gpus
    if draw(st.booleans()):
        memory = resources["memoryGiB"] = draw(st.integers(shm + 1, 8192))
    if draw(st.booleans()):
        resources["shmGiB"] = draw(st.integers(1, min(1024, memory - 1)))
    return resources


@st.composite
def _models(draw: st.DrawFn, accelerators: Sequence[str]) -> dict[str, Any]:
    gpus = draw(st.sampled_from([1, 2, 4, 8]))
    replicas = draw(st.integers(1, 4))
    accelerator: dict[str, Any] = {"type": draw(st.sampled_from(accelerators))}
    if gpus > 1 or draw(st.booleans()):
        accelerator["count"] = gpus
    model: dict[str, Any] = {
        "target": "kubernetes",
        "model": draw(repositories()),
        "engine": draw(_engines()),
        "accelerator": accelerator,
    }
    if replicas > 1 or draw(st.booleans()):
        model["scaling"] = {"min": replicas, "max": replicas}
    lifecycle = some(startupMinutes=st.integers(1, 240), drainSeconds=st.integers(0, 3600))
    optional = some(
        revision=st.sampled_from(["main", "v1.0", "refs/pr/7", "0" * 40]),
        owner=label_values(),
        cache=_caches(replicas),
        resources=_resources(gpus),
        lifecycle=lifecycle,
        llmD=llm_d(),
    )
    whole = {**model, **draw(optional)}
    if not deliverable(whole):
        whole.pop("llmD", None)
    return whole


def gpus_wanted(models: Mapping[str, Mapping[str, Any]], accelerator: str) -> int:
    """GPUs of a type that raw models hold with all replicas."""
    return sum(
        model.get("scaling", {}).get("max", 1) * model["accelerator"].get("count", 1)
        for model in models.values()
        if model["accelerator"]["type"] == accelerator
    )


@st.composite
def lab_configs(draw: st.DrawFn, namespace: str = "llm") -> dict[str, Any]:
    """A valid configuration for the lab: what stands under `llm-inference:`, with 1 to 4 models."""
    dialect = draw(st.sampled_from(NODE_LABELS))
    labelled = [name for name, gpu in ACCELERATORS.items() if dialect in gpu.labels]
    accelerators = draw(st.lists(st.sampled_from(labelled), min_size=1, max_size=3, unique=True))
    # Names and former names of all models, each used once.
    names = draw(st.lists(model_names(), min_size=1, max_size=7, unique=True))
    count = draw(st.integers(1, min(4, len(names))))
    models = {name: draw(_models(accelerators)) for name in names[:count]}
    for former in names[count:]:
        models[draw(st.sampled_from(names[:count]))].setdefault("formerly", []).append(former)
    cluster: dict[str, Any] = {
        "context": "lab",
        "id": "lab",
        "namespace": {"name": namespace, **draw(some(create=st.booleans()))},
        "accelerators": {
            name: {
                "available": max(1, gpus_wanted(models, name) + draw(st.integers(0, 8))),
                **draw(some(hourlyUsd=st.floats(0.01, 100))),
            }
            for name in accelerators
        },
    }
    if dialect != "gpuOperator" or draw(st.booleans()):
        cluster["nodeLabels"] = dialect
    cluster |= draw(some(runtimeClass=st.just("nvidia")))
    config: dict[str, Any] = {"cluster": cluster, "models": models}
    if all("hourlyUsd" in pool for pool in cluster["accelerators"].values()) and draw(st.booleans()):
        config["budget"] = {"monthlyUsd": 1e9}
    return config | draw(_rest())


def _rest() -> st.SearchStrategy[dict[str, Any]]:
    secret = st.fixed_dictionaries({"name": object_names(), "key": _text(_WORDS, _WORDS + "-_.", _WORDS, 40)})
    labels = st.dictionaries(st.sampled_from(["release", "prometheus", "example.com/team"]), label_values(), max_size=2)
    return some(
        huggingface=some(hubReadSecret=secret, namespace=st.just("my-org")),
        deletion=some(protect=st.booleans()),
        monitoring=st.fixed_dictionaries(
            {"mode": st.just("operator")}, optional={"namespace": dns_labels(), "labels": labels}
        ),
    )
