"""The mistakes that people make about parallelism, and what each is answered with."""

from typing import Any

from tests.blueprint.mistakes import Mistake, wrong
from tests.blueprint.stack_files import DELETE, MODEL, PROD, edited

GROUPS = edited(PROD, {"models.m.parallel": {"nodes": 2}, "budget": DELETE})
"""PROD, whose model m has two nodes in a replica."""

_NODES = "models.m.parallel.nodes"

ALONE = {"models.m.scaling": {"min": 1, "max": 1}, "models.m.lifecycle.allowOutage": True}


def several(key: str, value: Any, problem: str, remedy: str, **also: Any) -> Mistake:
    """Something that a model on two nodes cannot have."""
    return wrong(key, value, problem, remedy, at=_NODES, also=also, base=GROUPS)


PARALLEL_MISTAKES = {
    "division of more GPUs than there are": wrong(
        "models.m.parallel",
        {"tensor": 8},
        "tensor 8 x pipeline 1 is 8, and a replica has 4 GPUs",
        "Use tensor: 4 and pipeline: 1, or tensor: 2 and pipeline: 2, or tensor: 1 and pipeline: 4",
        also={"models.m.accelerator.count": 4, **ALONE, "budget": DELETE},
    ),
    "division that forgets a node": wrong(
        "models.m.parallel",
        {"nodes": 2, "pipeline": 1},
        "tensor 2 x pipeline 1 is 2, and 2 nodes of 2 GPUs are 4",
        "Use tensor: 2 and pipeline: 2, or tensor: 1 and pipeline: 4, or tensor: 4 and pipeline: 1",
        also={"models.m.accelerator.count": 2, **ALONE},
        at="models.m.parallel",
        base=GROUPS,
    ),
    "tensor no power of two": wrong("models.m.parallel.tensor", 3, "3 is not allowed", "Use 1, 2, 4"),
    "no nodes": wrong("models.m.parallel.nodes", 0, "0 is below the smallest", "at least 1"),
    "data parallel": wrong("models.m.parallel.data", 2, "unknown key", "nodes, pipeline, tensor"),
    "nodes above quota": wrong(
        _NODES,
        4,
        "8 GPUs cannot hold all replicas at their maximum, 10 (m 2 x 4 + other 2 x 1)",
        "Raise it to 10",
        at="cluster.accelerators.nvidia-l4.available",
        base=GROUPS,
    ),
    "nodes that are scaled by load": several(
        "models.m.scaling.min", 1, "is not scaled by load", "Use scaling min: 2 and max: 2"
    ),
    "nodes that go to zero": several(
        "models.m.scaling",
        {"min": 0, "max": 2, "signals": {"external": {"name": "httpAddOn", "route": "m"}}},
        "is not scaled by load",
        "min: 2 and max: 2",
    ),
    "nodes with a claim of one": several(
        "models.m.cache.accessMode",
        "ReadWriteOnce",
        "a ReadWriteOnce claim allows one",
        "accessMode: ReadWriteMany",
        **ALONE,
    ),
    "nodes with a cache per replica": several(
        "models.m.cache.mode", "perReplica", "cache.mode perReplica keeps them where another", "cache.mode: shared"
    ),
    "nodes with a cache of a node": several(
        "models.m.cache",
        {"mode": "node", "sizeGiB": 10, "path": "/mnt/models", "nodes": ["gpu-1"]},
        "cache.mode node keeps them where another",
        "cache.mode: shared",
    ),
    "name of a group's Service": wrong(
        "models.m-0",
        MODEL,
        "each replica of models.m has a Service and pods of this name",
        "does not end in a number",
        base=GROUPS,
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
