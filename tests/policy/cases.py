"""For every rule, an object that breaks it and breaks no other, beside a twin that breaks none."""

import copy
from typing import Any

COMMIT = "0123456789abcdef0123456789abcdef01234567"
PINNED = f"--revision={COMMIT}"
ENGINE = {
    "name": "engine",
    "image": "registry.example.com/vllm@sha256:" + "0" * 64,
    "command": ["vllm", "serve"],
    "args": ["org/model", PINNED, "--port=8000"],
    "env": [
        {"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "hub", "key": "token"}}},
        {"name": "API_KEYS_FILE", "value": "/run/keys"},
    ],
    "ports": [{"name": "http", "containerPort": 8000}],
    "resources": {
        "requests": {"cpu": "4", "memory": "16Gi", "nvidia.com/gpu": "1"},
        "limits": {"memory": "16Gi", "nvidia.com/gpu": "1"},
    },
    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    "startupProbe": {"httpGet": {"path": "/health", "port": "http"}, "periodSeconds": 10, "failureThreshold": 60},
    "readinessProbe": {"httpGet": {"path": "/health", "port": "http"}},
    "livenessProbe": {"httpGet": {"path": "/health", "port": "http"}, "periodSeconds": 10, "failureThreshold": 6},
    "lifecycle": {"preStop": {"sleep": {"seconds": 15}}},
}
POD = {
    "automountServiceAccountToken": False,
    "terminationGracePeriodSeconds": 120,
    "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
    "nodeSelector": {"nvidia.com/gpu.product": "NVIDIA-L4"},
    "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}],
    "containers": [ENGINE],
    "volumes": [{"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "2Gi"}}],
}
OBJECTS: dict[str, dict[str, Any]] = {
    "Deployment": {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "m", "labels": {"llm-inference/owner": "team-search"}},
        "spec": {"template": {"spec": POD}},
    },
    "Service": {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "m"},
        "spec": {"type": "ClusterIP", "ports": [{"port": 80}]},
    },
    "Ingress": {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "m"},
        "spec": {"rules": [{"host": "m.example.com"}], "tls": [{"hosts": ["m.example.com"], "secretName": "m"}]},
    },
    "NetworkPolicy": {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "m"},
        "spec": {"podSelector": {}, "ingress": [{"from": [{"podSelector": {}}]}]},
    },
    "HorizontalPodAutoscaler": {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "m"},
        "spec": {"minReplicas": 1, "maxReplicas": 4},
    },
    "ScaledObject": {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": "m"},
        "spec": {"minReplicaCount": 1, "maxReplicaCount": 4},
    },
    "PodDisruptionBudget": {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "m"},
        "spec": {"maxUnavailable": 1},
    },
}
ENDPOINT_TYPE = "pulumi-python:dynamic/hf:Endpoint"
ENDPOINT = {
    "body": {
        "name": "m",
        "type": "protected",
        "tags": ["owner:team-search"],
        "model": {"repository": "org/model", "revision": COMMIT},
        "provider": {"vendor": "aws", "region": "us-east-1"},
        "compute": {
            "instanceType": "nvidia-l4",
            "instanceSize": "x1",
            "scaling": {"minReplica": 0, "maxReplica": 2, "scaleToZeroTimeout": 15},
        },
    }
}
GONE = object()

ENGINE_PATH = ("spec", "template", "spec", "containers", 0)
_POD = ("spec", "template", "spec")

# By rule: kind, and what is laid where.
_BROKEN: dict[str, list[tuple[str, tuple[Any, ...], Any]]] = {
    "image-by-digest": [
        ("Deployment", (*ENGINE_PATH, "image"), "registry.example.com/vllm:latest"),
        ("Deployment", (*ENGINE_PATH, "image"), None),
        ("Deployment", (*_POD, "initContainers"), [{**ENGINE, "image": "busybox", "ports": []}]),
    ],
    "pod-security-restricted": [
        ("Deployment", (*_POD, "hostNetwork"), True),
        ("Deployment", (*_POD, "volumes"), [{"name": "host", "hostPath": {"path": "/"}}]),
        ("Deployment", (*ENGINE_PATH, "securityContext", "capabilities"), GONE),
        ("Deployment", (*_POD, "securityContext", "runAsUser"), 0),
        ("Deployment", (*_POD, "securityContext"), GONE),
    ],
    "gpus-whole": [
        ("Deployment", (*ENGINE_PATH, "resources", "limits", "nvidia.com/gpu"), "0.5"),
        ("Deployment", (*ENGINE_PATH, "resources", "requests", "nvidia.com/gpu"), "2"),
        (
            "Deployment",
            (*_POD, "initContainers"),
            [{**ENGINE, "ports": [], "resources": {"requests": {"nvidia.com/gpu": 1}}}],
        ),
    ],
    "gpus-placed": [
        ("Deployment", (*_POD, "tolerations"), GONE),
        ("Deployment", (*_POD, "nodeSelector"), GONE),
        ("Deployment", (*_POD, "nodeSelector"), {}),
    ],
    "memory-bounded": [("Deployment", (*ENGINE_PATH, "resources", "limits", "memory"), GONE)],
    "shared-memory-bounded": [("Deployment", (*_POD, "volumes", 0, "emptyDir", "sizeLimit"), GONE)],
    "start-has-time": [
        ("Deployment", (*ENGINE_PATH, "startupProbe"), GONE),
        ("Deployment", (*ENGINE_PATH, "startupProbe", "failureThreshold"), 3),
    ],
    "hanging-engine-restarts": [
        ("Deployment", (*ENGINE_PATH, "livenessProbe"), GONE),
        ("Deployment", (*ENGINE_PATH, "livenessProbe", "failureThreshold"), 1),
    ],
    "ready-before-traffic": [("Deployment", (*ENGINE_PATH, "readinessProbe"), GONE)],
    "answers-end": [
        ("Deployment", (*ENGINE_PATH, "lifecycle"), GONE),
        ("Deployment", (*_POD, "terminationGracePeriodSeconds"), GONE),
        ("Deployment", (*_POD, "terminationGracePeriodSeconds"), 45),
        ("Deployment", (*ENGINE_PATH, "lifecycle", "preStop", "sleep", "seconds"), 120),
    ],
    "no-remote-code": [
        ("Deployment", (*ENGINE_PATH, "args"), ["org/model", PINNED, "--trust-remote-code"]),
        ("Deployment", (*ENGINE_PATH, "args"), ["org/model", PINNED, "--trust_remote_code=true"]),
        ("Deployment", (*ENGINE_PATH, "env"), [{"name": "TRUST_REMOTE_CODE", "value": "true"}]),
    ],
    "secrets-by-reference": [
        ("Deployment", (*ENGINE_PATH, "env"), [{"name": "HF_TOKEN", "value": "a-canary-in-clear"}]),
        ("Deployment", (*ENGINE_PATH, "env"), [{"name": "api_key", "value": "a-canary-in-clear"}]),
        ("Deployment", (*ENGINE_PATH, "args"), ["org/model", PINNED, "--api-key", "a-canary-in-clear"]),
        ("Deployment", (*ENGINE_PATH, "args"), ["org/model", PINNED, "--api-key=in clear"]),
    ],
    "weights-pinned": [
        ("Deployment", (*ENGINE_PATH, "args"), ["org/model"]),
        ("Deployment", (*ENGINE_PATH, "args"), ["org/model", "--revision=main"]),
        ("Deployment", (*ENGINE_PATH, "args"), ["org/model", "--revision", "v1"]),
        ("Deployment", (*ENGINE_PATH, "args"), ["--model-id=org/model"]),
    ],
    "no-management-token": [
        (
            "Deployment",
            (*ENGINE_PATH, "env"),
            [{"name": "HF_ENDPOINTS_TOKEN", "valueFrom": {"secretKeyRef": {"name": "hub", "key": "token"}}}],
        ),
        (
            "Deployment",
            (*ENGINE_PATH, "env"),
            [{"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "hf-endpoints-token", "key": "token"}}}],
        ),
        ("Deployment", (*ENGINE_PATH, "envFrom"), [{"secretRef": {"name": "endpoints-management-token"}}]),
        ("Deployment", (*_POD, "volumes"), [{"name": "hf", "secret": {"secretName": "hf-endpoints-token"}}]),
    ],
    "no-cluster-token": [
        ("Deployment", (*_POD, "automountServiceAccountToken"), GONE),
        ("Deployment", (*_POD, "automountServiceAccountToken"), True),
    ],
    "services-inside": [
        ("Service", ("spec", "type"), "LoadBalancer"),
        ("Service", ("spec", "type"), "NodePort"),
        ("Service", ("spec", "externalIPs"), ["203.0.113.7"]),
    ],
    "tls-at-the-door": [
        ("Ingress", ("spec", "tls"), GONE),
        ("Ingress", ("spec", "tls", 0, "hosts"), ["other.example.com"]),
        ("Ingress", ("spec", "rules", 0, "host"), GONE),
    ],
    "policies-name-peers": [
        ("NetworkPolicy", ("spec", "ingress", 0, "from"), GONE),
        ("NetworkPolicy", ("spec", "ingress", 0, "from"), []),
    ],
    "scaling-bounded": [
        ("HorizontalPodAutoscaler", ("spec", "minReplicas"), 5),
        ("ScaledObject", ("spec", "maxReplicaCount"), GONE),
    ],
    "drains-possible": [
        ("PodDisruptionBudget", ("spec", "maxUnavailable"), 0),
        ("PodDisruptionBudget", ("spec",), {"minAvailable": "100%"}),
    ],
    "owner-named": [("Deployment", ("metadata", "labels"), GONE)],
}
_BROKEN_ENDPOINTS: dict[str, list[tuple[tuple[Any, ...], Any]]] = {
    "endpoint-revision-pinned": [(("model", "revision"), "main"), (("model", "revision"), GONE)],
    "endpoint-access": [(("type",), "public")],
    "endpoint-bounded": [
        (("compute", "scaling", "maxReplica"), GONE),
        (("compute", "scaling", "scaleToZeroTimeout"), GONE),
    ],
    "endpoint-owned": [(("tags",), ["team:search"]), (("tags",), GONE)],
}
# It breaks the profile, too.
PRIVILEGED = ("Deployment", (*ENGINE_PATH, "securityContext", "privileged"), True)


def laid(whole: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A copy with a value at a path, or nothing there."""
    changed = copy.deepcopy(whole)
    holder = changed
    for key in path[:-1]:
        holder = holder[key]
    if value is GONE:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    return changed


def resource_type(manifest: Any) -> str:
    """The type that Pulumi has for a plain object."""
    version = manifest["apiVersion"]
    return f"kubernetes:{version if '/' in version else 'core/' + version}:{manifest['kind']}"


BROKEN = [(rule, laid(OBJECTS[kind], path, value)) for rule, cases in _BROKEN.items() for kind, path, value in cases]
"""A rule, and a plain object that breaks it and no other."""

BROKEN_ENDPOINTS = [
    (rule, laid(ENDPOINT, ("body", *path), value)) for rule, cases in _BROKEN_ENDPOINTS.items() for path, value in cases
]
