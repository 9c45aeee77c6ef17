"""The one registry of engines: per version its image, CUDA major, flags, ports, probes and drain."""

from blueprint.engines.vllm import DEFAULT_VERSION as VLLM_DEFAULT_VERSION
from blueprint.engines.vllm import VERSIONS as VLLM_VERSIONS
from blueprint.engines.vllm import VllmVersion as VllmVersion

__all__ = ["VLLM_DEFAULT_VERSION", "VLLM_VERSIONS", "VllmVersion"]
