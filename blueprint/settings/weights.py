"""Settings of where a model's weights are kept."""

from typing import Literal

from pydantic import Field

from blueprint.settings.base import ObjectName, SettingsModel


class Cache(SettingsModel):
    """Where downloaded weights live between restarts."""

    mode: Literal["shared", "perReplica", "node", "none"] = Field(
        default="shared",
        description="shared: one claim for all replicas. none: an empty directory, downloaded again at each start.",
    )
    size_gib: int | None = Field(
        default=None,
        alias="sizeGiB",
        ge=1,
        le=100_000,
        description="Size of the claim or of the empty directory, in GiB. Not with existingClaim.",
    )
    access_mode: Literal["ReadWriteMany", "ReadWriteOnce"] = Field(
        default="ReadWriteMany",
        description="How the claim is mounted. ReadWriteOnce ties all replicas to one node: one replica only.",
    )
    storage_class: ObjectName | None = Field(
        default=None, description="Storage class of the claim; the cluster's default class when absent."
    )
    existing_claim: ObjectName | None = Field(
        default=None,
        description="An existing claim to use instead of making one; it is never deleted from here.",
    )
