"""A model's replicas by llm-d's chart: our Deployment, said in the chart's values."""

from typing import Any

import pulumi_kubernetes as k8s
from pulumi import Resource

from blueprint.llm_d import Delivery
from blueprint.workload import Workload
from components.charts import chart_source
from components.labels import labels, selector
from components.place import Place

_CONTAINER_KEYS = ("name", "image", "imagePullPolicy", "command", "args", "env", "ports", "resources", "volumeMounts")
_TEMPLATED = ("env", "ports", "extraConfig")  # what the chart hands to Helm's template engine once more
_CACHE = "cache"


def release(name: str, place: Place, delivery: Delivery, *, values: Any, after: list[Resource]) -> None:
    """The Helm release of llm-d-modelservice. values: from chart_values."""
    workload = place.workload
    k8s.helm.v3.Release(
        f"{name}-release",
        name=workload.object_name,
        namespace=place.namespace,
        **chart_source(delivery.chart),
        values=values,
        # A failed upgrade would leave replicas of both versions, of which one serves nothing.
        atomic=True,
        timeout=workload.rollout_seconds,
        opts=place.opts(depends_on=after),
    )


def chart_values(workload: Workload, delivery: Delivery, deployment: Any) -> Any:
    """The values of llm-d-modelservice under which it runs what a Deployment of ours would.

    Where the chart has a key of its own the value stands there; the rest of pod and container goes to extraConfig.
    """
    pod = dict(deployment["template"]["spec"])
    containers = pod.pop("containers")
    cache = _cache_mount(containers)
    return {
        "fullnameOverride": workload.object_name,
        "serviceAccountOverride": pod.pop("serviceAccountName"),
        "multinode": False,
        "accelerator": {"type": "nvidia", "resources": {"nvidia": workload.gpu_resource}},
        "modelArtifacts": {
            "name": workload.name,
            "uri": delivery.uri,
            "size": f"{workload.storage.value.size_gib or 0}Gi",
            # The chart reads one key only, HF_TOKEN; env names any key.
            "authSecretName": "",
            "mountPath": cache["mountPath"],
            "readOnly": cache.get("readOnly", False),
            # They are the Deployment's selector too, which nothing can change: nothing that changes may be among them.
            "labels": {"llm-d.ai/inference-serving": "true", **selector(workload)},
        },
        "routing": {
            "servicePort": workload.engine.port,
            # It serves prefill apart from decode. The chart starts it with all capabilities, which the namespace's Pod
            # Security refuses, and by a tag that moves.
            "proxy": {"enabled": False},
        },
        "decode": {
            "create": True,
            "replicas": deployment["replicas"],
            "strategy": deployment["strategy"],
            "annotations": _annotations(workload),
            "podAnnotations": {**_annotations(workload), **deployment["template"]["metadata"].get("annotations", {})},
            "parallelism": {"tensor": workload.gpu_count, "data": 1, "dataLocal": 1, "workers": 1},
            # Ours selects these pods by the same labels; two would scrape each twice.
            "monitoring": {"podmonitor": {"enabled": False}},
            **{
                key: pod.pop(key)
                for key in (
                    "enableServiceLinks",
                    "initContainers",
                    "nodeSelector",
                    "priorityClassName",
                    "terminationGracePeriodSeconds",
                    "tolerations",
                )
                if key in pod
            },
            "volumes": [volume for volume in pod.pop("volumes") if volume["name"] != _CACHE],
            "extraConfig": escaped(pod),
            "containers": [_container(each) for each in containers],
        },
        "prefill": {"create": False},
    }


def _container(container: Any) -> Any:
    """One container in the chart's keys, started by our command and not by one that the chart makes up."""
    mounts = container.get("volumeMounts", [])
    own = {key: container[key] for key in _CONTAINER_KEYS if key in container}
    rest = {key: value for key, value in container.items() if key not in own}
    values = {
        **own,
        "modelCommand": "custom",
        "volumeMounts": [mount for mount in mounts if mount["name"] != _CACHE],
        "mountModelVolume": any(mount["name"] == _CACHE for mount in mounts),
        "extraConfig": rest,
    }
    return {key: escaped(value) if key in _TEMPLATED else value for key, value in values.items()}


def _cache_mount(containers: Any) -> Any:
    return next(mount for each in containers for mount in each["volumeMounts"] if mount["name"] == _CACHE)


def _annotations(workload: Workload) -> Any:
    """What says whose it is. As labels they would be part of the selector, and the chart has no others."""
    return {key: value for key, value in labels(workload).items() if key.startswith("llm-inference/")}


def escaped(value: Any) -> Any:
    """The value as it comes out of Helm's template engine unchanged."""
    if isinstance(value, dict):
        return {key: escaped(item) for key, item in value.items()}
    if isinstance(value, list):
        return [escaped(item) for item in value]
    return value.replace("{{", "{{`{{`}}") if isinstance(value, str) else value
