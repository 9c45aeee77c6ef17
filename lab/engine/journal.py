"""What the state will be: the resources of before and of now, written down around every step.

A checkpoint names an operation before it begins and its outcome once it is over, so that a run that dies in between
leaves the name of what is uncertain. States are never changed in place; a new state takes the old one's slot.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from lab.engine.resources import PendingOperation, ResourceState, Snapshot

Save = Callable[[Snapshot], Awaitable[None]]


class Journal:
    """Keeps the snapshot of a running deployment, and saves it. save None: a preview, nothing is written."""

    def __init__(self, before: Snapshot, save: Save | None):
        self._before = before
        self._base = list(before.resources)
        self._current: list[ResourceState] = []
        self._pending: list[PendingOperation] = list(before.pending)
        self._names: dict[str, str] = {}
        self._rewritten: dict[int, tuple[ResourceState, ResourceState]] = {}
        self._swapped: dict[int, tuple[ResourceState, ResourceState]] = {}
        self._save = save
        self._version = 0
        self._saved = 0
        self._writing = asyncio.Lock()

    @property
    def untouched(self) -> bool:
        """Whether everything that was written down says what stood there before."""
        return not self._version

    @property
    def remaining(self) -> list[ResourceState]:
        """Resources of before that no step has dealt with."""
        return list(self._base)

    @property
    def pending(self) -> list[PendingOperation]:
        """Operations whose end is not known."""
        return list(self._pending)

    async def begin(self, resource: ResourceState, kind: str) -> PendingOperation:
        """Write down that an operation begins; on return it is on disk. kind as in PendingOperation.type."""
        operation = PendingOperation(resource, kind)
        self._pending.append(operation)
        await self._commit()
        return operation

    async def end(
        self,
        operation: PendingOperation | None,
        *,
        done: ResourceState | None = None,
        new: ResourceState | None = None,
        recovered: ResourceState | None = None,
        write: bool = True,
    ) -> None:
        """Write down an outcome: done leaves the state, new enters it; neither when nothing came of the operation.

        recovered: enters what this run still has to deal with.
        """
        if operation is not None:
            self._pending = [item for item in self._pending if item is not operation]
        if done is not None:
            gone = self.latest(done)
            self._base = [item for item in self._base if item is not gone]
            self._current = [item for item in self._current if item is not gone]
        if new is not None:
            self._current.append(new)
        if recovered is not None:
            self._base.append(recovered)
        if write or operation is not None:
            await self._commit()

    async def swap(self, old: ResourceState, new: ResourceState, *, write: bool = True) -> None:
        """Put a changed state where the old one stood."""
        standing = self.latest(old)
        self._swapped[id(standing)] = (standing, new)
        for items in (self._base, self._current):
            items[:] = [new if item is standing else item for item in items]
        if write:
            await self._commit()

    def latest(self, state: ResourceState) -> ResourceState:
        """What has taken a state's place since; steps know the state as it was when they were planned."""
        while id(state) in self._swapped:
            state = self._swapped[id(state)][1]
        return state

    def renamed(self, old: str, new: str) -> None:
        """A resource goes by another URN from now on, also in what refers to it."""
        self._names[old] = new
        self._rewritten.clear()

    def forget_dependencies(self, gone: set[str]) -> None:
        """Let no resource refer to one that turned out not to exist any more."""
        for items in (self._base, self._current):
            items[:] = [_without(item, gone) for item in items]

    def snapshot(self) -> Snapshot:
        """The state as it is now: what this run has dealt with, then what is left of before."""
        resources = [self._today(item) for item in (*self._current, *self._base)]
        return Snapshot(resources, list(self._pending), self._before.manifest, self._before.metadata)

    async def flush(self) -> None:
        """Save what is not saved yet."""
        if self._saved < self._version:
            await self._write(self._version)

    async def _commit(self) -> None:
        self._version += 1
        await self._write(self._version)

    async def _write(self, wanted: int) -> None:
        """Return when version `wanted` or a later one is on disk: one write serves all that wait for it."""
        if self._save is None:
            return
        async with self._writing:
            if self._saved >= wanted:
                return
            version = self._version
            await self._save(self.snapshot())
            self._saved = version

    def _today(self, state: ResourceState) -> ResourceState:
        """The state with today's URNs in it. The original keeps its place: steps know it by identity."""
        names = self._names
        if not names or not names.keys() & {state.urn, *references(state)}:
            return state
        if id(state) not in self._rewritten:
            self._rewritten[id(state)] = (state, _renamed(state, names))
        return self._rewritten[id(state)][1]


def _renamed(state: ResourceState, names: dict[str, str]) -> ResourceState:
    reference, separator, id_ = state.provider.rpartition("::")
    properties = state.property_dependencies
    return state.copy(
        # What refers to it is found before its own next state is there.
        urn=state.urn if state.delete else names.get(state.urn, state.urn),
        parent=names.get(state.parent, state.parent),
        dependencies=[names.get(urn, urn) for urn in state.dependencies],
        provider=f"{names.get(reference, reference)}{separator}{id_}",
        deleted_with=names.get(state.deleted_with, state.deleted_with),
        property_dependencies=None
        if properties is None
        else {key: [names.get(urn, urn) for urn in urns] for key, urns in properties.items()},
    )


def references(state: ResourceState) -> set[str]:
    """The URNs that a state refers to."""
    found = {state.parent, state.deleted_with, state.provider.rpartition("::")[0], *state.dependencies}
    for urns in (state.property_dependencies or {}).values():
        found.update(urns)
    return found - {""}


def _without(state: ResourceState, gone: set[str]) -> ResourceState:
    if not gone & references(state):
        return state
    return replace(
        state,
        parent="" if state.parent in gone else state.parent,
        deleted_with="" if state.deleted_with in gone else state.deleted_with,
        dependencies=[urn for urn in state.dependencies if urn not in gone],
        property_dependencies={
            key: [urn for urn in urns if urn not in gone] for key, urns in (state.property_dependencies or {}).items()
        },
    )
