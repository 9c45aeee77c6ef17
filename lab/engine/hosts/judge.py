"""Judges the resources of a deployment by all its policy packs."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from itertools import chain

from lab.engine.events import Event, Violation
from lab.engine.hosts.policy import PolicyHost
from lab.engine.resources import ResourceState


class PolicyJudge:
    """Tells violations by events; a mandatory one stops the deployment."""

    def __init__(self, hosts: Sequence[PolicyHost], emit: Callable[[Event], None]):
        self._hosts = hosts
        self._emit = emit

    async def resource(self, state: ResourceState, provider: ResourceState | None) -> bool:
        """Remedy, then judge, the inputs of one resource. Whether the deployment must not go on.

        What a policy remedies is changed in the state itself.
        """
        for host in self._hosts:
            for each in await host.remediate(state, provider):
                if each.inputs is None:
                    self._emit(Violation(state.urn, each.pack, each.policy, "advisory", each.text))
                else:
                    state.inputs = each.inputs
        return self._told(await asyncio.gather(*(host.analyze(state, provider) for host in self._hosts)))

    async def stack(self, states: Sequence[ResourceState]) -> bool:
        """Judge all resources together. Whether the deployment has failed."""
        return self._told(await asyncio.gather(*(host.analyze_stack(states) for host in self._hosts)))

    async def close(self) -> None:
        """End the packs' hosts."""
        await asyncio.gather(*(host.close() for host in self._hosts))

    def _told(self, found: Iterable[Sequence[Violation]]) -> bool:
        violations = list(chain.from_iterable(found))
        for violation in violations:
            self._emit(violation)
        return any(violation.level == "mandatory" for violation in violations)
