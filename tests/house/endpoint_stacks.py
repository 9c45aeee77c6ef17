"""The real program with a stack of endpoints only, run by the lab's engine or by the Pulumi CLI against a stand-in."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from lab.hub.server import HubServer
from tests.support import PROJECT, merged

PROGRAM = ("__main__.py", "Pulumi.yaml", "models.lock.yaml", "images.lock.yaml", "pyproject.toml", "uv.lock")
INSTALLED = ("README.md", "LICENSE", "lab", "ops", "policy")  # what it takes to install the whole
ROOMS = ("blueprint", "components", "endpoints")
STACK = "house"
DROP = "(dropped)"
"""A key of MODEL that a model does not have."""
MODEL = {
    "target": "endpoint",
    "model": "Qwen/Qwen2.5-1.5B-Instruct",
    "owner": "team-search",
    "engine": {"name": "vllm", "maxModelLen": 8192},
    "instance": {"vendor": "aws", "region": "us-east-1", "type": "nvidia-l4", "size": "x1"},
    "scaling": {"min": 0, "max": 1, "scaleToZeroMinutes": 15},
    "readyMinutes": 1,
}


@dataclass
class Stack:
    """root: a copy of the program; command: what runs it; said: all that was ever printed."""

    root: Path
    command: list[str]
    environment: dict[str, str]
    hub: HubServer
    said: list[str] = field(default_factory=list)

    @property
    def is_cli(self) -> bool:
        return self.command == ["pulumi"]

    @property
    def file(self) -> Path:
        return self.root / f"Pulumi.{STACK}.yaml"

    def write(self, models, **sections) -> "Stack":
        """Describe the stack: models laid over MODEL. What the file has beside that, as secrets, stays."""
        whole = yaml.safe_load(self.file.read_text()) if self.file.exists() else {}
        kept = {key: value for key, value in (whole.get("config") or {}).items() if "secrets:" in key}
        values = {
            "huggingface": {"namespace": "lab-org", "api": "lab"},
            "models": {name: _without_dropped(merged(MODEL, change)) for name, change in models.items()},
            **sections,
        }
        whole["config"] = {**{f"llm-inference:{key}": value for key, value in values.items()}, **kept}
        self.file.write_text(yaml.safe_dump(whole))
        return self

    def arguments(self, command, *options) -> list[str]:
        more = ["--non-interactive"] if self.is_cli else []
        return [*self.command, *command.split(), f"--stack={STACK}", *options, *more]

    def run(self, command, *options, succeeds=True, environment=None, seconds=600) -> str:
        done = subprocess.run(
            self.arguments(command, *options),
            cwd=self.root,
            env={**self.environment, **(environment or {})},
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        output = done.stdout + done.stderr
        self.said.append(output)
        if succeeds is not None:
            assert (done.returncode == 0) is succeeds, output
        assert "Traceback" not in output or self.is_cli, output
        return output

    def up(self, *options, **given) -> str:
        return self.run("up", "--yes", "--skip-preview", *options, **given)

    def refresh(self, **given) -> str:
        return self.run("refresh", "--yes", "--skip-preview", **given)

    def destroy(self, **given) -> str:
        return self.run("destroy", "--yes", "--skip-preview", **given)

    def clean(self) -> None:
        """A preview that finds nothing to change."""
        self.run("preview", "--expect-no-changes")

    def steps(self) -> Counter:
        """What a preview would do, by operation and name; unchanged ones left out."""
        output = self.run("preview", "--json", succeeds=None)
        whole = json.loads(output[output.index("{") : output.rindex("}") + 1])
        found = [(step["op"], step["urn"].rpartition("::")[2]) for step in whole.get("steps", [])]
        return Counter(f"{op} {name}" for op, name in found if op != "same" and not name.startswith("default"))

    def start(self) -> subprocess.Popen:
        """Begin an up that may be killed."""
        return subprocess.Popen(
            self.arguments("up", "--yes", "--skip-preview"),
            cwd=self.root,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def killed_when(self, condition) -> None:
        """Begin an up, and kill it without warning as soon as something is so."""
        process = self.start()
        until = time.monotonic() + 300
        while not condition():
            assert process.poll() is None, "it ended too early"
            assert time.monotonic() < until, "it never came to that"
            time.sleep(0.01)
        if self.is_cli:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
        process.wait()

    def outputs(self):
        return json.loads(self.run("stack output" if self.is_cli else "output", "--json"))

    @property
    def state(self) -> Path:
        return Path(self.environment["PULUMI_BACKEND_URL"].removeprefix("file://"))

    def latest(self) -> dict:
        path = self.state / ".pulumi" / "stacks" / "llm-inference" / f"{STACK}.json"
        return json.loads(path.read_text())["checkpoint"]["latest"] if path.exists() else {}

    def resources(self) -> dict:
        """The state's resources by name."""
        return {item["urn"].rpartition("::")[2]: item for item in self.latest().get("resources", [])}

    def set_secret(self, name, value) -> None:
        """Through standard input: a command line is for everybody to see."""
        command = self.arguments("config set", "--secret", f"llm-inference-secrets:{name}")
        subprocess.run(command, cwd=self.root, env=self.environment, input=value, text=True, check=True)

    def files(self) -> list[str]:
        """Everything that is on the disk: state, backups, history, locks, stack file."""
        paths = [*self.state.rglob("*"), *self.root.glob("Pulumi*")]
        return [path.read_text(errors="replace") for path in paths if path.is_file()]

    def requests_since(self, number):
        return self.hub.requests[number:]


class Spy:
    """Looks at the command lines of all processes, all the time. seen: those with a word that nobody may see."""

    def __init__(self, words):
        self.seen = []
        self._words = [word.encode() for word in words]
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_details):
        self._done.set()
        self._thread.join()

    def _watch(self):
        while not self._done.wait(0.05):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                with contextlib.suppress(OSError):
                    line = path.read_bytes()
                    self.seen += [line for word in self._words if word in line]


def _without_dropped(value):
    if isinstance(value, dict):
        return {key: _without_dropped(item) for key, item in value.items() if item != DROP}
    return value


def eventually(condition, seconds=60.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def program_in(root: Path, *more: str) -> None:
    """A copy of the program, and of more of the project."""
    root.mkdir(parents=True)
    for name in (*PROGRAM, *ROOMS, *more):
        path = PROJECT.root / name
        if path.is_dir():
            shutil.copytree(path, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(path, root)


def environment(state: Path, hub: HubServer) -> dict[str, str]:
    state.mkdir(parents=True, exist_ok=True)
    found = {
        **os.environ,
        **hub.environment,
        "PULUMI_BACKEND_URL": f"file://{state}",
        "PULUMI_CONFIG_PASSPHRASE": "house",
        "PULUMI_SKIP_UPDATE_CHECK": "1",
        "KUBECONFIG": "/nonexistent",
    }
    found.pop("VIRTUAL_ENV", None)
    return found


def lab_stack(folder: Path, hub: HubServer, state: Path | None = None) -> Stack:
    """A stack of the lab's engine in a folder of its own."""
    program_in(folder / "lab")
    command = [sys.executable, "-m", "lab.engine"]
    return Stack(folder / "lab", command, environment(state or folder / "lab-state", hub), hub)


def cli_stack(folder: Path, hub: HubServer, venv: Path) -> Stack:
    """A stack of the Pulumi CLI, with the environment of another copy."""
    program_in(folder / "cli", *INSTALLED)
    (folder / "cli" / ".venv").symlink_to(venv)
    stack = Stack(folder / "cli", ["pulumi"], environment(folder / "cli-state", hub), hub)
    stack.run("stack init")
    return stack
