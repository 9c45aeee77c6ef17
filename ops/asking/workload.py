"""The way to a model on Kubernetes: the lab's data plane, the model's own host, or a port-forward."""

import contextlib
import json
import os
import queue
import re
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from blueprint.description import LAB_ID
from blueprint.settings import Cluster
from blueprint.workload import Workload
from ops.asking.targets import Target
from ops.endpoints.outcome import NotSoError, UnusableError
from ops.table import printable

ADDRESSES = "LLM_LAB_ADDRESSES"
"""Environment variable that names the file in which the lab's data plane keeps its addresses."""

ENGINE_KEY = "LLM_ENGINE_KEY"
"""Environment variable with a key that the engine accepts."""

_FORWARD_SECONDS = 30.0
_END_SECONDS = 5.0
_FORWARDING = re.compile(r"Forwarding from 127\.0\.0\.1:(\d+) ")
_ENGINES = {"vllm": "vLLM", "sglang": "sGLang"}
"""Engine of the settings -> what the Inference Endpoints API calls it, as `Target.engine` has it."""


@contextlib.contextmanager
def workload_target(workload: Workload, cluster: Cluster, settings: Mapping[str, Any]) -> Iterator[Target]:
    """A model on a cluster, for as long as the way to it is open. settings: the model's, of the stack file.

    Raises NotSoError when there is no way, UnusableError when it takes something that is not set.
    """
    expose = settings.get("expose") or {}
    key = os.environ.get(ENGINE_KEY, "").strip() or None
    if expose.get("auth") == "engineKey" and key is None:
        raise UnusableError(f"{workload.name} takes requests with a key alone: set {ENGINE_KEY} to one of its keys.")
    engine = (settings.get("engine") or {}).get("name", "vllm")

    def target(url: str) -> Target:
        return Target(
            name=workload.name,
            url=url,
            openai_url=f"{url}/v1",
            engine=_ENGINES.get(engine, engine),
            model=None,
            token=key,
            refused=f"{ENGINE_KEY} needs one of the engine's keys.",
            may_sleep=False,
            awake=True,
        )

    if cluster.context == cluster.id == LAB_ID:
        yield target(_in_lab(workload, cluster))
    elif expose.get("auth") in ("engineKey", "none"):
        yield target(f"https://{expose['host']}")
    else:  # not exposed, or behind a gateway that asks for what we do not have
        with _forwarded(workload, cluster) as port:
            yield target(f"http://127.0.0.1:{port}")


def _in_lab(workload: Workload, cluster: Cluster) -> str:
    name = f"{cluster.namespace.name}/{workload.object_name}"
    given = os.environ.get(ADDRESSES)
    if not given:
        raise UnusableError(
            f"{workload.name} is in the lab, and {ADDRESSES}, which says where, is not set. `make lab` starts the lab, "
            f"and `make chat MODEL={workload.name}` sets it."
        )
    try:
        services = json.loads(Path(given).read_text())["services"]
    except (OSError, ValueError, KeyError):
        services = {}
    if name not in services:
        raise NotSoError(f"{workload.name}: the lab has no Service {name}. `make up` makes it.")
    return str(services[name])


@contextlib.contextmanager
def _forwarded(workload: Workload, cluster: Cluster) -> Iterator[int]:
    """A port of this machine that leads to a model's Service while this lasts."""
    namespace, service = cluster.namespace.name, f"service/{workload.object_name}"
    # A port that the system chooses: two chats at a time do not meet.
    command = ["kubectl", "--context", cluster.context, "--namespace", namespace, "port-forward", service, ":80"]
    try:
        process = subprocess.Popen(
            [*command, "--address=127.0.0.1"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    except FileNotFoundError:
        raise UnusableError(
            f"{workload.name} is reached by `kubectl port-forward`, and there is no kubectl on PATH."
        ) from None
    try:
        yield _port(process, workload)
    finally:
        process.terminate()
        try:
            process.wait(timeout=_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _port(process: "subprocess.Popen[str]", workload: Workload) -> int:
    """The port that kubectl says it listens on. Raises NotSoError with its complaint."""
    lines: queue.Queue[str | None] = queue.Queue()
    complaints: list[str] = []

    def read(stream: IO[str], into: Any) -> None:
        # To the end: a full pipe would stop kubectl, which writes a line per connection.
        for line in stream:
            into(line)
        lines.put(None)

    for stream, into in ((process.stdout, lines.put), (process.stderr, complaints.append)):
        threading.Thread(target=read, args=(stream, into), daemon=True).start()
    until = time.monotonic() + _FORWARD_SECONDS
    ended = 0
    while ended < 2:  # noqa: PLR2004  both streams
        try:
            line = lines.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            break
        if line is None:
            ended += 1
        elif found := _FORWARDING.match(line):
            return int(found.group(1))
    said = printable(" ".join(complaints[-1:]).strip()) or f"no answer within {_FORWARD_SECONDS:.0f} s"
    raise NotSoError(f"{workload.name}: kubectl port-forward: {said}")
