"""Text Generation Inference by version: facts read in its sources, and its command line. Legacy."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from blueprint.engines import owned
from blueprint.engines.adapters import fetched
from blueprint.engines.facts import EngineFacts, EngineVersion, Typed
from blueprint.engines.process import UNKNOWN_ENVIRONMENT, UNKNOWN_HOME, UNKNOWN_USER, EngineProcess
from blueprint.sources import served_from

if TYPE_CHECKING:
    # The settings take their default version from here.
    from blueprint.settings import KubernetesModel
    from blueprint.settings.engine_tgi import ClusterTgi

PORT = 8080
"""The image says 80 (Dockerfile), which a user other than root may not be allowed to open."""

HEALTH_PATH = "/health"
"""Asks for no key; nor do /metrics and /v1/models, on the same port (router/src/server.rs)."""

METRICS_PATH = "/metrics"

COMMAND = ("/tgi-entrypoint.sh",)
"""Activates the virtual environment of the image. It passes its arguments on unquoted, so none may have a space."""

PYTHON = "/usr/src/.venv/bin/python"
"""Interpreter of that environment (Dockerfile)."""

INFERENCE_PATHS = ("/generate", "/generate_stream", "/v1/chat/completions", "/v1/completions", "/v1/models")
"""The calls for an answer, each in full (router/src/server.rs)."""

EXIT_SECONDS = 15
"""From the end of the drain to SIGKILL: the shards, without requests, exit at once and free the GPU."""

VERSIONS: Mapping[str, EngineVersion] = MappingProxyType(
    {
        # From nvidia/cuda:12.4.0-base-ubuntu22.04 (Dockerfile).
        "3.3.5": EngineVersion(
            image="ghcr.io/huggingface/text-generation-inference:3.3.5",
            cuda_major=12,
            user_known=False,
            root_only="its Python lies in /root: https://github.com/huggingface/text-generation-inference/issues/3082",
        ),
    }
)
"""Versions whose facts were looked up. All drain by ``--graceful-termination-timeout``."""

DEFAULT_VERSION = "3.3.5"

FACTS = EngineFacts(
    title="Text Generation Inference",
    versions=VERSIONS,
    default_version=DEFAULT_VERSION,
    typed=(
        Typed(key="maxTotalTokens", flag="--max-total-tokens"),
        Typed(key="maxInputTokens", flag="--max-input-tokens"),
        Typed(key="maxBatchPrefillTokens", flag="--max-batch-prefill-tokens"),
        Typed(key="maxBatchTotalTokens", flag="--max-batch-total-tokens"),
        Typed(key="maxConcurrentRequests", flag="--max-concurrent-requests"),
        Typed(key="maxWaitingTokens", flag="--max-waiting-tokens"),
        Typed(key="waitingServedRatio", flag="--waiting-served-ratio"),
        Typed(key="dtype", flag="--dtype"),
        Typed(key="quantize", flag="--quantize"),
        Typed(key="kvCacheDtype", flag="--kv-cache-dtype"),
        Typed(key="cudaMemoryFraction", flag="--cuda-memory-fraction"),
        Typed(key="speculate", flag="--speculate"),
        Typed(key="structuredOutput", flag="--disable-grammar-support", off="--disable-grammar-support", on=False),
        Typed(key="tokenizerConfigPath", flag="--tokenizer-config-path"),
        Typed(key="disableCustomKernels", flag="--disable-custom-kernels"),
        Typed(key="trustRemoteCode", flag="--trust-remote-code"),
    ),
    owned=MappingProxyType(
        {
            "--model-id": owned.MODEL,
            "--revision": owned.MODEL,
            "--max-input-length": "It is the old name of --max-input-tokens: use engine.maxInputTokens.",
            "--hostname": owned.ADDRESS,
            "--port": owned.ADDRESS,
            "--prometheus-port": owned.ADDRESS,
            "--ngrok": "Use expose.",
            "--ngrok-edge": "Use expose.",
            "--env": "It prints the environment, tokens and all, and ends.",
            "--huggingface-hub-cache": owned.CACHE,
            "--weights-cache-override": owned.CACHE,
            "--graceful-termination-timeout": owned.DRAIN,
            "--lora-adapters": "Use engine.lora.",
            "--usage-stats": "It is off.",
            **dict.fromkeys(("--num-shard", "--sharded", "--master-addr", "--master-port"), owned.GPUS),
        }
    ),
    # clap does neither, unless told to (launcher/src/main.rs).
    abbreviates=False,
    underscores=False,
    splits_words=True,
)


def process(
    model: "KubernetesModel", engine: "ClusterTgi", *, name: str, revision: str, pin: Callable[[str, str], str]
) -> EngineProcess:
    """How TGI serves a model.

    name: the model's name in the stack file. revision: its commit from the lock. pin: the commit of another repository.
    """
    version = VERSIONS[engine.version]
    fetches = fetched(engine.lora, pin)
    return EngineProcess(
        name="tgi",
        title=FACTS.title,
        version=engine.version,
        image=engine.image or version.image,
        cuda_major=version.cuda_major if engine.image is None else None,
        # It has no name of its own for a model, and takes any from a client (router/src/server.rs).
        served_name=name,
        port=PORT,
        metrics_port=PORT,
        health_path=HEALTH_PATH,
        ready_path=HEALTH_PATH,
        metrics_path=METRICS_PATH,
        user_id=engine.user_id or UNKNOWN_USER,
        home=UNKNOWN_HOME,
        command=COMMAND,
        arguments=[
            f"--model-id={served_from(model) or model.model}",
            *([] if served_from(model) else [f"--revision={revision}"]),
            "--hostname=0.0.0.0",
            f"--port={PORT}",
            *FACTS.render(engine.model_dump(by_alias=True)),
            *parallel_arguments(tensor=model.gpus_per_pod, pipeline=1, nodes=1),
            *_adapters({adapter: fetch.path for adapter, fetch in fetches.items()}),
            f"--graceful-termination-timeout={model.lifecycle.drain_seconds}",
            "--usage-stats=off",
            *engine.extra_args,
        ],
        environment={
            **UNKNOWN_ENVIRONMENT,
            # The launcher has no flag for it, and reads this (launcher/src/main.rs, resolve_attention).
            **({} if engine.prefix_caching is None else {"PREFIX_CACHING": str(engine.prefix_caching).lower()}),
        },
        fetches=list(fetches.values()),
        python=PYTHON,
        inference_paths=INFERENCE_PATHS,
    )


def parallel_arguments(*, tensor: int, pipeline: int, nodes: int) -> list[str]:
    """How the model is spread: over GPUs that share each layer. TGI has neither stages nor several nodes."""
    if pipeline > 1 or nodes > 1:
        raise ValueError("Text Generation Inference spreads a model over the GPUs of one node only")
    # Without it TGI takes all GPUs that it sees, which is the same until somebody shares them.
    return [f"--num-shard={tensor}"]


def _adapters(paths: Mapping[str, str]) -> list[str]:
    if not paths:
        return []
    return [f"--lora-adapters={','.join(f'{name}={path}' for name, path in paths.items())}"]
