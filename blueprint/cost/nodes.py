"""Whole nodes: a cloud bills all GPUs of a node, also those that no pod holds."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from blueprint.cost.amounts import Total, times, total
from blueprint.cost.prices import Prices


@dataclass(frozen=True, kw_only=True)
class Held:
    """Pods that hold GPUs. types: accelerators that will do. gpus: of one pod. pods: how many; None: unknown."""

    types: Sequence[str]
    gpus: int
    pods: int | None


@dataclass(frozen=True, kw_only=True)
class Idle:
    """GPUs that stay idle on whole nodes. gpus: by accelerator, as far as they are known. usd: of an hour."""

    gpus: Mapping[str, int]
    usd: Total

    def __str__(self) -> str:
        return ", ".join(f"{count} x {name}" for name, count in self.gpus.items() if count) or "none"


def idle_on(held: Iterable[Held], prices: Prices, *, dearest: bool) -> Idle:
    """What stays idle where these pods share nodes, each on the cheapest or the dearest type that will do.

    Only of accelerators of which the stack says how many GPUs a node has.
    """
    pods: dict[str, Counter[int]] = {}
    whole = True
    for one in held:
        if not one.gpus or (one.pods or 1) < 1 or not any(name in prices.per_node for name in one.types):
            continue
        name = prices.chosen(one.types, dearest=dearest)
        if name is None or one.pods is None or one.gpus > prices.per_node.get(name, one.gpus):
            whole = False
        elif name in prices.per_node:
            pods.setdefault(name, Counter())[one.gpus] += one.pods
    gpus = {name: _idle(counts, prices.per_node[name]) for name, counts in sorted(pods.items())}
    known, priced = total(times(prices.gpus.get(name), count) for name, count in gpus.items())
    return Idle(gpus=gpus, usd=(known, priced) if whole else (known or None, False))


def _idle(pods: Mapping[int, int], per_node: int) -> int:
    return nodes_of(pods, per_node) * per_node - sum(gpus * count for gpus, count in pods.items())


def nodes_of(pods: Mapping[int, int], per_node: int) -> int:
    """The nodes that pods fill, the largest placed first, each where it leaves least: a pod's GPUs are of one node.

    pods: how many, by their GPUs, none with more than a node has.
    """
    # Counted, not placed one by one: a stack may have 100,000 of them. room: nodes, by the GPUs that are free on each.
    room, nodes = Counter[int](), 0
    for gpus in sorted(pods, reverse=True):
        left = pods[gpus]
        for free in sorted(free for free in room if free >= gpus):
            left = _fill(room, free, gpus, left)
        new = math.ceil(left / (per_node // gpus))
        nodes, room[per_node] = nodes + new, new
        _fill(room, per_node, gpus, left)
    return nodes


def _fill(room: Counter[int], free: int, gpus: int, pods: int) -> int:
    """Place pods on the nodes with so much room, one node after the other; how many found none."""
    most = free // gpus
    full = min(room[free], pods // most)
    room[free] -= full
    room[free - most * gpus] += full
    pods -= full * most
    if pods and room[free]:
        room[free] -= 1
        room[free - pods * gpus] += 1
        pods = 0
    return pods
