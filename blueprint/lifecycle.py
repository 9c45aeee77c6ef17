"""A replica's life: how long it may take to come, and to go."""

from dataclasses import dataclass

from blueprint.resources import Resolved
from blueprint.settings.lifecycle import Lifecycle

IMAGE_PULL_SECONDS = 900
"""Budget for pulling an engine's image. About 10 GB compressed; published pulls take 5 to 10 minutes."""

PRE_STOP_SECONDS = 15
"""How long a stopping pod still serves, until every proxy has dropped it from its endpoints."""

STARTUP_PERIOD_SECONDS = 10


@dataclass(frozen=True)
class Times:
    """A replica's life, in seconds."""

    startup: int
    pre_stop: int
    drain: int
    exit: int

    @property
    def grace(self) -> int:
        """From the decision to stop until SIGKILL: preStop, drain, and the engine's exit."""
        return self.pre_stop + self.drain + self.exit

    @property
    def progress_deadline(self) -> int:
        """Until a rollout that does not advance is called failed: pull, load, and a predecessor that drains first."""
        return IMAGE_PULL_SECONDS + self.startup + self.grace


def resolve_times(lifecycle: Lifecycle, exit_seconds: int) -> Resolved[Times]:
    """How long a replica takes to come and to go. exit_seconds: what its engine needs once it has drained."""
    return Resolved(
        Times(
            startup=lifecycle.startup_minutes * 60,
            pre_stop=PRE_STOP_SECONDS,
            drain=lifecycle.drain_seconds,
            exit=exit_seconds,
        ),
        "startup and drain: lifecycle; a stopping pod serves on for preStop, until proxies have dropped it",
    )
