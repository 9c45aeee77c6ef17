"""Text Generation Inference by version: facts read in its sources. Legacy."""

from collections.abc import Mapping
from types import MappingProxyType

from blueprint.engines import owned
from blueprint.engines.facts import EngineFacts, EngineVersion, Typed

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
