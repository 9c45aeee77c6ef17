"""From which version to which an engine has a metric."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

State = Literal["to come", "shown", "hidden", "gone"]
"""hidden: only with --show-hidden-metrics-for-version, which vLLM means for the time of a migration."""


@dataclass(frozen=True, kw_only=True)
class Lifespan:
    """The versions of a metric that came or went while versions were looked at.

    name: as it is exposed, without the endings of a histogram's series.
    since: its first version; None where it is older than all that were looked at.
    hidden, gone: the first version in which it is so.
    instead: what tells the same now; empty where nothing does.
    """

    name: str
    since: str | None = None
    hidden: str | None = None
    gone: str | None = None
    instead: str = ""

    def state(self, version: str, versions: Sequence[str]) -> State:
        """What it is in one of an engine's versions, which are in order."""
        at = versions.index(version)
        if self.gone is not None and at >= versions.index(self.gone):
            return "gone"
        if self.hidden is not None and at >= versions.index(self.hidden):
            return "hidden"
        if self.since is not None and at < versions.index(self.since):
            return "to come"
        return "shown"
