"""SGLang by version: facts read in its wheel, and its command line."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from blueprint.engines import owned
from blueprint.engines.adapters import fetched
from blueprint.engines.facts import EngineFacts, EngineVersion, Typed
from blueprint.engines.parallel import Parallel, sglang_arguments
from blueprint.engines.process import UNKNOWN_ENVIRONMENT, UNKNOWN_HOME, UNKNOWN_USER, EngineProcess
from blueprint.sources import served_from

if TYPE_CHECKING:
    # The settings take their default version from here.
    from blueprint.settings import KubernetesModel
    from blueprint.settings.engine_sglang import ClusterSglang

PORT = 30_000
"""SGLang's own default, of the server, its health check and its metrics alike (srt/arg_groups/fields/serving.py)."""

HEALTH_PATH = "/health"
"""Asks the model for one token when nothing else runs, within 20 s; asks for no key (srt/utils/auth.py).

503 from SIGTERM on, so that a draining replica gets no more requests (srt/entrypoints/http_server.py).
"""

METRICS_PATH = "/metrics"

COMMAND = ("sglang", "serve")
"""``python -m sglang.launch_server`` still works, with a warning that this is what to use."""

INFERENCE_PATHS = (
    "/generate",
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/responses",
    "/v1/messages",
    "/v1/messages/count_tokens",
    "/v1/embeddings",
    "/v1/score",
    "/v1/rerank",
    "/v1/audio/transcriptions",
    "/v1/models",
)
"""The calls for an answer, each in full. Source: the routes in srt/entrypoints/http_server.py, 0.5.23."""

EXIT_SECONDS = 30
"""SIGTERM is looked at every 5 s, and so is the last request; the schedulers then have 15 s to free the GPU.

Source: srt/managers/tokenizer_manager.py, sigterm_watchdog. The drain itself has no limit but the grace period.
"""

VERSIONS: Mapping[str, EngineVersion] = MappingProxyType(
    {
        # Its wheel requires torch 2.14 and the cu13 builds of NVIDIA's packages.
        "0.5.23": EngineVersion(image="docker.io/lmsysorg/sglang:v0.5.23", cuda_major=13, user_known=False),
    }
)
"""Versions whose facts were looked up.

The images have no user but root (docker/Dockerfile), and nobody published under which other one they run.
"""

DEFAULT_VERSION = "0.5.23"

_SPECULATIVE = "Use engine.speculative."
_LORA = "Use engine.lora."

FACTS = EngineFacts(
    title="SGLang",
    versions=VERSIONS,
    default_version=DEFAULT_VERSION,
    typed=(
        Typed(key="maxModelLen", flag="--context-length"),
        Typed(key="memFractionStatic", flag="--mem-fraction-static"),
        Typed(key="maxRunningRequests", flag="--max-running-requests"),
        Typed(key="maxQueuedRequests", flag="--max-queued-requests"),
        Typed(key="chunkedPrefillSize", flag="--chunked-prefill-size"),
        Typed(key="maxPrefillTokens", flag="--max-prefill-tokens"),
        Typed(key="dtype", flag="--dtype"),
        Typed(key="quantization", flag="--quantization"),
        Typed(key="kvCacheDtype", flag="--kv-cache-dtype"),
        Typed(key="prefixCaching", flag="--disable-radix-cache", off="--disable-radix-cache", on=False),
        Typed(key="structuredOutputBackend", flag="--grammar-backend"),
        Typed(key="chatTemplate", flag="--chat-template"),
        Typed(key="toolCallParser", flag="--tool-call-parser"),
        Typed(key="reasoningParser", flag="--reasoning-parser"),
        Typed(key="lora.maxRank", flag="--max-lora-rank"),
        Typed(key="lora.maxPerBatch", flag="--max-loras-per-batch"),
        Typed(key="speculative.algorithm", flag="--speculative-algorithm"),
        Typed(key="speculative.steps", flag="--speculative-num-steps"),
        Typed(key="speculative.topK", flag="--speculative-eagle-topk"),
        Typed(key="speculative.draftTokens", flag="--speculative-num-draft-tokens"),
        Typed(key="trustRemoteCode", flag="--trust-remote-code"),
    ),
    owned=MappingProxyType(
        {
            "--model-path": owned.MODEL,
            "--revision": owned.MODEL,
            "--served-model-name": "Use engine.servedName.",
            "--host": owned.ADDRESS,
            "--port": owned.ADDRESS,
            "--smg-grpc-mode": owned.ADDRESS,
            "--grpc-mode": owned.ADDRESS,
            "--config": owned.CONFIG_FILE,
            "--download-dir": owned.CACHE,
            "--enable-metrics": owned.METRICS,
            "--lora-paths": _LORA,
            "--enable-lora": _LORA,
            "--speculative-draft-model-path": _SPECULATIVE,
            "--speculative-draft-model-revision": _SPECULATIVE,
            "--model-type": "The command line says llm, so that the Hub need not be asked what the model is.",
            **dict.fromkeys(("--ssl-keyfile", "--ssl-certfile", "--ssl-ca-certs"), owned.TLS),
            **dict.fromkeys(
                (
                    "--tp-size",
                    "--pp-size",
                    "--dp-size",
                    "--nnodes",
                    "--node-rank",
                    "--dist-init-addr",
                    "--base-gpu-id",
                ),
                owned.GPUS,
            ),
        }
    ),
    # A plain ArgumentParser (srt/server_args.py).
    abbreviates=True,
    underscores=False,
)


def process(
    model: "KubernetesModel",
    engine: "ClusterSglang",
    *,
    name: str,
    revision: str,
    parallel: Parallel,
    pin: Callable[[str, str], str],
) -> EngineProcess:
    """How SGLang serves a model.

    name: the model's name in the stack file. revision: its commit from the lock. pin: the commit of another repository.
    """
    version = VERSIONS[engine.version]
    served = engine.served_name or name
    fetches = fetched(engine.lora, pin)
    arguments = [
        # Else it looks at the Hub, at no certain revision, whether the model makes pictures (sglang/cli/serve.py).
        "--model-type=llm",
        f"--model-path={served_from(model) or model.model}",
        *([] if served_from(model) else [f"--revision={revision}"]),
        f"--served-model-name={served}",
        "--host=0.0.0.0",
        f"--port={PORT}",
        # Without it there are none.
        "--enable-metrics",
        *FACTS.render(engine.model_dump(by_alias=True)),
        *sglang_arguments(parallel),
        *_adapters({adapter: fetch.path for adapter, fetch in fetches.items()}),
        *_draft(engine, pin),
        *engine.extra_args,
    ]
    return EngineProcess(
        name="sglang",
        title=FACTS.title,
        version=engine.version,
        image=engine.image or version.image,
        cuda_major=version.cuda_major if engine.image is None else None,
        served_name=served,
        port=PORT,
        metrics_port=PORT,
        health_path=HEALTH_PATH,
        ready_path=HEALTH_PATH,
        metrics_path=METRICS_PATH,
        user_id=engine.user_id or UNKNOWN_USER,
        home=UNKNOWN_HOME,
        command=COMMAND,
        arguments=arguments,
        worker_arguments=arguments if parallel.nodes > 1 else (),
        environment=UNKNOWN_ENVIRONMENT,
        fetches=list(fetches.values()),
        inference_paths=INFERENCE_PATHS,
    )


def _adapters(paths: Mapping[str, str]) -> list[str]:
    if not paths:
        return []
    return ["--enable-lora", "--lora-paths", *(f"{name}={path}" for name, path in paths.items())]


def _draft(engine: "ClusterSglang", pin: Callable[[str, str], str]) -> list[str]:
    chosen = engine.speculative
    if chosen is None or chosen.model is None:
        return []
    return [
        f"--speculative-draft-model-path={chosen.model}",
        f"--speculative-draft-model-revision={pin(chosen.model, chosen.revision)}",
    ]
