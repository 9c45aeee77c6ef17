"""Settings of a model's publication outside the cluster."""

from typing import Literal

from pydantic import Field

from blueprint.settings.base import HostName, ObjectName, SettingsModel


class Expose(SettingsModel):
    """Publication of a model outside the cluster."""

    host: HostName = Field(description="Public host name.")
    tls_secret: ObjectName | None = Field(default=None, description="Existing Secret with the certificate of the host.")
    auth: Literal["engineKey", "gateway", "none"] = Field(
        description="Who checks callers: the engine by its key, the gateway, or nobody (needs allowPublic: true)."
    )
    allow_public: bool = Field(default=False, description="Confirms auth: none.")
