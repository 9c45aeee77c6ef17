"""Settings of the load that a model is expected to carry."""

from pydantic import Field

from blueprint.settings.base import SettingsModel


class Load(SettingsModel):
    """The load that cost is foreseen for. Nothing that is deployed depends on it."""

    tokens_per_second: float = Field(
        ge=0.01,
        le=100_000_000,
        description="Output tokens per second that all callers together ask for, on average.",
    )
    replica_tokens_per_second: float = Field(
        ge=0.01,
        le=100_000_000,
        description="Output tokens per second that one replica was measured to make, with prompts and answers as "
        "long as its callers' and within its latency objectives.",
    )
