"""Faults on demand: which operation goes wrong, how, and whether before or after it took effect."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from lab.errors import LabError

Moment = Literal["before", "after"]
KINDS = {
    "status": "an answer with `status` and a body of the layout `body`",
    "not-json": "200 with a page instead of JSON",
    "invalid": "200 with JSON that is no endpoint",
    "truncated": "an answer that ends in the middle",
    "corrupted": "the right answer with another last byte; only after it took effect",
    "reset": "the connection is reset without an answer",
    "close": "the connection is closed without an answer",
    "slow": "the right answer, `seconds` late",
    "drip": "the right answer, its body spread over `seconds`",
    "hang": "no answer for `seconds`, then the connection is closed",
    "failed": "for the operations start and rollout: it fails, with `message`",
    "capacity": "for the operation start: pending for ever",
}
STARTS = {"start": ("failed", "capacity"), "rollout": ("failed",)}
"""Operations of the simulated service itself: a start (create, resume, wake) and the rollout of a change."""
BODIES = ("json", "message", "html", "text", "empty")
MOST_SECONDS = 120.0
"""The longest slow answer and the longest hang, so that a forgotten fault blocks nobody for ever."""


@dataclass(kw_only=True)
class Fault:
    """Something that will go wrong.

    operation: the one it hits, or * for all of the API (not for starts).
    kind: one of KINDS; a number is short for an answer with that status.
    moment: before the request has any effect, or after it took full effect.
    times: how often; None is for ever. skip: how many matching requests pass first.
    endpoint: only requests about the endpoint of this name.
    message: the text of an answer with `status`, or of a failed start or rollout.
    retry_after: seconds in the Retry-After and ratelimit headers (429 has them anyway).
    """

    operation: str
    kind: str
    moment: Moment = "before"
    times: int | None = 1
    skip: int = 0
    endpoint: str | None = None
    status: int = 500
    body: str = "json"
    message: str | None = None
    retry_after: float | None = None
    seconds: float = 5.0
    number: int = 0
    hits: int = field(default=0)

    def matches(self, operation: str, moment: str, endpoint: str | None) -> bool:
        """Whether it is about this."""
        hit = self.operation == operation or (self.operation == "*" and operation not in STARTS)
        return hit and self.moment == moment and self.endpoint in (None, endpoint)

    @property
    def passes(self) -> bool:
        """Whether a request that meets it before it has any effect is answered all the same."""
        return self.kind in ("slow", "drip")

    def headers(self) -> dict[str, str]:
        """The headers of its answer, for kind `status`."""
        seconds = self.retry_after
        if seconds is None and self.status == 429:  # noqa: PLR2004
            seconds = 1.0
        if seconds is None:
            return {}
        return {
            "retry-after": f"{seconds:g}",
            "ratelimit": f'"api";r=0;t={max(1, round(seconds))}',
            "ratelimit-policy": '"fixed window";"api";q=500;w=300',
        }

    def content(self) -> tuple[bytes, str]:
        """The body and its content type."""
        message = self.message or "Injected by the lab"
        page = f"<html><head><title>{self.status}</title></head><body><h1>{message}</h1></body></html>"
        layouts = {
            "json": (json.dumps({"error": message}), "application/json"),
            "message": (json.dumps({"message": message}), "application/json"),
            "html": (page, "text/html"),
            "text": (message, "text/plain"),
            "empty": ("", "text/plain"),
            "not-json": ("<!doctype html><title>Inference Endpoints</title>", "text/html"),
            "invalid": ('{"ok": true}', "application/json"),
        }
        text, media = layouts[self.body if self.kind == "status" else self.kind]
        return text.encode(), media


class Faults:
    """The faults that are waiting to happen. Used under the world's lock."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._next = 1

    def add(self, operations: Sequence[str], given: Mapping[str, Any]) -> Fault:
        """Arm a fault. Raises LabError when it is none."""
        values = dict(given)
        kind = str(values.get("kind", ""))
        if kind.isdigit():
            values |= {"kind": "status", "status": int(kind)}
        try:
            fault = Fault(**values)
        except TypeError as error:
            raise LabError(f"That is no fault: {error}.") from None
        _check(fault, operations)
        fault.number = self._next
        self._next += 1
        self._faults.append(fault)
        return fault

    def take(self, operation: str, moment: Moment, endpoint: str | None = None) -> Fault | None:
        """The fault that happens now, if one does."""
        for fault in self._faults:
            if fault.times == 0 or not fault.matches(operation, moment, endpoint):
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            fault.hits += 1
            if fault.times is not None:
                fault.times -= 1
            return fault
        return None

    def clear(self) -> None:
        """Forget all."""
        self._faults.clear()

    def as_json(self) -> list[dict[str, Any]]:
        """All, with how often they happened."""
        return [asdict(fault) for fault in self._faults]


def _check(fault: Fault, operations: Sequence[str]) -> None:
    if fault.operation != "*" and fault.operation not in (*operations, *STARTS):
        raise LabError(f"There is no operation {fault.operation!r}. There are: *, {', '.join([*operations, *STARTS])}.")
    if fault.kind not in KINDS:
        raise LabError(f"There is no fault {fault.kind!r}. There are: {', '.join(KINDS)}, or a status such as 503.")
    of_starts = fault.kind in ("failed", "capacity")
    if fault.kind not in STARTS.get(fault.operation, ()) and (of_starts or fault.operation in STARTS):
        raise LabError(f"{fault.kind} cannot happen to {fault.operation}.")
    if fault.moment not in ("before", "after"):
        raise LabError(f"moment is before or after, not {fault.moment!r}.")
    if fault.kind == "corrupted" and fault.moment == "before":
        raise LabError(
            "corrupted is about a right answer, which there is after the request took effect: moment: after."
        )
    if fault.body not in BODIES:
        raise LabError(f"body is one of {', '.join(BODIES)}, not {fault.body!r}.")
    if not 0 <= fault.seconds <= MOST_SECONDS:
        raise LabError(f"seconds is at most {MOST_SECONDS:g}.")
