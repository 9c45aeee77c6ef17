"""What the API says of an endpoint, flat, and without trust in its being complete."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from endpoints.billing import billed_replicas
from ops.project import PROJECT_NAME

MISSING = "missing"
"""Our word for an endpoint that is declared and does not exist."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """An endpoint. ready, target: replicas now; min, max: their bounds."""

    name: str
    state: str
    message: str
    url: str | None
    access: str
    repository: str
    revision: str | None
    ready: int
    target: int
    min: int
    max: int
    sleeps_after: int | None
    hardware: str
    tags: Sequence[str]
    secrets: Sequence[str]
    created_at: str | None
    updated_at: str | None
    creator: str | None

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> "Facts":
        """From an answer of the API, or a body that is sent to it."""
        status, model, compute = (_mapping(raw.get(key)) for key in ("status", "model", "compute"))
        scaling, provider = _mapping(compute.get("scaling")), _mapping(raw.get("provider"))
        hardware = (
            provider.get("vendor"),
            provider.get("region"),
            compute.get("instanceType"),
            compute.get("instanceSize"),
        )
        return cls(
            name=str(raw.get("name")),
            state=str(status.get("state") or MISSING),
            message=str(status.get("errorMessage") or status.get("message") or ""),
            url=str(status["url"]).rstrip("/") if status.get("url") else None,
            access=str(raw.get("type")),
            repository=str(model.get("repository")),
            revision=model.get("revision"),
            ready=_count(status.get("readyReplica")),
            target=_count(status.get("targetReplica")),
            min=_count(scaling.get("minReplica")),
            max=_count(scaling.get("maxReplica")),
            sleeps_after=scaling.get("scaleToZeroTimeout"),
            hardware=" ".join(str(part) for part in hardware),
            tags=[str(tag) for tag in raw.get("tags") or []],
            secrets=sorted(_mapping(model.get("secrets"))),
            created_at=status.get("createdAt"),
            updated_at=status.get("updatedAt"),
            creator=_mapping(status.get("createdBy")).get("name"),
        )

    @property
    def billed(self) -> int:
        """Replicas that cost money now."""
        return billed_replicas(self.state, ready=self.ready, target=self.target)

    @property
    def whose(self) -> str:
        """Whose it is, as its tags say, or else who made it."""
        prefix = f"pulumi:{PROJECT_NAME}/"
        stacks = [f"stack {tag.removeprefix(prefix).split('/')[0]}" for tag in self.tags if tag.startswith(prefix)]
        owners = [tag.removeprefix("owner:") for tag in self.tags if tag.startswith("owner:")]
        return ", ".join([*stacks, *owners]) or self.creator or "unknown"


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _count(value: Any) -> int:
    return value if isinstance(value, int) else 0
