"""A replica's life: how long it may take to come, and to go."""

from dataclasses import dataclass

from blueprint.resources import Resolved
from blueprint.settings.lifecycle import Lifecycle

IMAGE_PULL_SECONDS = 900
"""Budget for pulling an engine's image. About 10 GB compressed; published pulls take 5 to 10 minutes."""

PRE_STOP_SECONDS = 15
"""How long a stopping pod still serves, until every proxy has dropped it from its endpoints."""

GRACE_MARGIN_SECONDS = 15
"""From the end of the drain to SIGKILL: the engine's processes exit and free the GPU."""

STARTUP_PERIOD_SECONDS = 10


@dataclass(frozen=True)
class Times:
    """A replica's life, in seconds."""

    startup: int
    pre_stop: int
    drain: int

    @property
    def grace(self) -> int:
        """From the decision to stop until SIGKILL: preStop, drain and a margin."""
        return self.pre_stop + self.drain + GRACE_MARGIN_SECONDS

    @property
    def download_deadline(self) -> int:
        """Until a download before the replicas is given up: its image's pull, and all that a start may take."""
        return IMAGE_PULL_SECONDS + self.startup

    @property
    def progress_deadline(self) -> int:
        """Until a rollout that does not advance is called failed: pull, load, and a predecessor that drains first."""
        return IMAGE_PULL_SECONDS + self.startup + self.grace


def resolve_times(lifecycle: Lifecycle) -> Resolved[Times]:
    """How long a replica takes to come and to go."""
    return Resolved(
        Times(
            startup=lifecycle.startup_minutes * 60,
            pre_stop=PRE_STOP_SECONDS,
            drain=lifecycle.drain_seconds,
        ),
        "startup and drain: lifecycle; a stopping pod serves on for preStop, until proxies have dropped it",
    )
