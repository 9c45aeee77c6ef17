"""Settings of one stack: its cluster, its rules, its models."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from blueprint.accelerators import NodeLabels
from blueprint.settings.base import (
    DnsLabel,
    HttpAddress,
    HubNamespace,
    LabelKey,
    LabelValue,
    ModelName,
    ObjectName,
    SettingsModel,
)
from blueprint.settings.base import SecretKey as SecretKey  # noqa: PLC0414  the components know it from here
from blueprint.settings.collector import Collector
from blueprint.settings.endpoint import EndpointModel
from blueprint.settings.exposure import AddressRange, Gateway, Ingress
from blueprint.settings.images import Image, ImageName
from blueprint.settings.kubernetes import KubernetesModel
from blueprint.settings.monitoring import Installed, Routes, Standalone
from blueprint.settings.probes import Dcgm, Probes
from blueprint.settings.watching import WatchedEndpoints

Usd = Annotated[float, Field(gt=0)]

InstanceShape = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9-]{1,64}/x[1-9][0-9]{0,2}$"),
    Field(description="Type and size of an endpoint's instance, such as nvidia-l4/x1."),
]


class Namespace(SettingsModel):
    """The namespace that holds the stack's objects."""

    name: DnsLabel
    create: bool = Field(
        default=True,
        description="true: the stack makes and owns it, with quota and Pod Security. false: it exists, and its "
        "owner's quota and rules hold.",
    )


class AcceleratorPool(SettingsModel):
    """How much of one accelerator this stack may use."""

    available: int = Field(ge=1, le=100_000, description="GPUs of this type that the stack may use; its quota.")
    hourly_usd: float | None = Field(
        default=None, gt=0, description="Price of one GPU for one hour, in US dollars. Needed by budget."
    )
    gpus_per_node: int | None = Field(
        default=None,
        ge=1,
        le=1000,
        description="GPUs of one node, where the cloud bills whole nodes: the cost of a stack then has the GPUs that "
        "stay idle on them. Without it, the cost is of GPUs alone.",
    )


class StoragePrices(SettingsModel):
    """What claims cost on this cluster."""

    monthly_usd_per_gib: float | None = Field(
        default=None,
        alias="monthlyUsdPerGiB",
        gt=0,
        description="Price of one GiB of a claim for one month, in US dollars, of every class that is not in classes.",
    )
    classes: dict[ObjectName, Usd] = Field(
        default_factory=dict, description="The same by StorageClass, where one has another price."
    )


class Cluster(SettingsModel):
    """The Kubernetes cluster that the stack deploys to."""

    context: str = Field(
        min_length=1, pattern=r"^[^\s]+$", description="kubeconfig context; never the current one by accident."
    )
    id: DnsLabel = Field(
        description="Identity of the cluster, the same from every machine; a change replaces everything. "
        "'lab' is the lab."
    )
    namespace: Namespace
    accelerators: dict[str, AcceleratorPool] = Field(
        default_factory=dict,
        description="Accelerators by registry name, with what this stack may use of them. Models with GPUs need one.",
    )
    node_labels: NodeLabels = Field(default="gpuOperator", description="Who labels the GPU nodes.")
    runtime_class: ObjectName | None = Field(
        default=None, description="RuntimeClass of GPU pods, where the GPU runtime is not the nodes' default."
    )
    pre_pull: bool = Field(
        default=False,
        description="Pulls the engines' images on every node with one of the used accelerators, before a rollout asks "
        "for them.",
    )
    storage: StoragePrices | None = Field(
        default=None, description="What claims cost. Plans and previews tell it beside the cost of replicas."
    )
    gateway: Gateway | None = None
    ingress: Ingress | None = Field(
        default=None,
        description="The Ingress controller that published models are routed by. Beside gateway: both serve every "
        "host, so that DNS can move from one to the other.",
    )
    cert_issuer: ObjectName | None = Field(
        default=None,
        description="ClusterIssuer of cert-manager for the certificates of hosts without expose.tlsSecret.",
    )


class HuggingFace(SettingsModel):
    """Access to the Hugging Face Hub and to Inference Endpoints."""

    namespace: HubNamespace | None = Field(
        default=None, description="Organisation or user that owns, and pays for, the endpoints. Endpoints need it."
    )
    api: Literal["huggingface", "lab"] = Field(
        default="huggingface",
        description="Whose Inference Endpoints: Hugging Face's, or those of the lab, the stand-in that this machine "
        "runs. lab: only in a stack whose cluster is the lab, or that has none.",
    )
    hub_read_secret: SecretKey | None = Field(
        default=None,
        description="Existing Secret with a read token for the Hub. Without it the stack makes one from the secret "
        "configuration value hubReadToken, or else models are fetched without a token.",
    )
    mirror_ranges: list[AddressRange] = Field(
        default_factory=list,
        description="Private addresses of a mirror of the Hub or a proxy. Downloads reach them on port 443, as they do "
        "public addresses; no other private address.",
    )
    hourly_usd: dict[InstanceShape, Usd] = Field(
        default_factory=dict,
        description="By instance of endpoints, type/size such as nvidia-l4/x1, the price of one replica for one hour, "
        "in US dollars. `llm endpoints cost` has the API's own.",
    )


class Budget(SettingsModel):
    """What may be spent: the stack, its models, its teams."""

    monthly_usd: float | None = Field(
        default=None, gt=0, description="Limit for all replicas at their maximum, 730 hours, in US dollars."
    )
    models: dict[ModelName, Usd] = Field(default_factory=dict, description="The same limit by model, with its canary.")
    owners: dict[LabelValue, Usd] = Field(default_factory=dict, description="The same limit by owner of models.")


class Deletion(SettingsModel):
    """Guard against deletion."""

    protect: bool = Field(
        default=False, description="Refuse to delete the namespace, the model caches and the endpoints."
    )
    keep_weights: bool = Field(
        default=False,
        description="Leave the model caches, and the namespace that holds them, where they are when the stack or a "
        "model is deleted; the next `up` takes them over.",
    )


class Monitoring(SettingsModel):
    """Who scrapes the engines."""

    mode: Literal["operator", "standalone", "existing"] = Field(
        description="operator: PodMonitors and PrometheusRules for an installed Prometheus operator. existing: scrape "
        "jobs and rules as files, in ConfigMaps beside a Prometheus without operator. standalone: Prometheus, "
        "Alertmanager and Grafana of the stack's own, beside its models."
    )
    namespace: DnsLabel = Field(
        default="monitoring",
        description="Namespace of the scraper, which the network policy lets in, and of the collector of traces. With "
        "standalone the scraper is in the models' own.",
    )
    labels: dict[LabelKey, LabelValue] = Field(
        default_factory=dict,
        description="Labels by which the operator's Prometheus selects monitors, such as release; with existing, those "
        "by which a sidecar finds the ConfigMaps.",
    )
    install: Installed | None = Field(
        default=None,
        description="With operator: installs kube-prometheus-stack in monitoring.namespace. One stack a cluster.",
    )
    dashboards: bool = Field(
        default=True,
        description="Dashboards for Grafana, as ConfigMaps that its sidecar loads.",
    )
    rules: bool = Field(
        default=True,
        description="Rules that record and alert: of each model and of the stack.",
    )
    probes: Probes | None = Field(
        default=None,
        description="Requests through every public host, and alerts on what comes back: {} with all defaults. Absent: "
        "nobody asks.",
    )
    dcgm: Dcgm | None = Field(
        default=None,
        description="Scraping of the cluster's dcgm-exporter, and the list of the fields that it has to export. "
        "Absent: whoever runs it sees to both.",
    )
    collector: Collector | None = Field(
        default=None,
        description="Traces and logs: an OpenTelemetry Collector in the stack's namespace, to which the engines send.",
    )
    endpoints: WatchedEndpoints | None = Field(
        default=None,
        description="Metrics of Inference Endpoints: an exporter in the stack's namespace; needs models with target "
        "endpoint.",
    )
    runbooks: HttpAddress | None = Field(
        default=None,
        description="Address under which alerts find their pages, <address>/<alert>.md; default the path "
        "docs/runbooks/<alert>.md in this repository.",
    )
    grafana_address: HttpAddress | None = Field(
        default=None,
        description="Address at which people open Grafana, which alerts put before the links to their panels; default "
        "links begin with /d/.",
    )
    # 0.05: 15 requests in the 5 minutes that the share is taken over; one failure of fewer is above 5 %.
    traffic_floor: float = Field(
        default=0.05, gt=0, le=1000, description="Requests per second below which no share of failures is an alert."
    )
    prometheus: HttpAddress | None = Field(
        default=None,
        description="Address at which KEDA asks Prometheus; required with existing; default with operator "
        "its own Service, http://prometheus-operated.<namespace>.svc:9090, with standalone the stack's.",
    )
    # keda: where its chart's documentation installs it.
    keda_namespace: DnsLabel = Field(default="keda", description="Namespace of KEDA, which asks Prometheus.")
    routes: Routes | None = Field(
        default=None, description="Who is told of alerts, with mode operator or standalone; default nobody."
    )
    standalone: Standalone = Field(
        default_factory=Standalone, description="Sizes and parts of what mode: standalone runs; only with it."
    )


Model = Annotated[KubernetesModel | EndpointModel, Field(discriminator="target")]


class Settings(SettingsModel):
    """Everything that a stack file may say under this project's name."""

    cluster: Cluster | None = None
    huggingface: HuggingFace = Field(default_factory=HuggingFace)
    budget: Budget | None = None
    deletion: Deletion = Field(default_factory=Deletion)
    monitoring: Monitoring | None = None
    images: dict[ImageName, Image] = Field(
        default_factory=dict,
        description="Images by name, for engine.image. The one called server is this project's own server.",
    )
    models: dict[ModelName, Model] = Field(description="The models, by name.")
