"""Where the weights live between restarts."""

from dataclasses import dataclass
from typing import Literal

from blueprint.resources import Resolved
from blueprint.settings.weights import Cache


@dataclass(frozen=True)
class Storage:
    """The weights' place: a claim that is made, a claim that exists, or an empty directory."""

    kind: Literal["claim", "existingClaim", "emptyDir"]
    size_gib: int | None = None
    access_mode: str | None = None
    storage_class: str | None = None
    claim_name: str | None = None


def resolve_storage(cache: Cache, live_name: str) -> Resolved[Storage]:
    """The place of the weights of a model whose live objects are called live_name."""
    if cache.mode == "none":
        return Resolved(Storage("emptyDir", size_gib=cache.size_gib), "cache.mode none: each start downloads the model")
    if cache.existing_claim is not None:
        return Resolved(
            Storage("existingClaim", access_mode=cache.access_mode, claim_name=cache.existing_claim),
            "given: cache.existingClaim; it outlives this stack",
        )
    return Resolved(
        Storage(
            "claim",
            size_gib=cache.size_gib,
            access_mode=cache.access_mode,
            storage_class=cache.storage_class,
            claim_name=f"{live_name}-cache",
        ),
        f"cache.mode shared: one claim, {cache.access_mode}",
    )
