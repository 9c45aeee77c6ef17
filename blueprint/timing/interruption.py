"""What a change does to one model: whether it restarts, is replaced, doubles, or goes off line, and for how long."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from blueprint.timing.gpus import Waits
from blueprint.timing.start import NOTHING, Span

Kind = Literal["nothing", "changes", "scales", "restarts", "replaced", "new", "deleted"]
"""changes: something does, and no replica is touched."""

Order = Literal["create first", "delete first"]


PROTECTED = "deletion.protect guards it: set that to false, run up, and make this change then"


@dataclass(frozen=True, kw_only=True)
class Interruption:
    """What becomes of one model.

    why: the keys that cause it. first: what is done before, while the old replicas answer.
    offline: how long callers get no answer, in seconds; None where nobody knows. at_least: a stage of a start is not
        known, and times are without it. lasts: how long `up` is busy with this model.
    extra_gpus: held meanwhile beyond those of the replicas. extra_usd: what they cost meanwhile; None without a price.
    waits: whether new pods would wait for a GPU, and waits_why the numbers.
    fails: why `up` could not do it; None where it can.
    """

    model: str
    target: Literal["kubernetes", "endpoint"]
    kind: Kind
    why: Sequence[str] = ()
    order: Order | None = None
    first: Sequence[str] = ()
    offline: Span | None = NOTHING
    lasts: Span = NOTHING
    at_least: bool = False
    extra_gpus: int = 0
    extra_usd: float | None = None
    waits: Waits = "no"
    waits_why: str = ""
    fails: str | None = None
    notes: Sequence[str] = ()

    def data(self) -> dict[str, Any]:
        """As JSON has it. Times in whole seconds; unknown is null."""
        return {
            "model": self.model,
            "target": self.target,
            "kind": self.kind,
            "why": list(self.why),
            "order": self.order,
            "first": list(self.first),
            "offlineSeconds": self.offline.data() if self.offline else None,
            "lastsSeconds": self.lasts.data(),
            "atLeast": self.at_least,
            "extraGpus": self.extra_gpus,
            "extraUsd": None if self.extra_usd is None else round(self.extra_usd, 2),
            "waitsForGpu": self.waits,
            "waitsWhy": self.waits_why,
            "fails": self.fails,
            "notes": list(self.notes),
        }
