"""The demo as the Space runs it: a process in its own environment, in its own folder."""

import contextlib
import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from lab.cluster.settings import free_port

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / "space/.venv/bin/python"
needs_space = pytest.mark.skipif(not PYTHON.exists(), reason="needs space/.venv (make space)")
_KEPT = ("PATH", "HOME", "LANG", "TMPDIR")


@dataclass(frozen=True)
class Demo:
    """A page that is served at `url`."""

    url: str
    log: Path

    def ask(self, question: str) -> list[list[dict[str, Any]]]:
        """What the page showed, one after the other, by the API that every Gradio page has."""
        begun = self.begin(question)
        assert begun is not None
        return self.shown(begun)

    def begin(self, question: str) -> str | None:
        """The number of a question, or None when too many wait."""
        with self._api() as http:
            answer = http.post("", json={"data": [question]})
        if answer.status_code == httpx2.codes.SERVICE_UNAVAILABLE:
            return None
        number: str = answer.raise_for_status().json()["event_id"]
        return number

    def shown(self, begun: str) -> list[list[dict[str, Any]]]:
        """What the page showed for it."""
        with self._api() as http:
            events = re.findall(r"^event: (\w+)\ndata: (.*)$", http.get(f"/{begun}").text, re.MULTILINE)
        assert {kind for kind, _ in events} <= {"generating", "complete", "heartbeat"}, events
        return [json.loads(data)[0] for kind, data in events if kind == "generating"]

    def _api(self) -> httpx2.Client:
        return httpx2.Client(base_url=f"{self.url}/gradio_api/call/reply", trust_env=False, timeout=60)

    def page(self) -> str:
        """What a browser is told of the page."""
        return httpx2.get(f"{self.url}/config", trust_env=False, timeout=60).raise_for_status().text


@contextlib.contextmanager
def running(folder: Path, **environment: str) -> Iterator[Demo]:
    """The demo, told what it is told, until the end of the block. Its log goes to the folder."""
    port, log = free_port(set()), folder / "demo.log"
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    told = {"GRADIO_SERVER_PORT": str(port), "PYTHONUNBUFFERED": "1", "GRADIO_TEMP_DIR": str(folder), **environment}
    with log.open("w") as output:
        process = subprocess.Popen(
            [PYTHON, "app.py"], cwd=ROOT / "space", env={**kept, **told}, stdout=output, stderr=subprocess.STDOUT
        )
    demo = Demo(f"http://127.0.0.1:{port}", log)
    try:
        _wait(demo, process)
        yield demo
    finally:
        process.terminate()
        process.wait(20)


def _wait(demo: Demo, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + 120
    while True:
        with contextlib.suppress(httpx2.TransportError):
            if httpx2.get(demo.url, trust_env=False, timeout=10).is_success:
                return
        assert process.poll() is None, demo.log.read_text()
        assert time.monotonic() < until, "the demo did not start"
        time.sleep(0.1)
