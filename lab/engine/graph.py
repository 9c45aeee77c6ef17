"""Who depends on whom, among the resources of a snapshot."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence

from lab.engine.journal import references
from lab.engine.resources import ResourceState


class Graph:
    """Dependencies between resource states: parents, providers, inputs, explicit ones.

    resources: each after what it depends on, as in a snapshot.
    """

    def __init__(self, resources: Sequence[ResourceState]):
        self._resources = list(resources)
        self._needs: list[set[int]] = []
        latest: dict[str, list[int]] = {}
        for index, state in enumerate(self._resources):
            self._needs.append({found for urn in references(state) for found in latest.get(urn, ())})
            latest.setdefault(state.urn, []).append(index)

    def dependents(self, root: ResourceState, *, children: bool = False) -> list[ResourceState]:
        """All that depend on root, directly or not, each after what it depends on.

        Being the child of a component is no dependency on what is inside the component, unless children is set.
        """
        found = {index for index, state in enumerate(self._resources) if state is root}
        order = []
        for index, state in enumerate(self._resources):
            needs = self._needs[index] if children else self._needs_without_parent(index)
            if index not in found and needs & found:
                found.add(index)
                order.append(state)
        return order

    def _needs_without_parent(self, index: int) -> set[int]:
        parent = self._resources[index].parent
        state = self._resources[index]
        others = references(state.copy(parent="")) if parent else references(state)
        return {found for found in self._needs[index] if self._resources[found].urn in others}

    async def backwards(
        self, condemned: Iterable[ResourceState], remove: Callable[[ResourceState], Awaitable[None]]
    ) -> None:
        """Remove states, each as soon as all that depend on it are removed, independent ones at once.

        A state is kept when one that depends on it could not be removed. Raises what the first failed removal raised.
        """
        marked = {id(state) for state in condemned}
        chosen = [index for index, state in enumerate(self._resources) if id(state) in marked]
        users: dict[int, list[asyncio.Task[None]]] = {index: [] for index in chosen}

        async def removal(index: int) -> None:
            if users[index]:
                await asyncio.gather(*users[index])
            await remove(self._resources[index])

        tasks = []
        for index in reversed(chosen):
            # Whatever needs this one stands behind it, and has its task already.
            task = asyncio.create_task(removal(index))
            tasks.append(task)
            for needed in self._needs[index] & users.keys():
                users[needed].append(task)
        results = await asyncio.gather(*tasks, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
