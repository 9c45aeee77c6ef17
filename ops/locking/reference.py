"""Names of images, as the lock has them."""

import ipaddress
import re
from dataclasses import dataclass

_PART = r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*"
_IMAGE = re.compile(
    rf"(?P<registry>(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:]+\])(?::[0-9]{{1,5}})?)/"
    rf"(?P<repository>{_PART}(?:/{_PART})*):(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})"
)
HUB = ("docker.io", "index.docker.io", "registry-1.docker.io")
"""Docker Hub's names: in images, in logins, and of its registry."""
_HUB_HOST = "registry-1.docker.io"


@dataclass(frozen=True)
class TaggedImage:
    """A repository of a registry at a tag. registry: as the name has it, with its port."""

    registry: str
    repository: str
    tag: str

    @property
    def host(self) -> str:
        """Where the registry answers: Docker Hub's name is not its address."""
        return _HUB_HOST if self.registry in HUB else self.registry

    @property
    def on_this_machine(self) -> bool:
        """Whether the registry is on loopback, where a registry speaks plain http."""
        return _is_loopback(re.sub(r":[0-9]+$", "", self.registry).strip("[]"))

    def may_lead_to(self, scheme: str, host: str) -> bool:
        """Whether the registry may send us there: over https, or within this machine, where it is itself."""
        return scheme == "https" or (scheme == "http" and self.on_this_machine and _is_loopback(host))


def tagged_image(name: str) -> TaggedImage | None:
    """The parts of ``registry/repository:tag``; None when it is no such name, or has a digest already."""
    found = _IMAGE.fullmatch(name)
    if found is None or not re.search(r"[.:]|^localhost$", found["registry"]):
        return None
    repository = found["repository"]
    if found["registry"] in HUB and "/" not in repository:
        # Docker Hub's official images have no organisation in what people write.
        repository = f"library/{repository}"
    return TaggedImage(found["registry"], repository, found["tag"])


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
