"""Where a model's objects go: below which component, in which namespace, with which labels."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pulumi import Input, Resource, ResourceOptions

from blueprint.workload import Workload
from components.labels import labels

SKIP_AWAIT = {"pulumi.com/skipAwait": "true"}


def engine_image(workload: Workload, images: Mapping[str, Input[str]]) -> Input[str]:
    """What a model's engine runs in. images: by name, those that the stack has names for."""
    return images[workload.image_name] if workload.image_name else workload.image.value


@dataclass(frozen=True, kw_only=True)
class Place:
    """What all objects of one model have in common. image: what its engine runs in."""

    workload: Workload
    parent: Resource
    namespace: Input[str]
    image: Input[str]

    def metadata(self, name: Input[str], **extra: Any) -> Any:
        """An object's metadata."""
        return {"name": name, "namespace": self.namespace, "labels": labels(self.workload), **extra}

    def opts(self, **options: Any) -> ResourceOptions:
        """An object's options."""
        return ResourceOptions(parent=self.parent, **options)
