"""Routes of alerts as the Prometheus operator takes them, and the addresses that they lead to."""

from collections.abc import Mapping
from typing import Any

import pulumi_kubernetes as k8s
from pulumi import Output, Resource, ResourceOptions

from blueprint.monitoring.routing import alertmanager_config_spec, url_names
from blueprint.settings import Monitoring
from blueprint.settings.monitoring import Routes


def register_routes(
    name: str,
    *,
    metadata: Any,
    monitoring: Monitoring,
    routes: Routes,
    secrets: Mapping[str, Output[str]],
    parent: Resource,
    operator: Resource | None,
) -> None:
    """An AlertmanagerConfig for the operator's Alertmanager. secrets: by name, the values that the settings name.

    operator: what defines AlertmanagerConfigs, where the stack installs it.
    """
    addresses = f"{metadata['name']}-receivers"
    names = url_names(routes)
    if names:
        k8s.core.v1.Secret(
            f"{name}-receivers",
            metadata={**metadata, "name": addresses},
            type="Opaque",
            string_data={one: secrets[one] for one in names},
            opts=ResourceOptions(parent=parent),
        )
    k8s.apiextensions.CustomResource(
        name,
        api_version="monitoring.coreos.com/v1alpha1",
        kind="AlertmanagerConfig",
        metadata={**metadata, "labels": {**metadata["labels"], **monitoring.labels}},
        spec=alertmanager_config_spec(routes, secret=addresses),
        opts=ResourceOptions(parent=parent, depends_on=operator),
    )
