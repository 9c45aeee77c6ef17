"""What every rendered object keeps, whatever the settings: the traps of pods that serve models.

Each function gives a sentence per breach; none for objects that are right.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from blueprint.description import PART_OF

Objects = Mapping[str, Any]
"""Rendered objects by kind and name: ``Deployment/m``."""

PLATFORM = (
    *("Namespace", "ResourceQuota", "NetworkPolicy/llm-default-deny", "NetworkPolicy/llm-clients"),
    *("Secret/llm-hub-read", "DaemonSet", "Gateway", "PrometheusRule/llm-stack"),
    *(
        f"{kind}/llm-collector"
        for kind in ("ConfigMap", "Deployment", "NetworkPolicy", "Secret", "Service", "ServiceAccount")
    ),
    *("ConfigMap/llm-stack", "AlertmanagerConfig/llm-stack", "PodDisruptionBudget/llm-prometheus"),
    *(
        f"{kind}/llm-{part}"
        for part in ("prometheus", "alertmanager", "grafana", "loki", "jaeger", "blackbox")
        for kind in ("StatefulSet", "Deployment", "Service", "ServiceAccount", "Role", "ConfigMap", "NetworkPolicy")
    ),
    *("RoleBinding/llm-prometheus", "PodMonitor/llm-stack"),
)
"""What belongs to no model."""

_SETS = ("Deployment", "StatefulSet", "DaemonSet", "Job", "LeaderWorkerSet")
_MARGIN = 10  # seconds, from the end of a drain until SIGKILL
_SLOW = 5  # seconds that a busy engine may take to answer a probe
_SURE = 5  # failures before a restart


def breaches(objects: Objects) -> Iterator[str]:
    """Every breach of every object."""
    for key, item in objects.items():
        for pod in _templates(item):
            for rule in (isolation, rights, memory, spreading, probing, ending):
                yield from (f"{key}: {sentence}" for sentence in rule(pod))
    for rule in (names, rollouts, claims, budgets):
        yield from rule(objects)


def _templates(item: Any) -> Iterator[Any]:
    """The specs of the pods that an object makes."""
    if item["kind"] == "LeaderWorkerSet":
        templates = item["spec"]["leaderWorkerTemplate"]
        yield from (
            templates[part]["spec"] for part in ("leaderTemplate", "workerTemplate") if templates.get(part) is not None
        )
    elif item["kind"] in _SETS:
        yield item["spec"]["template"]["spec"]


def _containers(pod: Any) -> list[Any]:
    return [*(pod.get("initContainers") or []), *pod["containers"]]


def isolation(pod: Any) -> Iterator[str]:
    """Nothing of the node, of other pods or of the API server reaches a container but Prometheus; no root."""
    if pod.get("enableServiceLinks") is not False:
        yield "a Service called vllm would set VLLM_PORT"
    looks_for_pods = pod["containers"][0]["name"] == "prometheus"
    if pod.get("automountServiceAccountToken") is not looks_for_pods:
        yield "the API server's token is mounted"
    for field in ("hostIPC", "hostPID", "hostNetwork"):
        if pod.get(field):
            yield f"{field} is set"
    security = pod.get("securityContext", {})
    if security.get("runAsNonRoot") is not True or not security.get("runAsUser"):
        yield "it may run as root"
    if security.get("seccompProfile") != {"type": "RuntimeDefault"}:
        yield "no seccomp profile"


def rights(pod: Any) -> Iterator[str]:
    """No container gains privileges, and each is of a known version."""
    for container in _containers(pod):
        own = container.get("securityContext", {})
        if own.get("privileged") or own.get("allowPrivilegeEscalation") is not False:
            yield f"{container['name']} may gain privileges"
        if own.get("capabilities") != {"drop": ["ALL"]}:
            yield f"{container['name']} keeps capabilities"
        if own.get("runAsUser") == 0:
            yield f"{container['name']} is root"
        if ":latest" in container["image"] or ":" not in container["image"]:
            yield f"{container['name']}: {container['image']} is any version"


def memory(pod: Any) -> Iterator[str]:
    """Requests equal limits; shared memory is bounded, and a part of it."""
    limits = []
    for container in _containers(pod):
        requests, limit = container["resources"].get("requests", {}), container["resources"].get("limits", {})
        if not limit.get("memory") or requests.get("memory") != limit["memory"]:
            yield f"{container['name']}: memory of others is used up"
        if {k: v for k, v in requests.items() if "/" in k} != {k: v for k, v in limit.items() if "/" in k}:
            yield f"{container['name']}: GPUs requested and limited differ"
        limits.append(_gib(limit.get("memory", "0")))
    shared = [volume["emptyDir"] for volume in pod.get("volumes") or [] if "emptyDir" in volume]
    for source in shared:
        if "sizeLimit" not in source:
            yield "an empty directory without bounds"
        elif source.get("medium") == "Memory" and _gib(source["sizeLimit"]) >= max(limits):
            yield "shared memory leaves nothing of the memory"
    if _serves(pod) and not any(source.get("medium") == "Memory" for source in shared):
        yield "/dev/shm is 64 MB"


def _gib(quantity: str) -> float:
    for suffix, factor in {"Gi": 1.0, "Mi": 1 / 1024}.items():
        if quantity.endswith(suffix):
            return float(quantity.removesuffix(suffix)) * factor
    return float(quantity) / 2**30


def _serves(pod: Any) -> bool:
    return any("readinessProbe" in container and container["name"] == "engine" for container in pod["containers"])


def spreading(pod: Any) -> Iterator[str]:
    """Spreading is a wish: it never keeps a replica from a free GPU."""
    for constraint in pod.get("topologySpreadConstraints") or []:
        if constraint["whenUnsatisfiable"] != "ScheduleAnyway":
            yield "a replica waits although a GPU is free"


def probing(pod: Any) -> Iterator[str]:
    """A loading model is not killed, and a slow answer is an answer."""
    for container in pod["containers"]:
        probes = {name: probe for name, probe in container.items() if name.endswith("Probe")}
        if not probes:
            continue
        startup = probes.get("startupProbe")
        if startup is None:
            yield "liveness begins before the model is loaded"
        elif startup.get("initialDelaySeconds") or startup.get("timeoutSeconds", 1) > startup["periodSeconds"]:
            yield "the startup budget is not period x failures"
        for name, probe in probes.items():
            if probe.get("timeoutSeconds", 1) < _SLOW:
                yield f"{name}: a busy engine counts as failed"
            if probe.get("httpGet", {}).get("path", "").startswith("/v1"):
                yield f"{name} needs the engine's key"
        if probes.get("livenessProbe", {}).get("failureThreshold", _SURE) < _SURE:
            yield "livenessProbe: a restart costs a whole load, and is not sure"


def ending(pod: Any) -> Iterator[str]:
    """A drain ends before SIGKILL."""
    for container in pod["containers"]:
        if "lifecycle" not in container:
            continue
        before = container["lifecycle"]["preStop"]["sleep"]["seconds"]
        drains = [0] + [
            int(argument.partition("=")[2])
            for argument in container.get("args", ())
            # What answers no requests has none to drain: the workers of a replica on several nodes.
            if argument.startswith("--shutdown-timeout=") and "readinessProbe" in container
        ]
        if pod["terminationGracePeriodSeconds"] < before + max(drains) + _MARGIN:
            yield "SIGKILL comes before the drain has ended"


def names(objects: Objects) -> Iterator[str]:
    """No Service that vLLM would take for its port."""
    if "Service/vllm" in objects:
        yield "Service/vllm: every pod of the namespace gets VLLM_PORT"


def rollouts(objects: Objects) -> Iterator[str]:
    """A rollout moves, and a deadline leaves time to load."""
    for key, item in objects.items():
        if item["kind"] != "Deployment":
            continue
        how = item["spec"]["strategy"].get("rollingUpdate")
        if how is None or (how["maxSurge"] in (0, "0%") and how["maxUnavailable"] in (0, "0%")):
            yield f"{key}: a rollout neither adds nor takes away"
        startup = item["spec"]["template"]["spec"]["containers"][0].get("startupProbe")
        budget = startup["periodSeconds"] * startup["failureThreshold"] if startup else 0
        if item["spec"]["progressDeadlineSeconds"] <= budget:
            yield f"{key}: a rollout is called failed while a model loads"


def claims(objects: Objects) -> Iterator[str]:
    """A claim of one node is mounted by one replica at a time, also in a rollout."""
    for key, item in objects.items():
        if item["kind"] != "Deployment":
            continue
        for volume in item["spec"]["template"]["spec"].get("volumes") or []:
            name = volume.get("persistentVolumeClaim", {}).get("claimName")
            claim = objects.get(f"PersistentVolumeClaim/{name}", {"spec": {"accessModes": []}})
            surge = item["spec"]["strategy"]["rollingUpdate"]["maxSurge"]
            if "ReadWriteOnce" in claim["spec"]["accessModes"] and (item["spec"].get("replicas", 1) > 1 or surge):
                yield f"{key}: a second pod cannot mount {name}"


def _pod_labels(item: Any) -> Mapping[str, str]:
    spec = item["spec"]
    template = spec["leaderWorkerTemplate"]["leaderTemplate"] if "leaderWorkerTemplate" in spec else spec["template"]
    labels: Mapping[str, str] = template["metadata"]["labels"]
    return labels


def budgets(objects: Objects) -> Iterator[str]:
    """A budget always lets one replica go, and is about one model's pods."""
    for key, item in objects.items():
        if item["kind"] != "PodDisruptionBudget":
            continue
        spec = item["spec"]
        if "minAvailable" in spec or spec["maxUnavailable"] in (0, "0%"):
            yield f"{key}: a drain waits for ever"
        if spec.get("unhealthyPodEvictionPolicy") != "AlwaysAllow":
            yield f"{key}: a broken replica holds its node for ever"
        wanted = spec["selector"]["matchLabels"].items()
        selected = [
            other
            for other, made in objects.items()
            if made["kind"] in ("Deployment", "StatefulSet", "LeaderWorkerSet") and wanted <= _pod_labels(made).items()
        ]
        if len(selected) != 1:
            yield f"{key}: selects {selected}"


def unlabelled(objects: Objects, owners: Mapping[str, str | None]) -> Iterator[str]:
    """Objects without the project's label, or without the model and the owner they belong to."""
    part_of = dict([PART_OF])
    for key, item in objects.items():
        labels = item["metadata"].get("labels", {})
        if not part_of.items() <= labels.items():
            yield f"{key}: not of this project"
        if key.startswith(PLATFORM):
            continue
        model = labels.get("llm-inference/model")
        if model not in owners:
            yield f"{key}: of no model"
        elif labels.get("llm-inference/owner") != owners[model]:
            yield f"{key}: not of {owners[model]}"
