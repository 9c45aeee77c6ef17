"""A checkout whose demo may be changed, and `llm space` in it."""

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ops.cli import main
from tests.space.played_hub import TOKEN, PlayedHub, played_hub
from tests.space.running import ROOT


@dataclass(frozen=True)
class Checkout:
    """A Git checkout of the project, with the demo as it is here."""

    folder: Path

    @property
    def space(self) -> Path:
        return self.folder / "space"

    def git(self, *arguments: str) -> None:
        who = ("-c", "user.name=t", "-c", "user.email=t@example.com")
        subprocess.run(["git", "-C", self.folder, *who, *arguments], check=True, capture_output=True)

    def write(self, name: str, content: str | bytes) -> None:
        """A file of the demo that Git knows."""
        path = self.space / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        self.git("add", "--", f"space/{name}")

    def edit(self, name: str, old: str, new: str) -> None:
        text = (self.space / name).read_text()
        assert old in text
        self.write(name, text.replace(old, new))

    def llm(self, *arguments: str, **environment: str | None) -> Result:
        """`llm space ...`. An exception fails the test."""
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.folder)
            result = CliRunner(env=environment).invoke(main, ["space", *arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert TOKEN not in result.output
        return result


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    """As it is committed here, but for changes of this folder."""
    monkeypatch.delenv("HF_TOKEN", raising=False)
    folder = tmp_path / "checkout"
    shutil.copytree(ROOT / "space", folder / "space", ignore=shutil.ignore_patterns(".venv", "__pycache__"))
    (folder / "Pulumi.yaml").write_text("name: llm-inference\n")
    checkout = Checkout(folder)
    checkout.git("init", "--quiet")
    checkout.git("add", ".")
    checkout.git("commit", "--quiet", "--message", "all")
    return checkout


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[PlayedHub]:
    """A Hub that takes a push."""
    for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with played_hub() as hub:
        yield hub
