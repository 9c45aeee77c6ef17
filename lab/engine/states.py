"""What a step makes of a resource's state."""

from lab.engine.events import Step
from lab.engine.provider import NotReadyError
from lab.engine.resources import PROVIDER_PREFIX, ResourceState
from lab.engine.values import secret

REMEMBERED = [
    "urn",
    "type",
    "custom",
    "parent",
    "protect",
    "external",
    "dependencies",
    "provider",
    "property_dependencies",
    "additional_secret_outputs",
    "custom_timeouts",
    "retain_on_delete",
    "deleted_with",
    "inputs",
    "outputs",
    "ignore_changes",
    "replace_on_changes",
]


def both(step: Step) -> tuple[ResourceState, ResourceState]:
    """The states before and after, of a step that has both."""
    assert step.old is not None
    assert step.new is not None
    return step.old, step.new


def unready(new: ResourceState, error: NotReadyError) -> ResourceState:
    """The state of a resource that is there and did not become ready."""
    return with_secrets(
        new.copy(id=error.id, inputs=error.inputs or new.inputs, outputs=error.outputs, init_errors=error.reasons)
    )


def with_secrets(state: ResourceState) -> ResourceState:
    """Outputs that the program wants secret are."""
    if not state.additional_secret_outputs:
        return state
    chosen = set(state.additional_secret_outputs)
    outputs = {key: secret(value) if key in chosen else value for key, value in state.outputs.items()}
    return state.copy(outputs=outputs)


def differs(old: ResourceState, new: ResourceState) -> bool:
    """Whether something differs that the state must remember."""
    return any(getattr(old, name) != getattr(new, name) for name in REMEMBERED)


def is_default_provider(step: Step) -> bool:
    """Whether nobody asked for the resource: the engine made it for others."""
    state = step.new or step.old
    return bool(state and state.type.startswith(PROVIDER_PREFIX) and not state.parent)
