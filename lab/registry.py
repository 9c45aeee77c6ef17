"""The lab's own registry of images: started when a stack first builds one, on loopback alone."""

import time
from dataclasses import dataclass
from pathlib import Path

import httpx2
import yaml

from lab.cluster.processes import Processes, Program
from lab.cluster.settings import free_port, is_free
from lab.errors import LabError
from lab.locking import exclusive
from lab.tools.build import ensure
from lab.tools.sets import REGISTRY

NAME = "registry"
"""Of its process, and of its folder in the lab's home."""

_READY_SECONDS = 20.0
_ASK_SECONDS = 10.0
_MANIFESTS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)


@dataclass(frozen=True)
class Registry:
    """The registry of the lab at `home`. Whoever stops that lab stops it too; what was pushed stays."""

    home: Path

    @property
    def address(self) -> str | None:
        """Host and port; None when it does not run."""
        return self._configured() if Processes(self.home).find(NAME) else None

    def start(self) -> str:
        """Make it run, building it where this machine has not done so yet; its host and port. Raises LabError."""
        program = ensure(REGISTRY).program("registry")
        processes = Processes(self.home)
        with exclusive(self._folder / "lock"):
            address = self._configured() or f"127.0.0.1:{free_port(set())}"
            wanted = self._written(program, address)
            if processes.problem(wanted) is None and _answers(address):
                return address
            processes.stop([NAME])
            if not is_free(int(address.rpartition(":")[2])):
                address = f"127.0.0.1:{free_port(set())}"
                wanted = self._written(program, address)
            processes.start(wanted)
            deadline = time.monotonic() + _READY_SECONDS
            while not _answers(address):
                if processes.find(NAME) is None or time.monotonic() > deadline:
                    tail = processes.log_tail(NAME)
                    processes.stop([NAME])
                    raise LabError(f"the lab's registry does not answer. The end of {processes.log(NAME)}:\n{tail}")
                time.sleep(0.05)
            return address

    def digest(self, repository: str, tag: str) -> str:
        """The digest of a manifest, as the registry gives it. Raises LabError."""
        address = self.address
        try:
            answer = httpx2.head(
                f"http://{address}/v2/{repository}/manifests/{tag}",
                headers={"Accept": ", ".join(_MANIFESTS)},
                timeout=_ASK_SECONDS,
                trust_env=False,
            )
            answer.raise_for_status()
            return str(answer.headers["Docker-Content-Digest"])
        except (httpx2.HTTPError, KeyError) as error:
            raise LabError(f"the lab's registry at {address} has no {repository}:{tag}: {error}") from None

    @property
    def _folder(self) -> Path:
        return self.home / NAME

    @property
    def _file(self) -> Path:
        return self._folder / "config.yml"

    def _configured(self) -> str | None:
        try:
            return str(yaml.safe_load(self._file.read_text())["http"]["addr"])
        except (FileNotFoundError, TypeError, KeyError):
            return None

    def _written(self, program: Path, address: str) -> Program:
        configuration = {
            "version": 0.1,
            "log": {"level": "warn", "accesslog": {"disabled": True}},
            "storage": {"filesystem": {"rootdirectory": str(self._folder / "data")}},
            "http": {"addr": address},
        }
        self._file.write_text(yaml.safe_dump(configuration, sort_keys=False))
        return Program(
            name=NAME,
            command=(str(program), "serve", str(self._file)),
            inputs=(self._file,),
            # Unless told so it sends its traces to a collector, which nobody runs here.
            environment=(("OTEL_TRACES_EXPORTER", "none"),),
        )


def _answers(address: str) -> bool:
    try:
        return httpx2.get(f"http://{address}/v2/", timeout=_ASK_SECONDS, trust_env=False).status_code == httpx2.codes.OK
    except httpx2.HTTPError:
        return False
