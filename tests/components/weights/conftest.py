"""The rendered download as a real process, against the lab's Hub."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lab.hub.models import File, Repository, synthetic
from lab.hub.server import HubServer
from tests.support import lab_config, manifests

BIG, MIDDLE = "lab-org/big", "lab-org/middle"


def big() -> Repository:
    """About ten megabytes in three large files, one of them in a format that is not needed."""
    made = synthetic(BIG, hidden=512, layers=8)
    more = (File("original/consolidated.bin", b"o" * 1_000_000), File("second.safetensors", os.urandom(5_000_000)))
    commits = {name: (*files, *more) for name, files in made.commits.items()}
    return Repository(name=BIG, commits=commits, branches=made.branches, tags=made.tags)


@dataclass
class Pod:
    """The Job's container: its command and its files, with this machine's directories in place of the mounts."""

    hub: HubServer
    folder: Path
    home: Path
    url: str
    token: str | None = None
    more: list[str] = field(default_factory=list)
    options: list[str] = field(default_factory=lambda: ["--patience=3", "--stale=1"])

    def start(self, repository: str, revision: str = "main") -> subprocess.Popen[str]:
        model = {"m": {"model": repository, "revision": revision}}
        secret = {"hubReadSecret": {"name": "hf-secret", "key": "token"}} if self.token else {}
        objects = manifests(lab_config(model, huggingface=secret))
        (job,) = [item for key, item in objects.items() if key.startswith("Job/")]
        (scripts,) = [item for key, item in objects.items() if key.startswith("ConfigMap/m-scripts-")]
        (container,) = job["spec"]["template"]["spec"]["containers"]
        (self.folder / "download").mkdir(exist_ok=True)
        for name, text in scripts["data"].items():
            (self.folder / "download" / name).write_text(text)
        python, *command = container["command"]
        assert python == "python3"
        environment = {
            "HF_ENDPOINT": self.url,
            "HF_HOME": str(self.home),
            "NO_PROXY": "*",
            **({"HF_TOKEN": self.token} if self.token else {}),
        }
        return subprocess.Popen(
            [sys.executable, *command, *container["args"], *self.more, *self.options],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, repository: str, revision: str = "main") -> tuple[int, str]:
        """Exit code and log."""
        process = self.start(repository, revision)
        log, _ = process.communicate(timeout=150)
        assert "Traceback" not in log, log
        return process.returncode, log

    def commit(self, repository: str, revision: str = "main") -> str:
        found = self.hub.world.repositories.get(repository)
        assert found is not None
        return found.commit(revision) or ""

    def marker(self, repository: str, revision: str = "main") -> Path:
        name = repository.replace("/", "--")
        return self.home / "llm-inference" / name / f"{self.commit(repository, revision)}.json"

    def downloads(self) -> int:
        """Requests for large files so far."""
        return sum(request.operation == "download" for request in self.hub.requests)


@pytest.fixture
def pod(tmp_path: Path) -> Iterator[Pod]:
    (tmp_path / "scripts").mkdir()
    with HubServer(virtual_time=True) as hub:
        hub.world.repositories.add(big())
        hub.world.repositories.add(synthetic(MIDDLE, hidden=512, layers=7))
        yield Pod(hub, tmp_path / "scripts", tmp_path / "cache", hub.url)
