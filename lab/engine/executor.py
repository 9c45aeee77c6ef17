"""Carries steps out: tells providers, writes the journal around it, and tells the display."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar

from lab.engine.context import LIFT_PROTECTION, Context, DeploymentError, InterruptedDeploymentError, now
from lab.engine.events import Failed, Finished, Op, Severity, Started, Status, Step
from lab.engine.provider import NotReadyError, Operation, OutcomeUnknownError, Provider, ProviderError
from lab.engine.resources import PendingOperation, ResourceState
from lab.engine.states import both, differs, is_default_provider, unready, with_secrets
from lab.engine.values import PropertyMap, UnsupportedError

_Result = TypeVar("_Result")


class Executor:
    """Runs steps. Those of one resource run one after the other, those of several at the same time."""

    def __init__(self, context: Context):
        self._context = context
        self._slots = asyncio.Semaphore(context.options.parallel)
        self._running: dict[asyncio.Task[Any], bool] = {}  # and whether it may be interrupted
        self._idle = asyncio.Event()
        self._idle.set()
        self._busy = 0

    async def run(self, steps: Sequence[Step]) -> ResourceState | None:
        """Run the steps of one resource in order. The last state that one of them produced.

        Raises DeploymentError when one fails, after telling why.
        """
        result = None
        for step in steps:
            result = await self._run(step) or result
        return result

    async def settled(self) -> None:
        """Return when nothing is being done to any resource."""
        await self._idle.wait()

    def interrupt(self) -> None:
        """Start nothing more, and let go of what only waits."""
        self._context.stopping = True
        for task, interruptible in self._running.items():
            if interruptible:
                task.cancel()

    async def _run(self, step: Step) -> ResourceState | None:
        async with self._slots:
            if self._context.stopping or (self._context.failed and not self._context.options.preview):
                raise InterruptedDeploymentError
            self._busy += 1
            self._idle.clear()
            try:
                return await self._told(step)
            finally:
                self._busy -= 1
                if not self._busy:
                    self._idle.set()

    async def _told(self, step: Step) -> ResourceState | None:
        visible = not is_default_provider(step)
        if visible:
            self._context.emit(Started(step))
        began = time.monotonic()
        try:
            state = await self._ACTIONS[step.op](self, step)
        except (ProviderError, UnsupportedError, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and not self._context.stopping:
                raise
            self._context.failed = True
            self._context.emit(Failed(step, time.monotonic() - began))
            text = str(error) or "interrupted; its outcome is looked up by the next run"
            self._context.tell(Severity.ERROR, text, step.urn)
            raise DeploymentError from None
        if visible:
            done = Step(step.op, step.urn, step.old, state, step.detailed, step.changed, step.replaces, step.reason)
            self._context.emit(Finished(done, time.monotonic() - began))
        if state is not None:
            self._context.news[step.urn] = state
        return state

    async def _same(self, step: Step) -> ResourceState:
        old, new = both(step)
        same = new.copy(id=old.id, outputs=old.outputs, created=old.created, modified=old.modified)
        if same.is_provider:
            await self._context.registry.load(same.copy(inputs=old.inputs))
        await self._context.journal.end(None, done=old, new=same, write=differs(old, same))
        return same

    async def _create(self, step: Step) -> ResourceState:
        new = step.new
        assert new is not None
        old = self._context.journal.latest(step.old) if step.old else None
        if step.urn in self._context.deletions:
            await self._context.deletions[step.urn].wait()
        if not new.custom:
            return await self._enter(new.copy(created=now(), modified=now()), None, old)
        provider = self._context.provider_of(new)
        if self._context.options.preview and step.urn in self._context.deletions:
            # Its predecessor, which up deletes first, would be in the way of a dry run.
            return await self._enter(new.copy(outputs=new.inputs), None, old)
        pending = await self._begin(new, "creating")
        try:
            created = await self._call(provider, lambda op: provider.create(op, new.inputs), new, "create")
        except NotReadyError as error:
            await self._enter(unready(new, error).copy(created=now(), modified=now()), pending, old)
            raise
        except OutcomeUnknownError:
            raise
        except ProviderError:
            await self._context.journal.end(pending)
            raise
        state = new.copy(id=created.id, outputs=created.outputs, created=now(), modified=now())
        return await self._enter(with_secrets(state), pending, old)

    async def _update(self, step: Step) -> ResourceState:
        old, new = both(step)
        new = new.copy(id=old.id, created=old.created, modified=now(), init_errors=[])
        if not new.custom:
            return await self._enter(new.copy(outputs=old.outputs), None, old, changed=True)
        provider = self._context.provider_of(new)
        pending = await self._begin(new, "updating")
        try:
            outputs: PropertyMap = await self._call(
                provider, lambda op: provider.update(op, old.id, old.inputs, old.outputs, new.inputs), new, "update"
            )
        except NotReadyError as error:
            await self._enter(unready(new, error), pending, old, changed=True)
            raise
        except OutcomeUnknownError:
            raise
        except ProviderError:
            await self._context.journal.end(pending)
            raise
        return await self._enter(with_secrets(new.copy(outputs=outputs)), pending, old, changed=True)

    async def _delete(self, step: Step) -> None:
        context = self._context
        old = step.old
        assert old is not None
        replaced_first = step.op is Op.DELETE_REPLACED and not old.delete
        if old.protect and not replaced_first and not old.delete:
            raise ProviderError(f"{old.urn} is protected. {LIFT_PROTECTION}")
        pending = None
        if self._must_call(old):
            pending = await self._begin(old, "deleting")
            provider = context.provider_of(old)
            try:
                await self._call(
                    provider, lambda op: provider.delete(op, old.id, old.inputs, old.outputs), old, "delete"
                )
            except OutcomeUnknownError:
                raise
            except ProviderError:
                await context.journal.end(pending)
                raise
        if replaced_first:
            await context.journal.swap(old, context.journal.latest(old).copy(pending_replacement=True), write=False)
            await context.journal.end(pending)
        else:
            await context.journal.end(pending, done=old)
        if step.urn in context.deletions:
            context.deletions[step.urn].set()

    def _must_call(self, old: ResourceState) -> bool:
        """Whether something outside the state goes with it."""
        gone_with = old.deleted_with in self._context.deletions
        return old.custom and not (
            self._context.options.preview
            or old.external
            or old.retain_on_delete
            or gone_with
            or old.pending_replacement
        )

    async def _read(self, step: Step) -> ResourceState:
        new = step.new
        assert new is not None
        provider = self._context.provider_of(new)
        pending = await self._begin(new, "reading")
        try:
            read = await self._call(provider, lambda op: provider.read(op, new.id, new.inputs, {}), new, "read")
        except ProviderError:
            await self._context.journal.end(pending)
            raise
        if not read.id:
            await self._context.journal.end(pending)
            raise ProviderError(f"There is no {new.id}, which the program reads as {new.urn}.")
        # As with the CLI, its inputs are what the program gave, not what would make it.
        state = new.copy(id=read.id, outputs=read.outputs or {})
        old = self._context.journal.latest(step.old) if step.old else None
        stamped = state.copy(created=old.created if old else None, modified=old.modified if old else None)
        return await self._enter(with_secrets(stamped), pending, old)

    async def _import(self, step: Step) -> ResourceState:
        new = step.new
        assert new is not None
        pending = await self._begin(new, "importing")
        old = self._context.journal.latest(step.old) if step.old else None
        return await self._enter(with_secrets(new.copy(created=now(), modified=now())), pending, old)

    async def _nothing(self, step: Step) -> None:
        """Stand for a replacement as a whole."""

    async def _drop(self, step: Step) -> None:
        """Take out of the state what has no counterpart outside it."""
        await self._context.journal.end(None, done=step.old)

    _ACTIONS: dict[Op, Callable[["Executor", Step], Awaitable[ResourceState | None]]] = {  # noqa: RUF012
        Op.SAME: _same,
        Op.CREATE: _create,
        Op.CREATE_REPLACEMENT: _create,
        Op.UPDATE: _update,
        Op.DELETE: _delete,
        Op.DELETE_REPLACED: _delete,
        Op.REPLACE: _nothing,
        Op.READ: _read,
        Op.READ_REPLACEMENT: _read,
        Op.IMPORT: _import,
        Op.IMPORT_REPLACEMENT: _import,
        Op.DISCARD: _drop,
        Op.DISCARD_REPLACED: _drop,
        Op.REMOVE_PENDING_REPLACE: _drop,
    }

    async def _begin(self, state: ResourceState, kind: str) -> PendingOperation | None:
        if self._context.options.preview or state.is_provider:
            return None
        return await self._context.journal.begin(state.copy(modified=now()), kind)

    async def _call(
        self,
        provider: Provider,
        call: Callable[[Operation], Coroutine[Any, Any, _Result]],
        state: ResourceState,
        kind: str,
    ) -> _Result:
        """Ask the provider; the task can be interrupted where the provider allows it."""
        emit = self._context.emit
        operation = self._context.operation(state, kind, lambda text: emit(Status(state.urn, text)))
        task = asyncio.create_task(call(operation))
        self._running[task] = provider.interruptible
        try:
            return await task
        finally:
            del self._running[task]

    async def _enter(
        self,
        state: ResourceState,
        pending: PendingOperation | None,
        old: ResourceState | None,
        *,
        changed: bool = False,
    ) -> ResourceState:
        """Write a resource's new state down, the old one's place taken or its deletion to come."""
        journal, preview = self._context.journal, self._context.options.preview
        if state.is_provider and not preview:
            await (self._context.registry.replace if changed else self._context.registry.load)(state)
        elif state.is_provider:
            await self._context.registry.load(state)
        stays = old is not None and not changed and old.custom and not (old.pending_replacement or old.external)
        if old is not None and stays:
            # Created beside it: the old one goes when everything has moved to the new one.
            await journal.swap(old, old.copy(delete=True), write=False)
            old = None
        await journal.end(pending, done=old, new=state)
        return state
