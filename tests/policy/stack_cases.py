"""For every rule about a stack as a whole: what makes a stack that breaks none of them break it, and no other."""

import copy
from typing import Any

from tests.policy.cases import COMMIT, ENDPOINT, ENDPOINT_TYPE, ENGINE, ENGINE_PATH, GONE, OBJECTS, PINNED, laid

SELECTOR = {"app": "m"}
_SERVICE = {"service": {"name": "m", "port": {"number": 80}}}
_KEYED = {"name": "VLLM_API_KEY", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "key"}}}


def _object(version: str, kind: str, spec: Any, *, name: str = "m", **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": name, "namespace": "llm", **metadata},
        "spec": spec,
    }


def _deployment() -> dict[str, Any]:
    spec = copy.deepcopy(OBJECTS["Deployment"]["spec"])
    spec["strategy"] = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    spec["template"]["metadata"] = {"labels": {**SELECTOR, "llm-inference/model": "m"}}
    spec["template"]["spec"]["containers"][0]["env"] = [*ENGINE["env"], _KEYED]
    return _object("apps/v1", "Deployment", spec, labels={"llm-inference/owner": "team-search"})


STACK: dict[str, Any] = {
    "model": _deployment(),
    "network": _object(
        "networking.k8s.io/v1",
        "NetworkPolicy",
        {
            "podSelector": {"matchLabels": dict(SELECTOR)},
            "policyTypes": ["Ingress"],
            "ingress": [{"from": [{"podSelector": {}}]}],
        },
    ),
    "monitor": _object("monitoring.coreos.com/v1", "PodMonitor", {"selector": {"matchLabels": dict(SELECTOR)}}),
    "alerts": _object(
        "monitoring.coreos.com/v1",
        "PrometheusRule",
        {"groups": [{"name": "m", "rules": [{"alert": "Silent", "expr": "absent(up)", "labels": {"model": "m"}}]}]},
    ),
    "service": _object("v1", "Service", {"type": "ClusterIP", "selector": dict(SELECTOR), "ports": [{"port": 80}]}),
    "route": _object(
        "gateway.networking.k8s.io/v1",
        "HTTPRoute",
        {"rules": [{"backendRefs": [{"name": "m", "port": 80}], "timeouts": {"request": "0s"}}]},
    ),
    "ingress": _object(
        "networking.k8s.io/v1",
        "Ingress",
        {
            "ingressClassName": "nginx",
            "tls": [{"hosts": ["m.example.com"]}],
            "rules": [{"host": "m.example.com", "http": {"paths": [{"path": "/v1/models", "backend": _SERVICE}]}}],
        },
        annotations={"nginx.ingress.kubernetes.io/proxy-read-timeout": "300"},
    ),
    "scaler": _object(
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        {
            "minReplicas": 1,
            "maxReplicas": 4,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "m"},
        },
    ),
    # Four replicas, and one more in a rollout.
    "quota": _object("v1", "ResourceQuota", {"hard": {"requests.nvidia.com/gpu": "5"}}, name="gpus"),
    "claim": _object("v1", "PersistentVolumeClaim", {"accessModes": ["ReadWriteMany"]}),
    "endpoint": ENDPOINT,
}
"""By name of the resource. It keeps every rule under LIMITS and CONFIG."""

UNPROTECTED = "unprotected"
"""In place of a path: without Pulumi's option protect."""

LIMITS: dict[str, Any] = {
    "namespaces": ["llm"],
    "accelerators": ["nvidia-l4"],
    "registries": ["registry.example.com/"],
    "licences": ["apache-2.0", "other/of-our-own"],
    "endpointRegions": ["aws/us-east-1"],
    "endpointInstances": ["nvidia-l4/x1"],
    "endpointMonthlyUsd": 1500,
    "endpointsSleep": True,
    "publicAccess": False,
    "protected": True,
}
"""Of policy/stacks.yaml."""

CONFIG: dict[str, Any] = {
    # 4 x 2 x 730 for the model, 2 x 1 x 730 for the endpoint.
    "budget": {"monthlyUsd": 7300, "models": {"m": 5840, "endpoint": 1460}, "owners": {"team-search": 7300}},
    "cluster": {"accelerators": {"nvidia-l4": {"available": 5, "hourlyUsd": 2}}},
    "huggingface": {"hourlyUsd": {"nvidia-l4/x1": 1}},
}
"""Of the stack file. Prices are the tests' own."""

_KNOWN = {"how": "resolved", "source": "the tests", "date": "2026-01-02"}
LOCK: dict[str, Any] = {
    "version": 1,
    "models": {
        f"org/{name}@main": {"sha": COMMIT, "known": _KNOWN, **terms}
        for name, terms in {
            "model": {"licence": "apache-2.0"},
            "ours": {"licence": "other", "licence_name": "of-our-own"},
            "closed": {"licence": "cc-by-nc-4.0"},
            "theirs": {"licence": "other", "licence_name": "of-theirs"},
            "unsaid": {},
        }.items()
    },
}
"""Of models.lock.yaml."""

_POD = ENGINE_PATH[:3]
_EXPRESSION = {"key": "cloud.google.com/gke-accelerator", "operator": "In", "values": ["nvidia-l4", "nvidia-tesla-t4"]}
_REQUIRED = {"nodeSelectorTerms": [{"matchExpressions": [_EXPRESSION]}]}
_ASKING = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": _REQUIRED}}
_ROUTE = ("spec", "rules", 0)
_STATEFUL = _object(
    "apps/v1",
    "StatefulSet",
    {
        "template": {"metadata": {"labels": {"app": "cache"}}, "spec": {"containers": []}},
        "volumeClaimTemplates": [{"metadata": {"name": "cache"}}],
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete"},
    },
    name="cache",
)
_SECOND = _object(
    "keda.sh/v1alpha1", "ScaledObject", {"maxReplicaCount": 2, "scaleTargetRef": {"name": "m"}, "triggers": []}
)
_SERVICES_OWN = _object("monitoring.coreos.com/v1", "ServiceMonitor", {"selector": {"matchLabels": {"app": "other"}}})

_ARGS = (*ENGINE_PATH, "args")
_FETCH = _object("batch/v1", "Job", {"template": {"spec": {"containers": []}}}, name="fetch")


def _fetching(*words: str) -> dict[str, Any]:
    pod = copy.deepcopy(OBJECTS["Deployment"]["spec"]["template"]["spec"])
    container = {key: pod["containers"][0][key] for key in ("name", "image", "securityContext")}
    pod["containers"] = [{**container, "command": ["python3", "-m", "download"], "args": list(words)}]
    return laid(_FETCH, ("spec", "template", "spec"), pod)


# By rule: which resource, and what is laid where; a whole resource for a path of no keys.
_BROKEN: dict[str, list[tuple[str, Any, Any]]] = {
    "models-isolated": [
        ("network", (), GONE),
        ("network", ("spec", "podSelector", "matchLabels", "app"), "other"),
        ("network", ("spec", "policyTypes"), ["Egress"]),
        ("network", ("metadata", "namespace"), "other"),
    ],
    "models-scraped": [
        ("monitor", (), GONE),
        ("monitor", (), _SERVICES_OWN),
        ("monitor", ("spec", "selector", "matchLabels"), {"app": "m", "track": "canary"}),
        ("monitor", ("spec", "namespaceSelector"), {"matchNames": ["other"]}),
    ],
    "models-alerted": [
        ("alerts", (), GONE),
        ("alerts", ("spec", "groups", 0, "rules", 0, "labels", "model"), "other"),
        ("alerts", ("spec", "groups", 0, "rules"), [{"record": "m", "expr": "up"}]),
    ],
    "one-writer-of-replicas": [("model", ("spec", "replicas"), 2), ("second", (), _SECOND)],
    "gpus-within-quota": [
        ("quota", ("spec", "hard", "requests.nvidia.com/gpu"), "4"),
        ("model", ("spec", "strategy", "rollingUpdate", "maxSurge"), "26%"),
    ],
    "cost-within-budget": [
        ("budget", ("monthlyUsd",), 7299),
        # Four GPUs fill a node and a third of another.
        ("cluster", ("accelerators", "nvidia-l4", "gpusPerNode"), 3),
    ],
    "model-within-budget": [("budget", ("models", "m"), 5839), ("budget", ("models", "endpoint"), 1459)],
    "owner-within-budget": [("budget", ("owners", "team-search"), 7299)],
    "licence-allowed": [
        ("model", _ARGS, ["org/closed", PINNED]),
        ("model", _ARGS, ["org/theirs", PINNED]),
        ("model", _ARGS, ["org/unsaid", PINNED]),
        ("model", _ARGS, ["org/unheard-of", PINNED]),
        # The licence of another commit is another matter.
        ("model", _ARGS, ["org/model", "--revision=" + "f" * 40]),
        ("model", _ARGS, ["/weights"]),
        (
            "model",
            _ARGS,
            ["org/model", PINNED, f'--speculative-config={{"model": "org/closed", "revision": "{COMMIT}"}}'],
        ),
        ("model", _ARGS, ["org/model", PINNED, "--speculative-draft-model-path=org/model"]),
        ("fetch", (), _fetching(f"org/model@{COMMIT}", f"org/closed@{COMMIT}=/adapters/closed")),
        ("endpoint", ("body", "model", "repository"), "org/closed"),
        ("endpoint", ("body", "model", "repository"), GONE),
    ],
    "prices-known": [("cluster", ("accelerators", "nvidia-l4", "hourlyUsd"), GONE)],
    "published-with-keys": [],
    "public-access": [("endpoint", ("body", "type"), "public")],
    "streams-have-time": [
        ("route", (*_ROUTE, "timeouts"), GONE),
        ("route", (*_ROUTE, "timeouts", "request"), "10s"),
        ("route", (*_ROUTE, "timeouts", "request"), "2m"),
        ("ingress", ("metadata", "annotations"), GONE),
        ("ingress", ("metadata", "annotations", "nginx.ingress.kubernetes.io/proxy-read-timeout"), "60"),
    ],
    "endpoint-cost-capped": [],
    "claims-protected": [("claim", UNPROTECTED, None), ("stateful", (), _STATEFUL)],
    "endpoints-protected": [("endpoint", UNPROTECTED, None)],
}
_ALSO: list[tuple[frozenset[str], str, tuple[Any, ...], Any]] = [
    # What no gateway is known to guard is told everywhere, and refused where nothing may be public.
    (frozenset({"published-with-keys", "public-access"}), "model", (*ENGINE_PATH, "env"), ENGINE["env"]),
    # An instance without a price breaks the cap, too, since nobody can tell.
    (
        frozenset({"endpoint-cost-capped", "prices-known"}),
        "endpoint",
        ("body", "compute", "instanceSize"),
        "x4",
    ),
    (
        frozenset({"endpoint-cost-capped", *(f"{one}-within-budget" for one in ("cost", "model", "owner"))}),
        "endpoint",
        ("body", "compute", "scaling", "maxReplica"),
        3,
    ),
]


def broken_stack(name: str, path: Any, value: Any) -> tuple[dict[str, Any], frozenset[str], dict[str, Any]]:
    """Resources by name, those without the option protect, and the configuration, with one thing changed."""
    if path == UNPROTECTED:
        return STACK, frozenset({name}), CONFIG
    if name in CONFIG:
        return STACK, frozenset(), laid(CONFIG, (name, *path), value)
    # What is new is not protected.
    return laid(STACK, (name, *path), value), frozenset({name} - STACK.keys()), CONFIG


BROKEN_STACKS = [
    (frozenset({rule}), *broken_stack(name, path, value))
    for rule, cases in _BROKEN.items()
    for name, path, value in cases
] + [(rules, *broken_stack(name, path, value)) for rules, name, path, value in _ALSO]
"""The rules that a stack breaks, its resources, those that are not protected, and its configuration."""


BROKEN_ONES: list[tuple[str, str, tuple[Any, ...], Any]] = [
    ("namespace-allowed", "model", ("metadata", "namespace"), "other"),
    ("namespace-allowed", "model", ("metadata", "namespace"), GONE),
    ("namespace-allowed", "claim", ("metadata", "namespace"), "other"),
    ("accelerator-allowed", "model", (*_POD, "nodeSelector"), {"nvidia.com/gpu.product": "NVIDIA-H200"}),
    ("accelerator-allowed", "model", (*_POD, "nodeSelector"), {"nvidia.com/gpu.product": "Unheard-Of"}),
    ("accelerator-allowed", "model", (*_POD, "affinity"), _ASKING),
    ("image-from-allowed-registry", "model", (*ENGINE_PATH, "image"), "vllm@sha256:" + "0" * 64),
    ("endpoint-where-allowed", "endpoint", ("body", "provider", "region"), "eu-west-1"),
    ("endpoint-where-allowed", "endpoint", ("body", "compute", "instanceSize"), "x4"),
    ("endpoint-sleeps", "endpoint", ("body", "compute", "scaling", "minReplica"), 1),
]
"""A rule that asks for nothing until a stack says what is allowed, a resource, and what breaks the rule."""


def type_of(resource: Any) -> str:
    """The type that Pulumi has for a resource of STACK."""
    if "apiVersion" not in resource:
        return ENDPOINT_TYPE
    version = resource["apiVersion"]
    return f"kubernetes:{version if '/' in version else 'core/' + version}:{resource['kind']}"
