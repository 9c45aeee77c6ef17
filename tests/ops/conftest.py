"""A desk for the tests of the commands around endpoints."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import pytest

from lab.hub.server import HubServer
from tests.ops.desk import QUICK, TGI, Desk, endpoint_model


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
