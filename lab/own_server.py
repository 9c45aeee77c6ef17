"""This project's inference server behind pods and endpoints of the lab, over a tiny model that is made on the spot.

`python -m lab.own_server --python PATH --model FOLDER` makes the model in FOLDER if nobody has, and becomes the server.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import httpx2

from blueprint.engines.custom import READY_PATH
from lab.cluster.processes import Program
from lab.locking import exclusive

ENGINE = "custom"
"""Name of the engine, in labels and stack files, whose containers keep to what the server keeps to."""

POD, PORT, METRICS_PORT = "LAB_POD", "PORT", "METRICS_PORT"
"""Variables of a running server that say whose it is, and where it listens."""

TINY = "tiny-model"
"""Folder of the model, in the lab's home."""

_ROOT = Path(__file__).parents[1]
_PYTHON = _ROOT / "server/.venv/bin/python"
_MAKER = _ROOT / "lab/tiny_model.py"

# What names a place in the container or in the cluster, or a device that is not here.
_ELSEWHERE = frozenset(
    {
        *("MODEL_ID", "MODEL_REVISION", "HOST", "DEVICE", "QUANTIZATION", "KV_CACHE_TOKENS", "MAX_MODEL_LEN"),
        *("HOME", "USER", "PATH", "API_KEY", "API_KEYS_FILE", "OMP_NUM_THREADS"),
    }
)
_ELSEWHERE_PREFIXES = ("CUDA_", "HF_", "LAB_", "LANGFUSE_", "LD_", "LLM_INFERENCE_LAB_", "NVIDIA_", "OTEL_", "PYTHON")


def installed() -> Path | None:
    """The Python that can run the server; None where what it needs is not installed."""
    return _PYTHON if _PYTHON.exists() else None


def behind(*, wanted: bool) -> str:
    """What stands behind pods and endpoints that run the server, for people. wanted: as the lab's setting says."""
    if not wanted:
        return "simulated, as --no-server asked for"
    if installed() is None:
        return "simulated; `make server` installs what the real one needs"
    return "the server itself, over a tiny model"


def program(
    name: str,
    *,
    python: Path,
    home: Path,
    told: Mapping[str, str],
    ports: tuple[int, int],
    pod: str = "",
    drain: float | None = None,
    keys: Path | None = None,
    traces: Mapping[str, str] = MappingProxyType({}),
) -> Program:
    """The server as a process of the lab at `home`.

    python: as `installed` gives it. told: the container's own variables. ports: of the API and of the metrics.
    pod: uid of the pod that it is behind. drain: seconds that replace DRAIN_SECONDS. keys: file with callers' keys.
    traces: variables that say where its traces go; by default nowhere.
    """
    kept = {
        key: value for key, value in told.items() if key not in _ELSEWHERE and not key.startswith(_ELSEWHERE_PREFIXES)
    }
    port, metrics_port = ports
    environment = {
        **kept,
        "PYTHONPATH": str(_ROOT),
        # Several of them share this machine, and a model of this size gains nothing from a second one.
        "OMP_NUM_THREADS": "1",
        "HF_HUB_OFFLINE": "1",
        "MODEL_ID": str(home / TINY),
        "SERVED_NAME": told.get("SERVED_NAME") or told.get("MODEL_ID") or TINY,
        "HOST": "127.0.0.1",
        PORT: str(port),
        METRICS_PORT: str(metrics_port),
        **traces,
        **({POD: pod} if pod else {}),
        # Zero is no time that the server takes.
        **({"DRAIN_SECONDS": f"{max(drain, 0.01):g}"} if drain is not None else {}),
        **({"API_KEYS_FILE": str(keys)} if keys is not None else {}),
    }
    return Program(
        name=name,
        command=[sys.executable, "-m", __name__, f"--python={python}", f"--model={home / TINY}"],
        environment=tuple(sorted(environment.items())),
    )


def is_ready(port: int, path: str = READY_PATH) -> bool:
    """Whether the server on a port says that it is ready, as when it has its model: it listens before."""
    try:
        answer = httpx2.get(f"http://127.0.0.1:{port}{path}", trust_env=False, timeout=1)
    except httpx2.HTTPError:
        return False
    return answer.status_code == httpx2.codes.OK


def _make(python: str, folder: Path) -> None:
    """Make the model, whole or not at all; whoever comes meanwhile waits for it."""
    with exclusive(folder.with_suffix(".lock")):
        if folder.exists():
            return
        partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            # Half the memory of what the maker's own default takes, which is for exact comparisons.
            subprocess.run([python, str(_MAKER), str(partial), "float32", "soon"], check=True)
            partial.replace(folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def main() -> None:
    """Make the model, then become the server: same process, same environment, its own command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", required=True)
    parser.add_argument("--model", type=Path, required=True)
    given = parser.parse_args()
    _make(given.python, given.model)
    os.execv(given.python, [given.python, "-m", "server"])  # noqa: S606  no shell on purpose


if __name__ == "__main__":
    main()
