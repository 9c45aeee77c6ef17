"""A stack, resolved: from plain configuration and locks to what the components build."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from blueprint.accelerators import ACCELERATORS
from blueprint.canary import with_canaries
from blueprint.checks import advise, cross_check, fit
from blueprint.cost.prices import prices_of
from blueprint.cost.stack import StackCost, cost_of
from blueprint.description import Description
from blueprint.endpoint import Endpoint, resolve_endpoint
from blueprint.exposure import OwnGateway, own_gateway
from blueprint.foresight import Foresight, foresight
from blueprint.images import Image, resolve_images
from blueprint.issues import DescriptionError, Issue, KeyPath
from blueprint.locks import ImagesLock, ModelsLock
from blueprint.monitoring.exporter import Exporter, resolve_exporter
from blueprint.monitoring.gateway import Gateway, resolve_gateway
from blueprint.monitoring.installed import OperatorInstallation, resolve_installation
from blueprint.monitoring.parts import prometheus_address
from blueprint.monitoring.probes import Probing, resolve_probing
from blueprint.monitoring.standalone import Servers, resolve_servers
from blueprint.monitoring.stores import Store
from blueprint.monitoring.targets import shown_stores
from blueprint.parse import parse
from blueprint.settings import Cluster, Monitoring
from blueprint.settings.stack import SecretKey
from blueprint.timing.start import Start
from blueprint.timing.starts import endpoint_starts, replica_starts
from blueprint.workload import Workload, resolve_workload

SECRET_KEYS = ("hubReadToken",)
"""Configuration values that are secrets and therefore no part of the settings."""

NAMED_SECRETS = "llm-inference-secrets"
"""Configuration namespace of the values that names of secrets stand for; no part of the settings either."""


def given(key: str, value: object) -> bool:
    """Whether a section is there: Pulumi.yaml has to give every optional key a default, and an empty mapping is it."""
    return value is not None and (value != {} or key == "models")


@dataclass(frozen=True, kw_only=True)
class Stack:
    """Everything that the program builds for one stack, as plain values.

    gpu_quota: by extended resource, how many devices the namespace's pods may hold; empty where the namespace
        belongs to somebody else.
    hub_read_secret: existing Secret with a read token for the Hub, when the stack file names one.
    prometheus: address in the cluster at which the Prometheus that watches the models answers.
    probing: who asks at the models' public hosts, if anybody.
    monthly_usd: what all of it may cost in a month, if anybody said.
    installation: the Prometheus operator that the stack installs, if any.
    servers: the Prometheus and others that the stack runs itself, if any.
    stores: the kinds of stores of logs and traces that the dashboards show.
    gateway: the Gateway that the stack makes for its published models, if any.
    collector: what receives traces and logs, if the stack has it.
    exporter: what tells Prometheus of its Inference Endpoints, if the stack has it.
    cost: what its models cost, as far as their prices are known.
    starts: by model, how long a replica takes to come.
    foresight: of fit, cost and start, what is known of each model.
    warnings: what deploys and somebody should know first, each one line with key, reason and way out.
    notes: what is known of what deploys and is no reason to act, each one line.
    """

    name: str
    cluster: Cluster | None
    protect: bool
    keep_weights: bool
    gpu_quota: Mapping[str, int]
    hub_read_secret: SecretKey | None
    monitoring: Monitoring | None
    prometheus: str | None
    installation: OperatorInstallation | None
    servers: Servers | None
    stores: Sequence[Store]
    probing: Probing | None
    monthly_usd: float | None
    gateway: OwnGateway | None
    collector: Gateway | None
    exporter: Exporter | None
    images: Sequence[Image]
    workloads: Sequence[Workload]
    endpoints: Sequence[Endpoint]
    cost: StackCost
    starts: Mapping[str, Start] = field(default_factory=dict)
    foresight: Foresight = field(default_factory=dict)
    warnings: Sequence[str] = ()
    notes: Sequence[str] = ()


def resolve_stack(stack: str, config: Mapping[str, Any], models_lock: ModelsLock, images_lock: ImagesLock) -> Stack:
    """Read a stack's configuration, check it as a whole, derive what follows from it.

    config: the values under this project's name, without the name and without the secrets.

    Raises DescriptionError with every mistake found.
    """
    description, issues = check_stack(stack, config, models_lock, images_lock)
    if issues or description is None:
        raise DescriptionError(f"Pulumi.{stack}.yaml", issues)
    workloads = [resolve_workload(description, name, model) for name, model in description.kubernetes_models()]
    endpoints = [resolve_endpoint(description, name, model) for name, model in description.endpoint_models()]
    exporter = resolve_exporter(description, endpoints)
    settings = description.settings
    monthly_usd = settings.budget.monthly_usd if settings.budget else None
    loads = {name: model.load for name, model in settings.models.items() if model.load is not None}
    cost = cost_of(
        workloads,
        endpoints,
        prices_of(settings),
        monthly_usd=monthly_usd,
        loads=loads,
        monitoring=settings.monitoring,
    )
    starts = {**replica_starts(description, {one.name: one for one in workloads}), **endpoint_starts(description)}
    fits = list(fit.judged(description))
    return Stack(
        name=stack,
        cluster=settings.cluster,
        protect=settings.deletion.protect,
        keep_weights=settings.deletion.keep_weights,
        gpu_quota=_gpu_quota(settings.cluster, workloads),
        hub_read_secret=settings.huggingface.hub_read_secret,
        monitoring=settings.monitoring,
        prometheus=prometheus_address(description),
        installation=resolve_installation(settings.monitoring),
        servers=resolve_servers(description, workloads, exporter),
        stores=shown_stores(description),
        probing=resolve_probing(description, workloads),
        monthly_usd=monthly_usd,
        gateway=own_gateway(
            settings.cluster, {one.object_name: one.exposure.value for one in workloads if one.exposure is not None}
        ),
        collector=resolve_gateway(description),
        exporter=exporter,
        images=resolve_images(description),
        workloads=workloads,
        endpoints=endpoints,
        cost=cost,
        starts=starts,
        foresight=foresight(cost, starts, fits),
        warnings=[
            issue.render(f"Pulumi.{stack}.yaml") for issue in description.canaries.as_written(advise(description))
        ],
        notes=[
            *fit.notes(fits),
            *([cost.line] if cost.models else []),
            *(f"models.{name}: {at}." for name, at in cost.loaded.items()),
        ],
    )


def check_stack(
    stack: str, config: Mapping[str, Any], models_lock: ModelsLock, images_lock: ImagesLock
) -> tuple[Description | None, Sequence[Issue]]:
    """Every mistake of a stack's configuration, and its description as far as it could be read."""
    expanded, canaries = with_canaries(config)
    parsed = parse(expanded)
    if parsed.settings is None:
        return None, canaries.as_written(parsed.issues)
    description = Description(
        stack=stack,
        settings=parsed.settings,
        models_lock=models_lock,
        images_lock=images_lock,
        canaries=canaries,
    )
    found = list(cross_check(description))
    # What a whole cluster that is missing would have said is as unknown as what a refused key would have.
    missing = [issue.path for issue in found if issue.path == ("cluster",)]
    crossed = [
        issue
        for issue in found
        if not any(_touches(path, refused) for path in (issue.path, *issue.reads) for refused in parsed.refused)
        and not any(_touches(path, gone) for path in issue.reads for gone in missing)
    ]
    return description, canaries.as_written([*parsed.issues, *crossed])


def _touches(path: KeyPath, refused: KeyPath) -> bool:
    shorter = min(len(path), len(refused))
    return path[:shorter] == refused[:shorter]


def _gpu_quota(cluster: Cluster | None, workloads: Sequence[Workload]) -> Mapping[str, int]:
    """What the namespace's pods may hold, by extended resource.

    Room for all models to roll out at the same time, which a new version of an engine makes them do: a draining pod
    counts until it is gone, and its successor is admitted and waits for the GPU. Refused instead, it would be tried
    again after a delay that doubles each time. What stands above what is available is for such pods; GPUs that are
    not there they do not get.
    """
    if cluster is None or not cluster.namespace.create:
        return {}
    quota: dict[str, int] = {}
    for name, pool in cluster.accelerators.items():
        resource = ACCELERATORS[name].resource
        quota[resource] = quota.get(resource, 0) + pool.available
    for resource, available in quota.items():
        peak = sum(one.rollout_pods * one.gpu_count for one in workloads if one.gpu_resource == resource)
        quota[resource] = max(available, peak)
    return quota
