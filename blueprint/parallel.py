"""How one replica divides a model over GPUs and nodes."""

from collections.abc import Sequence

from blueprint.engines.parallel import Parallel
from blueprint.resources import Resolved
from blueprint.settings import KubernetesModel

MULTI_NODE_ENGINES = ("vllm", "sglang")
"""Engines whose processes on several nodes find one another by an address and a rank, without Ray."""


def gpus_per_replica(model: KubernetesModel) -> int:
    """GPUs that all nodes of one replica hold together."""
    return model.gpus_per_pod * model.parallel.nodes


def resolve_parallel(model: KubernetesModel) -> Resolved[Parallel]:
    """The division that is given, else: tensor parallel within a node, a pipeline stage for each node."""
    given, count = model.parallel, model.gpus_per_pod
    parallel = Parallel(
        tensor=given.tensor or max(1, count),
        pipeline=given.pipeline or given.nodes,
        nodes=given.nodes,
    )
    if given.tensor is None and given.pipeline is None:
        if parallel.nodes > 1:
            why = (
                f"every layer is shared by the {count} GPUs of a node, whose links are faster than the network; each "
                f"of {parallel.nodes} nodes is one stage"
            )
        else:
            why = "at most one GPU: nothing is divided" if count <= 1 else f"every layer is shared by the {count} GPUs"
    elif parallel.tensor > count:
        why = (
            f"given: parallel; every layer waits for the network, as tensor: {parallel.tensor} spans nodes of {count} "
            f"GPUs; tensor: {count} with pipeline: {parallel.nodes} passes less over it"
        )
    else:
        why = "given: parallel; tensor parallel stays within a node, whose links are faster than the network"
    return Resolved(parallel, why)


def divisions(count: int, nodes: int) -> Sequence[tuple[int, int]]:
    """Tensor and pipeline sizes that use all GPUs, best first: those that keep tensor parallel within a node."""
    gpus = count * nodes
    tensors = [2**power for power in range(7) if gpus % 2**power == 0]
    within = [tensor for tensor in reversed(tensors) if tensor <= count]
    return [(tensor, gpus // tensor) for tensor in (*within, *(tensor for tensor in tensors if tensor > count))]
