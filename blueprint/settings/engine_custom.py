"""Settings of the custom server on a cluster."""

from typing import Literal

from pydantic import Field

from blueprint.settings.base import ImageReference, VariableName
from blueprint.settings.engine import OwnImage, ServedName


class ClusterCustom(OwnImage):
    """A server of your own, which keeps to docs/engines/custom.md."""

    name: Literal["custom"] = Field(description="The engine.")
    image: ImageReference
    served_name: ServedName
    max_running_requests: int | None = Field(
        default=None,
        ge=1,
        le=8192,
        description="Most requests that one replica works on at the same time, where it is known.",
    )
    environment: dict[VariableName, str] = Field(
        default_factory=dict, description="Further variables of the server, in clear text. No keys, no tokens."
    )
