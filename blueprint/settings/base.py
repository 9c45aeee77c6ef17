"""What all settings share: strict types, camelCase keys, unknown keys refused."""

from typing import Annotated, Literal, get_args, get_origin

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

HubNamespace = Annotated[
    str,
    # Nothing escapes it on its way into the path of a request.
    StringConstraints(pattern=r"^[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?$", max_length=96),
    Field(description="An organisation or user of the Hugging Face Hub."),
]

EndpointName = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$"),
    Field(description="The name of an Inference Endpoint: lower case letters, digits, '-'; at most 32 characters."),
]

VariableName = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=128),
    Field(description="The name of an environment variable: letters, digits, '_'; starts with no digit."),
]

SecretName = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=128),
    Field(
        description="The NAME of a secret, never its value: `pulumi config set --secret llm-inference-secrets:NAME` "
        "stores the value."
    ),
]

ImageReference = Annotated[
    str,
    StringConstraints(
        pattern=r"^[a-z0-9]([a-z0-9._-]*[a-z0-9])?(:[0-9]+)?(/[a-z0-9][a-z0-9._-]*)*"
        r"(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[0-9a-f]{64})?$",
        max_length=512,
    ),
    Field(
        description="A container image: registry/repository:tag@sha256:digest. Only the lab takes one without digest."
    ),
]

HttpPath = Annotated[
    str,
    StringConstraints(pattern=r"^/[A-Za-z0-9._~/-]*$", max_length=256),
    Field(description="A path of the server: starts with '/'."),
]

HttpAddress = Annotated[
    str,
    StringConstraints(
        pattern=r"^https?://[a-z0-9]([-a-z0-9.]*[a-z0-9])?(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?$", max_length=253
    ),
    Field(description="An address: http:// or https://, a host, perhaps a port and a path; no user, no password."),
]

HostName = Annotated[
    str,
    StringConstraints(pattern=r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?\.)+[a-z]{2,}$", max_length=253),
    Field(description="A host name: labels of lower case letters, digits and '-', with dots between them."),
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


class SecretKey(SettingsModel):
    """One key of an existing Secret in the stack's namespace."""

    name: ObjectName
    key: str = Field(
        min_length=1, max_length=253, pattern=r"^[-._a-zA-Z0-9]+$", description="The key in it that holds the value."
    )


def tag_of(model: type[BaseModel]) -> tuple[str, str] | None:
    """Key and value by which a mapping says that it is this model and none of its siblings in a union."""
    for key in ("target", "name"):
        field = model.model_fields.get(key)
        if field is not None and get_origin(field.annotation) is Literal:
            return key, str(get_args(field.annotation)[0])
    return None
