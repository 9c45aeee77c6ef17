"""A real Alertmanager for a test, Debian's 0.25 or later."""

import contextlib
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from blueprint.monitoring.standalone import ALERTMANAGER_ARGUMENTS
from lab.cluster.settings import free_port

needs_amtool = pytest.mark.skipif(
    not shutil.which("amtool"), reason="needs amtool on PATH (apt-get install prometheus-alertmanager)"
)
needs_alertmanager = pytest.mark.skipif(
    not shutil.which("prometheus-alertmanager"),
    reason="needs prometheus-alertmanager on PATH (apt-get install prometheus-alertmanager)",
)
PATIENCE = 300.0  # seconds; ends a test that hangs, and no other


class Alertmanager:
    """Its API. address: host and port."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._api = httpx2.Client(base_url=f"http://{address}/api/v2/", trust_env=False, timeout=PATIENCE)

    def fire(self, alerts: Sequence[Any]) -> None:
        """Hand it alerts."""
        self._api.post("alerts", json=alerts).raise_for_status()

    def alerts(self, *, at_least: int) -> list[dict[str, Any]]:
        """What it knows of, once it is as much. Raises TimeoutError."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            found: list[dict[str, Any]] = self._api.get("alerts").json()
            if len(found) >= at_least and all(one["status"]["state"] != "unprocessed" for one in found):
                return found
            time.sleep(0.2)
        raise TimeoutError

    def wait(self) -> None:
        """Until it answers. Raises TimeoutError."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            with contextlib.suppress(httpx2.HTTPError):
                self._api.get("status").raise_for_status()
                return
            time.sleep(0.2)
        raise TimeoutError

    def close(self) -> None:
        self._api.close()


@contextlib.contextmanager
def alertmanager(folder: Path, config: Mapping[str, Any]) -> Iterator[Alertmanager]:
    """One that runs as the stack's own does, with its arguments, below the folder."""
    path = folder / "alertmanager.yaml"
    path.write_text(yaml.safe_dump(config))
    here = {"--config.file": str(path), "--storage.path": str(folder / "alertmanager")}
    client = Alertmanager(f"127.0.0.1:{free_port(set())}")
    command = ["prometheus-alertmanager", f"--web.listen-address={client.address}"]
    for name, _, value in (argument.partition("=") for argument in ALERTMANAGER_ARGUMENTS):
        command.append(f"{name}={here.get(name, value)}")
    with (folder / "alertmanager.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        client.wait()
        yield client
    finally:
        client.close()
        process.terminate()
        process.wait(timeout=PATIENCE)
