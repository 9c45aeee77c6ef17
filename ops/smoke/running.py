"""The test of one model: its checks one after the other, each again and again until it passes or time is over."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import httpx2

from blueprint.stack import Stack
from ops.endpoints.outcome import NotSoError
from ops.smoke.checks import CHECKS, Asking, FailedError, left_out
from ops.smoke.subject import AsleepError, Subject, subject
from ops.table import printable

_FIRST_PAUSE, _LONGEST_PAUSE, _LONGER = 0.5, 5.0, 1.6
_ANSWER_SECONDS = 60.0
"""Longest silence of one try, so that a connection that hangs does not eat all of the time."""
_WAKING_ANSWER_SECONDS = 600.0

Status = Literal["passed", "failed", "skipped"]


@dataclass(frozen=True, kw_only=True)
class Result:
    """What came of a check. reason: the last one of a failure, or why it was left out. seconds: that it took."""

    check: str
    status: Status
    reason: str = ""
    tries: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Report:
    """What came of a model's test."""

    model: str
    target: str
    way: str = ""
    woken: bool = False
    checks: Sequence[Result] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return all(result.status != "failed" for result in self.checks)


def examine(model: str, stack: Stack, settings: Mapping[str, Any], *, until: float, wake: bool) -> Report:
    """Test a model of a stack. until: of the monotonic clock. Raises UnusableError where something is missing here."""
    target = str(settings["target"])
    pauses, begun, tries = _pauses(), time.monotonic(), 0
    while True:
        tries += 1
        try:
            with subject(model, stack, settings, wake=wake) as found, found.client() as client:
                results = list(_checked(found, client, until))
                return Report(model=model, target=target, way=found.way, woken=found.woken, checks=results)
        except AsleepError as asleep:
            return Report(
                model=model, target=target, checks=[_left(name, str(asleep), status="skipped") for name in CHECKS]
            )
        except NotSoError as error:
            reason = printable(error.message.removeprefix(f"{model}: ")).rstrip(".")
        if not _wait(next(pauses), until):
            failed = _failed("health", reason, tries, begun)
            rest = [_left(name, "there is no way to it", status="failed") for name in list(CHECKS)[1:]]
            return Report(model=model, target=target, checks=[failed, *rest])


def _checked(found: Subject, client: httpx2.Client, until: float) -> Iterator[Result]:
    for name in CHECKS:
        why = left_out(name, found)
        yield _repeated(name, found, client, until) if why is None else _left(name, why, status="skipped")


def _repeated(name: str, found: Subject, client: httpx2.Client, until: float) -> Result:
    longest = _WAKING_ANSWER_SECONDS if found.woken else _ANSWER_SECONDS
    begun = time.monotonic()
    for tries, pause in enumerate(_pauses(), start=1):
        seconds = max(1.0, min(longest, until - time.monotonic()))
        try:
            CHECKS[name](Asking(subject=found, client=client, seconds=seconds))
        except FailedError as error:
            if error.final or not _wait(pause, until):
                return _failed(name, str(error), tries, begun)
        else:
            return Result(check=name, status="passed", tries=tries, seconds=_since(begun))
    raise AssertionError("pauses have no end")


def _pauses() -> Iterator[float]:
    pause = _FIRST_PAUSE
    while True:
        yield pause
        pause = min(pause * _LONGER, _LONGEST_PAUSE)


def _wait(seconds: float, until: float) -> bool:
    """Wait before the next try; False when the time is over before it."""
    if time.monotonic() + seconds >= until:
        return False
    time.sleep(seconds)
    return True


def _failed(name: str, reason: str, tries: int, begun: float) -> Result:
    return Result(check=name, status="failed", reason=reason, tries=tries, seconds=_since(begun))


def _left(name: str, reason: str, *, status: Status) -> Result:
    return Result(check=name, status=status, reason=reason)


def _since(begun: float) -> float:
    return round(time.monotonic() - begun, 3)
