"""Settings of what a model promises its callers, and of when a broken promise is told."""

from pydantic import Field

from blueprint.settings.base import SettingsModel


class BurnFactors(SettingsModel):
    """How many times too fast the budget of missed requests may go, before somebody is told.

    The defaults and their windows are those of https://sre.google/workbook/alerting-on-slos/, table 5-8.
    """

    page: float = Field(default=14.4, gt=0, le=1000, description="Over 1 hour and 5 minutes: critical.")
    slow_page: float = Field(default=6, gt=0, le=1000, description="Over 6 hours and 30 minutes: critical.")
    ticket: float = Field(default=3, gt=0, le=1000, description="Over 1 day and 2 hours: warning.")
    slow_ticket: float = Field(default=1, gt=0, le=1000, description="Over 3 days and 6 hours: warning.")


class Availability(SettingsModel):
    """How many requests end otherwise than by the server's fault."""

    share: float = Field(default=0.99, gt=0, lt=1, description="Share of the requests, between 0 and 1.")
    burn_factors: BurnFactors = Field(default_factory=BurnFactors)


class FirstToken(SettingsModel):
    """How long requests wait for their first token (TTFT)."""

    # 1 s and, below, 0.1 s: buckets of every engine whose metrics are known.
    seconds: float = Field(
        default=1,
        gt=0,
        le=7200,
        description="Longest good time, in seconds; a bucket's bound of the engine's histogram.",
    )
    share: float = Field(default=0.95, gt=0, lt=1, description="Share that has to be good, between 0 and 1.")
    burn_factors: BurnFactors = Field(default_factory=BurnFactors)


class InterToken(SettingsModel):
    """How long it takes from one token to the next (ITL)."""

    seconds: float = Field(
        default=0.1,
        gt=0,
        le=7200,
        description="Longest good time, in seconds; a bucket's bound of the engine's histogram.",
    )
    share: float = Field(default=0.95, gt=0, lt=1, description="Share that has to be good, between 0 and 1.")
    burn_factors: BurnFactors = Field(default_factory=BurnFactors)


class Objectives(SettingsModel):
    """What a model promises. An objective of which the engine's version has no metric is not recorded."""

    availability: Availability | None = Field(
        default_factory=Availability, description="Requests that the server does not fail; null: none."
    )
    ttft: FirstToken | None = Field(default_factory=FirstToken, description="Time to the first token; null: none.")
    itl: InterToken | None = Field(default_factory=InterToken, description="Time between two tokens; null: none.")
    latency_p95_seconds: float | None = Field(
        default=None,
        gt=0,
        le=7200,
        description="Warn while 5 % of the requests take longer than this in all, in seconds. Long answers take long: "
        "default no such alert.",
    )
