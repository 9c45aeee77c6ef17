"""When an object is ready, by kind. Rules: pulumi-kubernetes, pkg/await, and its documentation."""

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from lab.engine import paths
from lab.engine.cluster.api import Api, Object
from lab.engine.provider import ProviderError


@dataclass(frozen=True)
class Verdict:
    """Not yet; text says what is missing."""

    text: str


class Done(Verdict):
    """Ready."""


class Failed(Verdict):
    """It will not become ready by itself."""


Condition = Callable[[Api, Object], Awaitable[Verdict]]
_DONE = Done("")


def _plain(judge: Callable[[Object], Verdict]) -> Condition:
    async def condition(_api: Api, obj: Object) -> Verdict:
        return judge(obj)

    return condition


def deployment(obj: Object) -> Verdict:
    """All replicas are of the new template and available, and none of an old one is left."""
    spec, status = obj["spec"], obj.get("status", {})
    if status.get("observedGeneration", 0) < obj["metadata"].get("generation", 0):
        return Verdict("Waiting for the controller to see the change")
    progressing = condition_of(obj, "Progressing")
    if progressing.get("status") == "False":
        return Failed(f"[{progressing.get('reason')}] {progressing.get('message')}")
    wanted = spec.get("replicas", 1)
    updated, available = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
    if updated < wanted or available < wanted:
        return Verdict(f"Waiting for its pods to be available ({min(updated, available)}/{wanted}){_refused(obj)}")
    if status.get("replicas", 0) > updated:
        return Verdict(f"Waiting for {status['replicas'] - updated} old pods to end")
    return _DONE


def _refused(obj: Object) -> str:
    """What the API server says when it takes no more pods, by a quota for one: nobody should wait to learn that."""
    failure = condition_of(obj, "ReplicaFailure")
    return f": [{failure['reason']}] {failure['message']}" if failure.get("status") == "True" else ""


def stateful_set(obj: Object) -> Verdict:
    """All replicas are of the new revision and ready."""
    spec, status = obj["spec"], obj.get("status", {})
    if status.get("observedGeneration", 0) < obj["metadata"].get("generation", 0):
        return Verdict("Waiting for the controller to see the change")
    wanted = spec.get("replicas", 1)
    ready, updated = status.get("readyReplicas", 0), status.get("updatedReplicas", 0)
    if ready < wanted or updated < wanted:
        return Verdict(f"Waiting for its pods to be ready ({min(ready, updated)}/{wanted})")
    return _DONE


def daemon_set(obj: Object) -> Verdict:
    """One ready pod of the new template on every node that should have one."""
    status = obj.get("status", {})
    if status.get("observedGeneration", 0) < obj["metadata"].get("generation", 0):
        return Verdict("Waiting for the controller to see the change")
    wanted = status.get("desiredNumberScheduled", 0)
    ready = min(status.get("numberReady", 0), status.get("updatedNumberScheduled", 0))
    return _DONE if ready >= wanted else Verdict(f"Waiting for its pods to be ready ({ready}/{wanted})")


def job(obj: Object) -> Verdict:
    """It has completed."""
    failed = condition_of(obj, "Failed")
    if failed.get("status") == "True":
        return Failed(f"[{failed.get('reason')}] {failed.get('message')}")
    if condition_of(obj, "Complete").get("status") == "True":
        return _DONE
    return Verdict(f"Waiting for it to complete ({obj.get('status', {}).get('active', 0)} pods active)")


def pod(obj: Object) -> Verdict:
    """It is ready, or has done its work."""
    phase = obj.get("status", {}).get("phase")
    if phase == "Failed":
        return Failed(obj["status"].get("message") or "the pod failed")
    if phase == "Succeeded" or condition_of(obj, "Ready").get("status") == "True":
        return _DONE
    return Verdict(f"Waiting for the pod to be ready ({phase})")


def claim(obj: Object) -> Verdict:
    """It is bound; a class that binds at first use is not waited for."""
    phase = obj.get("status", {}).get("phase")
    if phase == "Lost":
        return Failed("the claim has lost its volume")
    return _DONE if phase == "Bound" else Verdict(f"Waiting for the claim to be bound ({phase})")


async def bindable_claim(api: Api, obj: Object) -> Verdict:
    """As claim, with a look at when its class binds."""
    name = obj["spec"].get("storageClassName")
    if name:
        found = await api.get({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": name}})
        if found and found.get("volumeBindingMode") == "WaitForFirstConsumer":
            return _DONE
    return claim(obj)


def definition(obj: Object) -> Verdict:
    """The server serves the new kind."""
    names = condition_of(obj, "NamesAccepted")
    if names.get("status") == "False":
        return Failed(f"[{names.get('reason')}] {names.get('message')}")
    return _DONE if condition_of(obj, "Established").get("status") == "True" else Verdict("Waiting to be established")


def namespace(obj: Object) -> Verdict:
    """It takes objects."""
    phase = obj.get("status", {}).get("phase")
    return _DONE if phase == "Active" else Verdict(f"Waiting for the namespace to be active ({phase})")


async def service(api: Api, obj: Object) -> Verdict:
    """It has an address where it needs one, and no pod behind it is unready. No pod at all is fine."""
    spec = obj["spec"]
    if spec.get("type") == "ExternalName" or spec.get("clusterIP") == "None" or not spec.get("selector"):
        return _DONE
    if spec.get("type") == "LoadBalancer" and not obj.get("status", {}).get("loadBalancer", {}).get("ingress"):
        return Verdict("Waiting for a load balancer's address")
    metadata = obj["metadata"]
    slices = await api.objects(
        "discovery.k8s.io/v1",
        "EndpointSlice",
        metadata["namespace"],
        f"kubernetes.io/service-name={metadata['name']}",
    )
    endpoints = [endpoint for item in slices for endpoint in item.get("endpoints") or []]
    waiting = [item for item in endpoints if not item.get("conditions", {}).get("ready")]
    return Verdict(f"Waiting for {len(waiting)} pods behind it to be ready") if waiting else _DONE


def ingress(obj: Object) -> Verdict:
    """A controller has given it an address."""
    there = obj.get("status", {}).get("loadBalancer", {}).get("ingress")
    return _DONE if there else Verdict("Waiting for an ingress controller to give it an address")


_BY_KIND: dict[tuple[str, str], Condition] = {
    ("apps/v1", "Deployment"): _plain(deployment),
    ("apps/v1", "StatefulSet"): _plain(stateful_set),
    ("apps/v1", "DaemonSet"): _plain(daemon_set),
    ("batch/v1", "Job"): _plain(job),
    ("v1", "Pod"): _plain(pod),
    ("v1", "PersistentVolumeClaim"): bindable_claim,
    ("v1", "Namespace"): _plain(namespace),
    ("v1", "Service"): service,
    ("networking.k8s.io/v1", "Ingress"): _plain(ingress),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"): _plain(definition),
}
_JSONPATH = re.compile(r"jsonpath=\{?\.?([^=}]+)\}?(?:=(.*))?\Z")
_CONDITION = re.compile(r"condition=([^=]+)(?:=(.*))?\Z")


def condition_for(api_version: str, kind: str) -> Condition | None:
    """What is waited for; None for kinds that are ready when they exist, custom ones among them."""
    return _BY_KIND.get((api_version, kind))


def custom_condition(text: str) -> Condition:
    """What pulumi.com/waitFor says: condition=TYPE[=STATUS], jsonpath={.a.b[0].c}[=VALUE], or a JSON array of them.

    Of JSONPath: member names and list indexes. Raises ProviderError for anything else.
    """
    wanted = json.loads(text) if text.startswith("[") else [text]
    judges = [_judge(item) for item in wanted]

    def judge(obj: Object) -> Verdict:
        open_ = [item for item, holds in judges if not holds(obj)]
        return Verdict(f"Waiting for {' and '.join(open_)}") if open_ else _DONE

    return _plain(judge)


def _judge(text: str) -> tuple[str, Callable[[Object], bool]]:
    if match := _CONDITION.match(text):
        type_, status = match.groups()
        return text, lambda obj: _is(obj, condition_of(obj, type_), status or "True")
    match = _JSONPATH.match(text)
    if not match or any(mark in match[1] for mark in "*?@:"):
        raise ProviderError(
            f"pulumi.com/waitFor: {text!r} is not supported; "
            "use condition=TYPE[=STATUS] or jsonpath={.a.b[0]}[=VALUE]."
        )
    path, value = paths.parse(match[1]), match[2]
    missing = object()

    def holds(obj: Object) -> bool:
        if _is_stale(obj, obj.get("status", {}).get("observedGeneration")):
            return False
        found: Any = paths.get(obj, path, missing)
        return found is not missing and (value is None or _text(found) == value)

    return text, holds


def _is(obj: Object, condition: dict[str, Any], status: str) -> bool:
    """As kubectl wait: what a controller said of an older state of the object says nothing of this one."""
    seen = condition.get("observedGeneration", obj.get("status", {}).get("observedGeneration"))
    return condition.get("status") == status and not _is_stale(obj, seen)


def _is_stale(obj: Object, seen: int | None) -> bool:
    return seen is not None and seen < obj["metadata"].get("generation", 0)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def condition_of(obj: Object, type_: str) -> dict[str, Any]:
    """A condition of the object's status; empty when it has none of that type."""
    conditions = obj.get("status", {}).get("conditions") or []
    found: dict[str, Any] = next((item for item in conditions if item["type"] == type_), {})
    return found
