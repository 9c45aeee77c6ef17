"""Settings of where a model's weights are kept."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from blueprint.settings.base import ObjectName, SettingsModel

NodePath = Annotated[
    str,
    # No step upwards, which the API server refuses in a local volume.
    StringConstraints(pattern=r"^(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+$", max_length=200),
    Field(description="An absolute path of a node."),
]

SourceUrl = Annotated[
    str,
    StringConstraints(pattern=r"^(s3|gs|oci)://[A-Za-z0-9][A-Za-z0-9._:@/-]*$", max_length=400),
    Field(description="Where weights come from: s3://bucket/path, gs://bucket/path, or oci://image@sha256:digest."),
]


class Source(SettingsModel):
    """Another place than the Hub from which the weights come."""

    url: SourceUrl = Field(
        description="s3://bucket/path or gs://bucket/path: the engine streams it. oci://repository@sha256:digest: an "
        "image that the node pulls and mounts; Kubernetes 1.35 or newer."
    )
    secret: ObjectName | None = Field(
        default=None,
        description="Existing Secret with what the source asks for: variables such as AWS_ACCESS_KEY_ID for a bucket, "
        "a pull secret for an image.",
    )


class Cache(SettingsModel):
    """Where downloaded weights live between restarts."""

    mode: Literal["shared", "perReplica", "node", "none"] = Field(
        default="shared",
        description="shared: one claim for all replicas. perReplica: a StatefulSet whose replicas have a claim each. "
        "node: a directory of each node's own disk. none: an empty directory, downloaded again at each start.",
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
    path: NodePath | None = Field(
        default=None,
        description="With mode: node, the directory of each node that keeps the weights. It must exist on each.",
    )
    nodes: list[ObjectName] | None = Field(
        default=None,
        min_length=1,
        max_length=100,
        description="With mode: node, the nodes by their label kubernetes.io/hostname. A Job fills each, and replicas "
        "run on no other.",
    )
    pre_download: bool = Field(
        # Verified once instead of trusted at each start, and a scale-up works while the Hub is down.
        default=True,
        description="true: the model is downloaded and verified before replicas start, and they start offline. "
        "false: each replica downloads by itself what the cache lacks.",
    )
