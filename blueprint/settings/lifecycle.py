"""Settings of how replicas come and go."""

from pydantic import Field

from blueprint.settings.base import SettingsModel


class Lifecycle(SettingsModel):
    """How long a replica may take to come, and to go."""

    startup_minutes: int | None = Field(
        default=None,
        ge=1,
        le=240,
        description="Time a replica may take to download and load the model before it is restarted, in minutes. "
        "Without it 30, or what the worst start needs and a fifth more where that is longer and the lock has the "
        "model's size.",
    )
    load_seconds: int | None = Field(
        default=None,
        ge=1,
        le=14_400,
        description="Measured time from a replica's scheduling to Ready, in seconds; `llm status` shows it. An outage "
        "is announced with it, and with startupMinutes when it is absent.",
    )
    warm_up: bool = Field(
        default=False,
        description="A replica is ready only once it has generated a token, so that no caller waits for kernels that "
        "compile at first use. Needs python3 in the image, and a model that generates text.",
    )
    drain_seconds: int = Field(
        default=60,
        ge=0,
        le=3600,
        description="Time that requests in flight get to finish when a replica stops, in seconds.",
    )
    allow_outage: bool = Field(
        default=False,
        description="Confirms, in a stack whose deletion is protected, that a rollout stops the only replica.",
    )
