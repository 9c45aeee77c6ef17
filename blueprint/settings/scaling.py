"""Settings of how many replicas serve a model."""

from pydantic import Field

from blueprint.settings.base import SettingsModel


class Scaling(SettingsModel):
    """Bounds of the number of replicas."""

    min: int = Field(default=1, ge=0, le=1000, description="Fewest replicas.")
    max: int = Field(default=1, ge=1, le=1000, description="Most replicas.")
