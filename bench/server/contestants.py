"""The servers that are measured, each as a process of its own, and what one round with one of them comes to."""

import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from bench.server.asking import ANSWER_TOKENS, prompt

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / "server/.venv/bin/python"
START_SECONDS = 120
PROBE_EVERY = 0.2  # seconds: a probe costs the server more than an event of a stream does


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """A server. ready: the path that says so. MODEL and PORT in its command stand for the two."""

    name: str
    api: str
    command: tuple[str, ...]
    ready: str = "/health"

    @contextlib.contextmanager
    def running(self, model: Path, threads: int, log: Path) -> Iterator[str]:
        """Start it, and give its URL when it answers. Killed afterwards."""
        with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
            port, metrics_port = one.getsockname()[1], two.getsockname()[1]
        words = [{"MODEL": str(model), "PORT": str(port)}.get(word, word) for word in self.command]
        variables = {"MODEL_ID": str(model), "PORT": str(port), "METRICS_PORT": str(metrics_port)}
        with log.open("wb") as file:
            process = subprocess.Popen(
                [PYTHON, *words],
                cwd=ROOT,
                env=environment(threads, **variables),
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        url = f"http://127.0.0.1:{port}"
        try:
            _wait(url + self.ready, process, log)
            yield url
        finally:
            process.kill()
            process.wait()

    def text(self, url: str, model: Path) -> str:
        """The answer to the first prompt; it also warms up."""
        asked = {"model": str(model), "prompt": prompt(0), "temperature": 0}
        if self.api == "generate":
            return str(_post(url + "/generate", asked | {"max_new_tokens": ANSWER_TOKENS})["generated_text"])
        return str(_post(url + "/v1/completions", asked | {"max_tokens": ANSWER_TOKENS})["choices"][0]["text"])

    def measure(self, url: str, model: Path, streams: int, *, warm: float, seconds: float) -> dict[str, Any]:
        """Load, with /health asked meanwhile."""
        words = ["--api", self.api, "--model", str(model), "--streams", str(streams)]
        words += ["--warm", str(warm), "--seconds", str(seconds)]
        with _Probe(url) as probe:
            done = subprocess.run(
                [sys.executable, "-m", "bench.server.load", url, *words],
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=False,
            )
        if done.returncode:
            sys.exit(f"{self.name}: the load failed:\n{done.stderr}")
        return {**json.loads(done.stdout), "health": probe.times, "late": probe.late}


CONTESTANTS = (
    Contestant(name="blocking", api="generate", command=("-m", "bench.server.blocking")),
    Contestant(name="ours", api="completions", command=("-m", "server"), ready="/ready"),
    Contestant(
        name="transformers serve",
        api="completions",
        command=(
            str(PYTHON.parent / "transformers"),
            *("serve", "--continuous-batching", "--dtype", "auto", "--port", "PORT", "MODEL"),
        ),
    ),
)
BASELINE, OURS = "blocking", "ours"


def direct(model: Path, streams: list[int], threads: int, *, warm: float, seconds: float) -> dict[str, Any]:
    """The engine without HTTP: what bench/server/direct.py prints."""
    words = [str(model), "--streams", *map(str, streams), "--warm", str(warm), "--seconds", str(seconds)]
    done = subprocess.run(
        [PYTHON, "-m", "bench.server.direct", *words],
        cwd=ROOT,
        env=environment(threads),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"the engine without HTTP failed:\n{done.stderr}")
    return dict(json.loads(done.stdout))


def environment(threads: int, **variables: str) -> dict[str, str]:
    """Of this process, with the number of threads that a model gets."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "LANGFUSE_"))}
    return {**kept, "OMP_NUM_THREADS": str(threads), "HF_HUB_OFFLINE": "1", **variables}


class _Probe:
    """Asks for /health all the time, and notes how long each answer took, in seconds.

    In this process, which waits meanwhile: neither the load's loop nor the server's is in its way. late: how much later
    than it wanted it was woken each time, which is the machine's share of what it sees.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self._began: float | None = None
        self._ended = False
        self.times: list[float] = []
        self.late: list[float] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        # One that still waits counts with the time until now.
        if (began := self._began) is not None:
            self._ended = True
            self.times.append(time.monotonic() - began)
        # It is not waited for: a blocked loop works for minutes for clients that are gone, unless it is killed.

    def _ask(self) -> None:
        slept = time.monotonic()
        while not self._over.wait(PROBE_EVERY):
            self._began = began = time.monotonic()
            self.late.append(began - slept - PROBE_EVERY)
            try:
                _health(self._url)
            except (OSError, http.client.HTTPException):
                if self._ended:
                    return
                raise
            self._began = None
            if not self._ended:
                self.times.append(time.monotonic() - began)
            slept = time.monotonic()


def _health(url: str) -> None:
    # A connection for each, as a kubelet does.
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=600)
    connection.request("GET", "/health")
    connection.getresponse().read()
    connection.close()


def _wait(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(url, timeout=10).close()  # noqa: S310 - of our own
            return
        time.sleep(0.2)
    sys.exit(f"a server did not get ready:\n{log.read_text()}")


def _post(url: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=600) as answer:  # noqa: S310
        return json.load(answer)
