"""vLLM by version: facts read in its wheels and Dockerfiles."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from blueprint.engines import owned
from blueprint.engines.facts import EngineFacts, EngineVersion, Typed
from blueprint.engines.process import KeyInput

PORT = 8000
"""Port of the OpenAI server, its health check and its metrics alike."""

HEALTH_PATH = "/health"
"""Answers without a key, also when the server has one (vllm/entrypoints/serve/instrumentator/health.py)."""

METRICS_PATH = "/metrics"

USER_ID = 2000
"""The image's own user ``vllm``, home /home/vllm: torch looks its user up in /etc/passwd and dies on an unknown id.

Source: https://github.com/vllm-project/vllm/pull/40275 and https://github.com/ai-dynamo/dynamo/pull/12457
"""

HOME = "/home/vllm"

INFERENCE_PATHS = (
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/responses",
    "/v1/messages",
    "/v1/messages/count_tokens",
    "/v1/embeddings",
    "/v1/score",
    "/v1/rerank",
    "/v1/audio/transcriptions",
    "/v1/audio/translations",
    "/v1/models",
    "/v2/embed",
    "/v2/rerank",
)
"""The OpenAI, Anthropic and Cohere calls, each in full: below /v1 there are also load_lora_adapter, render and others
that are no caller's business. All are guarded by the key (GUARDED_PREFIX in
vllm/entrypoints/serve/middleware/authenticate.py), which /pooling, /score, /tokenize and /invocations are not.

Source: the routes in vllm/entrypoints of the wheels 0.31.0 and 0.33.0.
"""

KEYS = KeyInput(several=True, config_flag="--config")
"""VLLM_API_KEY holds a single key; ``api-key`` in a file takes several.

The file is read once, at start; its keys are masked in vLLM's log of its own arguments.

Source: load_config_file in vllm/utils/argparse_utils.py, vllm/entrypoints/serve/middleware/register.py.
"""

COMMAND = ("vllm", "serve")
"""Given in full, so that an image with another entrypoint runs the same."""

EXIT_SECONDS = 15
"""From the end of the drain to SIGKILL: the engine's processes exit and free the GPU."""

VERSIONS: Mapping[str, EngineVersion] = MappingProxyType(
    {
        # Since CUDA 13.0.2 came in April 2026: https://github.com/vllm-project/vllm/pull/40669
        "0.31.0": EngineVersion(image="docker.io/vllm/vllm-openai:v0.31.0", cuda_major=13),
        # Its wheel requires torch 2.14 and the cu13 builds of NVIDIA's packages.
        "0.33.0": EngineVersion(image="docker.io/vllm/vllm-openai:v0.33.0", cuda_major=13),
    }
)
"""Versions whose facts were looked up. All drain by ``--shutdown-timeout`` (since 0.18) and ship USER_ID."""

DEFAULT_VERSION = "0.31.0"
"""The newest version whose image digest is known: see images.lock.yaml."""

_SPECULATIVE = "Use engine.speculative."
_LORA = "Use engine.lora."

FACTS = EngineFacts(
    title="vLLM",
    versions=VERSIONS,
    default_version=DEFAULT_VERSION,
    typed=(
        Typed(key="maxModelLen", flag="--max-model-len"),
        Typed(key="gpuMemoryUtilization", flag="--gpu-memory-utilization"),
        Typed(key="maxNumSeqs", flag="--max-num-seqs"),
        Typed(key="kvOffloadGiB", flag="--kv-offloading-size"),
        Typed(key="maxNumBatchedTokens", flag="--max-num-batched-tokens"),
        Typed(key="dtype", flag="--dtype"),
        Typed(key="quantization", flag="--quantization"),
        Typed(key="kvCacheDtype", flag="--kv-cache-dtype"),
        Typed(key="prefixCaching", flag="--enable-prefix-caching", off="--no-enable-prefix-caching"),
        Typed(key="structuredOutputBackend", flag="--structured-outputs-config.backend"),
        Typed(key="chatTemplate", flag="--chat-template"),
        # The parser without the switch would only answer to a tool choice that the client forces.
        Typed(key="toolCallParser", flag="--tool-call-parser", beside=("--enable-auto-tool-choice",)),
        Typed(key="reasoningParser", flag="--reasoning-parser"),
        Typed(key="maxQueuedRequests", flag="--max-num-queued-reqs"),
        Typed(key="maxQueuedTokens", flag="--max-num-queued-tokens"),
        Typed(key="lora.maxRank", flag="--max-lora-rank"),
        Typed(key="lora.maxPerBatch", flag="--max-loras"),
        Typed(key="trustRemoteCode", flag="--trust-remote-code"),
    ),
    owned=MappingProxyType(
        {
            "--model": owned.MODEL,
            "--revision": owned.MODEL,
            "--served-model-name": "Use engine.servedName.",
            "--host": owned.ADDRESS,
            "--port": owned.ADDRESS,
            "--uds": owned.ADDRESS,
            "--grpc": owned.ADDRESS,
            "--headless": owned.ADDRESS,
            "--config": owned.CONFIG_FILE,
            "--download-dir": owned.CACHE,
            "--shutdown-timeout": owned.DRAIN,
            "--disable-log-stats": owned.METRICS,
            "--lora-modules": _LORA,
            "--enable-lora": _LORA,
            "--speculative-config": _SPECULATIVE,
            "--spec-method": _SPECULATIVE,
            "--spec-model": _SPECULATIVE,
            "--spec-tokens": _SPECULATIVE,
            "--structured-outputs-config": "Use engine.structuredOutputBackend and engine.reasoningParser.",
            "--quantization-config": "Use engine.quantization.",
            **dict.fromkeys(("--ssl-keyfile", "--ssl-certfile", "--ssl-ca-certs"), owned.TLS),
            **dict.fromkeys(
                (
                    "--tensor-parallel-size",
                    "--pipeline-parallel-size",
                    "--data-parallel-size",
                    "--data-parallel-size-local",
                    "--data-parallel-rank",
                    "--data-parallel-start-rank",
                    "--data-parallel-address",
                    "--data-parallel-rpc-port",
                    "--data-parallel-hybrid-lb",
                    "--data-parallel-external-lb",
                    "--data-parallel-multi-port-external-lb",
                    "--prefill-context-parallel-size",
                    "--device-ids",
                    "--distributed-executor-backend",
                    "--nnodes",
                    "--node-rank",
                    "--master-addr",
                    "--master-port",
                ),
                owned.GPUS,
            ),
        }
    ),
    # FlexibleArgumentParser is an ArgumentParser, which abbreviates (vllm/utils/argparse_utils.py).
    abbreviates=True,
    underscores=True,
    words_of=MappingProxyType({"speculative.method": "--spec-method"}),
)


def endpoint_arguments(*, served_names: Sequence[str], max_model_len: int, gpu_memory_utilization: float) -> list[str]:
    """Arguments that an Inference Endpoint adds to its own command line, which says where model and port are.

    Without served names the model would be called /repository, after the place where the endpoint keeps it.
    """
    return [
        "--served-model-name",
        *served_names,
        f"--max-model-len={max_model_len}",
        f"--gpu-memory-utilization={gpu_memory_utilization:g}",
    ]
