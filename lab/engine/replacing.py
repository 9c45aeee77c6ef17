"""Replacements: when, in which order, and what must go with them."""

import asyncio

from lab.engine.context import LIFT_PROTECTION, Context, DeploymentError
from lab.engine.diffing import changes_of, with_ignored, with_replacements
from lab.engine.events import Op, Severity, Step
from lab.engine.goals import Goal
from lab.engine.graph import Graph
from lab.engine.provider import Diff, Provider
from lab.engine.resources import ResourceState
from lab.engine.values import UNKNOWN, PropertyMap


class Replacing:
    """Plans the replacement of one resource."""

    def __init__(self, context: Context):
        self._context = context
        self._graph = Graph(context.before.resources)

    def forced(self, old: ResourceState, new: ResourceState) -> str:
        """Why a resource is replaced whatever its properties are; empty when nothing forces it."""
        context = self._context
        if new.deleted_with in context.replaced:
            return "deletedWith"
        if old.provider == new.provider:
            return ""
        urn, former_urn = (reference.rpartition("::")[0] for reference in (new.provider, old.provider))
        former, provider = context.olds.get(former_urn), context.news.get(urn)
        if former is None or provider is None:
            return "provider"
        if former_urn in provider.aliases or not context.registry.must_replace(
            provider.type, former.inputs, provider.inputs
        ):
            return ""
        return "provider"

    async def diff(self, provider: Provider, old: ResourceState, new: ResourceState, inputs: PropertyMap) -> Diff:
        """What the provider says of a change, with the resource's options applied."""
        inputs = with_ignored(inputs, old.inputs, new.ignore_changes)
        diff = await provider.diff(self._context.operation(new), old.id, old.inputs, old.outputs, inputs)
        if diff.changes is None:
            diff = changes_of(old.inputs, inputs)
        return with_replacements(diff, new.replace_on_changes, unready=bool(old.init_errors))

    async def steps(self, goal: Goal, old: ResourceState, new: ResourceState, diff: Diff) -> list[Step]:
        """Create, then delete at the end; or delete first, with all that cannot be without it."""
        context, urn = self._context, new.urn
        if new.protect and old.protect:
            self._refuse(urn, f"{urn} would be replaced, and is protected. {LIFT_PROTECTION}")
        if goal.import_id and not context.options.preview:
            raise DeploymentError(f"{urn} was imported and would be replaced; remove import_ from its options.")
        context.replaced.add(urn)
        replace = Step(Op.REPLACE, urn, old, new, diff.detailed, diff.changed, diff.replaces)
        create = Step(Op.CREATE_REPLACEMENT, urn, old, new, diff.detailed, diff.changed, diff.replaces)
        delete_first = diff.delete_before_replace if goal.delete_before_replace is None else goal.delete_before_replace
        if not delete_first:
            return [create, replace]
        deletes = [
            Step(Op.DELETE_REPLACED, state.urn, state, None, reason=f"{urn}, which it depends on, is replaced")
            for state in reversed(await self._condemned(old))
        ]
        if not old.pending_replacement:
            context.deletions.setdefault(old.urn, asyncio.Event())
            deletes.append(Step(Op.DELETE_REPLACED, old.urn, old, None, diff.detailed, diff.changed, diff.replaces))
        return [*deletes, replace, create]

    def _refuse(self, urn: str, text: str) -> None:
        """Stop; in a preview go on, to show what would be replaced, and fail at the end."""
        self._context.tell(Severity.ERROR, text, urn)
        if not self._context.options.preview:
            raise DeploymentError
        self._context.failed = True

    async def _condemned(self, root: ResourceState) -> list[ResourceState]:
        """What must be deleted before root is: what would be replaced once root's outputs change."""
        context = self._context
        going = {root.urn}
        found = []
        for state in self._graph.dependents(root):
            if state.urn in context.registered or state.urn in context.deletions or not state.custom or state.external:
                continue
            if await self._goes_with(state, going):
                if state.protect:
                    self._refuse(
                        root.urn,
                        f"{root.urn} is replaced, and with it {state.urn}, which is protected. {LIFT_PROTECTION}",
                    )
                going.add(state.urn)
                found.append(state)
        for state in found:
            context.deletions[state.urn] = asyncio.Event()
        return found

    async def _goes_with(self, state: ResourceState, going: set[str]) -> bool:
        if state.deleted_with in going or state.provider.rpartition("::")[0] in going:
            return True
        depending = {key for key, urns in (state.property_dependencies or {}).items() if going & set(urns)}
        if not depending:
            return False
        context = self._context
        await context.registry.ensure(state.provider, context.olds)
        inputs = {key: UNKNOWN if key in depending else value for key, value in state.inputs.items()}
        diff = await self.diff(context.provider_of(state), state, state, inputs)
        return bool(diff.replaces)
