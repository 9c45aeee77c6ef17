"""Preview and up of 1, 10 and 50 models: this program against a flat one, and the lab's engine against the Pulumi CLI.

The flat program registers the same resources with the same inputs, without settings and components. Both run under the
lab's engine, on one lab, one after the other in every round.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from lab.cluster.control import REPOSITORY, Lab
from ops.program import run_program
from ops.project import Project

FLAT = '''"""Registers what it is told to, and nothing else."""

import json
import re

import pulumi
import pulumi_kubernetes as k8s

CLASSES = {
    "kubernetes:core/v1:Namespace": k8s.core.v1.Namespace,
    "kubernetes:core/v1:ResourceQuota": k8s.core.v1.ResourceQuota,
    "kubernetes:core/v1:ServiceAccount": k8s.core.v1.ServiceAccount,
    "kubernetes:core/v1:ConfigMap": k8s.core.v1.ConfigMap,
    "kubernetes:core/v1:PersistentVolumeClaim": k8s.core.v1.PersistentVolumeClaim,
    "kubernetes:core/v1:Service": k8s.core.v1.Service,
    "kubernetes:apps/v1:Deployment": k8s.apps.v1.Deployment,
    "kubernetes:networking.k8s.io/v1:NetworkPolicy": k8s.networking.v1.NetworkPolicy,
    "kubernetes:monitoring.coreos.com/v1:PodMonitor": k8s.apiextensions.CustomResource,
    "kubernetes:monitoring.coreos.com/v1:PrometheusRule": k8s.apiextensions.CustomResource,
}
cluster = k8s.Provider("cluster", context="lab", cluster_identifier="lab", kubeconfig="")
namespace = None
for type_, name, inputs in json.load(open("resources.json")):
    if type_ not in CLASSES:
        continue
    arguments = {re.sub("([A-Z])", lambda match: "_" + match[1].lower(), key): value for key, value in inputs.items()}
    if CLASSES[type_] is not k8s.apiextensions.CustomResource:
        arguments.pop("api_version"), arguments.pop("kind")
    options = pulumi.ResourceOptions(provider=cluster, depends_on=[namespace] if namespace else None)
    resource = CLASSES[type_](name, **arguments, opts=options)
    namespace = namespace or resource
'''


def main() -> None:
    """Measure, and print medians with their spread, and ratios."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--models", type=int, nargs="*", default=[1, 10, 50])
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        ours = root / "ours"
        copy_project(ours)
        write_stack(ours, max(given.models))
        lab = Lab(root / "lab", stacks=ours, say=lambda _text: None)
        lab.start(start_seconds=0.5, drain_seconds=0.0)
        try:
            for models in given.models:
                write_stack(ours, models)
                flat = _write_flat(root / "flat", ours)
                _compare(ours, flat, lab, models, given.rounds)
            if shutil.which("pulumi"):
                write_stack(ours, 1)
                _against_cli(ours, lab, given.rounds)
            else:
                print("not measured, no pulumi on PATH: the lab's engine against the Pulumi CLI")
        finally:
            lab.stop(delete=True)


def _compare(ours: Path, flat: Path, lab: Lab, models: int, rounds: int) -> None:
    taken: dict[tuple[str, str], list[float]] = {}
    for _ in range(rounds):
        for name, project in (("ours", ours), ("flat", flat)):
            engine = Engine([sys.executable, "-m", "lab.engine"], project, lab)
            taken.setdefault((name, "preview"), []).append(engine.run("preview"))
            taken.setdefault((name, "up"), []).append(engine.run("up", "--yes", "--skip-preview"))
            engine.run("destroy", "--yes", "--skip-preview")
    for command in ("preview", "up"):
        show(f"{models} models, {command}", "ours", taken[("ours", command)], "flat", taken[("flat", command)])


def _against_cli(project: Path, lab: Lab, rounds: int) -> None:
    taken: dict[tuple[str, str], list[float]] = {}
    engines = {
        "lab's engine": Engine([sys.executable, "-m", "lab.engine"], project, lab),
        "Pulumi CLI": Engine(["pulumi"], project, lab),
    }
    for _ in range(rounds):
        for name, engine in engines.items():
            taken.setdefault((name, "preview"), []).append(engine.run("preview"))
            taken.setdefault((name, "up"), []).append(engine.run("up", "--yes", "--skip-preview"))
            engine.run("destroy", "--yes", "--skip-preview")
    for command in ("preview", "up"):
        one, other = (taken[(name, command)] for name in engines)
        show(f"1 model, {command}", "lab's engine", one, "Pulumi CLI", other)


class Engine:
    """One engine on one project, with a state of its own."""

    def __init__(self, program: list[str], project: Path, lab: Lab):
        self._program = program
        self._project = project
        state = project.parent / f"state-{project.name}-{Path(program[0]).name}"
        state.mkdir(exist_ok=True)
        self._environment = {
            **os.environ,
            "KUBECONFIG": str(lab.kubeconfig),
            "PULUMI_BACKEND_URL": f"file://{state}",
            "PULUMI_CONFIG_PASSPHRASE": "lab",
            "PULUMI_SKIP_UPDATE_CHECK": "1",
        }
        self._environment.pop("VIRTUAL_ENV", None)
        if program[0] == "pulumi":
            self._call("pulumi", "stack", "select", "--create", "--stack", "dev")

    def run(self, *command: str) -> float:
        """Run a command; how long it took, in seconds."""
        began = time.monotonic()
        self._call(*self._program, command[0], "--stack", "dev", *command[1:])
        return time.monotonic() - began

    def _call(self, *command: str) -> None:
        done = subprocess.run(
            command, cwd=self._project, env=self._environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            sys.exit(f"{' '.join(command)}:\n{done.stdout}\n{done.stderr}")


def copy_project(destination: Path) -> None:
    """This checkout with what is not committed yet, and its environment."""
    files = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for name in files.splitlines():
        if (REPOSITORY / name).exists():
            (destination / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, destination / name)
    (destination / ".venv").symlink_to(Path(sys.prefix))


def write_stack(project: Path, models: int) -> None:
    """Make a project's dev stack one of as many models, all alike."""
    path = project / "Pulumi.dev.yaml"
    whole = yaml.safe_load(path.read_text())
    config = whole["config"]
    config["llm-inference:cluster"]["accelerators"] = {"nvidia-l4": {"available": models + 1}}
    one = next(iter(config["llm-inference:models"].values()))
    config["llm-inference:models"] = {f"m{number}": one for number in range(models)}
    path.write_text(yaml.safe_dump(whole, sort_keys=False))


def _write_flat(folder: Path, ours: Path) -> Path:
    folder.mkdir(exist_ok=True)
    resources = [(item.type, item.name, item.inputs) for item in run_program(Project(ours), "dev")]
    (folder / "resources.json").write_text(json.dumps(resources))
    (folder / "__main__.py").write_text(FLAT)
    (folder / "Pulumi.yaml").write_text("name: flat\nruntime: python\n")
    (folder / "Pulumi.dev.yaml").write_text("config: {}\n")
    return folder


def show(what: str, name: str, one: list[float], baseline: str, other: list[float]) -> None:
    """Print medians with their spread, and the ratio."""
    first, second = statistics.median(one), statistics.median(other)
    print(
        f"{what}: {name} {first:.2f} s ({min(one):.2f} to {max(one):.2f}), "
        f"{baseline} {second:.2f} s ({min(other):.2f} to {max(other):.2f}), ratio {first / second:.2f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
