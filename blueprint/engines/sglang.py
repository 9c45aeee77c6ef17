"""SGLang by version: facts read in its wheel."""

from collections.abc import Mapping
from types import MappingProxyType

from blueprint.engines import owned
from blueprint.engines.facts import EngineFacts, EngineVersion, Typed

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
