"""One project, run by the lab's engine or by the Pulumi CLI; states in a form that can be compared."""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
PREAMBLE = "import pulumi\nfrom pulumi import ResourceOptions as O, Alias\nfrom things import Thing\n"
# Times, places of this machine, generated ids, ciphertexts, and what the CLI alone keeps.
DROPPED = ("created", "modified", "sourcePosition", "stackTrace", "hideDiff")


@dataclass
class Engine:
    """root: the project's folder; command: what runs it."""

    root: Path
    command: list[str]
    environment: dict[str, str]

    @property
    def is_cli(self) -> bool:
        return self.command == ["pulumi"]

    def write(self, program: str, preamble: str = PREAMBLE) -> None:
        (self.root / "__main__.py").write_text(preamble + program)

    def run(self, command: str, *options: str, succeeds: bool | None = True) -> str:
        more = ["--non-interactive"] if self.is_cli else []
        done = subprocess.run(
            [*self.command, command, "--stack=dev", *options, *more],
            cwd=self.root,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        output = done.stdout + done.stderr
        if succeeds is not None:
            assert (done.returncode == 0) is succeeds, output
        return output

    def start(self, program: str) -> subprocess.Popen:
        """Begin an up, in a process that the test may interrupt or kill."""
        self.write(program)
        more = ["--non-interactive"] if self.is_cli else []
        return subprocess.Popen(
            [*self.command, "up", "--stack=dev", "--yes", "--skip-preview", *more],
            cwd=self.root,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def up(self, program: str, *options: str, succeeds: bool | None = True) -> str:
        self.write(program)
        return self.run("up", "--yes", "--skip-preview", *options, succeeds=succeeds)

    def steps(self, program: str | None = None, *options: str) -> Counter:
        """What a preview would do, by operation and name; unchanged ones left out."""
        if program is not None:
            self.write(program)
        output = self.run("preview", "--json", *options, succeeds=None)
        whole = json.loads(output[output.index("{") : output.rindex("}") + 1])
        found = [(step["op"], step["urn"].rpartition("::")[2]) for step in whole.get("steps", [])]
        return Counter(f"{op} {name}" for op, name in found if op != "same" and not name.startswith("default"))

    def whole(self) -> dict:
        path = self.state / ".pulumi" / "stacks" / "scenario" / "dev.json"
        return json.loads(path.read_text())["checkpoint"]["latest"]

    def resources(self) -> dict:
        """The state by URN (and whether it is to be deleted), without what differs from run to run."""
        found, ids = {}, {}
        for item in self.whole().get("resources", []):
            if item["type"].startswith("pulumi:providers:"):
                ids[item["id"]] = "(id)"
            kept = {key: value for key, value in item.items() if key not in DROPPED}
            found[f"{item['urn']}{' (old)' if item.get('delete') else ''}"] = kept
        text = json.dumps(found, sort_keys=True)
        for id_, mark in ids.items():
            text = text.replace(id_, mark)
        return _without_ciphertexts(json.loads(text))

    @property
    def state(self) -> Path:
        return Path(self.environment["PULUMI_BACKEND_URL"].removeprefix("file://"))

    def names(self) -> set[str]:
        return {urn.rpartition("::")[2] for urn in self.resources()} - {"scenario-dev", "default"}

    def world(self) -> dict:
        path = self.root / "world.json"
        return json.loads(path.read_text()) if path.exists() else {}

    def set_world(self, world: dict) -> None:
        (self.root / "world.json").write_text(json.dumps(world))

    def log(self) -> list[str]:
        """What was done to the world since the last time."""
        lines = self.done()
        (self.root / "log.txt").unlink(missing_ok=True)
        return lines

    def done(self) -> list[str]:
        """What has been done to the world so far."""
        path = self.root / "log.txt"
        return path.read_text().splitlines() if path.exists() else []


def _without_ciphertexts(value):
    if isinstance(value, dict):
        return {key: "(sealed)" if key == "ciphertext" else _without_ciphertexts(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_ciphertexts(item) for item in value]
    return value


def environment(state: Path) -> dict[str, str]:
    state.mkdir(exist_ok=True)
    found = {
        **os.environ,
        "PULUMI_BACKEND_URL": f"file://{state}",
        "PULUMI_CONFIG_PASSPHRASE": "scenario",
        "PULUMI_SKIP_UPDATE_CHECK": "1",
    }
    found.pop("VIRTUAL_ENV", None)
    return found


def project(root: Path) -> None:
    root.mkdir()
    shutil.copy(HERE / "things.py", root)
    runtime = "{name: python, options: {toolchain: uv, virtualenv: .venv}}"
    (root / "Pulumi.yaml").write_text(f"name: scenario\nruntime: {runtime}\n")
    (root / "Pulumi.dev.yaml").write_text("config: {}\n")


def lab_engine(folder: Path) -> Engine:
    project(folder / "lab")
    return Engine(folder / "lab", [sys.executable, "-m", "lab.engine"], environment(folder / "lab-state"))


def cli_engine(folder: Path, venv: Path) -> Engine:
    root = folder / "cli"
    project(root)
    (root / ".venv").symlink_to(venv / ".venv")
    for name in ("pyproject.toml", "uv.lock"):
        shutil.copy(venv / name, root)
    engine = Engine(root, ["pulumi"], environment(folder / "cli-state"))
    subprocess.run(
        ["pulumi", "stack", "init", "dev"], cwd=root, env=engine.environment, check=True, capture_output=True
    )
    return engine
