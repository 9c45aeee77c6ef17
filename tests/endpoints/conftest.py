"""One stand-in in virtual time for each module of tests, empty at the begin of each test."""

from collections.abc import Iterator
from pathlib import Path

import huggingface_hub.constants
import pytest
from huggingface_hub import close_session

from lab.hub.server import HubServer
from tests.endpoints.support import Desk, emptied


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No token, cache or proxy of this machine."""
    for variable in ("HF_TOKEN", "HF_ENDPOINT", "HF_HUB_OFFLINE", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.setattr(huggingface_hub.constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))


@pytest.fixture(scope="module")
def running_hub() -> Iterator[HubServer]:
    with HubServer(virtual_time=True) as hub:
        yield hub
    close_session()


@pytest.fixture
def hub(running_hub: HubServer) -> HubServer:
    return emptied(running_hub)


@pytest.fixture
def desk(hub: HubServer) -> Desk:
    return Desk(hub)
