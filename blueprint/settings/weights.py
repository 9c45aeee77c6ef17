"""Settings of where a model's weights are kept."""

from typing import Literal

from pydantic import Field

from blueprint.settings.base import ObjectName, SettingsModel


class Cache(SettingsModel):
    """Where downloaded weights live between restarts."""

    mode: Literal["shared", "perReplica", "node", "none"] = Field(
        default="shared",
        description="shared: one claim for all replicas. perReplica: a StatefulSet whose replicas have a claim each. "
        "none: an empty directory, downloaded again at each start.",
    )
    size_gib: int | None = Field(
        default=None,
        alias="sizeGiB",
        ge=1,
        le=100_000,
        description="Size of the claim, or of each replica's claim or empty directory, in GiB. Not with existingClaim.",
    )
    access_mode: Literal["ReadWriteMany", "ReadWriteOnce"] = Field(
        default="ReadWriteMany",
        description="How a shared claim is mounted. ReadWriteOnce ties all replicas to one node: one replica only.",
    )
    storage_class: ObjectName | None = Field(
        default=None, description="Storage class of the claim; the cluster's default class when absent."
    )
    existing_claim: ObjectName | None = Field(
        default=None,
        description="An existing claim to use instead of making one; it is never deleted from here.",
    )
    pre_download: bool = Field(
        # Verified once instead of trusted at each start, and a scale-up works while the Hub is down.
        default=True,
        description="true: the model is downloaded and verified before replicas start, and they start offline. "
        "false: each replica downloads by itself what the cache lacks.",
    )
