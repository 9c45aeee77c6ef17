"""The mistakes that people make about parallelism, and what each is answered with."""

from typing import Any

from tests.blueprint.mistakes import Mistake, wrong
from tests.blueprint.stack_files import DELETE, MODEL


def several(problem: str, remedy: str, **edit: Any) -> Mistake:
    """A mistake of a model on two nodes, found at their number."""
    return wrong("models.m.parallel", {"nodes": 2}, problem, remedy, at="models.m.parallel.nodes", also=BASE | edit)


BASE: dict[str, Any] = {"budget": DELETE}

PARALLEL_MISTAKES = {
    "division of more GPUs than there are": wrong(
        "models.m.parallel",
        {"tensor": 8},
        "tensor 8 x pipeline 1 is 8, and a replica has 4 GPUs",
        "Use tensor: 4 and pipeline: 1, or tensor: 2 and pipeline: 2, or tensor: 1 and pipeline: 4",
        also={"models.m.accelerator.count": 4, "models.m.scaling": {"min": 1, "max": 1}, **BASE},
    ),
    "division that forgets a node": wrong(
        "models.m.parallel",
        {"nodes": 2, "pipeline": 1},
        "tensor 2 x pipeline 1 is 2, and 2 nodes of 2 GPUs are 4",
        "Use tensor: 2 and pipeline: 2, or tensor: 1 and pipeline: 4, or tensor: 4 and pipeline: 1",
        also={"models.m.accelerator.count": 2, "models.m.scaling": {"min": 1, "max": 1}, **BASE},
    ),
    "tensor no power of two": wrong(
        "models.m.parallel", {"tensor": 3}, "3 is not allowed", "Use 1, 2", at="models.m.parallel.tensor"
    ),
    "no nodes": wrong(
        "models.m.parallel", {"nodes": 0}, "0 is below the smallest", "at least 1", at="models.m.parallel.nodes"
    ),
    "data parallel": wrong(
        "models.m.parallel", {"data": 2}, "unknown key", "nodes, pipeline, tensor", at="models.m.parallel.data"
    ),
    "nodes above quota": wrong(
        "models.m.parallel",
        {"nodes": 4},
        "8 GPUs cannot hold all replicas at their maximum, 10 (m 2 x 4 + other 2 x 1)",
        "Raise it to 10",
        at="cluster.accelerators.nvidia-l4.available",
        also=BASE,
    ),
    "nodes that are scaled by load": several(
        "is not scaled by load", "Use scaling min: 2 and max: 2", **{"models.m.scaling": {"min": 1, "max": 2}}
    ),
    "nodes that go to zero": several("is not scaled by load", "min: 2 and max: 2", **{"models.m.scaling.min": 0}),
    "nodes with a claim of one": several(
        "a ReadWriteOnce claim allows one",
        "accessMode: ReadWriteMany",
        **{"models.m.cache.accessMode": "ReadWriteOnce", "models.m.scaling": {"min": 1, "max": 1}},
    ),
    "nodes with a cache per replica": several(
        "cache.mode perReplica keeps them where another", "cache.mode: shared", **{"models.m.cache.mode": "perReplica"}
    ),
    "nodes with a cache of a node": several(
        "cache.mode node keeps them where another", "cache.mode: shared", **{"models.m.cache.mode": "node"}
    ),
    "name of a group's Service": wrong(
        "models.m-0",
        MODEL,
        "each replica of models.m has a Service and pods of this name",
        "does not end in a number",
        also={"models.m.parallel": {"nodes": 2}, **BASE},
    ),
    "offload above shared memory": wrong(
        "models.m.engine.kvOffloadGiB",
        20,
        "vLLM keeps these 20 GiB in /dev/shm, and resources.shmGiB is 20",
        "Use shmGiB above 20, or remove it",
        also={"models.m.resources.shmGiB": 20},
    ),
    "offload of half a GiB": wrong("models.m.engine.kvOffloadGiB", 0.5, "0.5 is not a whole number", "in GiB"),
}
