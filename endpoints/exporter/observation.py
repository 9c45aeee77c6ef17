"""One endpoint as the control plane shows it, without trust in its being complete: what is not told is None."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from endpoints.billing import billed_replicas
from endpoints.body import OWNER_PREFIX
from endpoints.catalogue import Hardware, find

_OWNER_TAG = "owner:"
"""Of the tag that names a model's owner in its stack file."""


@dataclass(frozen=True, kw_only=True)
class Stack:
    """Whose endpoints get the names of models.

    tag: that the stack's endpoints carry, or how it begins. models: by endpoint, the model's name in the stack file.
    """

    tag: str
    models: Mapping[str, str]

    def tag_of(self, tags: Sequence[str]) -> str | None:
        """The tag by which an endpoint is this stack's; None for one of others."""
        return next((tag for tag in tags if self.tag and tag.startswith(self.tag)), None)


@dataclass(frozen=True, kw_only=True)
class Observation:
    """An endpoint at one moment.

    labels: without hf_namespace. updated, used: Unix times. replica_usd: price of one replica and hour.
    """

    name: str
    labels: Mapping[str, str]
    state: str
    ready: int | None
    target: int | None
    least: int | None
    most: int | None
    updated: float | None
    used: float | None
    replica_usd: float | None

    @property
    def billed(self) -> int:
        """Replicas that cost money now."""
        return billed_replicas(self.state, ready=self.ready or 0, target=self.target or 0)

    @property
    def usd(self) -> float | None:
        """What it costs per hour now."""
        return None if self.replica_usd is None else self.billed * self.replica_usd


def observed(raw: Mapping[str, Any], stack: Stack, prices: Sequence[Hardware]) -> Observation:
    """An endpoint of the API's list. Raises KeyError and TypeError for what has no name or no state."""
    name, state = str(raw["name"]), str(raw["status"]["state"])
    status, compute, provider = (_mapping(raw.get(key)) for key in ("status", "compute", "provider"))
    scaling = _mapping(compute.get("scaling"))
    tags = [str(tag) for tag in raw.get("tags") or []]
    own = stack.tag_of(tags)
    parts = (own or "").removeprefix(OWNER_PREFIX).split("/")  # project, stack, word
    labels = {
        "endpoint": name,
        "model": stack.models.get(name, "") if own else "",
        "stack": parts[1] if len(parts) > 1 else "",
        "owner": next((tag.removeprefix(_OWNER_TAG) for tag in tags if tag.startswith(_OWNER_TAG)), ""),
        "vendor": _text(provider.get("vendor")),
        "region": _text(provider.get("region")),
        "instance_type": _text(compute.get("instanceType")),
        "instance_size": _text(compute.get("instanceSize")),
    }
    return Observation(
        name=name,
        labels=labels,
        state=state,
        ready=_count(status.get("readyReplica")),
        target=_count(status.get("targetReplica")),
        least=_count(scaling.get("minReplica")),
        most=_count(scaling.get("maxReplica")),
        updated=_moment(status.get("updatedAt")),
        used=_moment(status.get("lastUsedAt")),
        replica_usd=_price(raw, prices),
    )


def _price(raw: Mapping[str, Any], prices: Sequence[Hardware]) -> float | None:
    try:
        row = find(prices, raw)
    except (KeyError, TypeError):
        return None
    return row.usd_per_hour if row else None


def _moment(value: Any) -> float | None:
    try:
        return datetime.datetime.fromisoformat(value).timestamp()
    except (TypeError, ValueError):
        return None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) else None
