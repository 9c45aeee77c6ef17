"""A model on Inference Endpoints, resolved: the body that the API is sent, each decision with its reason."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from blueprint.description import Description, endpoint_name
from blueprint.endpoint_container import ENDPOINT_ENGINES, resolve_container
from blueprint.instances import instance_accelerator
from blueprint.pins import pinned_revision
from blueprint.resources import Resolved
from blueprint.settings import EndpointModel
from blueprint.settings.endpoint import EndpointScaling
from blueprint.settings.endpoint_engines import EndpointCustom, EndpointLlamacpp
from blueprint.timing.budget import ready_minutes

SCALE_TO_ZERO_MINUTES = 15
"""Idle time before an endpoint with min: 0 sleeps: the API's own default, written out so that it cannot change."""


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One model, ready to be described to the Inference Endpoints API.

    name: the model's key in the stack file; endpoint_name: its name at Hugging Face.
    formerly: former names of the model, for aliases.
    body: what the API takes to create it, without secrets, without the password of a registry and without tags that
        tell whose it is. Every key that is managed is there; None means not set.
    secrets: by environment variable, the name of its value under ``llm-inference-secrets:``.
    registry_password: the name of the custom image's registry password under ``llm-inference-secrets:``.
    ready_minutes: time until it answers.
    health_route: path of the container's health check.
    openai_path: where it answers as the OpenAI API does; None when it does not.
    served_model: the name by which callers ask for the model; None where the engine chooses it.
    reasons: what was derived, for people who ask why.
    """

    name: str
    endpoint_name: str
    formerly: Sequence[str]
    owner: str | None
    namespace: str
    api: Literal["huggingface", "lab"]
    body: Mapping[str, Any]
    secrets: Mapping[str, str]
    registry_password: str | None
    state: Literal["running", "paused"]
    adopt: bool
    ready_minutes: int
    health_route: str
    openai_path: str | None
    served_model: str | None = None
    reasons: Mapping[str, Resolved[Any]] = field(default_factory=dict)

    def decisions(self) -> Mapping[str, Resolved[Any]]:
        """What was derived, for people who ask why."""
        return self.reasons


def resolve_endpoint(description: Description, name: str, model: EndpointModel) -> Endpoint:
    """Derive one model's endpoint from a description that passed its checks."""
    hub = description.settings.huggingface
    accelerator = instance_accelerator(model.instance.type)
    if hub.namespace is None or accelerator is None:
        raise ValueError(f"models.{name}: a description without namespace or with an unknown instance has no endpoints")
    engine, facts = model.engine, ENDPOINT_ENGINES[model.engine.name]
    live_name = endpoint_name(name, model)
    container = resolve_container(description, name, model)
    reasons: dict[str, Resolved[Any]] = {
        **container.decisions,
        "endpoint_name": live_name,
        "revision": pinned_revision(description, model.model, model.revision),
        "accelerator": Resolved(accelerator, f"instance type {model.instance.type}"),
        "framework": _framework(model),
        "task": _task(model),
        "scale_to_zero_minutes": _sleep(model.scaling),
        "ready_minutes": ready_minutes(description, model),
    }
    # In the API's words: https://api.endpoints.huggingface.cloud, and huggingface_hub/hf_api.py, 2.4.0.
    body = {
        "name": live_name.value,
        "type": model.access,
        "provider": {"vendor": model.instance.vendor, "region": model.instance.region},
        "compute": {
            "accelerator": accelerator,
            "instanceType": model.instance.type,
            "instanceSize": model.instance.size,
            "scaling": {
                "minReplica": model.scaling.min,
                "maxReplica": model.scaling.max,
                "scaleToZeroTimeout": reasons["scale_to_zero_minutes"].value,
                "measure": _measure(model.scaling),
            },
        },
        "model": {
            "repository": model.model,
            "revision": reasons["revision"].value,
            "framework": reasons["framework"].value,
            "task": reasons["task"].value,
            "image": container.image,
            "command": container.command,
            "args": container.args,
            "env": model.environment,
        },
        "tags": [*([f"owner:{model.owner}"] if model.owner else []), *model.tags],
        "route": {"domain": model.route.domain, "path": model.route.path} if model.route else None,
        "cacheHttpResponses": model.cache_http_responses,
        "privateService": (
            {"accountId": model.private_service.account_id, "region": model.private_service.region}
            if model.private_service
            else None
        ),
    }
    registry = engine.registry if isinstance(engine, EndpointCustom) else None
    return Endpoint(
        name=name,
        endpoint_name=live_name.value,
        formerly=model.formerly,
        owner=model.owner,
        namespace=hub.namespace,
        api=hub.api,
        body=body,
        secrets=model.secrets,
        registry_password=registry.password if registry else None,
        state=model.state,
        adopt=model.adopt,
        ready_minutes=reasons["ready_minutes"].value,
        health_route=container.health_route,
        openai_path=facts.openai_path,
        served_model=container.served_model,
        reasons=reasons,
    )


def _framework(model: EndpointModel) -> Resolved[str]:
    if model.framework is not None:
        return Resolved(model.framework, "given: framework")
    return Resolved(ENDPOINT_ENGINES[model.engine.name].framework, f"engine {model.engine.name}")


def _task(model: EndpointModel) -> Resolved[str | None]:
    if model.task is not None:
        return Resolved(model.task, "given: task")
    if isinstance(model.engine, EndpointLlamacpp) and model.engine.mode is not None:
        return Resolved(None, f"engine.mode {model.engine.mode}: not set, the server's choice")
    task = ENDPOINT_ENGINES[model.engine.name].task
    return Resolved(task, f"engine {model.engine.name}" + ("" if task else " does several: the server's choice"))


def _sleep(scaling: EndpointScaling) -> Resolved[int | None]:
    if scaling.min > 0:
        return Resolved(None, f"scaling.min {scaling.min}: it never sleeps")
    if scaling.scale_to_zero_minutes is not None:
        return Resolved(scaling.scale_to_zero_minutes, "given: scaling.scaleToZeroMinutes")
    return Resolved(SCALE_TO_ZERO_MINUTES, "scaling.min 0: a quarter of an hour without calls; sleep costs nothing")


def _measure(scaling: EndpointScaling) -> dict[str, float] | None:
    if scaling.pending_requests is not None:
        return {"pendingRequests": scaling.pending_requests}
    if scaling.hardware_usage_percent is not None:
        return {"hardwareUsage": scaling.hardware_usage_percent}
    return None
