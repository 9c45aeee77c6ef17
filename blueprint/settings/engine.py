"""Settings of the inference engine that serves a model."""

from typing import Literal

from pydantic import Field

from blueprint.engines import VLLM_DEFAULT_VERSION
from blueprint.settings.base import SettingsModel


class VllmEngine(SettingsModel):
    """vLLM: which version, and how it divides one replica's memory."""

    name: Literal["vllm"] = Field(description="The engine.")
    version: str = Field(
        default=VLLM_DEFAULT_VERSION,
        description="Version of the engine; the image's tag follows from it, images.lock.yaml pins that tag.",
    )
    max_model_len: int = Field(
        ge=16,
        le=10_000_000,
        description="Longest request the engine accepts, prompt and answer together, in tokens.",
    )
    gpu_memory_utilization: float = Field(
        default=0.90,
        ge=0.05,
        le=0.99,
        description="Share of each GPU's memory that the engine takes for weights, activations and KV cache, 0 to 1.",
    )
    max_num_seqs: int = Field(
        default=256,
        ge=1,
        le=8192,
        description="Most requests that one replica works on at the same time.",
    )
    kv_offload_gib: int | None = Field(
        default=None,
        alias="kvOffloadGiB",
        ge=1,
        le=1000,
        description="Memory of each node that takes KV cache which no longer fits the GPUs, in GiB, for all its GPUs "
        "together. None when absent. vLLM keeps it in /dev/shm.",
    )
