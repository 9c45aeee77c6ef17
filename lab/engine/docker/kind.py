"""The provider resource's own configuration: which docker daemon it is."""

from pathlib import Path

from lab.engine.docker.provider import Images
from lab.engine.docker.tool import Docker
from lab.engine.provider import Checked, Provider
from lab.engine.registry import Kind
from lab.engine.values import PropertyMap, bare
from lab.registry import Registry

_SUPPORTED = ("host", "registryAuth", "version")  # nobody logs in to the lab's registry


class DockerDaemon(Kind):
    """The kind of provider: one docker daemon each. root: the project's folder, which paths are relative to."""

    def __init__(self, root: Path):
        self._root = root

    async def check(self, news: PropertyMap) -> Checked:
        """Refuse, by name, options that would change what this provider does."""
        failures = [(key, "the lab's engine does not support this option") for key in news if key not in _SUPPORTED]
        return Checked(news, failures)

    async def connect(self, inputs: PropertyMap) -> Provider:
        """The provider; it looks for docker when it first needs it."""
        return Images(Docker(self._root, bare(inputs).get("host") or ""), Registry(self._root / ".lab"))
