"""An endpoint's body as the arguments of huggingface_hub, as far as it has some."""

from collections.abc import Mapping
from typing import Any

_UPDATABLE = {
    ("compute", "accelerator"): "accelerator",
    ("compute", "instanceType"): "instance_type",
    ("compute", "instanceSize"): "instance_size",
    ("compute", "scaling", "minReplica"): "min_replica",
    ("compute", "scaling", "maxReplica"): "max_replica",
    ("compute", "scaling", "scaleToZeroTimeout"): "scale_to_zero_timeout",
    ("model", "repository"): "repository",
    ("model", "framework"): "framework",
    ("model", "revision"): "revision",
    ("model", "task"): "task",
    ("model", "image"): "custom_image",
    ("model", "command"): "container_command",
    ("model", "args"): "container_args",
    ("model", "env"): "env",
    ("model", "secrets"): "secrets",
    ("cacheHttpResponses",): "cache_http_responses",
    ("tags",): "tags",
}
_WHOLE = {
    ("model", "image"),
    ("model", "env"),
    ("model", "secrets"),
    ("compute", "scaling", "measure"),
    ("route",),
    ("privateService",),
}
"""Objects that the API replaces as a whole, or may."""


def create_arguments(
    body: Mapping[str, Any], secrets: Mapping[str, str], registry_password: str | None
) -> dict[str, Any]:
    """The arguments of HfApi.create_inference_endpoint, without namespace and token."""
    compute, model, scaling = body["compute"], body["model"], body["compute"]["scaling"]
    metric, threshold = measure_of(scaling.get("measure"))
    route, private = body.get("route") or {}, body.get("privateService") or {}
    image, credentials = _without_credentials(model["image"])
    return {
        "name": body["name"],
        "type": body["type"],
        "vendor": body["provider"]["vendor"],
        "region": body["provider"]["region"],
        "accelerator": compute["accelerator"],
        "instance_type": compute["instanceType"],
        "instance_size": compute["instanceSize"],
        "min_replica": scaling["minReplica"],
        "max_replica": scaling["maxReplica"],
        "scale_to_zero_timeout": scaling.get("scaleToZeroTimeout"),
        "scaling_metric": metric,
        "scaling_threshold": threshold,
        "repository": model["repository"],
        "revision": model["revision"],
        "framework": model["framework"],
        "task": model.get("task"),
        "custom_image": image,
        "container_registry_username": credentials.get("username"),
        "container_registry_password": registry_password,
        "container_command": model.get("command"),
        "container_args": model.get("args"),
        "env": dict(model.get("env") or {}),
        "secrets": dict(secrets),
        "domain": route.get("domain"),
        "path": route.get("path"),
        "cache_http_responses": body.get("cacheHttpResponses"),
        "tags": list(body.get("tags") or []),
        "private_link_account_id": private.get("accountId"),
        "private_link_region": private.get("region"),
    }


def update_arguments(change: Mapping[str, Any]) -> dict[str, Any] | None:
    """The arguments of HfApi.update_inference_endpoint; None where it cannot express the change."""
    arguments: dict[str, Any] = {}
    for path, value in leaves(change):
        if path == ("compute", "scaling", "measure") and value:
            arguments["scaling_metric"], arguments["scaling_threshold"] = measure_of(value)
        elif path == ("route",) and value and value.get("path") is not None:
            arguments["domain"], arguments["path"] = value["domain"], value["path"]
        elif path in _UPDATABLE and value is not None:
            arguments[_UPDATABLE[path]] = value
        else:
            return None
    return arguments


def leaves(body: Mapping[str, Any], at: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    """The values of a body by path, down to what the API replaces as a whole."""
    found: list[tuple[tuple[str, ...], Any]] = []
    for key, value in body.items():
        path = (*at, key)
        if isinstance(value, Mapping) and path not in _WHOLE:
            found += leaves(value, path)
        else:
            found.append((path, value))
    return found


def measure_of(measure: Mapping[str, Any] | None) -> tuple[str | None, float | None]:
    """The one measure that scales, with its threshold."""
    return next(iter(measure.items())) if measure else (None, None)


def _without_credentials(image: Mapping[str, Any]) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """The image as huggingface_hub takes it, and the registry's credentials, which it takes apart from it."""
    custom = image.get("custom")
    if custom is None:
        return dict(image), {}
    plain = {key: value for key, value in custom.items() if key != "credentials"}
    return plain, custom.get("credentials") or {}
