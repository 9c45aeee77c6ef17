"""Where a model's objects go: below which component, in which namespace, with which labels."""

from dataclasses import dataclass
from typing import Any

from pulumi import Input, Resource, ResourceOptions

from blueprint.workload import Workload
from components.labels import labels

SKIP_AWAIT = {"pulumi.com/skipAwait": "true"}


@dataclass(frozen=True, kw_only=True)
class Place:
    """What all objects of one model have in common."""

    workload: Workload
    parent: Resource
    namespace: Input[str]

    def metadata(self, name: str, **extra: Any) -> Any:
        """An object's metadata."""
        return {"name": name, "namespace": self.namespace, "labels": labels(self.workload), **extra}

    def opts(self, **options: Any) -> ResourceOptions:
        """An object's options."""
        return ResourceOptions(parent=self.parent, **options)
