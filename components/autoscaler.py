"""Autoscaling of a GPU workload: on which signals, between which bounds, how fast."""

from dataclasses import dataclass
from typing import Any

import pulumi_kubernetes as k8s
from pulumi import ComponentResource, Input, Output, ResourceOptions

from blueprint.metrics import adapter, emitted
from blueprint.metrics.queries import full_pods, selector, total
from blueprint.scaling import NEEDS, Autoscaling, Rate, Signal
from blueprint.settings.scaling import GatewayQueue, HttpAddOn
from blueprint.workload import Workload
from components.labels import labels

ADD_ON_SCALER = "keda-add-ons-http-external-scaler"
"""Service of KEDA's HTTP add-on, in KEDA's namespace (its chart's name; kedacore/http-add-on, tests/)."""


@dataclass(frozen=True, kw_only=True)
class AutoscalerArgs:
    """What scales, and where it is."""

    workload: Workload  # one with scaling; its object sets no replicas
    namespace: Input[str]


class Autoscaler(ComponentResource):
    """The one writer of a workload's replicas: a KEDA ScaledObject, or a HorizontalPodAutoscaler.

    The load decides, not the GPU: one request keeps it 100 % busy.
    """

    def __init__(self, name: str, args: AutoscalerArgs, opts: ResourceOptions | None = None):
        super().__init__("llm:index:Autoscaler", name, {}, opts)
        workload, own = args.workload, ResourceOptions(parent=self)
        scaling = scaler_of(workload)
        metadata = {"name": workload.object_name, "namespace": args.namespace, "labels": labels(workload)}
        if scaling.by == "keda":
            k8s.apiextensions.CustomResource(
                f"{name}-scaled-object",
                api_version="keda.sh/v1alpha1",
                kind="ScaledObject",
                metadata=metadata,
                spec=Output.from_input(args.namespace).apply(lambda namespace: scaled_object_spec(workload, namespace)),
                opts=own,
            )
        else:
            k8s.autoscaling.v2.HorizontalPodAutoscaler(
                f"{name}-hpa", metadata=metadata, spec=horizontal_spec(workload), opts=own
            )
        self.register_outputs({})


def scaler_of(workload: Workload) -> Autoscaling:
    """The scaler of a workload that has one."""
    if workload.scaling.value is None:
        raise ValueError(f"{workload.name}: its number of replicas is fixed")
    return workload.scaling.value


def scaled_object_spec(workload: Workload, namespace: str) -> Any:
    """KEDA's ScaledObject: it makes a HorizontalPodAutoscaler of its own, called keda-hpa-<name>."""
    scaling = scaler_of(workload)
    triggers = [engine_trigger(workload, signal, namespace) for signal in scaling.signals]
    if scaling.external is not None:
        triggers.append(external_trigger(scaling.external, scaling))
    return {
        "scaleTargetRef": target(workload),
        "minReplicaCount": scaling.min,
        "maxReplicaCount": scaling.max,
        "pollingInterval": scaling.polling_seconds,
        # Idle times count from the deployment, too, whose first replica has yet to load.
        **(
            {"cooldownPeriod": scaling.cooldown_seconds, "initialCooldownPeriod": scaling.cooldown_seconds}
            if scaling.min == 0
            else {}
        ),
        "fallback": {
            "failureThreshold": scaling.fallback_failures,
            "replicas": scaling.fallback_replicas,
            # A silent Prometheus takes no replica away.
            "behavior": "currentReplicasIfHigher",
        },
        "advanced": {"horizontalPodAutoscalerConfig": {"behavior": behavior(scaling)}},
        "triggers": triggers,
    }


def target(workload: Workload) -> Any:
    """What is scaled."""
    return {"apiVersion": "apps/v1", "kind": workload.kind, "name": workload.object_name}


def engine_trigger(workload: Workload, signal: Signal, namespace: str) -> Any:
    """One of the engine's signals as a query: the total over all replicas, against a target per replica."""
    scaling, known = scaler_of(workload), emitted(workload.engine.name, workload.engine.version)
    metrics = [known[meaning] for meaning in NEEDS[signal.kind]]
    scraped = selector(namespace, workload.object_name)
    query = full_pods(metrics[0], scraped) if signal.kind == "kvCache" else total(metrics, scraped)
    return {
        "type": "prometheus",
        "name": signal.kind,
        "metricType": "AverageValue",
        "metadata": {
            "serverAddress": scaling.prometheus,
            "query": query,
            "threshold": f"{signal.target:g}",
            # No series means that nothing is scraped, which is an error and starts the fallback. With min: 0 it is
            # what a model that sleeps looks like.
            "ignoreNullValues": "true" if scaling.min == 0 else "false",
        },
    }


def external_trigger(external: GatewayQueue | HttpAddOn, scaling: Autoscaling) -> Any:
    """The queue in front of the model. It alone wakes it from 0."""
    if isinstance(external, HttpAddOn):
        return {
            "type": "external-push",
            "name": "httpAddOn",
            "metadata": {
                "scalerAddress": f"{ADD_ON_SCALER}.{scaling.keda_namespace}:9090",
                "interceptorRoute": external.route,
            },
        }
    return {
        "type": "prometheus",
        "name": "external",
        "metricType": "AverageValue",
        "metadata": {
            "serverAddress": scaling.prometheus,
            "query": external.query,
            "threshold": f"{external.target:g}",
            # One request that waits is enough to wake the model.
            "activationThreshold": "0",
            # A gateway that has seen no request for this model yet has no series of it.
            "ignoreNullValues": "true",
        },
    }


def behavior(scaling: Autoscaling) -> Any:
    """How fast replicas come and go."""
    return {"scaleUp": _rules(scaling.up), "scaleDown": _rules(scaling.down)}


def _rules(rate: Rate) -> Any:
    return {
        "stabilizationWindowSeconds": rate.stabilization_seconds,
        "selectPolicy": "Max",
        "policies": [{"type": "Pods", "value": rate.pods, "periodSeconds": rate.period_seconds}],
    }


def horizontal_spec(workload: Workload) -> Any:
    """A HorizontalPodAutoscaler over custom metrics of the pods, and over processor use where asked for."""
    scaling = scaler_of(workload)
    metrics = [
        {
            "type": "Pods",
            "pods": {
                "metric": {"name": adapter.metric_name(workload.engine.name, signal.kind)},
                "target": {"type": "AverageValue", "averageValue": quantity(signal.target)},
            },
        }
        for signal in scaling.signals
    ]
    if scaling.cpu_percent is not None:
        use = {"type": "Utilization", "averageUtilization": scaling.cpu_percent}
        metrics.append({"type": "Resource", "resource": {"name": "cpu", "target": use}})
    return {
        "scaleTargetRef": target(workload),
        "minReplicas": scaling.min,
        "maxReplicas": scaling.max,
        "metrics": metrics,
        "behavior": behavior(scaling),
    }


def quantity(value: float) -> str:
    """A number as the API server writes it, so that what it gives back is what was sent."""
    thousandths = round(value * 1000)
    return str(thousandths // 1000) if thousandths % 1000 == 0 else f"{thousandths}m"
