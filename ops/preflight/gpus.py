"""GPU nodes: enough of them, that let our pods in, with a driver for the image."""

from collections.abc import Iterator, Sequence

from blueprint.accelerators import ACCELERATORS, CUDA_MAJOR_LABELS, GPU_TAINT_KEY, LABEL_KEYS
from blueprint.settings import Cluster
from blueprint.stack import Stack
from blueprint.workload import Workload
from ops.cluster import quantity
from ops.cluster.quantity import GIB
from ops.cluster.reading import Unread
from ops.preflight.facts import Facts, Finding, Node, Status, unchecked

_ON_DEMAND = ("karpenter", "eksAutoMode")
"""Labellers whose nodes are made when pods wait for them: none has to be there yet."""

_STATE_TAINTS = "node.kubernetes.io/"
"""Taints of this prefix say that a node is cordoned or ill, which is said as such."""


def check(stack: Stack, cluster: Cluster, facts: Facts) -> Iterator[Finding]:
    """Per accelerator that the stack declares."""
    if isinstance(facts.nodes, Unread):
        yield unchecked("gpus", facts.nodes)
        return
    key = LABEL_KEYS[cluster.node_labels]
    for name, pool in sorted(cluster.accelerators.items()):
        values = ACCELERATORS[name].labels.get(cluster.node_labels, ())
        resource = ACCELERATORS[name].resource
        nodes = [node for node in facts.nodes if node.labels.get(key) in values]
        workloads = [workload for workload in stack.workloads if name in workload.accelerators]
        short: Status = "warn" if cluster.node_labels in _ON_DEMAND else "FAIL"
        usable = [node for node in nodes if not _kept_out(node)]
        found = sum(int(node.allocatable.get(resource, 0)) for node in usable)
        about = f"{found} {resource} on {_nodes(len(usable))} / {pool.available} declared"
        if found >= pool.available:
            yield Finding(f"gpus {name}", "ok", about)
        else:
            why = _shortage(nodes, resource) if nodes else _labels_seen(cluster, name, facts.nodes)
            # Nodes that are made on demand are no mistake while they are missing.
            note = " Here nodes are made on demand, so this may be right." if short == "warn" else ""
            yield Finding(f"gpus {name}", short, f"{about}. {why}{note}")
        yield from _taints(name, nodes)
        if usable:
            yield from _largest_replica(name, workloads, usable, short)
        if nodes:
            yield from _driver(name, workloads, nodes)


def _kept_out(node: Node) -> bool:
    return node.cordoned or not node.ready or bool(_repelling(node))


def _repelling(node: Node) -> Sequence[str]:
    """The node's taints that our pods do not tolerate."""
    return [
        f"{taint_key}{'=' if value else ''}{value}:{effect}"
        for taint_key, value, effect in node.taints
        if effect in ("NoSchedule", "NoExecute")
        and (taint_key, effect) != (GPU_TAINT_KEY, "NoSchedule")
        and not taint_key.startswith(_STATE_TAINTS)
    ]


def _shortage(nodes: Sequence[Node], resource: str) -> str:
    """Why the nodes of a type offer less than declared, and what to do."""
    if not any(node.allocatable.get(resource) for node in nodes):
        return f"The nodes have the label but offer no {resource}: install NVIDIA's device plugin."
    ill = sorted(node.name for node in nodes if node.cordoned or not node.ready)
    if ill:
        return f"Cordoned or not ready: {_some(ill)}. Mend them, or lower available."
    if any(_repelling(node) for node in nodes):
        return "Taints keep our pods out, see below. Remove them, or lower available."
    return "Add nodes, or lower available."


def _labels_seen(cluster: Cluster, name: str, nodes: Sequence[Node]) -> str:
    """How GPU nodes are labelled, when none has the label of the accelerator, and what would fit."""
    resource, own = ACCELERATORS[name].resource, LABEL_KEYS[cluster.node_labels]
    head = f"No node has {own}: {' or '.join(ACCELERATORS[name].labels.get(cluster.node_labels, ()))}."
    values = sorted({node.labels[own] for node in nodes if own in node.labels})
    if values:
        return f"{head} There is {', '.join(values)}. Declare what is there, or add nodes."
    for dialect, key in LABEL_KEYS.items():
        values = sorted({node.labels[key] for node in nodes if key in node.labels})
        if values:
            return f"{head} There is {key}: {', '.join(values)}. Set cluster.nodeLabels: {dialect}."
    unlabelled = sorted(node.name for node in nodes if node.allocatable.get(resource))
    if unlabelled:
        return f"{head} {_some(unlabelled)} offer {resource} unlabelled. Install GPU feature discovery."
    return f"{head} No node offers {resource}. Add GPU nodes, with device plugin and GPU feature discovery."


def _taints(name: str, nodes: Sequence[Node]) -> Iterator[Finding]:
    repelling = {node.name: _repelling(node) for node in nodes}
    taints = sorted({taint for found in repelling.values() for taint in found})
    if not taints:
        if nodes:
            yield Finding(f"taints {name}", "ok", f"none that keeps our pods out / {_nodes(len(nodes))}")
        return
    kept_out = sorted(node for node, found in repelling.items() if found)
    all_of_them = len(kept_out) == len(nodes)
    yield Finding(
        f"taints {name}",
        "FAIL" if all_of_them else "warn",
        f"{', '.join(taints)} on {_some(kept_out)} / our pods tolerate {GPU_TAINT_KEY}:NoSchedule. "
        f"Remove the taint, or {'add nodes without it' if all_of_them else 'do without these nodes'}.",
    )


def _largest_replica(
    name: str, workloads: Sequence[Workload], usable: Sequence[Node], short: Status
) -> Iterator[Finding]:
    """Whether as many nodes as a replica spans can hold its pods, when they are empty."""
    for workload in workloads:
        wanted = {
            **({workload.gpu_resource: quantity.Quantity(workload.gpu_count)} if workload.gpu_resource else {}),
            "cpu": quantity.Quantity(workload.cpu.value),
            "memory": workload.memory_gib.value * GIB,
        }
        asked = ", ".join(f"{quantity.show(amount)} {resource}" for resource, amount in wanted.items())
        fitting = [
            node
            for node in usable
            if all(node.allocatable.get(resource, 0) >= amount for resource, amount in wanted.items())
        ]
        if len(fitting) >= workload.nodes:
            yield Finding(f"replica {workload.name}", "ok", f"fits on {_nodes(len(fitting))} / {asked}")
            continue
        if fitting:
            yield Finding(
                f"replica {workload.name}",
                short,
                f"fits on {_nodes(len(fitting))} / on each of {workload.nodes} nodes: {asked}. "
                f"Add such nodes, or lower models.{workload.name}.parallel.nodes.",
            )
            continue
        largest = max(usable, key=lambda node: [node.allocatable.get(resource, 0) for resource in wanted])
        offers = ", ".join(
            f"{quantity.show(largest.allocatable.get(resource, quantity.Quantity(0)))} {resource}"
            for resource in wanted
        )
        yield Finding(
            f"replica {workload.name}",
            short,
            f"no {name} node is large enough; {largest.name} has {offers} / {asked}. "
            f"Add larger nodes, or lower models.{workload.name}.accelerator.count or .resources.",
        )


def _driver(name: str, workloads: Sequence[Workload], nodes: Sequence[Node]) -> Iterator[Finding]:
    """Whether the nodes' driver supports the CUDA that the engine's image was built with."""
    engines = {workload.engine.cuda_major: workload.engine for workload in workloads}
    majors = [major for major in engines if major is not None]
    if not majors:
        return
    wanted = max(majors)
    engine = engines[wanted]
    told = {node.name: _cuda_major(node) for node in nodes}
    too_old = sorted(f"{node} has {major}" for node, major in told.items() if major is not None and major < wanted)
    untold = sorted(node for node, major in told.items() if major is None)
    want = f"CUDA {wanted}, for {engine.title} {engine.version}"
    if too_old:
        yield Finding(
            f"driver {name}",
            "FAIL",
            f"the driver is too old: {_some(too_old)} / {want}. Update the driver, or use an older engine version.",
        )
    elif untold:
        yield Finding(
            f"driver {name}",
            "warn",
            f"cannot be told: {_some(untold)} without label {CUDA_MAJOR_LABELS[0]} / {want}. "
            "See what nvidia-smi says on the node.",
        )
    else:
        lowest = min(major for major in told.values() if major is not None)
        yield Finding(f"driver {name}", "ok", f"CUDA {lowest} or newer / {want}")


def _cuda_major(node: Node) -> int | None:
    for label in CUDA_MAJOR_LABELS:
        if node.labels.get(label, "").isdecimal():
            return int(node.labels[label])
    return None


def _nodes(count: int) -> str:
    return f"{count} node{'' if count == 1 else 's'}"


def _some(names: Sequence[str]) -> str:
    """A few names, and how many more there are."""
    shown = 3
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more
