"""The engine of an endpoint: whether it runs on the instance, its options and its environment."""

import re
from collections.abc import Iterator, Sequence

from blueprint.description import Description
from blueprint.endpoint_container import ENDPOINT_ENGINES, parallelism
from blueprint.engines import VLLM_VERSIONS
from blueprint.instances import instance_accelerator, instance_count
from blueprint.issues import Issue, KeyPath, looks_like_token
from blueprint.settings import EndpointModel
from blueprint.settings.endpoint_engines import (
    EndpointCustom,
    EndpointHuggingFace,
    EndpointLlamacpp,
    EndpointSglang,
    EndpointTgi,
    EndpointVllm,
)

_LLAMACPP_RESERVED = (
    "LLAMA_ARG_CTX_SIZE",
    "LLAMA_ARG_EMBEDDINGS",
    "LLAMA_ARG_ENDPOINT_METRICS",
    "LLAMA_ARG_HOST",
    "LLAMA_ARG_HTTP_THREADS",
    "LLAMA_ARG_MODEL",
    "LLAMA_ARG_NO_MMAP",
    "LLAMA_ARG_N_GPU_LAYERS",
    "LLAMA_ARG_N_PARALLEL",
    "LLAMA_ARG_PORT",
)
"""Set by the endpoint itself. Source: https://huggingface.co/docs/inference-endpoints/engines/llama_cpp"""

_TOKEN_VARIABLES = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HUGGINGFACE_HUB_TOKEN")
_TAG = re.compile(r":[^/:@]+$")


def check(description: Description) -> Iterator[Issue]:
    """Mistakes of the engine of each model with target: endpoint."""
    for name, model in description.endpoint_models():
        path = ("models", name)
        yield from _version(path, model)
        yield from _image(path, model, in_lab=description.endpoints_in_lab)
        yield from _accelerator(path, model)
        yield from _parallelism(path, model)
        yield from _options(path, model)
        yield from _framework(path, model)
        yield from _environment(path, model)
        yield from _tokens(path, model)


def advise(description: Description) -> Iterator[Issue]:
    """Engines that still run, and should not be what one starts with."""
    for name, model in description.endpoint_models():
        if isinstance(model.engine, EndpointTgi):
            yield Issue(
                path=("models", name, "engine", "name"),
                problem="tgi only gets bug fixes: its makers advise vLLM or SGLang",
                remedy="Add a second model with engine vllm or sglang and its own endpointName, then remove this one: "
                "an endpoint's engine cannot be changed.",
            )


def _version(path: KeyPath, model: EndpointModel) -> Iterator[Issue]:
    engine = model.engine
    if isinstance(engine, EndpointVllm) and engine.version not in VLLM_VERSIONS:
        yield Issue(
            path=(*path, "engine", "version"),
            problem=f"vLLM {engine.version} is not in the engine registry",
            remedy=f"Use {', '.join(VLLM_VERSIONS)}. CONTRIBUTING.md says how to add a version.",
        )


def _image(path: KeyPath, model: EndpointModel, *, in_lab: bool) -> Iterator[Issue]:
    engine = model.engine
    if isinstance(engine, EndpointVllm | EndpointHuggingFace) or "@" in engine.image:
        return
    if not in_lab:
        yield Issue(
            path=(*path, "engine", "image"),
            problem=f"{engine.image} has no digest, and what its tag means can change; it deploys to the lab only",
            remedy="Append @sha256:... as `docker buildx imagetools inspect` shows it.",
            reads=(("huggingface", "api"),),
        )
    elif _TAG.search(engine.image) is None:
        yield Issue(
            path=(*path, "engine", "image"),
            problem=f"{engine.image} has neither tag nor digest, and would be whatever is latest",
            remedy="Append :tag, or @sha256:digest.",
        )


def _accelerator(path: KeyPath, model: EndpointModel) -> Iterator[Issue]:
    carried = instance_accelerator(model.instance.type)
    able = ENDPOINT_ENGINES[model.engine.name].accelerators
    if carried is not None and carried not in able:
        others = [name for name, facts in ENDPOINT_ENGINES.items() if carried in facts.accelerators]
        yield Issue(
            path=(*path, "instance", "type"),
            problem=f"{model.engine.name} runs on {' and '.join(able)} instances, and {model.instance.type} is a "
            f"{carried} instance",
            remedy=f"Use a {' or '.join(able)} type, or one of these engines: {', '.join(others)}.",
            reads=((*path, "engine", "name"),),
        )


def _parallelism(path: KeyPath, model: EndpointModel) -> Iterator[Issue]:
    engine, size = model.engine, model.instance.size
    if not isinstance(engine, EndpointVllm | EndpointSglang):
        return
    shards, copies = parallelism(engine, size)
    gpus = instance_count(size)
    if shards * copies == gpus:
        return
    if engine.tensor_parallel_size is None:
        key = "dataParallelSize"
        problem = f"{copies} copies of the model cannot share the GPUs of size {size} equally"
        remedy = f"Use a divisor of {gpus}, or another instance.size."
    else:
        key = "tensorParallelSize"
        factor = f" x dataParallelSize {copies}" if copies > 1 else ""
        problem = f"{shards}{factor} does not use all GPUs of size {size} exactly"
        fitting = f"{gpus // copies}" if gpus % copies == 0 else f"{gpus} without dataParallelSize"
        remedy = f"Use tensorParallelSize: {fitting}, or another instance.size."
    yield Issue(
        path=(*path, "engine", key),
        problem=problem,
        remedy=remedy,
        reads=(
            (*path, "instance", "size"),
            (*path, "engine", "name"),
            (*path, "engine", "tensorParallelSize"),
            (*path, "engine", "dataParallelSize"),
        ),
    )


def _options(path: KeyPath, model: EndpointModel) -> Iterator[Issue]:
    engine = model.engine
    if (
        isinstance(engine, EndpointTgi)
        and engine.max_input_length is not None
        and engine.max_total_tokens is not None
        and engine.max_input_length >= engine.max_total_tokens
    ):
        yield Issue(
            path=(*path, "engine", "maxInputLength"),
            problem=f"{engine.max_input_length} leaves nothing of maxTotalTokens, {engine.max_total_tokens}, for "
            "the answer",
            remedy="Lower it, or raise maxTotalTokens.",
            reads=((*path, "engine", "maxTotalTokens"),),
        )
    on_cpu = instance_accelerator(model.instance.type) == "cpu"
    if isinstance(engine, EndpointLlamacpp) and engine.n_gpu_layers and on_cpu:
        yield Issue(
            path=(*path, "engine", "nGpuLayers"),
            problem=f"{model.instance.type} has no GPU to hold {engine.n_gpu_layers} layers",
            remedy="Remove nGpuLayers, or use a gpu instance.",
            reads=((*path, "instance", "type"),),
        )


def _framework(path: KeyPath, model: EndpointModel) -> Iterator[Issue]:
    given, engine = model.framework, model.engine.name
    if given is not None and (given == "llamacpp") != (engine == "llamacpp"):
        yield Issue(
            path=(*path, "framework"),
            problem=f"{given} contradicts engine {engine}",
            remedy=f"Remove framework: it follows from the engine, {ENDPOINT_ENGINES[engine].framework}.",
            reads=((*path, "engine", "name"),),
        )


def _environment(path: KeyPath, model: EndpointModel) -> Iterator[Issue]:
    for key, variables in (("environment", model.environment), ("secrets", model.secrets)):
        for variable in variables:
            at = (*path, key, variable)
            if isinstance(model.engine, EndpointLlamacpp) and variable in _LLAMACPP_RESERVED:
                yield Issue(
                    path=at,
                    problem="the endpoint sets this variable itself",
                    remedy="Remove it; the options of the engine, such as ctxSize, say the same.",
                    reads=((*path, "engine", "name"),),
                )
            if key == "environment" and variable in _TOKEN_VARIABLES:
                yield Issue(
                    path=at,
                    problem="a token would stand there in clear text, and in the state",
                    remedy=f"Use secrets: {{{variable}: NAME}}, and store the token with "
                    "`pulumi config set --secret llm-inference-secrets:NAME`.",
                )
            # A token under environment is refused for itself, and its remedy is the place here.
            if key == "secrets" and variable in model.environment and variable not in _TOKEN_VARIABLES:
                yield Issue(
                    path=at,
                    problem="it is also given under environment, and one would hide the other",
                    remedy="Remove one of the two.",
                    reads=((*path, "environment", variable),),
                )


def _tokens(path: KeyPath, model: EndpointModel) -> Iterator[Issue]:
    for at, text in _texts(path, model):
        # A variable that is refused for its name needs no second message.
        if looks_like_token(text) and at[-1] not in _TOKEN_VARIABLES:
            yield Issue(
                path=at,
                problem="this looks like a Hugging Face token, in clear text",
                remedy="Revoke it; store a new one with `pulumi config set --secret llm-inference-secrets:NAME`, and "
                "give the container secrets: {HF_TOKEN: NAME}.",
            )
    for variable, text in model.secrets.items():
        if looks_like_token(text):
            yield _not_a_name((*path, "secrets", variable))
    registry = model.engine.registry if isinstance(model.engine, EndpointCustom) else None
    if registry is not None and looks_like_token(registry.password):
        yield _not_a_name((*path, "engine", "registry", "password"))


def _not_a_name(path: KeyPath) -> Issue:
    return Issue(
        path=path,
        problem="this looks like a token itself, in clear text",
        remedy="Revoke it; store a new one with `pulumi config set --secret llm-inference-secrets:NAME`, and write "
        "NAME here.",
    )


def _texts(path: KeyPath, model: EndpointModel) -> Iterator[tuple[KeyPath, str]]:
    """What the stack file says in free words that reach the API in clear text."""
    for variable, text in model.environment.items():
        yield (*path, "environment", variable), text
    for tag in model.tags:
        yield (*path, "tags"), tag
    if isinstance(model.engine, EndpointCustom):
        lists: Sequence[tuple[str, list[str] | None]] = (
            ("command", model.engine.command),
            ("args", model.engine.args),
        )
        for key, words in lists:
            for index, text in enumerate(words or []):
                yield (*path, "engine", key, str(index)), text
