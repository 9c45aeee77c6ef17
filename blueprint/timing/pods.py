"""What a replica's pods follow from: a change of any of it replaces them. Named as the stack file names it."""

from collections.abc import Mapping, Sequence
from typing import Any

from blueprint.settings.stack import SecretKey
from blueprint.workload import Workload


def inputs(workload: Workload, hub_token: SecretKey | None) -> Mapping[str, Any]:
    """By key, everything of the pods; tests hold it to the templates that the program makes.

    hub_token: existing Secret with a read token for the Hub, if the stack names one.
    """
    engine, storage, weights = workload.engine, workload.storage.value, workload.weights.value
    wanted, times, keys = workload.placement, workload.times.value, workload.keys
    return {
        # The first of these are labels of the pods.
        "the model's name": workload.name,
        "owner": workload.owner,
        "canary": workload.stable is not None,
        "engine.name": engine.name,
        "engine.version": engine.version,
        "image": (workload.image.value, workload.image_name),
        "engine (arguments)": flags(engine.arguments),
        "engine (arguments on further nodes)": flags(engine.worker_arguments),
        "engine (environment)": (engine.environment, engine.home, weights.offline),
        "engine (process)": (engine.command, engine.user_id, engine.health_path, engine.ready_path),
        "engine (ports)": (engine.port, engine.metrics_port),
        "accelerator": (workload.gpu_resource, workload.gpu_count, wanted.label, wanted.values),
        "parallel.nodes": workload.nodes,
        "placement": (wanted.spot, wanted.priority_class, workload.runtime_class),
        "resources": (workload.cpu.value, workload.memory_gib.value, workload.shm_gib.value),
        "cache": (storage.kind, storage.claim_name, storage.nodes, storage.kind == "emptyDir" and storage.size_gib),
        "cache (compiled kernels)": (workload.compile_cache.value, engine.compile_cache_variables),
        "source": (storage.image, weights.secret, weights.pull_secret),
        "weights": weights.models if weights.in_pod else (),
        "images (pull secret)": workload.pull_secret,
        "huggingface.hubReadSecret": hub_token if weights.asks_hub or weights.in_pod else None,
        "lifecycle.drainSeconds": (times.pre_stop, times.grace),
        "lifecycle.startupMinutes": times.startup,
        "lifecycle.warmUp": (workload.warm_up, engine.served_name, engine.python) if workload.warm_up else False,
        "expose (keys)": keys.value if keys else None,
        "monitoring.collector": workload.traces,
        "llmD": workload.llm_d.value if workload.llm_d else None,
    }


def flags(arguments: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    """Arguments by flag. What stands before the first one is under an empty name."""
    found: dict[str, tuple[str, ...]] = {}
    flag = ""
    for argument in arguments:
        if argument.startswith("--"):
            flag, equals, value = argument.partition("=")
            found[flag] = (*found.get(flag, ()), *((value,) if equals else ()))
        else:
            found[flag] = (*found.get(flag, ()), argument)
    return found


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """The keys that differ; of arguments the flags, too, without their values, which may be nobody's business."""
    found = []
    for key, value in after.items():
        old = before.get(key)
        if old == value:
            continue
        if isinstance(value, Mapping) and isinstance(old, Mapping):
            names = sorted(name for name in {*old, *value} if old.get(name) != value.get(name))
            found.append(f"{key}: {', '.join(names)}")
        else:
            found.append(key)
    return found


def fixed(workload: Workload) -> Mapping[str, Any]:
    """What Kubernetes cannot change of the objects that hold weights; a change replaces them."""
    storage = workload.storage.value
    match storage.kind:
        case "claimPerReplica":
            return {
                "cache.sizeGiB": storage.size_gib,
                "cache.accessMode": storage.access_mode,
                "cache.storageClass": storage.storage_class,
            }
        case "claim" | "node":
            return {
                "cache.mode": storage.kind,
                "cache.accessMode": storage.access_mode,
                "cache.storageClass": storage.storage_class,
                "cache.path": storage.path,
            }
    return {}
