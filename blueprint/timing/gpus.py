"""Whether new pods find GPUs while a stack is updated: what goes is deleted last, and holds its GPUs until then."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from blueprint.rollout import available_gpus
from blueprint.stack import Stack
from blueprint.workload import Workload

Waits = Literal["no", "may", "yes"]
"""Whether pods wait for a GPU that nobody gives up before they answer. may: only while scalers run more than min."""


@dataclass(frozen=True, kw_only=True)
class Gpus:
    """The GPUs of an update.

    going: workloads of the stack before that are deleted once everything new is ready.
    """

    after: Stack
    going: Sequence[Workload]

    def waits(self, workload: Workload, extra: int) -> tuple[Waits, str]:
        """Whether new pods of this workload wait, and the numbers.

        extra: GPUs that it holds meanwhile, beyond those of its replicas.
        """
        types, cluster = frozenset(workload.accelerators), self.after.cluster
        if not types or cluster is None:
            return "no", ""
        available = available_gpus(cluster, types)
        fewest, most = (self._held(types, most=most) + extra for most in (False, True))
        # Where the old replica goes first at the most replicas, only fewer of them need a further GPU.
        if workload.rollout.value.unavailable_percent is not None and extra:
            most = fewest
        if most <= available:
            return "no", ""
        names = " and ".join(sorted(types))
        needed = fewest if fewest > available else most
        held = "" if not self.going else f" until {' and '.join(sorted(one.name for one in self.going))} is deleted"
        return ("yes" if fewest > available else "may"), f"{needed} {names} of {available} are needed{held}"

    def _held(self, types: frozenset[str], *, most: bool) -> int:
        return sum(self._of(one, types, most=most) for one in (*self.after.workloads, *self.going))

    def _of(self, workload: Workload, types: frozenset[str], *, most: bool) -> int:
        accepted, cluster = frozenset(workload.accelerators), self.after.cluster
        wanted = (workload.replicas if most else fewest_replicas(workload)) * workload.gpus_per_replica
        if accepted <= types or cluster is None:
            return wanted if accepted else 0
        # It may sit on the others.
        elsewhere = available_gpus(cluster, accepted - types)
        return max(0, wanted - elsewhere) if not most else min(wanted, available_gpus(cluster, accepted & types))


def fewest_replicas(workload: Workload) -> int:
    """Replicas that there are at least."""
    return workload.replicas if workload.scaling.value is None else workload.scaling.value.min
