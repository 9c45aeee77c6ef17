"""All that the stack runs to watch its models."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pulumi import ComponentResource, Input, Output, ResourceOptions

from blueprint.monitoring.standalone import Server, Servers
from blueprint.settings import Monitoring
from blueprint.workload import Workload
from components.monitoring.standalone.alertmanager import register_alertmanager
from components.monitoring.standalone.grafana import register_grafana
from components.monitoring.standalone.place import ServerPlace
from components.monitoring.standalone.prometheus import register_prometheus


@dataclass(frozen=True, kw_only=True)
class MonitoringServersArgs:
    """Who watches, what, and who is told."""

    servers: Servers
    monitoring: Monitoring
    namespace: Input[str]  # of the models, and of the servers
    workloads: Sequence[Workload]
    monthly_usd: float | None  # the budget, if any
    dashboards: Sequence[str]  # names of the ConfigMaps that have them
    secrets: Mapping[str, Output[str]]  # by name, the values that the settings name


class MonitoringServers(ComponentResource):
    """Prometheus, Alertmanager and Grafana beside the models. Nothing outside the namespace reaches them but KEDA."""

    def __init__(self, name: str, args: MonitoringServersArgs, opts: ResourceOptions | None = None):
        super().__init__("llm:index:MonitoringServers", name, {}, opts)

        def place(server: Server) -> ServerPlace:
            return ServerPlace(server=server, parent=self, namespace=args.namespace)

        servers = args.servers
        register_prometheus(
            f"{name}-prometheus",
            place(servers.prometheus),
            servers=servers,
            monitoring=args.monitoring,
            workloads=args.workloads,
            monthly_usd=args.monthly_usd,
        )
        if servers.alertmanager is not None:
            register_alertmanager(
                f"{name}-alertmanager",
                place(servers.alertmanager),
                monitoring=args.monitoring,
                secrets=args.secrets,
            )
        if servers.grafana is not None:
            register_grafana(f"{name}-grafana", place(servers.grafana), servers=servers, dashboards=args.dashboards)
        self.register_outputs({})
