"""From what the program asks for and what the state has to the steps between them."""

import asyncio

from lab.engine.aliases import AliasTable
from lab.engine.context import Context, DeploymentError
from lab.engine.diffing import changes_of, with_ignored
from lab.engine.events import Op, Severity, Step
from lab.engine.goals import Goal
from lab.engine.provider import Checked, Diff, NotReadyError, Provider, describe
from lab.engine.replacing import Replacing
from lab.engine.resources import ResourceState, make_urn
from lab.engine.values import has_unknowns


class Planner:
    """Decides, one registration at a time, in the order in which the program makes them."""

    def __init__(self, context: Context):
        self._context = context
        self._aliases = AliasTable(context.stack, context.project)
        self._replacing = Replacing(context)
        self._one_at_a_time = asyncio.Lock()
        self.skipped: set[str] = set()  # would be created, and are not targeted

    async def plan(self, goal: Goal) -> list[Step]:
        """The steps for a registration; none when it is left out because it is not targeted."""
        async with self._one_at_a_time:
            return await self._plan(goal)

    async def _plan(self, goal: Goal) -> list[Step]:
        context = self._context
        urn = make_urn(context.stack, context.project, goal.parent, goal.type, goal.name)
        if urn in context.registered:
            raise DeploymentError(f"Duplicate resource URN '{urn}'; give one of the two resources another name.")
        context.registered.add(urn)
        old, alias = self._continued(goal, urn)
        new = self._wanted(goal, urn, old, alias)
        if not context.targeted(urn):
            return self._untargeted(old, new)
        if goal.custom and goal.import_id and (old is None or old.external or _imported_as(old) != goal.import_id):
            return [await self._import(old, new)]
        recreating = urn in context.deletions
        provider = context.provider_of(new) if goal.custom else None
        new = await self._checked(provider, goal, old=None if recreating or (old and old.external) else old, new=new)
        await self._judge(new)
        if old is None:
            return [Step(Op.CREATE, urn, None, new)]
        if recreating or old.external:
            context.replaced.add(urn)
            return [
                Step(Op.REPLACE, urn, old, new, reason="a resource that it depends on is replaced"),
                Step(Op.CREATE_REPLACEMENT, urn, old, new),
            ]
        return await self._compared(provider, goal, old, new)

    def _continued(self, goal: Goal, urn: str) -> tuple[ResourceState | None, str]:
        """The resource of the state that a registration is about, and the alias by which it was found."""
        olds = self._context.olds
        if urn in self._aliases.renamed:
            raise DeploymentError(
                f"{urn} is registered, and {self._aliases.renamed[urn]} claims to be its continuation."
            )
        candidates = self._aliases.candidates(goal)
        if urn in olds:
            return olds[urn], ""
        for alias in candidates:
            if alias not in olds:
                continue
            if alias in self._context.registered:
                raise DeploymentError(f"{urn} has the alias {alias}, which the program registers too.")
            try:
                self._aliases.use(urn, alias)
            except ValueError as error:
                raise DeploymentError(str(error)) from None
            self._context.journal.renamed(alias, urn)
            return olds[alias], alias
        return None, ""

    def _wanted(self, goal: Goal, urn: str, old: ResourceState | None, alias: str) -> ResourceState:
        parent = self._context.news.get(goal.parent)
        return ResourceState(
            urn=urn,
            type=goal.type,
            custom=goal.custom,
            inputs=goal.inputs | ({"version": goal.version} if _is_versioned_provider(goal) else {}),
            parent=goal.parent,
            protect=goal.protect if goal.protect is not None else bool(parent and parent.protect),
            retain_on_delete=goal.retain_on_delete
            if goal.retain_on_delete is not None
            else bool(parent and parent.retain_on_delete),
            dependencies=goal.dependencies,
            provider=goal.provider,
            property_dependencies=goal.property_dependencies,
            additional_secret_outputs=goal.additional_secret_outputs,
            aliases=[alias] if alias else [],
            custom_timeouts=goal.custom_timeouts,
            import_id=goal.import_id,
            deleted_with=goal.deleted_with or (parent.deleted_with if parent else ""),
            created=old.created if old else None,
            modified=old.modified if old else None,
            source_position=goal.source_position,
            ignore_changes=goal.ignore_changes,
            replace_on_changes=goal.replace_on_changes,
        )

    def _untargeted(self, old: ResourceState | None, new: ResourceState) -> list[Step]:
        if old is None:
            self.skipped.add(new.urn)
            self._context.news[new.urn] = new
            return []
        return [Step(Op.SAME, new.urn, old, old.copy(urn=new.urn, parent=new.parent, provider=new.provider))]

    async def _checked(
        self, provider: Provider | None, goal: Goal, *, old: ResourceState | None, new: ResourceState
    ) -> ResourceState:
        """The wanted state with the inputs as the provider will use them."""
        missing = self.skipped & {new.parent, *new.dependencies}
        if missing:
            raise DeploymentError(
                f"{new.urn} depends on {', '.join(sorted(missing))}, which does not exist and is not targeted. "
                "Add it with --target."
            )
        inputs = with_ignored(new.inputs, old.inputs, goal.ignore_changes) if old else new.inputs
        if provider is None:
            return new.copy(inputs=inputs)
        checked: Checked = await provider.check(self._context.operation(new), old.inputs if old else {}, inputs)
        if checked.failures:
            self._context.tell(Severity.ERROR, describe(checked.failures), new.urn)
            raise DeploymentError
        return new.copy(inputs=checked.inputs)

    async def _judge(self, new: ResourceState) -> None:
        provider = self._context.news.get(new.provider.rpartition("::")[0])
        refused = await self._context.judge.resource(new, provider)
        if refused and not self._context.options.preview:
            raise DeploymentError
        # A preview goes on, to tell all violations at once.
        self._context.failed |= refused

    async def _compared(
        self, provider: Provider | None, goal: Goal, old: ResourceState, new: ResourceState
    ) -> list[Step]:
        diff = await self._diff(provider, old, new)
        if (diff.changes and diff.replaces) or old.pending_replacement:
            if provider is not None:
                # Generated values are made anew: the old resource keeps its own.
                new = await self._checked(
                    provider, goal, old=None, new=new.copy(inputs=self._program_inputs(goal, new))
                )
            return await self._replacing.steps(goal, old, new, diff)
        if diff.changes or old.init_errors:
            reason = "" if diff.changes else "it did not become ready the last time"
            return [Step(Op.UPDATE, new.urn, old, new, reason=reason, detailed=diff.detailed, changed=diff.changed)]
        return [Step(Op.SAME, new.urn, old, new)]

    def _program_inputs(self, goal: Goal, new: ResourceState) -> dict[str, object]:
        return goal.inputs | ({"version": new.inputs["version"]} if _is_versioned_provider(goal) else {})

    async def _diff(self, provider: Provider | None, old: ResourceState, new: ResourceState) -> Diff:
        if provider is None:
            return changes_of(old.inputs, new.inputs)
        reason = self._replacing.forced(old, new)
        if reason:
            return Diff(changes=True, replaces=[reason])
        return await self._replacing.diff(provider, old, new, new.inputs)

    async def _import(self, old: ResourceState | None, new: ResourceState) -> Step:
        """Take over an object that exists: what the program says must be what it is."""
        context, provider = self._context, self._context.provider_of(new)
        try:
            read = await provider.read(context.operation(new, "read"), new.import_id, {}, {})
        except NotReadyError as error:
            read_id, inputs, outputs = error.id, error.inputs, error.outputs
        else:
            read_id, inputs, outputs = read.id, read.inputs or {}, read.outputs or {}
        if not read_id:
            raise DeploymentError(f"{new.urn} is to be imported, and there is no {new.import_id}.")
        checked = await provider.check(
            context.operation(new), inputs, with_ignored(new.inputs, inputs, new.ignore_changes)
        )
        if checked.failures:
            raise DeploymentError(f"{new.urn}: {describe(checked.failures)}")
        imported = new.copy(id=read_id, inputs=checked.inputs, outputs=outputs)
        await self._judge(imported)
        diff = await self._replacing.diff(provider, imported.copy(inputs=inputs), imported, checked.inputs)
        if diff.changes and not has_unknowns(checked.inputs):
            paths = ", ".join(sorted(diff.detailed)[:10]) or ", ".join(diff.changed)
            text = f"inputs to import do not match the existing {new.import_id}: {paths}"
            context.tell(Severity.ERROR if not context.options.preview else Severity.WARNING, text, new.urn)
            if not context.options.preview:
                raise DeploymentError
        return Step(Op.IMPORT_REPLACEMENT if old else Op.IMPORT, new.urn, old, imported, detailed=diff.detailed)


def _is_versioned_provider(goal: Goal) -> bool:
    return goal.type.startswith("pulumi:providers:") and bool(goal.version)


def _imported_as(old: ResourceState) -> str:
    return old.import_id or old.id
