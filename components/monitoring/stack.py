"""What is watched of the stack as a whole."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pulumi import ComponentResource, Input, Output, ResourceOptions

from blueprint.monitoring.gateway import Gateway
from blueprint.monitoring.rules import stack_rules
from blueprint.settings import Monitoring
from blueprint.workload import Workload
from components.labels import PROJECT
from components.monitoring.collector import register_collector
from components.monitoring.dashboards import register_dashboards
from components.monitoring.files import register_files
from components.monitoring.rules import register_rules


@dataclass(frozen=True, kw_only=True)
class MonitoringStackArgs:
    """Who watches, and what."""

    name: str  # of its objects
    monitoring: Monitoring
    namespace: Input[str]  # of the models
    workloads: Sequence[Workload]
    monthly_usd: float | None  # the budget, if any
    collector: Gateway | None  # of traces and logs
    secrets: Mapping[str, Output[str]]  # by name, the values that the settings name


class MonitoringStack(ComponentResource):
    """What belongs to no model: rules of the bill, the GPUs, and that alerts arrive; dashboards; the collector."""

    def __init__(self, name: str, args: MonitoringStackArgs, opts: ResourceOptions | None = None):
        super().__init__("llm:index:MonitoringStack", name, {}, opts)
        if args.monitoring.mode == "existing":
            register_files(
                f"{name}-prometheus",
                monitoring=args.monitoring,
                namespace=args.namespace,
                workloads=args.workloads,
                monthly_usd=args.monthly_usd,
                parent=self,
            )
        if args.monitoring.mode == "operator" and args.monitoring.rules:
            register_rules(
                f"{name}-rules",
                metadata={"name": args.name, "namespace": args.namespace, "labels": PROJECT},
                monitoring=args.monitoring,
                namespace=args.namespace,
                spec=lambda namespace: stack_rules(
                    args.workloads, namespace=namespace, monitoring=args.monitoring, monthly_usd=args.monthly_usd
                ),
                parent=self,
            )
        if args.monitoring.dashboards:
            register_dashboards(
                f"{name}-dashboards",
                prefix=args.name,
                namespace=args.namespace,
                monthly_usd=args.monthly_usd,
                parent=self,
            )
        if args.collector is not None:
            register_collector(
                f"{name}-collector",
                gateway=args.collector,
                namespace=args.namespace,
                secrets=args.secrets,
                parent=self,
            )
        self.register_outputs({})
