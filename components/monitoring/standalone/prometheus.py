"""Prometheus: it finds the models' pods, scrapes them, evaluates the rules, and keeps what it saw on a claim."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi_kubernetes as k8s
from pulumi import Input, Output

from blueprint.monitoring.probes import Probing
from blueprint.monitoring.rules import model_rules, stack_rules
from blueprint.monitoring.standalone import RULES_FOLDER, Server, Servers, prometheus_arguments, prometheus_config
from blueprint.settings import Monitoring
from blueprint.workload import Workload
from components.monitoring.standalone.place import ServerPlace
from components.monitoring.standalone.pod import (
    digest,
    pod_template,
    probe,
    resources,
    server_selector,
    stateful_set_spec,
)
from components.monitoring.written import written


def register_prometheus(
    name: str,
    place: ServerPlace,
    *,
    servers: Servers,
    monitoring: Monitoring,
    probing: Probing | None,
    workloads: Sequence[Workload],
    monthly_usd: float | None,
) -> None:
    """Everything that it needs. monthly_usd: the budget, if any."""
    namespace = Output.from_input(place.namespace)
    config = namespace.apply(
        lambda own: config_data(
            prometheus_config(servers, workloads, monitoring=monitoring, probing=probing, namespace=own)
        )
    )
    files = [k8s.core.v1.ConfigMap(f"{name}-configuration", metadata=place.metadata(), data=config, opts=place.opts())]
    rules = {
        part: namespace.apply(make)
        for part, make in _rules(servers, monitoring, workloads, monthly_usd).items()
        if monitoring.rules
    }
    files += [
        k8s.core.v1.ConfigMap(
            f"{name}-rules-{part}", metadata=place.metadata(rules_name(place, part)), data=data, opts=place.opts()
        )
        for part, data in rules.items()
    ]
    account = _account(name, place)
    place.register_network(name)
    if servers.settings.replicas > 1:
        k8s.policy.v1.PodDisruptionBudget(
            f"{name}-budget",
            metadata=place.metadata(),
            spec=budget_spec(place.server),
            opts=place.opts(),
        )
    read = Output.all(config, *rules.values()).apply(
        lambda files: digest(*(text for one in files for text in one.values()))
    )
    k8s.apps.v1.StatefulSet(
        f"{name}-replicas",
        metadata=place.metadata(),
        spec=prometheus_spec(
            place, servers, configuration=read, account=account, rules=[rules_name(place, part) for part in rules]
        ),
        # A pod that came before them would read the old ones.
        opts=place.opts(depends_on=files),
    )


def _rules(
    servers: Servers, monitoring: Monitoring, workloads: Sequence[Workload], monthly_usd: float | None
) -> Mapping[str, Any]:
    """By model and for the stack, what makes the rules for a namespace: a ConfigMap each, since one takes 1 MiB."""

    def of_stack(namespace: str) -> Any:
        spec = stack_rules(
            workloads,
            namespace=namespace,
            monitoring=monitoring,
            monthly_usd=monthly_usd,
            exporter=servers.exporter,
        )
        return {"stack.yaml": written(spec)}

    def of_model(workload: Workload) -> Any:
        return lambda namespace: {
            f"model-{workload.object_name}.yaml": written(
                model_rules(workload, namespace=namespace, monitoring=monitoring)
            )
        }

    return {**{f"model-{one.object_name}": of_model(one) for one in workloads}, "stack": of_stack}


def rules_name(place: ServerPlace, part: str) -> str:
    """Name of the ConfigMap with the rules of a model or of the stack."""
    return f"{place.server.name}-rules-{part}"


def config_data(config: Any) -> Mapping[str, str]:
    """The configuration, as a file."""
    return {"prometheus.yaml": written(config)}


def budget_spec(server: Server) -> Any:
    """One of two at a time."""
    return {
        "selector": {"matchLabels": dict(server_selector(server))},
        "maxUnavailable": 1,
        # One that never becomes ready would otherwise hold its node for ever.
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
    }


def _account(name: str, place: ServerPlace) -> str:
    """Who may look for the namespace's pods, and do nothing else anywhere."""
    account = place.server.name
    k8s.core.v1.ServiceAccount(
        f"{name}-identity", metadata=place.metadata(), automount_service_account_token=False, opts=place.opts()
    )
    k8s.rbac.v1.Role(
        f"{name}-discovery",
        metadata=place.metadata(),
        rules=[{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}],
        opts=place.opts(),
    )
    k8s.rbac.v1.RoleBinding(
        f"{name}-discovers",
        metadata=place.metadata(),
        role_ref={"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": account},
        subjects=[{"kind": "ServiceAccount", "name": account, "namespace": place.namespace}],
        opts=place.opts(),
    )
    return account


def prometheus_spec(
    place: ServerPlace, servers: Servers, *, configuration: Input[str], account: str, rules: Sequence[str]
) -> Any:
    """Its StatefulSet. rules: names of the ConfigMaps that have them."""
    server, settings = place.server, servers.settings
    volumes: list[Any] = [{"name": "configuration", "configMap": {"name": server.name}}]
    mounts: list[Any] = [
        {"name": "configuration", "mountPath": "/etc/prometheus", "readOnly": True},
        {"name": "data", "mountPath": "/prometheus"},
    ]
    if rules:
        sources = [{"configMap": {"name": one}} for one in rules]
        volumes.append({"name": "rules", "projected": {"sources": sources}})
        mounts.append({"name": "rules", "mountPath": RULES_FOLDER, "readOnly": True})
    template = pod_template(
        server,
        configuration=configuration,
        account=account,
        container={
            "args": list(prometheus_arguments(settings)),
            "resources": resources(cpu=f"{round(settings.cpu * 1000)}m", memory_gib=settings.memory_gib),
            "volumeMounts": mounts,
            # 15 minutes: it replays its log before it answers, and killed in between it would begin anew.
            "startupProbe": probe("/-/ready", period=15, failures=60),
            "readinessProbe": probe("/-/ready", period=5, failures=3),
            "livenessProbe": probe("/-/healthy", period=10, failures=6),
        },
        volumes=volumes,
    )
    pod = template["spec"]
    # What it has not written yet it writes when it is told to end.
    pod["terminationGracePeriodSeconds"] = 300
    if settings.replicas > 1:
        pod["topologySpreadConstraints"] = [
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": dict(server_selector(server))},
            }
        ]
    return stateful_set_spec(
        server, settings, replicas=settings.replicas, size_gib=settings.size_gib, template=template
    )
