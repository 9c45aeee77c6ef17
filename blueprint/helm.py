"""Helm's command line for a release, by the inputs that the release is registered with."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

RELEASE = "kubernetes:helm.sh/v3:Release"
"""Type of a release among Pulumi's resources. v3 is the resource's version, not Helm's."""

COMMAND = "LLM_INFERENCE_HELM"
"""Environment variable with the words that start Helm, where it is not `helm` on PATH."""

_HOOK = "helm.sh/hook"
_TESTS = frozenset({"test", "test-success", "test-failure"})
_CLUSTER_SCOPED = ("ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "Namespace", "PriorityClass")


def chart_arguments(inputs: Mapping[str, Any]) -> list[str]:
    """The chart of a release: its name or place, where it is fetched from, at which version."""
    repository = (inputs.get("repositoryOpts") or {}).get("repo")
    return [
        str(inputs["chart"]),
        *([f"--repo={repository}"] if repository else []),
        *([f"--version={inputs['version']}"] if inputs.get("version") else []),
    ]


def template_arguments(inputs: Mapping[str, Any]) -> list[str]:
    """`helm template` of a release. It reads the values from its standard input, where no process list shows them."""
    return [
        "template",
        str(inputs["name"]),
        *chart_arguments(inputs),
        f"--namespace={inputs['namespace']}",
        "--values=-",
    ]


def values_text(inputs: Mapping[str, Any]) -> str:
    """What Helm reads from its standard input. JSON: Helm takes a bare y for true, and PyYAML writes one for "y"."""
    return json.dumps(inputs.get("values") or {})


def objects(text: str, namespace: str) -> Iterator[dict[str, Any]]:
    """The objects that Helm rendered and would install, each with the namespace that it would install it to."""
    for item in yaml.safe_load_all(text):
        if not isinstance(item, dict) or "kind" not in item:
            continue
        metadata = item.get("metadata") or {}
        hooks = str((metadata.get("annotations") or {}).get(_HOOK, "")).split(",")
        if _TESTS.issuperset(hook.strip() for hook in hooks):
            continue  # made by `helm test` alone
        if item["kind"] not in _CLUSTER_SCOPED:
            metadata = {**metadata, "namespace": metadata.get("namespace") or namespace}
        yield {**item, "metadata": metadata}
