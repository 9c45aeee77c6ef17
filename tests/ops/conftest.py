"""A desk for the tests of the commands around endpoints; a checkout and a registry for those of locked images."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import pytest

from lab.hub.server import HubServer
from tests.ops import image_locks
from tests.ops.desk import QUICK, TGI, Desk, endpoint_model
from tests.ops.registries import PlayedRegistry, played_registry


@pytest.fixture
def desk_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Desk]]:
    """A desk for a stack with these models; settings of the stand-in under `hub`. Ends with the test."""
    # The client library reads these when it is imported.
    monkeypatch.setattr(huggingface_hub.constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
    hubs: list[HubServer] = []

    def desk(models: dict[str, Any], *, hub: dict[str, Any] | None = None, **huggingface: Any) -> Desk:
        hubs.append(HubServer(**{"latency": QUICK, **(hub or {})}).start())
        folder = tmp_path / f"checkout-{len(hubs)}"
        folder.mkdir()
        return Desk(folder, hubs[-1], models, **huggingface)

    yield desk
    for hub in hubs:
        hub.stop()


@pytest.fixture
def desk(desk_of: Callable[..., Desk]) -> Desk:
    """A stack with one model of vLLM and one of TGI, both running."""
    desk = desk_of({"qwen": endpoint_model(), "prose": endpoint_model(engine=TGI, endpointName="prose-tgi")})
    desk.up()
    return desk


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with one stack that serves org/one@main."""
    root = tmp_path / "project"
    root.mkdir()
    (root / "Pulumi.yaml").write_text("name: llm-inference\n")
    (root / "Pulumi.dev.yaml").write_text("config:\n  llm-inference:models: {one: {model: org/one}}\n")
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Where weights are kept."""
    path = tmp_path / "weights"
    path.mkdir()
    return path


@pytest.fixture
def image_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout without models, on a machine without logins."""
    for variable in ("HF_TOKEN", "HF_ENDPOINT", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(variable.lower(), raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    folder = tmp_path / "checkout"
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text("name: llm-inference\n")
    image_locks.stack(folder, {})
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def registry() -> Iterator[PlayedRegistry]:
    """A registry that answers what the test wants."""
    with played_registry() as server:
        yield server
