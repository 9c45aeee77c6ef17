"""After a run that died: what became of the operations whose end nobody saw."""

from lab.engine.context import Context, DeploymentError, now
from lab.engine.events import Severity
from lab.engine.provider import Created, NotReadyError, ProviderError
from lab.engine.resources import PendingOperation, ResourceState


async def recover(context: Context) -> list[ResourceState]:
    """Settle what can be settled; the resources of the state that must be looked at are returned.

    A create that went through enters the state as if its end had been seen; one that did not leaves no trace.
    """
    uncertain = []
    for operation in context.journal.pending:
        state = operation.resource
        await _load_provider(context, state)
        if operation.type == "creating":
            await _settle_create(context, operation)
            continue
        context.tell(Severity.WARNING, f"An earlier run was cut off while {operation.type} it; looking.", state.urn)
        uncertain += [known for known in context.journal.remaining if known.urn == state.urn and known.id == state.id]
        await context.journal.end(operation)
    return uncertain


async def _load_provider(context: Context, state: ResourceState) -> None:
    urn = state.provider.rpartition("::")[0]
    for known in context.journal.remaining:
        if known.urn == urn and known.is_provider:
            await context.registry.load(known)


async def _settle_create(context: Context, operation: PendingOperation) -> None:
    state = operation.resource
    provider = context.provider_of(state)
    if provider.unreachable:
        if not context.options.preview:
            raise DeploymentError(f"{state.urn} was being created when a run was cut off. {provider.unreachable}")
        context.tell(Severity.WARNING, "An earlier run was cut off while creating it; nobody could look.", state.urn)
        return
    if context.options.preview:
        context.tell(Severity.WARNING, "An earlier run was cut off while creating it; up looks first.", state.urn)
    reasons: list[str] = []
    since = state.modified or now()
    try:
        found = await provider.recover(context.operation(state, "create"), state.inputs, since)
    except NotReadyError as error:
        found, reasons = Created(error.id, error.outputs), error.reasons
    except ProviderError as error:
        raise DeploymentError(f"{state.urn} was being created when a run was cut off: {error}") from None
    if found is None:
        context.tell(Severity.WARNING, "An earlier run was cut off while creating it; nothing was found.", state.urn)
        await context.journal.end(operation)
        return
    context.tell(Severity.WARNING, f"An earlier run was cut off while creating it; it exists as {found.id}.", state.urn)
    made = state.copy(id=found.id, outputs=found.outputs, init_errors=reasons, created=now(), modified=now())
    await _place(context, operation, made)


async def _place(context: Context, operation: PendingOperation, made: ResourceState) -> None:
    """Let a recovered resource enter the state, as the end of its creation would have."""
    journal = context.journal
    before = next((known for known in journal.remaining if known.urn == made.urn and not known.delete), None)
    if before is not None and not before.pending_replacement:
        await journal.swap(before, before.copy(delete=True), write=False)
        before = None
    await journal.end(operation, done=before, recovered=made)
    context.olds[made.urn] = made
