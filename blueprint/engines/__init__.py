"""The one registry of engines: per version its image, CUDA major, flags, ports, probes and drain."""

from collections.abc import Mapping
from types import MappingProxyType

from blueprint.engines import custom, sglang, tgi, vllm
from blueprint.engines.facts import EngineFacts

VLLM_DEFAULT_VERSION = vllm.DEFAULT_VERSION
VLLM_VERSIONS = vllm.VERSIONS
SGLANG_DEFAULT_VERSION = sglang.DEFAULT_VERSION
TGI_DEFAULT_VERSION = tgi.DEFAULT_VERSION

ENGINES: Mapping[str, EngineFacts] = MappingProxyType({"vllm": vllm.FACTS, "sglang": sglang.FACTS, "tgi": tgi.FACTS})
"""Engines whose flags are known, by the name in a stack file. What is said to a custom server is in ``custom``."""

EXIT_SECONDS: Mapping[str, int] = MappingProxyType(
    {engine.__name__.rpartition(".")[2]: engine.EXIT_SECONDS for engine in (vllm, sglang, tgi, custom)}
)
"""By engine: from the last answer of a drain until its processes are gone and the GPU is free."""
