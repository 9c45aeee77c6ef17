"""What a change does to the models on the cluster."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from blueprint.cost.amounts import spent, times
from blueprint.resources import Resolved
from blueprint.stack import Stack
from blueprint.timing.gpus import Gpus, Waits, fewest_replicas
from blueprint.timing.interruption import PROTECTED, Interruption, Order
from blueprint.timing.pods import changed, fixed, inputs
from blueprint.timing.start import NOTHING, Span, Start
from blueprint.workload import Workload

_CLAIM_STAYS = "a claim cannot go while replicas mount it: delete the model first, or use cache.existingClaim"
_NAME_TAKEN = "Helm and Pulumi take over no Deployment of one another: delete the model first, or give it another name"


_FREE: tuple[Waits, str] = ("no", "")


def of_workloads(before: Stack, after: Stack) -> Iterator[Interruption]:
    """What becomes of each model on the cluster, before or after."""
    old = {one.object_name: one for one in before.workloads}
    new = {one.object_name: one for one in after.workloads}
    moved = _moved(before, after)
    going = [one for name, one in old.items() if name not in new or moved or _another(one, new[name])]
    update = _Update(before=before, after=after, moved=moved, gpus=Gpus(after=after, going=going))
    for name, one in old.items():
        if name not in new:
            fails = PROTECTED if before.protect and _guarded(one) else None
            yield Interruption(model=one.name, target="kubernetes", kind="deleted", offline=None, fails=fails)
        else:
            yield update.of(one, new[name])
    for name, one in new.items():
        if name not in old:
            yield update.new(one)


def _moved(before: Stack, after: Stack) -> list[str]:
    """The keys whose change moves everything."""
    if before.cluster is None or after.cluster is None:
        return []
    found = ["cluster.id"] if before.cluster.id != after.cluster.id else []
    return found + (["cluster.namespace.name"] if before.cluster.namespace.name != after.cluster.namespace.name else [])


def _another(old: Workload, new: Workload) -> bool:
    """Whether another kind of object runs the replicas: it is made, and the old one deleted at the end."""
    return old.kind != new.kind


def _guarded(workload: Workload) -> bool:
    """Whether a claim would go with it that deletion.protect guards; what is only tried has none."""
    return workload.stable is None and workload.storage.value.kind in ("claim", "node")


@dataclass(frozen=True, kw_only=True)
class _Update:
    before: Stack
    after: Stack
    moved: list[str]
    gpus: Gpus

    def new(self, workload: Workload) -> Interruption:
        """A model that was not there."""
        start = self.after.starts[workload.name]
        waits, waits_why = self.gpus.waits(workload, 0)
        return Interruption(
            model=workload.name,
            target="kubernetes",
            kind="new",
            first=_downloads(workload, start),
            lasts=start.of("before") + start.replica,
            at_least=bool(start.unknown),
            waits=waits,
            waits_why=waits_why,
        )

    def of(self, old: Workload, new: Workload) -> Interruption:
        """A model that stays."""
        if self.moved or _another(old, new):
            return self._created(old, new)
        if (old.llm_d is None) != (new.llm_d is None):
            return _refused(new, ["llmD"], _NAME_TAKEN)
        stuck = changed(fixed(old), fixed(new)) if fixed(old).keys() == fixed(new).keys() else []
        if stuck:
            return (
                self._deleted_first(old, new, stuck)
                if new.kind == "StatefulSet"
                else _refused(new, stuck, _CLAIM_STAYS)
            )
        pods = changed(inputs(old, self.before.hub_read_secret), inputs(new, self.after.hub_read_secret))
        if pods:
            return self._restarted(old, new, pods)
        return self._scaled(old, new)

    def _start(self, old: Workload, new: Workload) -> Start:
        start = self.after.starts[new.name]
        there = []
        if (old.image, old.accelerators) == (new.image, new.accelerators):
            there.append("image")
        keeps = new.storage.value.kind != "emptyDir" or new.storage.value.image is not None
        if keeps and new.weights.value.filled_by != "job" and (old.weights, old.storage) == (new.weights, new.storage):
            there.append("download")
        return start.without(*there)

    def _created(self, old: Workload, new: Workload) -> Interruption:
        """Made beside the old one, which goes when the new one is ready."""
        start = self._start(old, new)
        lasts = start.of("before") + start.replica
        extra = old.replicas * old.gpus_per_replica
        # The old ones are among those that go.
        waits, waits_why = _FREE if "cluster.id" in self.moved else self.gpus.waits(new, 0)
        return Interruption(
            model=new.name,
            target="kubernetes",
            kind="replaced",
            why=self.moved or [f"{old.kind} to {new.kind}"],
            order="create first",
            first=_downloads(new, start),
            lasts=lasts,
            at_least=bool(start.unknown),
            extra_gpus=extra,
            extra_usd=_usd(new, extra, lasts),
            waits=waits,
            waits_why=waits_why,
            fails=PROTECTED if self.before.protect and self.after.protect and _guarded(old) else None,
            notes=("its address changes; what is stored stays behind",) if self.moved else (),
        )

    def _deleted_first(self, old: Workload, new: Workload, why: list[str]) -> Interruption:
        start = self._start(old, new)
        offline = _gone(new) + start.replica
        return Interruption(
            model=new.name,
            target="kubernetes",
            kind="replaced",
            why=why,
            order="delete first",
            offline=offline,
            lasts=offline,
            at_least=bool(start.unknown),
            notes=("Kubernetes cannot change these fields of a StatefulSet",),
        )

    def _restarted(self, old: Workload, new: Workload, why: list[str]) -> Interruption:
        """A rollout."""
        start, rollout = self._start(old, new), new.rollout.value
        step = max(rollout.max_surge, rollout.max_unavailable)
        each = start.replica + _gone(new)
        order: Order = "create first" if rollout.max_surge else "delete first"
        extra = rollout.max_surge * new.gpus_per_replica
        further = extra or old.accelerators != new.accelerators or fewest_replicas(new) > fewest_replicas(old)
        waits, waits_why = self.gpus.waits(new, extra) if further else _FREE
        offline = each if new.outage.value else NOTHING
        dips = not rollout.max_surge and not new.outage.value
        downloads = _downloads(new, start) if _fetches(old, new) else ()
        lasts = (start.of("before") if downloads else NOTHING) + each.times(math.ceil(new.replicas / step))
        return Interruption(
            model=new.name,
            target="kubernetes",
            kind="restarts",
            why=why,
            order=order,
            first=downloads,
            offline=offline,
            lasts=lasts,
            at_least=bool(start.unknown),
            extra_gpus=extra,
            extra_usd=_usd(new, extra, lasts),
            waits=waits,
            waits_why=waits_why,
            notes=(f"{step} of {new.replicas} replicas at a time do not answer",) if dips else (),
        )

    def _scaled(self, old: Workload, new: Workload) -> Interruption:
        start = self.after.starts[new.name]
        was, now = fewest_replicas(old), fewest_replicas(new)
        if (was, old.replicas) == (now, new.replicas):
            return self._quiet(old, new)
        waits, waits_why = self.gpus.waits(new, 0) if now > was else _FREE
        return Interruption(
            model=new.name,
            target="kubernetes",
            kind="scales",
            why=[f"scaling: {was} to {old.replicas}, then {now} to {new.replicas}"],
            lasts=start.replica if now > was else NOTHING,
            at_least=now > was and bool(start.unknown),
            waits=waits,
            waits_why=waits_why,
        )

    def _quiet(self, old: Workload, new: Workload) -> Interruption:
        start = self.after.starts[new.name]
        downloads = _downloads(new, start) if _fetches(old, new) else ()
        return Interruption(
            model=new.name,
            target="kubernetes",
            kind="nothing" if _values(old) == _values(new) else "changes",
            first=downloads,
            lasts=start.of("before") if downloads else NOTHING,
        )


def _refused(new: Workload, why: list[str], reason: str) -> Interruption:
    """What cannot be done to a model that runs."""
    return Interruption(model=new.name, target="kubernetes", kind="replaced", why=why, offline=None, fails=reason)


def _values(workload: Workload) -> dict[str, object]:
    """All of it, without the reasons, which name other models, too."""
    return {name: value.value if isinstance(value, Resolved) else value for name, value in vars(workload).items()}


def _gone(workload: Workload) -> Span:
    """Until an old replica has gone; an idle one has nothing to drain."""
    times = workload.times.value
    return Span(times.pre_stop, times.pre_stop + times.drain, times.pre_stop + times.drain)


def _fetches(old: Workload, new: Workload) -> bool:
    """Whether a Job fills the cache anew: it follows from what is fetched, by which image, on which nodes."""
    was, now = old.weights.value, new.weights.value
    nodes = (old.storage.value.claim_name, old.storage.value.nodes, old.image.value, old.accelerators)
    return now.filled_by == "job" and (
        was != now
        or nodes != (new.storage.value.claim_name, new.storage.value.nodes, new.image.value, new.accelerators)
    )


def _downloads(workload: Workload, start: Start) -> tuple[str, ...]:
    weights = workload.weights.value
    if weights.filled_by != "job":
        return ()
    span = start.of("before")
    took = f", {span}" if span.worst else ""
    return (f"a Job verifies {', '.join(weights.models)} in the cache, and downloads what it lacks{took}",)


def _usd(workload: Workload, gpus: int, lasts: Span) -> float | None:
    return spent(times(workload.hourly_usd, gpus), lasts.likely) if gpus else None
