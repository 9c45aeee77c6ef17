"""Which GPUs the stack files declare, and the machines that carry them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from blueprint.accelerators import ACCELERATORS, NODE_LABELS, NodeLabels
from blueprint.text import TextError, load
from lab.errors import LabError

Device = tuple[NodeLabels, str]
"""Labeller dialect and accelerator name."""

GPUS_PER_NODE = 4
"""Size of a GPU node where no model needs a larger one: small, so that packing and spreading show."""


@dataclass(frozen=True, kw_only=True)
class Demand:
    """GPUs of one type.

    available: the most that any stack declares.
    largest_pod: the most that one replica of a model asks for.
    """

    available: int
    largest_pod: int = 1


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A GPU node: its name, what it carries, how many."""

    name: str
    device: Device
    gpus: int


def read_stacks(folder: Path) -> dict[Device, Demand]:
    """Give the GPUs that all Pulumi.*.yaml of a folder declare, the largest number per type.

    Raises LabError, with every mistake that concerns the nodes, when a file cannot be understood.
    """
    demands: dict[Device, Demand] = {}
    mistakes: list[str] = []
    for path in sorted(folder.glob("Pulumi.*.yaml")):
        try:
            stack = load(path.read_text())
        except (TextError, UnicodeDecodeError, OSError) as error:
            mistakes.append(f"{path.name}: cannot be read: {error}")
            continue
        for device, demand in _demands(path.name, stack, mistakes):
            known = demands.get(device, Demand(available=0))
            demands[device] = Demand(
                available=max(known.available, demand.available),
                largest_pod=max(known.largest_pod, demand.largest_pod),
            )
    if mistakes:
        raise LabError("\n".join(mistakes))
    return demands


def machines(demands: Mapping[Device, Demand], *, gpus_per_node: int | None = None) -> list[Machine]:
    """Spread GPUs over nodes, the remainder on the last one.

    A node has gpus_per_node GPUs if that is given, else 4, or as many as the largest replica asks for (never
    more than a machine of that type carries).
    """
    result = []
    for device in sorted(demands):
        dialect, name = device
        demand = demands[device]
        size = gpus_per_node or min(max(GPUS_PER_NODE, demand.largest_pod), ACCELERATORS[name].max_per_node)
        prefix = name if dialect == "gpuOperator" else f"{dialect.lower()}-{name}"
        for number, taken in enumerate(range(0, demand.available, size)):
            gpus = min(size, demand.available - taken)
            result.append(Machine(name=f"{prefix}-{number}", device=device, gpus=gpus))
    return result


def _demands(file: str, stack: Any, mistakes: list[str]) -> Iterator[tuple[Device, Demand]]:
    config = _mapping(_mapping(stack).get("config"))
    cluster = _mapping(config.get("llm-inference:cluster"))
    where = f"{file}: llm-inference:cluster"
    dialect = cluster.get("nodeLabels", "gpuOperator")
    if dialect not in NODE_LABELS:
        mistakes.append(f"{where}.nodeLabels: {dialect!r} is no labeller. Use one of {', '.join(NODE_LABELS)}.")
        return
    for name, declared in _mapping(cluster.get("accelerators")).items():
        key = f"{where}.accelerators.{name}"
        available = _mapping(declared).get("available")
        if name not in ACCELERATORS:
            mistakes.append(f"{key}: unknown accelerator. Known are {', '.join(ACCELERATORS)}.")
        elif dialect not in ACCELERATORS[name].labels:
            offered = ", ".join(ACCELERATORS[name].labels)
            mistakes.append(f"{key}: nodeLabels {dialect} has no name for it. These have: {offered}.")
        elif not isinstance(available, int) or isinstance(available, bool) or available < 0:
            mistakes.append(f"{key}.available: {available!r} is no number of GPUs. Use a whole number, 0 or more.")
        else:
            largest = _largest_pod(_mapping(config.get("llm-inference:models")), name)
            yield (cast("NodeLabels", dialect), name), Demand(available=available, largest_pod=largest)


def _largest_pod(models: Mapping[str, Any], accelerator: str) -> int:
    counts = [
        asked.get("count")
        for model in models.values()
        if accelerator in _types(asked := _mapping(_mapping(model).get("accelerator")))
    ]
    return max((count for count in counts if isinstance(count, int)), default=1)


def _types(asked: Mapping[str, Any]) -> list[Any]:
    others = asked.get("alternatives")
    return [asked.get("type"), *(others if isinstance(others, list) else ())]


def _mapping(value: Any) -> Mapping[str, Any]:
    # Settings that are no mappings are the blueprint's to refuse; the lab reads what concerns the nodes.
    return value if isinstance(value, dict) else {}
