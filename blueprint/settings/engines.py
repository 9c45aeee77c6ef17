"""The engines that a cluster can run; `name` tells which."""

from typing import Annotated

from pydantic import Field

from blueprint.settings.engine_custom import ClusterCustom
from blueprint.settings.engine_sglang import ClusterSglang
from blueprint.settings.engine_tgi import ClusterTgi
from blueprint.settings.engine_vllm import ClusterVllm

ClusterEngine = Annotated[ClusterVllm | ClusterSglang | ClusterTgi | ClusterCustom, Field(discriminator="name")]
