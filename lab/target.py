"""A stack, where it goes, and which engine carries it there."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import click
import yaml

from blueprint import text
from blueprint.description import LAB_ID
from lab.cluster.control import Lab
from lab.errors import LabError
from lab.stacks import Resource, read_resources

PUBLIC_PASSPHRASE = "lab"  # noqa: S105  public on purpose: dev holds no secret, and its salt is committed
STATE = ".lab/state"
"""Where states live that belong to this checkout."""

DERIVED = "dev"
"""The stack that is derived for other contexts."""


@dataclass(frozen=True)
class Target:
    """A stack with where it goes and what carries it there."""

    name: str
    engine: str
    root: Path  # of the project
    context: str = ""  # of a derived stack

    @property
    def file(self) -> Path:
        """The stack's settings."""
        return self.root / f"Pulumi.{self.name}.yaml"

    @cached_property
    def config(self) -> dict[str, Any]:
        """The settings, by key without the project's name. Raises LabError when they cannot be read."""
        try:
            found = text.load(self.file.read_text())
        except FileNotFoundError:
            raise LabError(f"There is no {self.file.name}. `ls Pulumi.*.yaml` shows the stacks.") from None
        except text.TextError as error:
            raise LabError(f"{self.file.name}: {error}") from None
        given = found.get("config") if isinstance(found, dict) else None
        return {key.partition(":")[2]: value for key, value in (given or {}).items()}

    @property
    def in_lab(self) -> bool:
        """Whether it goes to this machine's lab."""
        cluster = self.config.get("cluster")
        return isinstance(cluster, dict) and cluster.get("context") == cluster.get("id") == LAB_ID

    @property
    def lab(self) -> Lab:
        """The project's lab."""
        return Lab(self.root / ".lab", stacks=self.root, say=click.echo)

    @property
    def words(self) -> str:
        """What follows `make up` to name it again."""
        if self.context:
            return f" CONTEXT={self.context}"
        return "" if self.name == DERIVED else f" STACK={self.name}"

    @property
    def derived(self) -> bool:
        """Whether it is dev, on the lab or elsewhere: it holds no secret, and its state belongs to this checkout."""
        return self.name == DERIVED or self.name.startswith(f"{DERIVED}-")

    @property
    def environment(self) -> dict[str, str]:
        """The environment for either engine: what the person has set wins."""
        found = dict(os.environ)
        found.pop("VIRTUAL_ENV", None)
        if self.derived or self.engine == "lab":
            found.setdefault("PULUMI_BACKEND_URL", f"file://{self.root / STATE}")
        if self.derived and "PULUMI_CONFIG_PASSPHRASE_FILE" not in found:
            found.setdefault("PULUMI_CONFIG_PASSPHRASE", PUBLIC_PASSPHRASE)
        return found

    @property
    def resources(self) -> list[Resource] | None:
        """What the stack has by its state; None when that is not kept in files."""
        return read_resources(self.environment.get("PULUMI_BACKEND_URL", ""), self.name)

    def run(self, command: str, *options: str) -> int:
        """Run one of the engine's commands; its exit code."""
        program = ["pulumi"] if self.engine == "pulumi" else [sys.executable, "-m", "lab.engine"]
        # Both engines get Ctrl-C themselves, and end in order; this process waits for them.
        process = subprocess.Popen(
            [*program, command, "--stack", self.name, *options], cwd=self.root, env=self.environment
        )
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                continue

    def prepare(self) -> None:
        """Make the stack known to the engine's backend."""
        url = self.environment.get("PULUMI_BACKEND_URL", "")
        if url.startswith("file://"):
            Path(url.removeprefix("file://")).expanduser().mkdir(parents=True, exist_ok=True)
        if self.engine == "pulumi":
            command = ["pulumi", "stack", "select", "--create", "--stack", self.name]
            done = subprocess.run(command, cwd=self.root, env=self.environment, check=False)
            if done.returncode:
                raise LabError(
                    f"The Pulumi CLI cannot select stack {self.name}; log in (`pulumi login`), or see above."
                )


def target(root: Path, stack: str, context: str, engine: str) -> Target:
    """The stack of root that was asked for. Writes the description of a derived one. Raises LabError."""
    if not (root / "Pulumi.yaml").exists():
        raise LabError(f"There is no Pulumi.yaml in {root}; run this in the project's folder.")
    chosen = engine or ("pulumi" if shutil.which("pulumi") else "lab")
    if chosen == "pulumi" and not shutil.which("pulumi"):
        raise LabError("ENGINE=pulumi, and no pulumi is on PATH. Install it, or leave ENGINE out for the lab's engine.")
    if not context:
        return Target(stack, chosen, root)
    if stack != DERIVED:
        raise LabError(
            f"CONTEXT runs the dev description elsewhere; STACK={stack} names its own context. Leave one out."
        )
    name = f"{DERIVED}-{re.sub('[^a-zA-Z0-9_.-]', '-', context)}"
    found = Target(name, chosen, root, context)
    _derive(found.root / f"Pulumi.{DERIVED}.yaml", found.file, context)
    return found


def _derive(source: Path, destination: Path, context: str) -> None:
    """The dev description for another context. It follows dev at every run; nobody edits it."""
    whole = yaml.safe_load(source.read_text())
    (key,) = [key for key in whole["config"] if key.endswith(":cluster")]
    whole["config"][key] |= {"context": context, "id": context}
    header = f"# Made from {source.name} for CONTEXT={context}; edit that one.\n"
    destination.write_text(header + yaml.safe_dump(whole, sort_keys=False))
