"""One tiny model and one server for the whole session; and one with narrow limits and keys."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.own_python import PYTHON, TINY_MODEL
from tests.server.running import Running, environment, running


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny model."""
    if not PYTHON.exists():
        pytest.skip("needs make server")
    folder = tmp_path_factory.mktemp("models") / "tiny"
    subprocess.run([PYTHON, TINY_MODEL, folder], check=True, capture_output=True, env=environment())
    return folder


@pytest.fixture(scope="session")
def server(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The server at its defaults."""
    with running(tiny, tmp_path_factory.mktemp("server")) as started:
        yield started


@pytest.fixture(scope="session")
def narrow(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server that answers one request at a time, lets one wait, gives each 1.5 seconds, and asks for a key."""
    folder = tmp_path_factory.mktemp("narrow")
    keys = folder / "keys"
    keys.write_text("key-of-a-file\n\nkey-of-another\n")
    limits = {"MAX_RUNNING_REQUESTS": "1", "MAX_QUEUED_REQUESTS": "1", "REQUEST_TIMEOUT_SECONDS": "1.5"}
    with running(tiny, folder, API_KEY="canary-key-7f3a", API_KEYS_FILE=str(keys), **limits) as started:
        yield started
