"""The Prometheus operator, where the stack installs it."""

from dataclasses import dataclass

import pulumi_kubernetes as k8s
from pulumi import ComponentResource, Input, Output, Resource, ResourceOptions

from blueprint.monitoring.installed import GRAFANA_ADMIN, RELEASE, OperatorInstallation
from components.charts import chart_source
from components.labels import PROJECT
from components.monitoring.admin import register_admin
from components.platform import namespace_metadata

_SECONDS = 900
"""Images of five programs on nodes that have none of them."""


@dataclass(frozen=True, kw_only=True)
class PrometheusOperatorArgs:
    """What is installed. protect: refuse to delete its namespace, in which the series are."""

    installation: OperatorInstallation
    protect: bool


class PrometheusOperator(ComponentResource):
    """kube-prometheus-stack by its chart, in a namespace of its own. Before it nothing that it defines can be made."""

    release: Resource

    def __init__(self, name: str, args: PrometheusOperatorArgs, opts: ResourceOptions | None = None):
        super().__init__("llm:index:PrometheusOperator", name, {}, opts)
        namespace = self._namespace(name, args)
        metadata = {"name": GRAFANA_ADMIN, "namespace": namespace, "labels": PROJECT}
        admin = register_admin(f"{name}-grafana-admin", metadata=metadata, opts=ResourceOptions(parent=self))
        self.release = k8s.helm.v3.Release(
            f"{name}-release",
            name=RELEASE,
            namespace=namespace,
            **chart_source(args.installation.chart.value),
            values=dict(args.installation.values),
            # What was installed by half would be in the way of the next try.
            atomic=True,
            timeout=_SECONDS,
            opts=ResourceOptions(parent=self, depends_on=[admin]),
        )
        self.register_outputs({})

    def _namespace(self, name: str, args: PrometheusOperatorArgs) -> Input[str]:
        if not args.installation.creates:
            return args.installation.namespace
        created = k8s.core.v1.Namespace(
            f"{name}-namespace",
            metadata=namespace_metadata(args.installation.namespace),
            opts=ResourceOptions(parent=self, protect=args.protect),
        )
        name_of_created: Output[str] = created.metadata["name"]
        return name_of_created
