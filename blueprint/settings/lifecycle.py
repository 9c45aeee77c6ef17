"""Settings of how replicas come and go."""

from pydantic import Field

from blueprint.settings.base import SettingsModel


class Lifecycle(SettingsModel):
    """How long a replica may take to come, and to go."""

    startup_minutes: int = Field(
        default=30,
        ge=1,
        le=240,
        description="Time a replica may take to download and load the model before it is restarted, in minutes.",
    )
    drain_seconds: int = Field(
        default=60,
        ge=0,
        le=3600,
        description="Time that requests in flight get to finish when a replica stops, in seconds.",
    )
