"""vLLM by version: facts read in its wheels and Dockerfiles, and its command line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from blueprint.engines.process import EngineProcess
from blueprint.sources import served_from, streams

if TYPE_CHECKING:
    # The settings take their default version from here.
    from blueprint.settings import KubernetesModel

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

COMMAND = ("vllm", "serve")
"""Given in full, so that an image with another entrypoint runs the same."""


@dataclass(frozen=True, kw_only=True)
class VllmVersion:
    """What differs between versions.

    image: repository and tag, without digest; images.lock.yaml has the digest.
    cuda_major: CUDA major of that image; the node's driver must support at least this one.
    """

    image: str
    cuda_major: int


VERSIONS: Mapping[str, VllmVersion] = MappingProxyType(
    {
        # Since CUDA 13.0.2 came in April 2026: https://github.com/vllm-project/vllm/pull/40669
        "0.31.0": VllmVersion(image="docker.io/vllm/vllm-openai:v0.31.0", cuda_major=13),
        # Its wheel requires torch 2.14 and the cu13 builds of NVIDIA's packages.
        "0.33.0": VllmVersion(image="docker.io/vllm/vllm-openai:v0.33.0", cuda_major=13),
    }
)
"""Versions whose facts were looked up. All drain by ``--shutdown-timeout`` (since 0.18) and ship USER_ID."""

DEFAULT_VERSION = "0.31.0"
"""The newest version whose image digest is known: see images.lock.yaml."""


def process(model: "KubernetesModel", *, name: str, revision: str) -> EngineProcess:
    """How vLLM serves a model. name: what clients and metrics call it; revision: the commit from the lock."""
    engine, version = model.engine, VERSIONS[model.engine.version]
    return EngineProcess(
        name="vllm",
        title="vLLM",
        version=engine.version,
        image=version.image,
        cuda_major=version.cuda_major,
        port=PORT,
        metrics_port=PORT,
        health_path=HEALTH_PATH,
        metrics_path=METRICS_PATH,
        user_id=USER_ID,
        home=HOME,
        command=COMMAND,
        arguments=serve_arguments(
            model=served_from(model) or model.model,
            revision=None if served_from(model) else revision,
            # The first is the name in metrics; clients may use either.
            served_names=[name, model.model],
            max_model_len=engine.max_model_len,
            gpu_memory_utilization=engine.gpu_memory_utilization,
            max_num_seqs=engine.max_num_seqs,
            tensor_parallel=model.accelerator.count,
            drain_seconds=model.lifecycle.drain_seconds,
            load_format="runai_streamer" if streams(model) else None,
        ),
        environment={"VLLM_NO_USAGE_STATS": "1"},
        # Below it vLLM sets the directories of torch's inductor and of triton itself (vllm/compilation, 0.33.0).
        compile_cache_variables=("VLLM_CACHE_ROOT",),
    )


def serve_arguments(
    *,
    model: str,
    revision: str | None,
    served_names: Sequence[str],
    max_model_len: int,
    gpu_memory_utilization: float,
    max_num_seqs: int,
    tensor_parallel: int,
    drain_seconds: int,
    load_format: str | None = None,
) -> list[str]:
    """Arguments of ``vllm serve``, one item per flag, so that a change shows as one changed item.

    The tokenizer follows the model's revision by itself (vllm/config/model.py).
    max_model_len in tokens, drain_seconds in seconds.
    """
    return [
        model,
        *([f"--revision={revision}"] if revision else []),
        # For s3:// and gs:// (vllm/transformers_utils/runai_utils.py); the image has the streamer (docker/Dockerfile).
        *([f"--load-format={load_format}"] if load_format else []),
        "--served-model-name",
        *served_names,
        # The pod has one network interface; the probes and the Service reach it from outside the pod.
        "--host=0.0.0.0",
        f"--port={PORT}",
        f"--max-model-len={max_model_len}",
        f"--gpu-memory-utilization={gpu_memory_utilization:g}",
        f"--max-num-seqs={max_num_seqs}",
        f"--tensor-parallel-size={tensor_parallel}",
        # Without it SIGTERM aborts every request in flight.
        f"--shutdown-timeout={drain_seconds}",
    ]


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
