"""What is watched of the stack as a whole."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pulumi import ComponentResource, Input, Output, ResourceOptions

from blueprint.monitoring.gateway import Gateway
from blueprint.monitoring.rules import stack_rules
from blueprint.monitoring.standalone import Servers
from blueprint.settings import Monitoring
from blueprint.workload import Workload
from components.labels import PROJECT
from components.monitoring.collector import register_collector
from components.monitoring.dashboards import register_dashboards
from components.monitoring.files import register_files
from components.monitoring.routes import register_routes
from components.monitoring.rules import register_rules
from components.monitoring.standalone.servers import MonitoringServers, MonitoringServersArgs


@dataclass(frozen=True, kw_only=True)
class MonitoringStackArgs:
    """Who watches, and what."""

    name: str  # of its objects
    monitoring: Monitoring
    namespace: Input[str]  # of the models
    workloads: Sequence[Workload]
    monthly_usd: float | None  # the budget, if any
    collector: Gateway | None  # of traces and logs
    servers: Servers | None  # those that the stack runs itself
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
        if args.monitoring.mode == "operator" and args.monitoring.routes is not None:
            register_routes(
                f"{name}-routes",
                metadata={"name": args.name, "namespace": args.namespace, "labels": PROJECT},
                monitoring=args.monitoring,
                routes=args.monitoring.routes,
                secrets=args.secrets,
                parent=self,
            )
        dashboards: Sequence[str] = []
        if args.monitoring.dashboards:
            dashboards = register_dashboards(
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
        if args.servers is not None:
            servers = MonitoringServersArgs(
                servers=args.servers,
                monitoring=args.monitoring,
                namespace=args.namespace,
                workloads=args.workloads,
                monthly_usd=args.monthly_usd,
                dashboards=dashboards,
                secrets=args.secrets,
            )
            MonitoringServers(f"{name}-servers", servers, ResourceOptions(parent=self))
        self.register_outputs({})
