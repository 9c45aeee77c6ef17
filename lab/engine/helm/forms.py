"""A release's inputs and outputs, in the form that pulumi-kubernetes 4.34 keeps in the state."""

import json
from collections.abc import Mapping
from typing import Any

import yaml

from lab.engine.cluster.objects import INPUTS, as_seen, like_secrets
from lab.engine.provider import Checked
from lab.engine.values import UNKNOWN, PropertyMap, Secret, UnsupportedError, bare, parts, secret

# Its provider writes every field of its release, zero values too (pkg/provider/helm_release.go).
_ABSENT: Mapping[str, Any] = {
    "allowNullValues": False,
    "atomic": False,
    "chart": "",
    "cleanupOnFail": False,
    "createNamespace": False,
    "dependencyUpdate": False,
    "description": "",
    "devel": False,
    "disableCRDHooks": False,
    "disableOpenapiValidation": False,
    "disableWebhooks": False,
    "forceUpdate": False,
    "keyring": "",
    "lint": False,
    "name": "",
    "namespace": "",
    "postrender": "",
    "recreatePods": False,
    "renderSubchartNotes": False,
    "replace": False,
    "resetValues": False,
    "reuseValues": False,
    "skipAwait": False,
    "skipCrds": False,
    "timeout": 0,
    "values": {},
    "verify": False,
    "version": "",
    "waitForJobs": False,
}
_REPOSITORY: Mapping[str, Any] = dict.fromkeys(("caFile", "certFile", "keyFile", "password", "repo", "username"), "")
_SUPPORTED = ("atomic", "chart", "name", "namespace", "repositoryOpts", "skipAwait", "timeout", "values", "version")
_IGNORED = ("compat", "resourceNames", "status")  # the SDK's own
_TIMEOUT_SECONDS = 300
_SHORTEST_SECRET = 6  # as in lab/engine/display/text.py


def completed(news: PropertyMap, olds: PropertyMap, made_up: str) -> PropertyMap:
    """Inputs with everything that they leave out. made_up: the name of a release without one.

    Raises UnsupportedError for what this engine does not do.
    """
    given = {key: value for key, value in news.items() if value is not None and key not in _IGNORED}
    for key, value in given.items():
        if key not in _SUPPORTED and bare(value) not in (_ABSENT.get(key), []):
            raise UnsupportedError(f"{key} of a Helm release")
    repository = bare(given.get("repositoryOpts")) or {}
    if repository is not UNKNOWN and any(value for key, value in repository.items() if key != "repo"):
        raise UnsupportedError("repositoryOpts of a Helm release, but for repo,")
    inputs = {**_ABSENT, **{key: value for key, value in given.items() if key in _SUPPORTED}}
    if isinstance(repository, dict) and repository:
        inputs["repositoryOpts"] = {**_REPOSITORY, **repository}
    inputs["name"] = inputs["name"] or bare(olds).get("name") or made_up
    inputs["namespace"] = inputs["namespace"] or "default"
    if "timeout" not in given and not inputs["skipAwait"]:
        inputs["timeout"] = _TIMEOUT_SECONDS
    return inputs


def failed_chart(inputs: PropertyMap, why: str) -> Checked:
    """The refusal of a chart that cannot be had."""
    return Checked(inputs, [("chart", f"{why}; check the chart's name or path, its version and its repository")])


def planned(inputs: PropertyMap) -> PropertyMap:
    """The outputs of a release that is yet to come."""
    return {**inputs, INPUTS: secret(inputs), "resourceNames": UNKNOWN, "status": UNKNOWN}


def outputs_of(inputs: PropertyMap, metadata: Mapping[str, Any], manifest: str) -> PropertyMap:
    """The outputs of a release that is there. metadata: from `helm get metadata`."""
    return {
        **inputs,
        INPUTS: secret(inputs),
        "resourceNames": _names(manifest),
        "status": {
            "appVersion": metadata.get("appVersion", ""),
            "chart": metadata["chart"],
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "revision": metadata["revision"],
            "status": metadata["status"],
            "version": metadata["version"],
        },
    }


def refreshed(inputs: PropertyMap, values: str, version: str) -> PropertyMap:
    """The inputs as they would have to be for the live release, whose values are JSON."""
    live = json.loads(values) or {}
    seen = like_secrets(as_seen(live, bare(inputs.get("values") or {})), inputs.get("values"))
    return {**inputs, "values": {**seen, **{key: live[key] for key in live if key not in seen}}, "version": version}


def without_secrets(text: str, inputs: PropertyMap) -> str:
    """A text of Helm's without the secret values that it may quote."""
    hidden = {
        found
        for part in parts(inputs)
        if isinstance(part, Secret)
        for found in parts(part.value)
        if isinstance(found, str) and len(found) >= _SHORTEST_SECRET
    }
    for value in sorted(hidden, key=len, reverse=True):
        text = text.replace(value, "[secret]")
    return text


def _names(manifest: str) -> PropertyMap:
    """The objects of a manifest by kind, group and version."""
    found: dict[str, set[str]] = {}
    for item in yaml.safe_load_all(manifest):
        if isinstance(item, dict) and "kind" in item:
            group, separator, _ = item["apiVersion"].partition("/")
            kind = f"{item['kind']}.{group}" if separator else item["kind"]
            namespace, name = item["metadata"].get("namespace"), item["metadata"]["name"]
            found.setdefault(f"{kind}/{item['apiVersion']}", set()).add(f"{namespace}/{name}" if namespace else name)
    return {key: sorted(names) for key, names in found.items()}
