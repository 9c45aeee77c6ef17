"""What is watched of the stack as a whole."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pulumi import ComponentResource, Input, Output, Resource, ResourceOptions

from blueprint.monitoring.gateway import Gateway
from blueprint.monitoring.probes import Probing
from blueprint.monitoring.rules import stack_rules
from blueprint.monitoring.standalone import Servers
from blueprint.monitoring.stores import Store
from blueprint.settings import Monitoring
from blueprint.workload import Workload
from components.labels import PROJECT
from components.monitoring.collector import register_collector
from components.monitoring.dashboards import register_dashboards
from components.monitoring.endpoints import ExporterArgs, register_exporter
from components.monitoring.files import register_files
from components.monitoring.gpu_exporter import register_gpu_exporter
from components.monitoring.probes import register_probes
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
    exporter: ExporterArgs | None  # of the stack's Inference Endpoints
    probing: Probing | None  # at the public hosts
    servers: Servers | None  # those that the stack runs itself
    operator: Resource | None  # what defines the operator's kinds, where the stack installs it
    stores: Sequence[Store]  # kinds of stores of logs and traces that the dashboards show
    secrets: Mapping[str, Output[str]]  # by name, the values that the settings name


class MonitoringStack(ComponentResource):
    """What belongs to no model: rules of the bill, the GPUs, and that alerts arrive; dashboards; the collector."""

    def __init__(self, name: str, args: MonitoringStackArgs, opts: ResourceOptions | None = None):
        super().__init__("llm:index:MonitoringStack", name, {}, opts)
        self._args = args
        self._metadata = {"name": args.name, "namespace": args.namespace, "labels": PROJECT}
        self._files(name)
        self._rules(name)
        self._routes(name)
        self._probes(name)
        self._gpu_exporter(name)
        dashboards = self._dashboards(name)
        self._collector(name)
        self._exporter(name)
        self._servers(name, dashboards)
        self.register_outputs({})

    def _files(self, name: str) -> None:
        args = self._args
        if args.monitoring.mode != "existing":
            return
        register_files(
            f"{name}-prometheus",
            monitoring=args.monitoring,
            namespace=args.namespace,
            workloads=args.workloads,
            probing=args.probing,
            monthly_usd=args.monthly_usd,
            exporter=args.exporter.exporter if args.exporter else None,
            parent=self,
        )

    def _rules(self, name: str) -> None:
        args = self._args
        if args.monitoring.mode != "operator" or not args.monitoring.rules:
            return
        register_rules(
            f"{name}-rules",
            metadata=self._metadata,
            monitoring=args.monitoring,
            namespace=args.namespace,
            spec=lambda namespace: stack_rules(
                args.workloads,
                namespace=namespace,
                monitoring=args.monitoring,
                monthly_usd=args.monthly_usd,
                exporter=args.exporter.exporter if args.exporter else None,
            ),
            parent=self,
            operator=args.operator,
        )

    def _routes(self, name: str) -> None:
        monitoring = self._args.monitoring
        if monitoring.mode != "operator" or monitoring.routes is None:
            return
        register_routes(
            f"{name}-routes",
            metadata=self._metadata,
            monitoring=monitoring,
            routes=monitoring.routes,
            secrets=self._args.secrets,
            parent=self,
            operator=self._args.operator,
        )

    def _probes(self, name: str) -> None:
        args = self._args
        if args.probing is None:
            return
        register_probes(
            f"{name}-probes",
            prefix=args.name,
            monitoring=args.monitoring,
            probing=args.probing,
            namespace=args.namespace,
            parent=self,
            operator=args.operator,
        )

    def _gpu_exporter(self, name: str) -> None:
        args = self._args
        if args.monitoring.dcgm is None:
            return
        own = args.servers.get("prometheus") if args.servers is not None else None
        register_gpu_exporter(
            f"{name}-dcgm",
            prefix=args.name,
            monitoring=args.monitoring,
            dcgm=args.monitoring.dcgm,
            namespace=args.namespace,
            prometheus=own.name if own is not None else None,
            parent=self,
            operator=args.operator,
        )

    def _dashboards(self, name: str) -> Sequence[str]:
        """Names of the ConfigMaps that have them."""
        args = self._args
        if not args.monitoring.dashboards:
            return []
        return register_dashboards(
            f"{name}-dashboards",
            prefix=args.name,
            namespace=args.namespace,
            monthly_usd=args.monthly_usd,
            stores=args.stores,
            endpoints=args.exporter is not None,
            parent=self,
        )

    def _collector(self, name: str) -> None:
        args = self._args
        if args.collector is None:
            return
        register_collector(
            f"{name}-collector", gateway=args.collector, namespace=args.namespace, secrets=args.secrets, parent=self
        )

    def _exporter(self, name: str) -> None:
        args = self._args
        if args.exporter is None:
            return
        register_exporter(
            f"{name}-endpoints",
            args.exporter,
            monitoring=args.monitoring,
            namespace=args.namespace,
            secrets=args.secrets,
            operator=args.operator,
            parent=self,
        )

    def _servers(self, name: str, dashboards: Sequence[str]) -> None:
        args = self._args
        if args.servers is None:
            return
        servers = MonitoringServersArgs(
            servers=args.servers,
            monitoring=args.monitoring,
            probing=args.probing,
            namespace=args.namespace,
            workloads=args.workloads,
            monthly_usd=args.monthly_usd,
            dashboards=dashboards,
            secrets=args.secrets,
        )
        MonitoringServers(f"{name}-servers", servers, ResourceOptions(parent=self))
