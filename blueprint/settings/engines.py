"""The engines that a cluster can run; `name` tells which."""

from typing import Annotated

from pydantic import Field

from blueprint.settings.engine_custom import ClusterCustom
from blueprint.settings.engine_sglang import ClusterSglang
from blueprint.settings.engine_tgi import ClusterTgi
from blueprint.settings.engine_vllm import ClusterVllm

ClusterEngine = Annotated[ClusterVllm | ClusterSglang | ClusterTgi | ClusterCustom, Field(discriminator="name")]


def version_of(engine: ClusterEngine) -> str | None:
    """The version in the registry; None for a server that is in none."""
    return None if isinstance(engine, ClusterCustom) else engine.version


def most_running(engine: ClusterEngine) -> tuple[str, int] | None:
    """Most requests that one replica works on at the same time, with its key; None where the engine decides."""
    if isinstance(engine, ClusterVllm):
        return "maxNumSeqs", engine.max_num_seqs
    if isinstance(engine, ClusterTgi) or engine.max_running_requests is None:
        return None
    return "maxRunningRequests", engine.max_running_requests
