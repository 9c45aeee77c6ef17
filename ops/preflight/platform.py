"""What the cluster itself has to offer: its version, custom resources and controllers, runtime classes."""

import re
from collections.abc import Iterator, Sequence

from blueprint.settings import Cluster
from blueprint.stack import Stack
from ops.cluster.reading import Unread
from ops.preflight.facts import Facts, Finding, unchecked

OLDEST_MINOR = 30
"""Kubernetes 1.30 runs `preStop: sleep` by default; an older server drops it, and pods stop while still in use."""


def check(stack: Stack, cluster: Cluster, facts: Facts) -> Iterator[Finding]:
    """Version, custom resources and their controllers, runtime class."""
    yield _version(facts.version)
    if stack.installation is not None:
        yield Finding("prometheus operator", "ok", "monitoring.install: `up` installs it, and the kinds that it reads")
    elif stack.monitoring is not None and stack.monitoring.mode == "operator":
        yield _definition("podmonitors", facts.pod_monitors, "remove monitoring")
        if stack.monitoring.rules:
            yield _definition("prometheusrules", facts.prometheus_rules, "use monitoring.rules: false")
        if stack.probing is not None:
            yield _definition("probes", facts.probes, "remove monitoring.probes")
        if stack.monitoring.routes is not None:
            yield _definition(
                "alertmanagerconfigs", facts.alertmanager_configs, "remove monitoring.routes", version="v1alpha1"
            )
        yield _operator(facts)
    groups = [workload.name for workload in stack.workloads if workload.kind == "LeaderWorkerSet"]
    if groups:
        yield _leader_worker_sets(groups, facts.leader_worker_sets)
    if cluster.runtime_class:
        yield _runtime_class(cluster.runtime_class, facts.runtime_class)


def _version(version: str | Unread) -> Finding:
    if isinstance(version, Unread):
        return unchecked("version", version)
    match = re.match(r"v(\d+)\.(\d+)", version)
    wanted = f"v1.{OLDEST_MINOR} or newer"
    if match is None:
        return Finding("version", "warn", f"{version} cannot be understood / {wanted}.")
    if (int(match[1]), int(match[2])) < (1, OLDEST_MINOR):
        return Finding(
            "version",
            "FAIL",
            f"{version} / {wanted}. It ignores preStop sleep, and stopping replicas drop requests. Update it.",
        )
    return Finding("version", "ok", f"{version} / {wanted}")


def _definition(kind: str, established: bool | Unread, otherwise: str, *, version: str = "v1") -> Finding:
    if isinstance(established, Unread):
        return unchecked(kind, established)
    if established:
        return Finding(kind, "ok", f"monitoring.coreos.com/{version} is established")
    return Finding(
        kind,
        "FAIL",
        f"{kind}.monitoring.coreos.com/{version} is not established / monitoring.mode: operator. "
        f"Install the Prometheus operator (kube-prometheus-stack), or {otherwise}.",
    )


def _leader_worker_sets(models: Sequence[str], established: bool | Unread) -> Finding:
    if isinstance(established, Unread):
        return unchecked("leaderworkersets", established)
    if established:
        return Finding("leaderworkersets", "ok", "leaderworkerset.x-k8s.io/v1 is established")
    return Finding(
        "leaderworkersets",
        "FAIL",
        f"leaderworkersets.leaderworkerset.x-k8s.io/v1 is not established / {', '.join(models)} on several nodes. "
        "Install LeaderWorkerSet (https://lws.sigs.k8s.io/docs/installation/), or use parallel.nodes: 1.",
    )


def _operator(facts: Facts) -> Finding:
    if isinstance(facts.operators, Unread):
        return unchecked("prometheus operator", facts.operators)
    running = sorted(name for name, available in facts.operators.items() if available)
    if running:
        return Finding("prometheus operator", "ok", f"{', '.join(running)} is available")
    idle = ", ".join(sorted(facts.operators))
    found = f"{idle} is not available" if idle else "no Deployment of it"
    return Finding(
        "prometheus operator",
        "warn",
        f"{found} / one that runs. PodMonitors and rules are accepted and nobody reads them; install or mend it.",
    )


def _runtime_class(name: str, exists: bool | Unread) -> Finding:
    if isinstance(exists, Unread):
        return unchecked("runtime class", exists)
    if exists:
        return Finding("runtime class", "ok", f"{name} exists")
    return Finding(
        "runtime class",
        "FAIL",
        f"{name} does not exist / cluster.runtimeClass. Install the GPU operator, which makes it, or remove it.",
    )
