"""The engines that a cluster can run; `name` tells which."""

from typing import Annotated

from pydantic import Field

from blueprint.engines.custom import SERVER_MAX_RUNNING, SERVER_VERSION
from blueprint.settings.engine_custom import ClusterCustom
from blueprint.settings.engine_sglang import ClusterSglang
from blueprint.settings.engine_tgi import ClusterTgi
from blueprint.settings.engine_vllm import ClusterVllm

ClusterEngine = Annotated[ClusterVllm | ClusterSglang | ClusterTgi | ClusterCustom, Field(discriminator="name")]


def version_of(engine: ClusterEngine) -> str | None:
    """The version whose facts are known; None for a server that nobody looked into."""
    if isinstance(engine, ClusterCustom):
        return SERVER_VERSION if engine.is_own_server else None
    return engine.version


def most_running(engine: ClusterEngine) -> tuple[str, int] | None:
    """Most requests that one replica works on at the same time, with its key; None where the engine decides."""
    if isinstance(engine, ClusterVllm):
        return "maxNumSeqs", engine.max_num_seqs
    if isinstance(engine, ClusterCustom) and engine.is_own_server:
        return "maxRunningRequests", engine.max_running_requests or SERVER_MAX_RUNNING
    if isinstance(engine, ClusterTgi) or engine.max_running_requests is None:
        return None
    return "maxRunningRequests", engine.max_running_requests
