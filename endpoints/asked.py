"""One endpoint as a stack asks for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

State = Literal["running", "paused"]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What an endpoint shall be.

    body: the API's create body, without secrets and without the owner's tag.
    secrets: the container's secret environment. registry_password: of a custom image's registry.
    owner: the tag of the stack that makes it. adopt: whether one that exists may be taken over.
    """

    body: Mapping[str, Any]
    owner: str
    state: State = "running"
    adopt: bool = False
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    registry_password: str | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """The endpoint's name."""
        return str(self.body["name"])

    @property
    def hidden(self) -> tuple[str, ...]:
        """What may stand in no message."""
        return (*self.secrets.values(), *([self.registry_password] if self.registry_password else []))

    @property
    def tagged(self) -> dict[str, Any]:
        """The body with the owner's tag."""
        return {**self.body, "tags": [*(self.body.get("tags") or []), self.owner]}
