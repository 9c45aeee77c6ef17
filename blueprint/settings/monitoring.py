"""Settings of what watches the models: its own workloads, and who is told."""

from typing import Literal

from pydantic import Field

from blueprint.settings.base import LabelValue, ObjectName, SecretName, SettingsModel
from blueprint.settings.charts import HelmChart
from blueprint.settings.exposure import AddressRange

Severity = Literal["critical", "warning", "info"]
"""critical: somebody is called now; warning: somebody looks today; info: it is there to be seen."""


class Receiver(SettingsModel):
    """Who is told of alerts, and of which."""

    kind: Literal["slack", "webhook"] = Field(description="slack: one of its incoming webhooks. webhook: any other.")
    url: SecretName
    severities: list[Severity] = Field(
        default=["critical", "warning"],
        min_length=1,
        max_length=3,
        description="Severities of the alerts that it gets.",
    )


class Routes(SettingsModel):
    """Who is told of which alerts."""

    owners: dict[LabelValue, list[Receiver]] = Field(
        default_factory=dict,
        description="By owner of a model, who is told of its alerts; those that none of them takes are told nobody.",
    )
    others: list[Receiver] = Field(
        default_factory=list,
        description="Who is told of the alerts of the stack, and of models whose owner is not listed.",
    )
    watchdog: SecretName | None = Field(
        default=None,
        description="NAME of a secret: address of a service that raises the alarm once the Watchdog, which is sent "
        "there every five minutes, fails to come.",
    )


class OwnLoki(SettingsModel):
    """A Loki of the stack's own, which keeps the logs that the collector sends."""

    # 14: somebody who comes back from a holiday still finds what the week before said.
    retention_days: int = Field(default=14, ge=1, le=400, description="How long log lines are kept, in days.")
    # 10: 14 days of 60 replicas take 3 (docs/monitoring-standalone.md); Loki does not delete for want of space.
    size_gib: int = Field(
        default=10, alias="sizeGiB", ge=1, le=16384, description="Size of its claim, in GiB. Full, it takes no more."
    )
    # 1: what is not written yet, and a query over a day of one model.
    memory_gib: int = Field(
        default=1, alias="memoryGiB", ge=1, le=512, description="Its memory in GiB; its limit, too."
    )


class OwnJaeger(SettingsModel):
    """A Jaeger of the stack's own, which keeps the traces that the collector sends."""

    # 3: Jaeger's own default (internal/storage/v1/badger/config.go).
    retention_days: int = Field(default=3, ge=1, le=400, description="How long traces are kept, in days.")
    # 10: 3 days of 60 replicas take 5 (docs/monitoring-standalone.md); Badger does not delete for want of space.
    size_gib: int = Field(
        default=10, alias="sizeGiB", ge=1, le=16384, description="Size of its claim, in GiB. Full, it takes no more."
    )
    # 2: Badger's tables in memory take 5 x 64 MiB, its cache of blocks 256 MiB, and the index of keys is in memory.
    memory_gib: int = Field(
        default=2, alias="memoryGiB", ge=1, le=512, description="Its memory in GiB; its limit, too."
    )


class PrometheusSize(SettingsModel):
    """What each Prometheus keeps, and what it runs on."""

    # 15 days: Prometheus' own default; the slowest burn rate looks back 3.
    retention_days: int = Field(default=15, ge=3, le=400, description="How long series are kept, in days.")
    # 20: 15 days of 60 replicas take 10 (docs/monitoring-standalone.md), and a fifth stays free.
    size_gib: int = Field(
        default=20,
        alias="sizeGiB",
        ge=5,
        le=16384,
        description="Size of each Prometheus' claim, in GiB. At four fifths of it the oldest series go, however young.",
    )
    storage_class: ObjectName | None = Field(
        default=None, description="StorageClass of the claims, ReadWriteOnce; default the cluster's."
    )
    # 1: a restart leaves a gap of a minute; two fill it, and cost twice.
    replicas: int = Field(
        default=1, ge=1, le=2, description="Prometheus servers. Each scrapes and evaluates everything."
    )
    cpu: float = Field(default=0.5, ge=0.1, le=64, description="Processor cores that each Prometheus requests.")
    # 2: 8 KiB for each of 60,000 series, as much again while pods are replaced, the rest for queries and rules.
    memory_gib: int = Field(
        default=2, alias="memoryGiB", ge=1, le=512, description="Memory of each Prometheus, in GiB; its limit, too."
    )

    @property
    def retention_size(self) -> str:
        """The most that series may take of the claim, as Prometheus writes it: MB are MiB there.

        Four fifths: compaction writes new blocks before it deletes the old ones, and a full disk loses data.
        """
        return f"{self.size_gib * 1024 * 4 // 5}MB"


class Installed(PrometheusSize):
    """The Prometheus operator with its Prometheus, Alertmanager, Grafana and kube-state-metrics, by their chart."""

    chart: HelmChart = Field(default_factory=HelmChart, description="Of kube-prometheus-stack.")
    create_namespace: bool = Field(
        default=True, description="Make monitoring.namespace, for it alone; false: it is there already."
    )


class Standalone(PrometheusSize):
    """The stack's own Prometheus, Alertmanager and Grafana, and its stores of logs and traces."""

    alertmanager: bool = Field(default=True, description="An Alertmanager, which sends alerts where routes says.")
    grafana: bool = Field(default=True, description="A Grafana with the dashboards; nothing exposes it.")
    loki: OwnLoki | None = Field(
        default=None, description="A Loki, to which the collector sends logs unless logsTo names another; default none."
    )
    jaeger: OwnJaeger | None = Field(
        default=None,
        description="A Jaeger, to which the collector sends traces unless tracesTo names another; default none.",
    )
    api_server_ranges: list[AddressRange] = Field(
        default_factory=list,
        description="Addresses of the cluster's API server, which Prometheus finds pods with: those of Service and "
        "EndpointSlice kubernetes in the namespace default. Without them, ports 443 and 6443 everywhere.",
    )
    receiver_ranges: list[AddressRange] = Field(
        default_factory=list,
        description="Private addresses of receivers of alerts. Alertmanager reaches them on every port, and public "
        "addresses on port 443.",
    )
