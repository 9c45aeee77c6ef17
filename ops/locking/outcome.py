"""What becomes of one entry of a lock when its source was asked."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from blueprint.locks import ImagePin, ModelPin

Pin = TypeVar("Pin", ModelPin, ImagePin)


@dataclass(frozen=True)
class Outcome(Generic[Pin]):
    """The pin that the lock has afterwards, and a sentence. resolved: whether the source confirms that pin."""

    name: str
    pin: Pin
    message: str
    resolved: bool


def unresolved(name: str, before: Pin, short: Callable[[Pin], str | None], reason: str) -> Outcome[Pin]:
    """The source did not answer, or not as it should: the pin stays."""
    if short(before) is not None:
        return Outcome(name, before, f"stays at {short(before)}, not confirmed: {reason}", resolved=False)
    return Outcome(name, before, f"unresolved: {reason}", resolved=False)


def resolved(name: str, before: Pin, now: Pin, short: Callable[[Pin], str | None]) -> Outcome[Pin]:
    """The source answered: the pin is what it says."""
    if short(before) is None:
        return Outcome(name, now, f"new, {short(now)}", resolved=True)
    if before.model_copy(update={"known": now.known}) != now:
        return Outcome(name, now, f"moved from {short(before)} to {short(now)}", resolved=True)
    if before.known.how != "resolved":
        return Outcome(name, now, f"unchanged, {short(now)}; {before.known.how} before, resolved now", resolved=True)
    # Also its source and day: a lock that only grows older is no change to review.
    return Outcome(name, before, f"unchanged, {short(now)}", resolved=True)
