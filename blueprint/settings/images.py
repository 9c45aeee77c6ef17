"""Settings of images under names of the stack's own."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from blueprint.settings.base import ObjectName, SettingsModel, VariableName
from blueprint.settings.endpoint_engines import Registry

_HOST = r"(localhost(:[0-9]{1,5})?|[a-z0-9-]+(\.[a-z0-9-]+)+(:[0-9]{1,5})?|[a-z0-9-]+:[0-9]{1,5})"
_PARTS = r"(/[a-z0-9]+([._-]+[a-z0-9]+)*)+"
_TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"

ImageName = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z]([-a-z0-9]*[a-z0-9])?$", max_length=40),
    Field(description="What models call the image: lower case letters, digits, '-'; at most 40 characters."),
]

Repository = Annotated[
    str,
    # pulumi-docker takes no short names: without a host it would not know where to push.
    StringConstraints(pattern=rf"^{_HOST}{_PARTS}$", max_length=300),
    Field(description="A repository of a registry, with the registry's host: registry.example.com/team/server."),
]

TaggedImage = Annotated[
    str,
    StringConstraints(pattern=rf"^{_HOST}{_PARTS}:{_TAG}$", max_length=430),
    Field(description="An image by its tag, with the registry's host: registry.example.com/team/server:cache."),
]

Tag = Annotated[
    str,
    StringConstraints(pattern=rf"^{_TAG}$"),
    Field(description="A tag: letters, digits, '_', '.', '-'; at most 128 characters."),
]

ProjectPath = Annotated[
    str,
    # An absolute one would be of one machine, in the state and in every preview elsewhere.
    StringConstraints(pattern=r"^[A-Za-z0-9._@+-]+(/[A-Za-z0-9._@+-]+)*$", max_length=300),
    Field(description="A path from the project's directory on, such as server/Dockerfile; not an absolute one."),
]

Stage = Annotated[
    str,
    # Not written as that of SecretName: messages find the words for a form by its pattern.
    StringConstraints(pattern=r"^[A-Za-z0-9][-A-Za-z0-9_.]*$", max_length=128),
    Field(description="The name of a stage: letters, digits, '_', '.', '-'."),
]


class Build(SettingsModel):
    """How `pulumi up` builds an image with this machine's Docker, and pushes it. A preview does neither."""

    context: ProjectPath = Field(description="Directory that is sent to Docker, less what its .dockerignore names.")
    dockerfile: ProjectPath | None = Field(default=None, description="The Dockerfile; by default that of context.")
    args: dict[VariableName, str] = Field(
        default_factory=dict,
        description="Build arguments, which everybody who has the image can read. No keys, no tokens.",
    )
    target: Stage | None = Field(default=None, description="Stage of the Dockerfile to stop at; the last by default.")
    platform: Literal["linux/amd64", "linux/arm64"] = Field(
        # Not this machine's own: what a laptop builds runs on the cluster's nodes.
        default="linux/amd64",
        description="What the nodes are, whatever this machine is.",
    )
    cache_from: list[TaggedImage] = Field(
        default_factory=list,
        max_length=10,
        description="Images whose layers are reused where they are the same; pulled before the build.",
    )
    build_on_preview: bool = Field(
        default=False, description="Build in a preview too, to see whether it can be built; never pushed there."
    )
    registry: Registry | None = Field(
        default=None, description="Who pushes; by default who is logged in on this machine (docker login)."
    )


class Image(SettingsModel):
    """An image that models run, or an exporter: built and pushed by `pulumi up`, or pinned by images.lock.yaml."""

    repository: Repository
    tag: Tag = Field(
        description="Where a build is pushed to, and what images.lock.yaml pins without one. What runs is the digest."
    )
    pull_secret: ObjectName | None = Field(
        default=None, description="Existing Secret with which nodes pull it; not needed where they may anyway."
    )
    build: Build | None = Field(
        default=None, description="How it is built; without it the digest comes from images.lock.yaml."
    )
