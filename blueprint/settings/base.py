"""What all settings share: strict types, camelCase keys, unknown keys refused."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

DnsLabel = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z]([-a-z0-9]*[a-z0-9])?$", max_length=63),
    Field(description="A DNS label (RFC 1035): lower case letters, digits, '-'; starts with a letter; at most 63."),
]

ModelName = Annotated[
    str,
    # 40, because suffixes such as "-cache" and a ReplicaSet's and pod's hashes follow within 63 characters.
    StringConstraints(pattern=r"^[a-z]([-a-z0-9]*[a-z0-9])?$", max_length=40),
    Field(description="A DNS label (RFC 1035) of at most 40 characters; names the model's live objects."),
]

LabelValue = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$", max_length=63),
    Field(description="A Kubernetes label value: letters, digits, '-', '_', '.'; at most 63 characters."),
]

ObjectName = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$", max_length=253),
    Field(description="The name of an existing Kubernetes object (RFC 1123 subdomain)."),
]

HubRepository = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*/[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=96),
    Field(description="A repository on the Hugging Face Hub: organisation/name."),
]

HubRevision = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_./-]*$", max_length=128),
    Field(description="A branch, tag or commit of the repository; models.lock.yaml pins it to a commit."),
]

LabelKey = Annotated[
    str,
    StringConstraints(
        pattern=r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$", max_length=253
    ),
    Field(description="A Kubernetes label key: a name, or a DNS name, '/' and a name."),
]


class SettingsModel(BaseModel):
    """Base of all settings: frozen, strictly typed, written in camelCase, closed to unknown keys."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        allow_inf_nan=False,
        # Building all validators costs more than importing this project; a run needs them once.
        defer_build=True,
        extra="forbid",
        frozen=True,
        strict=True,
        validate_by_alias=True,
        validate_by_name=False,
    )
