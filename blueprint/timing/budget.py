"""How long a start may take before it is given up: what the stack file says, or what the worst start needs.

Only the stack file and locked facts decide: two previews of the same files never differ.
"""

import math

from blueprint.description import Description
from blueprint.resources import Resolved
from blueprint.settings import EndpointModel, KubernetesModel
from blueprint.timing.start import Start, duration, endpoint_start, replica_start
from blueprint.weights import resolve_storage, resolve_weights

IMAGE_PULL_SECONDS = 900
"""Budget for pulling an engine's image. About 10 GB compressed; published pulls take 5 to 10 minutes."""

DEFAULT_MINUTES = 30
"""Of a start whose worst case is not known, or is shorter. Endpoints' instances that were short of capacity took 18
minutes to come."""

MOST_MINUTES = 240
"""Of lifecycle.startupMinutes, and of an endpoint's readyMinutes."""

MARGIN = 1.2
"""A budget is this much above the worst estimate, because estimates are wrong."""


def startup_minutes(description: Description, model: KubernetesModel) -> Resolved[int]:
    """How long a replica may take from its engine's start to its first answer, in minutes."""
    given = model.lifecycle.startup_minutes
    if given is not None:
        return Resolved(given, "given: lifecycle.startupMinutes")
    start = first_start(description, model)
    if not sized(start):
        return Resolved(DEFAULT_MINUTES, "the default, as models.lock.yaml has no size of this model")
    return _enough(*needed(start))


def ready_minutes(description: Description, model: EndpointModel) -> Resolved[int]:
    """How long `up` waits until an endpoint answers, in minutes."""
    if model.ready_minutes is not None:
        return Resolved(model.ready_minutes, "given: readyMinutes")
    start = endpoint_start(model, description.models_lock.pin(model.model, model.revision).facts)
    if not sized(start):
        return Resolved(DEFAULT_MINUTES, "the default, as models.lock.yaml has no size of this model")
    worst = start.replica.worst
    return _enough(worst, f"a start may take {duration(worst)}")


def first_start(description: Description, model: KubernetesModel) -> Start:
    """A start that no earlier one has left compiled kernels, as after an engine's new version."""
    cluster = description.settings.cluster
    return replica_start(
        model,
        description.models_lock.pin(model.model, model.revision).facts,
        storage=resolve_storage(model, "").value,
        # Who fills the cache does not depend on the commit.
        weights=resolve_weights(model, model.revision, ()).value,
        cached=False,
        pre_pulled=cluster is not None and cluster.pre_pull,
    )


def sized(start: Start) -> bool:
    """Whether it is known how long the weights take: without it, nothing follows about the whole."""
    return not any(one.name == "load" and one.span is None for one in start.stages)


def needed(start: Start) -> tuple[float, str]:
    """Seconds that startupMinutes has to have for the worst start, and what needs them."""
    before = start.of("before").worst
    # The deadlines of a rollout and of a download are this budget and an image's pull: blueprint/lifecycle.py.
    download = (before - IMAGE_PULL_SECONDS, f"the download may take {duration(before)}")
    if start.measured is not None:
        # It has the image's pull in it where there was one: more than the startup probe needs, never less.
        return max((start.measured, f"a start was measured to take {duration(start.measured)}"), download)
    pod, engine = start.of("pod").worst, start.of("engine").worst
    return max(
        (engine, f"the engine may take {duration(engine)} to start"),
        (pod + engine - IMAGE_PULL_SECONDS, f"a replica may take {duration(pod + engine)} until it answers"),
        download,
    )


def with_margin(seconds: float) -> int:
    """Whole minutes that are enough for so long a start, and more than may be asked for where it is too long."""
    return math.ceil(seconds * MARGIN / 60)


def _enough(seconds: float, what: str) -> Resolved[int]:
    if seconds <= DEFAULT_MINUTES * 60:
        return Resolved(DEFAULT_MINUTES, f"the default, which is enough: {what} at worst")
    minutes = with_margin(seconds)
    if minutes > MOST_MINUTES:
        return Resolved(MOST_MINUTES, f"derived: {what} at worst, and it is {MOST_MINUTES} at most")
    return Resolved(minutes, f"derived: {what} at worst, and a fifth more")
