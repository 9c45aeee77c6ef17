"""The container of an endpoint: which image, with which options, and how its server is spoken to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from blueprint.description import Description
from blueprint.engines import VLLM_VERSIONS, vllm
from blueprint.instances import InstanceAccelerator, instance_count
from blueprint.pins import pinned_image
from blueprint.resources import Resolved
from blueprint.settings import EndpointModel
from blueprint.settings.endpoint_engines import EndpointCustom, EndpointHuggingFace, EndpointSglang, EndpointVllm


@dataclass(frozen=True, kw_only=True)
class EngineFacts:
    """What the Inference Endpoints API knows of an engine.

    image_key: the engine's key under ``model.image``.
    accelerators: kinds of instance that it runs on.
    openai_path: where it answers as the OpenAI API does; None when it does not.
    task: what it does when the stack file does not say; None leaves it to the server.
    """

    image_key: str
    accelerators: Sequence[InstanceAccelerator]
    openai_path: str | None = None
    framework: str = "pytorch"
    task: str | None = None


_TEXT = "text-generation"

ENDPOINT_ENGINES: Mapping[str, EngineFacts] = MappingProxyType(
    {
        # Their images are built for CUDA.
        "vllm": EngineFacts(image_key="vLLM", accelerators=("gpu",), openai_path="/v1", task=_TEXT),
        "sglang": EngineFacts(image_key="sGLang", accelerators=("gpu",), openai_path="/v1", task=_TEXT),
        "tgi": EngineFacts(image_key="tgi", accelerators=("gpu",), openai_path="/v1", task=_TEXT),
        "tei": EngineFacts(image_key="tei", accelerators=("cpu", "gpu")),
        "llamacpp": EngineFacts(
            image_key="llamacpp", accelerators=("cpu", "gpu"), openai_path="/v1", framework="llamacpp", task=_TEXT
        ),
        "huggingface": EngineFacts(image_key="huggingface", accelerators=("cpu", "gpu")),
        "custom": EngineFacts(image_key="custom", accelerators=("cpu", "gpu", "neuron"), framework="custom"),
    }
)
"""By the name of the engine in a stack file. Source of the keys: huggingface_hub/cli/inference_endpoints.py, 2.4.0."""

HUGGING_FACE_HEALTH_ROUTE = "/health"
"""Of Hugging Face's own server, which takes no setting."""


@dataclass(frozen=True, kw_only=True)
class Container:
    """What runs on the instance.

    image: the value of ``model.image``, without the password of a registry.
    served_model: the name by which callers ask for the model; None where the engine does not let one choose.
    """

    image: Mapping[str, Any]
    command: Sequence[str] | None
    args: Sequence[str] | None
    health_route: str
    served_model: str | None
    decisions: Mapping[str, Resolved[Any]]


def parallelism(engine: EndpointVllm | EndpointSglang, size: str) -> tuple[int, int]:
    """GPUs of one copy of the model, and copies in one replica, on an instance of this size."""
    copies = (engine.data_parallel_size if isinstance(engine, EndpointVllm) else None) or 1
    return engine.tensor_parallel_size or max(1, instance_count(size) // copies), copies


def resolve_container(description: Description, name: str, model: EndpointModel) -> Container:
    """What an endpoint's engine becomes in the API's words."""
    engine = model.engine
    if isinstance(engine, EndpointVllm):
        return _vllm(description, name, model, engine)
    if isinstance(engine, EndpointSglang):
        return _sglang(name, model, engine)
    if isinstance(engine, EndpointHuggingFace):
        return Container(
            image={"huggingface": {}},
            command=None,
            args=None,
            health_route=HUGGING_FACE_HEALTH_ROUTE,
            served_model=None,
            decisions={"image": Resolved("huggingface", "Hugging Face chooses it, and updates it")},
        )
    # What is left of their settings has the API's own names.
    options = engine.model_dump(
        by_alias=True, exclude_none=True, exclude={"name", "image", "command", "args", "registry"}
    )
    command = args = None
    if isinstance(engine, EndpointCustom):
        command, args = engine.command, engine.args
        if engine.registry is not None:
            options["credentials"] = {"username": engine.registry.username}
    return Container(
        image={ENDPOINT_ENGINES[engine.name].image_key: {"url": engine.image, **options}},
        command=command,
        args=args,
        health_route=engine.health_route,
        served_model=None,
        decisions={},
    )


def _vllm(description: Description, name: str, model: EndpointModel, engine: EndpointVllm) -> Container:
    image = pinned_image(description, VLLM_VERSIONS[engine.version].image)
    shards, copies = parallelism(engine, model.instance.size)
    options = {
        "url": image.value,
        "port": vllm.PORT,
        "healthRoute": vllm.HEALTH_PATH,
        "tensorParallelSize": shards,
        "dataParallelSize": engine.data_parallel_size,
        "maxNumSeqs": engine.max_num_seqs,
        "maxNumBatchedTokens": engine.max_num_batched_tokens,
        "kvCacheDtype": engine.kv_cache_dtype,
    }
    return Container(
        image={"vLLM": _given(options)},
        command=None,
        # The API has no fields for these; a field that it does not know it drops without a word.
        args=vllm.endpoint_arguments(
            served_names=[name, model.model],
            max_model_len=engine.max_model_len,
            gpu_memory_utilization=engine.gpu_memory_utilization,
        ),
        health_route=vllm.HEALTH_PATH,
        served_model=name,
        decisions={"image": image, "tensor_parallel_size": _shards(engine, model, shards, copies)},
    )


def _sglang(name: str, model: EndpointModel, engine: EndpointSglang) -> Container:
    shards, copies = parallelism(engine, model.instance.size)
    options = {
        "url": engine.image,
        "port": engine.port,
        "healthRoute": engine.health_route,
        "tensorParallelSize": shards,
    }
    flags = {
        "--served-model-name": name,
        "--context-length": engine.max_model_len,
        "--mem-fraction-static": engine.mem_fraction_static,
        "--max-running-requests": engine.max_running_requests,
    }
    return Container(
        image={"sGLang": options},
        command=None,
        args=[f"{flag}={value}" for flag, value in _given(flags).items()],
        health_route=engine.health_route,
        served_model=name,
        decisions={"tensor_parallel_size": _shards(engine, model, shards, copies)},
    )


def _shards(engine: EndpointVllm | EndpointSglang, model: EndpointModel, shards: int, copies: int) -> Resolved[int]:
    if engine.tensor_parallel_size is not None:
        return Resolved(shards, "given: engine.tensorParallelSize")
    shared = f", shared by {copies} copies of the model" if copies > 1 else ""
    return Resolved(shards, f"all GPUs of instance size {model.instance.size}{shared}")


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}
