"""Judges the resources of a deployment by all its policy packs."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from lab.engine.context import Context, DeploymentError
from lab.engine.events import Event, Severity, Violation
from lab.engine.hosts.policy import Place, PolicyHost
from lab.engine.monitor import StackConfig
from lab.engine.resources import ResourceState
from lab.errors import LabError


class PolicyJudge:
    """Tells violations by events; a mandatory one stops the deployment. Without packs everything passes."""

    def __init__(self, emit: Callable[[Event], None], hosts: Sequence[PolicyHost]):
        self._emit = emit
        self._hosts = hosts

    @classmethod
    async def start(
        cls, context: Context, packs: Mapping[Path, Path | None], engine: str, config: StackConfig
    ) -> "PolicyJudge":
        """Start packs, given by folder with their configuration files. engine: the address of the engine's service.

        Raises LabError for a pack that cannot be used.
        """
        place = Place(engine, context.project, context.stack, context.options.preview, config)
        hosts: list[PolicyHost] = []
        try:
            for folder, file in packs.items():
                host = await PolicyHost.start(
                    folder, place, config_file=file, say=lambda line: context.tell(Severity.INFO, line)
                )
                hosts.append(host)
                context.emit(host.info)
        except BaseException:
            await _close(hosts)
            raise
        return cls(context.emit, hosts)

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
        await _close(self._hosts)

    def _told(self, found: Iterable[Sequence[Violation]]) -> bool:
        violations = list(chain.from_iterable(found))
        for violation in violations:
            self._emit(violation)
        return any(violation.level == "mandatory" for violation in violations)


class LateJudge:
    """A judge that may still be starting; the first question waits for it."""

    def __init__(self, starting: Coroutine[Any, Any, PolicyJudge]):
        self._starting = asyncio.create_task(starting)

    async def resource(self, state: ResourceState, provider: ResourceState | None) -> bool:
        """Judge one resource."""
        return await (await self._ready()).resource(state, provider)

    async def stack(self, states: Sequence[ResourceState]) -> bool:
        """Judge all resources together."""
        return await (await self._ready()).stack(states)

    async def close(self) -> None:
        """End the hosts."""
        with contextlib.suppress(LabError):
            await (await self._starting).close()

    async def _ready(self) -> PolicyJudge:
        try:
            return await asyncio.shield(self._starting)
        except LabError as error:
            raise DeploymentError(str(error)) from None


async def _close(hosts: Iterable[PolicyHost]) -> None:
    await asyncio.gather(*(host.close() for host in hosts))
