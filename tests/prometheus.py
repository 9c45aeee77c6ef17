"""A real Prometheus for a test."""

import contextlib
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import pytest
import yaml

from lab.cluster.settings import free_port
from lab.tools.build import built
from lab.tools.sets import PROMETHEUS

needs_prometheus = pytest.mark.skipif(
    not shutil.which("prometheus"), reason="needs prometheus on PATH (apt-get install prometheus)"
)
needs_promtool = pytest.mark.skipif(
    not shutil.which("promtool"), reason="needs promtool on PATH (apt-get install prometheus)"
)
PATIENCE = 300.0  # seconds; ends a test that hangs, and no other

Found = TypeVar("Found")


def program(name: str, major: int) -> str:
    """Prometheus or promtool of a major version: Debian's 2, or the 3 that `make monitoring-tools` builds.

    Skips the test that asks where it is not there.
    """
    tools = built(PROMETHEUS) if major == 3 else None
    path = shutil.which(name) if major == 2 else tools and tools.program(name)
    if not path:
        how = "on PATH (apt-get install prometheus)" if major == 2 else "(make monitoring-tools)"
        pytest.skip(f"needs {name} {major} {how}")
    return str(path)


class Prometheus:
    """Its API."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._api = httpx2.Client(base_url=f"{address}/api/v1/", trust_env=False, timeout=PATIENCE)

    def ask(self, path: str, **parameters: str) -> Any:
        """The data of an answer. Raises HTTPStatusError when the question is refused."""
        answer = self._api.get(path, params=parameters)
        answer.raise_for_status()
        return answer.json()["data"]

    def query(self, expr: str, at: float | None = None) -> list[dict[str, Any]]:
        """The elements of an instant query. at: when, in seconds since 1970, instead of now."""
        moment = {} if at is None else {"time": f"{at:.3f}"}
        found: list[dict[str, Any]] = self.ask("query", query=expr, **moment)["result"]
        return found

    def wait(self, seen: Callable[[], Found]) -> Found:
        """The first true answer; what it asks may not be there yet. Raises TimeoutError."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            with contextlib.suppress(httpx2.HTTPError):
                if found := seen():
                    return found
            time.sleep(0.2)
        raise TimeoutError

    def answered(self, expr: str) -> list[dict[str, Any]]:
        """The answer of an instant query, once it has one. Raises TimeoutError."""
        return self.wait(lambda: self.query(expr))

    def close(self) -> None:
        self._api.close()


@contextlib.contextmanager
def prometheus(
    folder: Path, config: Mapping[str, Any], *arguments: str, program: str = "prometheus"
) -> Iterator[Prometheus]:
    """One with this configuration, whose files' names are relative to the folder. arguments: further ones."""
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(config))
    address = f"127.0.0.1:{free_port(set())}"
    command = [program, f"--config.file={folder}/prometheus.yaml", f"--storage.tsdb.path={folder}/data"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([*command, *arguments, f"--web.listen-address={address}"], stderr=log, stdout=log)
    client = Prometheus(f"http://{address}")
    try:
        yield client
    finally:
        client.close()
        process.terminate()
        process.wait(timeout=PATIENCE)
