"""Rules as the Prometheus operator takes them."""

from collections.abc import Callable, Mapping
from typing import Any

import pulumi_kubernetes as k8s
from pulumi import Input, Output, Resource, ResourceOptions

from blueprint.settings import Monitoring


def register_rules(
    name: str,
    *,
    metadata: Any,
    monitoring: Monitoring,
    namespace: Input[str],
    spec: Callable[[str], Any],
    parent: Resource,
    operator: Resource | None,
) -> None:
    """A PrometheusRule that the operator's Prometheus selects. spec: what the rules are in a namespace.

    operator: what defines PrometheusRules, where the stack installs it.
    """
    labels: Mapping[str, str] = {**metadata["labels"], **monitoring.labels}
    k8s.apiextensions.CustomResource(
        name,
        api_version="monitoring.coreos.com/v1",
        kind="PrometheusRule",
        metadata={**metadata, "labels": labels},
        spec=Output.from_input(namespace).apply(spec),
        opts=ResourceOptions(parent=parent, depends_on=operator),
    )
