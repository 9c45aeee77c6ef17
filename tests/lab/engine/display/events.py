"""Events of made-up deployments."""

from collections.abc import Iterator
from dataclasses import replace

from lab.engine.events import ComponentOutputs, Event, Finished, Op, Started, Status, Step, Summary
from lab.engine.provider import DiffKind, PropertyDiff
from lab.engine.resources import STACK_TYPE, ResourceState, make_urn
from lab.engine.values import PropertyMap

STACK = make_urn("dev", "shop", "", STACK_TYPE, "shop-dev")
ROOT = ResourceState(urn=STACK, type=STACK_TYPE, custom=False)
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
CLAIM = "kubernetes:core/v1:PersistentVolumeClaim"
SECRET = "kubernetes:core/v1:Secret"


def component(name: str, type_: str = "llm:index:GpuWorkload") -> ResourceState:
    return ResourceState(urn=make_urn("dev", "shop", STACK, type_, name), type=type_, custom=False, parent=STACK)


def resource(
    name: str, inputs: PropertyMap, *, type_: str = DEPLOYMENT, parent: str = STACK, outputs: PropertyMap | None = None
) -> ResourceState:
    return ResourceState(
        urn=make_urn("dev", "shop", parent, type_, name),
        type=type_,
        custom=True,
        id=f"llm/{name}",
        inputs=inputs,
        outputs=inputs if outputs is None else outputs,
        parent=parent,
    )


def step(op: Op, old: ResourceState | None, new: ResourceState | None, **rest) -> Step:
    state = new or old
    assert state is not None
    return Step(op, state.urn, old, new, **rest)


def update(state: ResourceState, inputs: PropertyMap, *paths: str) -> Step:
    detailed = {path: PropertyDiff(DiffKind.UPDATE) for path in paths}
    return step(Op.UPDATE, state, state.copy(inputs=inputs), detailed=detailed)


def run(*steps: Step, seconds: float = 0.5) -> Iterator[Event]:
    """The steps one after the other, each ending well."""
    for item in steps:
        yield Started(item)
        yield Finished(item, seconds)


def same(*states: ResourceState) -> Iterator[Event]:
    return run(*(step(Op.SAME, state, state) for state in states))


def outputs(old: PropertyMap | None, new: PropertyMap) -> ComponentOutputs:
    return ComponentOutputs(STACK, old, new)


def end(kind: str, seconds: float = 12, result: str = "succeeded", **changes: int) -> Summary:
    return Summary(kind, {name.replace("_", "-"): count for name, count in changes.items()}, seconds, result)


def busy(count: int, statuses: int) -> Iterator[Event]:
    """Many creations at once, each with some statuses."""
    states = [resource(f"model-{index}", {"spec": {"replicas": index}}) for index in range(count)]
    yield from same(ROOT)
    for state in states:
        yield Started(step(Op.CREATE, None, replace(state, id="")))
    for number in range(statuses):
        for state in states:
            yield Status(state.urn, f"{number} of {statuses} pods are ready")
    for state in states:
        yield Finished(step(Op.CREATE, None, state), 3.2)
    yield end("update", create=count, same=1)
