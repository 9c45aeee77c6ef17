"""The four deployments: preview and update run the program; refresh and destroy need only the state."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from lab.engine.context import LIFT_PROTECTION, Context, DeploymentError, now
from lab.engine.diffing import changes_of
from lab.engine.events import Event, Failed, Finished, Op, Severity, Started, Step, Summary
from lab.engine.executor import Executor
from lab.engine.graph import Graph
from lab.engine.provider import NotReadyError, ProviderError
from lab.engine.recovery import recover
from lab.engine.resources import ResourceState
from lab.engine.values import UnsupportedError

Program = Callable[[Context, Executor], Awaitable[bool]]
"""Runs the program against a monitor; whether it, and all that it registered, went well."""

_COUNTED = {
    Op.CREATE_REPLACEMENT: "",
    Op.DELETE_REPLACED: "",
    Op.READ: "",
    Op.DISCARD: Op.DELETE,
    Op.REMOVE_PENDING_REPLACE: "",
    Op.IMPORT_REPLACEMENT: Op.IMPORT,
}


class Deployment:
    """One run over a stack's resources; its methods return whether all went well. The journal has the state."""

    def __init__(self, context: Context):
        self._context = context
        self._show = context.emit
        context.emit = self._counted
        self._executor = Executor(self._context)
        self._counts: Counter[str] = Counter()

    def interrupt(self) -> None:
        """Finish what is in flight, and start nothing more."""
        self._executor.interrupt()

    async def update(self, program: Program) -> bool:
        """Preview or bring about what the program wants."""

        async def work() -> None:
            await self._recover()
            if not await program(self._context, self._executor):
                raise DeploymentError
            await self._delete_what_is_left()
            if await self._context.judge.stack(list(self._context.news.values())):
                raise DeploymentError

        return await self._run("preview" if self._context.options.preview else "update", work)

    async def refresh(self) -> bool:
        """Bring the state to what is really there; the program is not asked."""

        async def work() -> None:
            await self._recover()
            await self._load_providers()
            await self._refresh(
                [state for state in self._context.journal.remaining if self._context.targeted(state.urn)]
            )

        return await self._run("refresh", work)

    async def destroy(self) -> bool:
        """Delete everything in the state, in the order that dependencies allow."""

        async def work() -> None:
            await self._recover()
            await self._load_providers()
            await self._delete(self._destroyed())

        return await self._run("destroy", work)

    async def _run(self, kind: str, work: Callable[[], Awaitable[None]]) -> bool:
        context, began = self._context, time.monotonic()
        try:
            await work()
            await context.journal.flush()
        except (DeploymentError, ProviderError, UnsupportedError) as error:
            context.failed = True
            if str(error):
                context.tell(Severity.ERROR, str(error))
        finally:
            await self._executor.settled()
            for reason in context.registry.unreachable_reasons:
                context.tell(Severity.WARNING, reason)
            await context.registry.close()
        result = "interrupted" if context.stopping else "failed" if context.failed else "succeeded"
        self._show(Summary(kind, dict(self._counts), time.monotonic() - began, result))
        return result == "succeeded"

    def _counted(self, event: Event) -> None:
        if isinstance(event, Finished):
            step = event.step
            name = _COUNTED.get(step.op, step.op)
            if step.op is Op.REFRESH:
                name = step.refreshed or Op.SAME
            if name:
                self._counts[str(name)] += 1
        self._show(event)

    async def _recover(self) -> None:
        """Find out what became of the operations that an earlier run did not see the end of."""
        uncertain = await recover(self._context)
        if uncertain:
            await self._refresh(uncertain)
            self._context.olds.clear()
            self._context.olds.update(
                {state.urn: state for state in self._context.journal.remaining if not state.delete}
            )

    async def _load_providers(self) -> None:
        for state in self._context.journal.remaining:
            if state.is_provider and not state.delete:
                await self._context.registry.load(state)

    async def _delete_what_is_left(self) -> None:
        """Delete what was replaced, and what the program does not have any more."""
        context = self._context
        left = [
            state
            for state in context.journal.remaining
            if state.delete or (state.urn not in context.registered and context.targeted(state.urn))
        ]
        if context.options.targets:
            left = [state for state in left if not (state.is_provider and not state.delete)]
        for state in left:
            if state.custom and not state.is_provider:
                await context.registry.ensure(state.provider, context.olds)
        await self._delete(left)

    def _destroyed(self) -> list[ResourceState]:
        context, everything = self._context, self._context.journal.remaining
        if not context.options.targets:
            return everything
        graph = Graph(everything)
        chosen = [state for state in everything if context.targeted(state.urn) and not _structural(state)]
        names = {id(state) for state in chosen}
        needing = [item for state in chosen for item in graph.dependents(state, children=True) if id(item) not in names]
        if needing and not context.options.target_dependents:
            urns = "\n  ".join(sorted({state.urn for state in needing}))
            raise DeploymentError(
                f"These depend on what is targeted, and are not: \n  {urns}\nAdd --target-dependents."
            )
        names |= {id(state) for state in needing}
        return [state for state in everything if id(state) in names]

    async def _delete(self, condemned: Sequence[ResourceState]) -> None:
        """Delete in reverse order of dependency; nothing at all when something among it is protected."""
        context = self._context
        protected = [state for state in condemned if state.protect and not state.delete]
        for state in protected:
            context.tell(
                Severity.ERROR, f"{state.urn} would be deleted, and is protected. {LIFT_PROTECTION}", state.urn
            )
        if protected:
            raise DeploymentError
        for state in condemned:
            context.deletions.setdefault(state.urn, asyncio.Event())

        async def remove(state: ResourceState) -> None:
            await self._executor.run([Step(_deletion(state), state.urn, state, None, reason=_why(state))])

        everything = context.journal.snapshot().resources
        # The snapshot may show a state under its parents' new names; the originals carry identity.
        originals = {state.urn: state for state in condemned if not state.delete}
        ordered = [originals.get(state.urn, state) if not state.delete else state for state in everything]
        known = {id(state) for state in ordered}
        await Graph([*ordered, *(state for state in condemned if id(state) not in known)]).backwards(condemned, remove)

    async def _refresh(self, states: Sequence[ResourceState]) -> None:
        context = self._context
        await self._load_providers()
        results = await asyncio.gather(*(self._refreshed(state) for state in states), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        gone = {state.urn for state, result in zip(states, results, strict=True) if result is None}
        context.journal.forget_dependencies(gone)
        await context.journal.flush()

    async def _refreshed(self, state: ResourceState) -> ResourceState | None:
        """Look at one resource; None when it is gone."""
        context = self._context
        if not state.custom or state.is_provider or state.pending_replacement:
            return state
        step = Step(Op.REFRESH, state.urn, state, state)
        context.emit(Started(step))
        began = time.monotonic()
        init_errors: list[str] = []
        try:
            provider = context.provider_of(state)
            read = await provider.read(context.operation(state, "read"), state.id, state.inputs, state.outputs)
            found, inputs, outputs = read.id, read.inputs, read.outputs
            init_errors = list(read.init_errors)
        except NotReadyError as error:
            found, inputs, outputs, init_errors = error.id, error.inputs, error.outputs, error.reasons
        except ProviderError as error:
            context.failed = True
            context.emit(Failed(step, time.monotonic() - began))
            context.tell(Severity.ERROR, str(error), state.urn)
            raise DeploymentError from None
        if not found:
            await context.journal.end(None, done=state, write=False)
            context.emit(Finished(replace(step, new=None, refreshed=Op.DELETE), time.monotonic() - began))
            return None
        if init_errors:
            context.tell(Severity.WARNING, "exists, and is not ready:\n" + "\n".join(init_errors), state.urn)
        new = state.copy(
            id=found,
            inputs=state.inputs if inputs is None else inputs,
            outputs=state.outputs if outputs is None else outputs,
            init_errors=init_errors,
        )
        changed = new.inputs != state.inputs or new.outputs != state.outputs
        if changed:
            new = new.copy(modified=now())
        await context.journal.swap(state, new, write=False)
        detailed = changes_of(state.inputs, new.inputs).detailed
        done = replace(step, new=new, detailed=detailed, refreshed=Op.UPDATE if changed else Op.SAME)
        context.emit(Finished(done, time.monotonic() - began))
        return new


def _structural(state: ResourceState) -> bool:
    return state.is_provider or not state.custom


def _deletion(state: ResourceState) -> Op:
    if state.external:
        return Op.DISCARD
    if state.pending_replacement:
        return Op.REMOVE_PENDING_REPLACE
    return Op.DELETE_REPLACED if state.delete else Op.DELETE


def _why(state: ResourceState) -> str:
    return "its replacement is in place" if state.delete else ""
