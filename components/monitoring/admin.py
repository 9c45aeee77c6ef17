"""The administrator of a Grafana: made once, and known to whoever may read the Secret."""

import base64
import secrets
from typing import Any

import pulumi_kubernetes as k8s
from pulumi import Output, ResourceOptions

from blueprint.monitoring.standalone import ADMIN_PASSWORD

ADMIN_USER = "admin-user"


def register_admin(name: str, *, metadata: Any, opts: ResourceOptions) -> k8s.core.v1.Secret:
    """The Secret with name and password."""
    data = {ADMIN_USER: _encoded("admin"), ADMIN_PASSWORD: Output.secret(_encoded(secrets.token_urlsafe(24)))}
    # Each run makes another one, and the first one stays.
    first = ResourceOptions.merge(opts, ResourceOptions(ignore_changes=["data"]))
    return k8s.core.v1.Secret(name, metadata=metadata, type="Opaque", data=data, opts=first)


def _encoded(text: str) -> str:
    """As a Secret's data has it."""
    return base64.b64encode(text.encode()).decode()
