"""A replica's life: how long it may take to come, and to go, and when that means an outage."""

from dataclasses import dataclass

from blueprint.description import Description
from blueprint.engines import EXIT_SECONDS
from blueprint.resources import Resolved
from blueprint.rollout import Rollout
from blueprint.settings import KubernetesModel
from blueprint.timing.budget import IMAGE_PULL_SECONDS, startup_minutes

PRE_STOP_SECONDS = 15
"""How long a stopping pod still serves, until every proxy has dropped it from its endpoints."""

STARTUP_PERIOD_SECONDS = 10

WARM_UP_SECONDS = 30
"""Budget of one attempt to warm up, and from one to the next. A first token whose kernels compile takes longer;
they are kept, and the next attempt is short."""


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
    def download_deadline(self) -> int:
        """Until a download before the replicas is given up: its image's pull, and all that a start may take."""
        return IMAGE_PULL_SECONDS + self.startup

    @property
    def progress_deadline(self) -> int:
        """Until a rollout that does not advance is called failed: pull, load, and a predecessor that drains first."""
        return IMAGE_PULL_SECONDS + self.startup + self.grace


def resolve_times(description: Description, model: KubernetesModel) -> Resolved[Times]:
    """How long a replica takes to come and to go."""
    lifecycle, startup = model.lifecycle, startup_minutes(description, model)
    return Resolved(
        Times(
            startup=startup.value * 60,
            pre_stop=PRE_STOP_SECONDS,
            drain=lifecycle.drain_seconds,
            exit=EXIT_SECONDS[model.engine.name],
        ),
        f"startup {startup.value} min: {startup.why}; drain: lifecycle; "
        "a stopping pod serves on for preStop, until proxies have dropped it",
    )


def outage_seconds(*, pre_stop: int, drain: int, load: int) -> int:
    """How long callers get no answer while the only replica is replaced and no GPU is spare, in seconds.

    The old pod leaves the Service's endpoints when its deletion begins. It keeps its GPU for pre_stop and then until
    its requests are done, at most for drain. Only then its successor is scheduled, and needs load until it is Ready.
    An idle replica has nothing to drain, and the outage is shorter by that much.
    """
    return pre_stop + drain + load


def resolve_outage(model: KubernetesModel, rollout: Rollout, times: Times) -> Resolved[int]:
    """How long a rollout leaves callers without an answer, in seconds; 0 where another replica answers."""
    if rollout.max_surge > 0:
        return Resolved(0, "a rollout adds a replica before it takes one away")
    if model.scaling.min > 1:
        return Resolved(0, f"the others of at least {model.scaling.min} replicas answer while one is replaced")
    measured = model.lifecycle.load_seconds
    load = times.startup if measured is None else measured
    source = "at most, by lifecycle.startupMinutes" if measured is None else "measured: lifecycle.loadSeconds"
    return Resolved(
        outage_seconds(pre_stop=times.pre_stop, drain=times.drain, load=load),
        f"one replica and no spare GPU: preStop {times.pre_stop} s, drain {times.drain} s, load {load} s ({source})",
    )
