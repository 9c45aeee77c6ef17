"""Parallelism: a division that uses all GPUs, and several nodes only where everything else allows it."""

import re
from collections.abc import Iterator

from blueprint.description import Description, object_name
from blueprint.issues import Issue, KeyPath
from blueprint.parallel import MULTI_NODE_ENGINES, divisions, gpus_per_replica, resolve_parallel
from blueprint.resources import kv_offload_gib
from blueprint.settings import KubernetesModel

_SHOWN = 3


def check(description: Description) -> Iterator[Issue]:
    """Mistakes of how each model is divided."""
    for name, model in description.kubernetes_models():
        path = ("models", name)
        yield from _product(path, model)
        yield from _stages(path, model)
        yield from _offload(path, model)
        if model.parallel.nodes > 1:
            yield from _several_nodes(path, model)
            yield from _names(description, name, model)


def _product(path: KeyPath, model: KubernetesModel) -> Iterator[Issue]:
    parallel, count = resolve_parallel(model).value, model.gpus_per_pod
    gpus = gpus_per_replica(model)
    if parallel.tensor * parallel.pipeline == max(1, gpus):
        return
    fitting = [f"tensor: {tensor} and pipeline: {stages}" for tensor, stages in divisions(count, parallel.nodes)]
    where = f"{parallel.nodes} nodes of {count} GPUs are {gpus}" if parallel.nodes > 1 else f"a replica has {gpus} GPUs"
    yield Issue(
        path=(*path, "parallel"),
        problem=f"tensor {parallel.tensor} x pipeline {parallel.pipeline} is {parallel.tensor * parallel.pipeline}, "
        f"and {where}",
        remedy=f"Use {', or '.join(fitting[:_SHOWN])}; tensor parallel is fastest within a node.",
        reads=((*path, "accelerator"),),
    )


def _stages(path: KeyPath, model: KubernetesModel) -> Iterator[Issue]:
    pipeline = model.parallel.pipeline or 1
    if pipeline > 1 and model.engine.name not in MULTI_NODE_ENGINES:
        yield Issue(
            path=(*path, "parallel", "pipeline"),
            problem=f"engine {model.engine.name} does not cut a model into {pipeline} stages",
            remedy=f"Use {' or '.join(MULTI_NODE_ENGINES)}, or pipeline: 1.",
            reads=((*path, "engine"),),
        )


def _offload(path: KeyPath, model: KubernetesModel) -> Iterator[Issue]:
    offload, shm = kv_offload_gib(model), model.resources.shm_gib
    if offload and shm is not None and shm <= offload:
        yield Issue(
            path=(*path, "engine", "kvOffloadGiB"),
            problem=f"vLLM keeps these {offload} GiB in /dev/shm, and resources.shmGiB is {shm}",
            remedy=f"Use shmGiB above {offload}, or remove it: it follows from kvOffloadGiB.",
            reads=((*path, "resources", "shmGiB"),),
        )


def _several_nodes(path: KeyPath, model: KubernetesModel) -> Iterator[Issue]:
    nodes, scaling, cache = model.parallel.nodes, model.scaling, model.cache
    at = (*path, "parallel", "nodes")
    if model.engine.name not in MULTI_NODE_ENGINES:
        yield Issue(
            path=at,
            problem=f"engine {model.engine.name} runs on one node only, not on {nodes}",
            remedy=f"Use {' or '.join(MULTI_NODE_ENGINES)}, or nodes: 1.",
            reads=((*path, "engine"),),
        )
    if scaling.max > scaling.min or scaling.min == 0:
        yield Issue(
            path=at,
            problem=f"a replica of {nodes} nodes is not scaled by load: it comes or goes with all its GPUs after "
            f"minutes, and scaling has min: {scaling.min} and max: {scaling.max}",
            remedy=f"Use scaling min: {scaling.max} and max: {scaling.max}, or nodes: 1.",
            reads=((*path, "scaling"),),
        )
    if cache.mode in ("perReplica", "node"):
        yield Issue(
            path=at,
            problem=f"each of {nodes} nodes of a replica reads the weights, and cache.mode {cache.mode} keeps them "
            "where another node cannot",
            remedy="Use cache.mode: shared with accessMode: ReadWriteMany, or nodes: 1.",
            reads=((*path, "cache", "mode"),),
        )
    elif cache.mode == "shared" and cache.access_mode == "ReadWriteOnce":
        yield Issue(
            path=at,
            problem=f"each of {nodes} nodes of a replica mounts the weights, and a ReadWriteOnce claim allows one",
            remedy="Use cache.accessMode: ReadWriteMany with a storage class that offers it, or nodes: 1.",
            reads=((*path, "cache", "mode"), (*path, "cache", "accessMode")),
        )


def _names(description: Description, name: str, model: KubernetesModel) -> Iterator[Issue]:
    live = object_name(name, model.formerly)
    for other, its in description.kubernetes_models():
        if re.fullmatch(re.escape(live) + r"-\d+", object_name(other, its.formerly)):
            yield Issue(
                path=("models", other),
                problem=f"each replica of models.{name} has a Service and pods of this name, as it spans nodes",
                remedy="Use a name that does not end in a number.",
                reads=(("models", name, "parallel"), ("models", name, "formerly")),
            )
