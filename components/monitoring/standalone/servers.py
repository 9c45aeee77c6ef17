"""All that the stack runs to watch its models."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pulumi import ComponentResource, Input, Output, ResourceOptions

from blueprint.monitoring.parts import Part
from blueprint.monitoring.probes import Probing
from blueprint.monitoring.standalone import Servers
from blueprint.settings import Monitoring
from blueprint.workload import Workload
from components.monitoring.standalone.alertmanager import register_alertmanager
from components.monitoring.standalone.blackbox import register_blackbox
from components.monitoring.standalone.grafana import register_grafana
from components.monitoring.standalone.jaeger import jaeger
from components.monitoring.standalone.loki import loki
from components.monitoring.standalone.place import ServerPlace
from components.monitoring.standalone.prometheus import register_prometheus
from components.monitoring.standalone.store import register_store


@dataclass(frozen=True, kw_only=True)
class MonitoringServersArgs:
    """Who watches, what, and who is told."""

    servers: Servers
    monitoring: Monitoring
    probing: Probing | None  # at the public hosts
    namespace: Input[str]  # of the models, and of the servers
    workloads: Sequence[Workload]
    monthly_usd: float | None  # the budget, if any
    dashboards: Sequence[str]  # names of the ConfigMaps that have them
    secrets: Mapping[str, Output[str]]  # by name, the values that the settings name


class MonitoringServers(ComponentResource):
    """The programs that watch, beside the models. Nothing outside the namespace reaches them but KEDA and scrapers."""

    def __init__(self, name: str, args: MonitoringServersArgs, opts: ResourceOptions | None = None):
        super().__init__("llm:index:MonitoringServers", name, {}, opts)
        for part, server in args.servers.by_part.items():
            place = ServerPlace(server=server, parent=self, namespace=args.namespace)
            _REGISTER[part](f"{name}-{part}", place, args)
        self.register_outputs({})


def _prometheus(name: str, place: ServerPlace, args: MonitoringServersArgs) -> None:
    register_prometheus(
        name,
        place,
        servers=args.servers,
        monitoring=args.monitoring,
        probing=args.probing,
        workloads=args.workloads,
        monthly_usd=args.monthly_usd,
    )


def _alertmanager(name: str, place: ServerPlace, args: MonitoringServersArgs) -> None:
    register_alertmanager(name, place, monitoring=args.monitoring, secrets=args.secrets)


def _grafana(name: str, place: ServerPlace, args: MonitoringServersArgs) -> None:
    register_grafana(name, place, servers=args.servers, dashboards=args.dashboards)


def _loki(name: str, place: ServerPlace, args: MonitoringServersArgs) -> None:
    settings = args.servers.settings
    if settings.loki is not None:
        register_store(name, place, settings=settings, keeper=loki(settings.loki))


def _jaeger(name: str, place: ServerPlace, args: MonitoringServersArgs) -> None:
    settings = args.servers.settings
    if settings.jaeger is not None:
        register_store(name, place, settings=settings, keeper=jaeger(settings.jaeger))


def _blackbox(name: str, place: ServerPlace, args: MonitoringServersArgs) -> None:
    if args.probing is None:
        raise ValueError("a prober without anything to ask")
    register_blackbox(name, place, probing=args.probing, secrets=args.secrets)


_REGISTER: Mapping[Part, Callable[[str, ServerPlace, MonitoringServersArgs], None]] = {
    "prometheus": _prometheus,
    "alertmanager": _alertmanager,
    "grafana": _grafana,
    "loki": _loki,
    "jaeger": _jaeger,
    "blackbox": _blackbox,
}
"""By part, what makes its objects."""
