"""A stand-in in virtual time for each test, and callers with the lab's tokens."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import pytest
from huggingface_hub import HfApi

from lab.hub.server import HubServer
from tests.lab.hub.support import Caller


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No token, cache or proxy of this machine."""
    for variable in ("HF_TOKEN", "HF_ENDPOINT", "HF_HUB_OFFLINE", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "1")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_TELEMETRY", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., HubServer]]:
    """Start a stand-in; it ends with the test."""
    running: list[HubServer] = []

    def start(**settings: Any) -> HubServer:
        running.append(HubServer(**({"virtual_time": True} | settings)).start())
        return running[-1]

    yield start
    for hub in running:
        hub.stop()


@pytest.fixture
def hub(start: Callable[..., HubServer]) -> HubServer:
    return start()


@pytest.fixture
def manager(hub: HubServer) -> Iterator[Caller]:
    """Manages endpoints of lab-org, and may not call them."""
    caller = Caller(hub, "lab-manage")
    with caller.http:
        yield caller


@pytest.fixture
def invoker(hub: HubServer) -> Iterator[Caller]:
    """Calls endpoints of lab-org, and may not manage them."""
    caller = Caller(hub, "lab-invoke")
    with caller.http:
        yield caller


@pytest.fixture
def api(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> HfApi:
    """The unmodified client, led to the stand-in by the constants that it reads at each call."""
    monkeypatch.setattr(huggingface_hub.constants, "INFERENCE_ENDPOINTS_ENDPOINT", f"{hub.url}/v2")
    monkeypatch.setattr(huggingface_hub.constants, "INFERENCE_CATALOG_ENDPOINT", f"{hub.url}/api/v1/catalog")
    return HfApi(endpoint=hub.url, token="lab-write")
