"""What one replica asks of its node, each value with its reason."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from blueprint.settings import KubernetesModel
from blueprint.settings.engine_vllm import ClusterVllm

Value_co = TypeVar("Value_co", covariant=True)

_SHM_GIB_PER_GPU = 2


@dataclass(frozen=True)
class Resolved(Generic[Value_co]):
    """A value and why it is what it is: given by the stack file, or derived."""

    value: Value_co
    why: str


def kv_offload_gib(model: KubernetesModel) -> int:
    """Memory that takes KV cache which no longer fits the GPUs, in GiB."""
    return (model.engine.kv_offload_gib or 0) if isinstance(model.engine, ClusterVllm) else 0


def cpu(model: KubernetesModel) -> Resolved[int]:
    """Processor cores to request."""
    if model.resources.cpu is not None:
        return Resolved(model.resources.cpu, "given: resources.cpu")
    gpus = model.gpus_per_pod
    if not gpus:
        return Resolved(4, "no GPU: the cores do the work, and how many is yours to say: resources.cpu")
    return Resolved(
        2 + 2 * gpus,
        f"2 for the API server and the engine core, which spin, and 2 for each of {gpus} GPU workers",
    )


def memory_gib(model: KubernetesModel) -> Resolved[int]:
    """Memory in GiB, request and limit alike."""
    if model.resources.memory_gib is not None:
        return Resolved(model.resources.memory_gib, "given: resources.memoryGiB")
    gpus = model.gpus_per_pod
    # Room for what NCCL and the engine may use of it, also where somebody gives less.
    shared = max(shm_gib(model).value, _SHM_GIB_PER_GPU * gpus)
    return Resolved(
        16 + 14 * gpus + shared,
        f"16 GiB for the processes, 14 for each of {gpus} GPUs, through which weights are loaded, and {shared} of "
        "shared memory; request equals limit, so that no neighbour's memory is used up",
    )


def shm_gib(model: KubernetesModel) -> Resolved[int]:
    """Size of /dev/shm in GiB."""
    if model.resources.shm_gib is not None:
        return Resolved(model.resources.shm_gib, "given: resources.shmGiB")
    gpus, offload = model.gpus_per_pod, kv_offload_gib(model)
    if gpus * model.parallel.nodes <= 1:
        size, why = 1, "at most one GPU: the engine's processes pass only messages; the 64 MB default is too small"
    else:
        size = _SHM_GIB_PER_GPU * gpus
        why = f"NCCL and the engine pass tensors of {gpus} GPUs through it; {_SHM_GIB_PER_GPU} GiB for each"
    if offload:
        why += f"; {offload} more for the KV cache that leaves the GPUs"
    return Resolved(size + offload, why)
