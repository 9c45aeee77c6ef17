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
from lab.hub.environment import environment
from lab.stacks import Endpoint, Resource, read_endpoints, read_resources

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
    left_out: tuple[str, ...] = ()  # models of dev that the derived stack does not have

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
        """Whether its cluster is this machine's lab."""
        cluster = self.config.get("cluster")
        return isinstance(cluster, dict) and cluster.get("context") == cluster.get("id") == LAB_ID

    @property
    def endpoints_in_lab(self) -> bool:
        """Whether its endpoints are the lab's: by its settings, or by its state, from which they may have to go."""
        section = self.config.get("huggingface")
        given = isinstance(section, dict) and section.get("api") == "lab"
        return given or any(item.api == "lab" for item in self.endpoints)

    @property
    def uses_lab(self) -> bool:
        """Whether it needs this machine's lab: as its cluster, or for its endpoints."""
        return self.in_lab or self.endpoints_in_lab

    @property
    def built_images(self) -> list[str]:
        """The names of images that it builds, as far as its settings can be read so."""
        images = self.config.get("images")
        found = images.items() if isinstance(images, dict) else ()
        return [name for name, image in found if isinstance(image, dict) and image.get("build")]

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
    def backend(self) -> str:
        """The URL that the state is kept at; empty when the CLI alone knows."""
        here = f"file://{self.root / STATE}" if self.derived or self.engine == "lab" else ""
        return os.environ.get("PULUMI_BACKEND_URL") or here

    @property
    def environment(self) -> dict[str, str]:
        """The environment for either engine: what the person has set wins."""
        found = dict(os.environ) | ({"PULUMI_BACKEND_URL": self.backend} if self.backend else {})
        found.pop("VIRTUAL_ENV", None)
        # Without a running stand-in nothing is set: the provider then says what it cannot check.
        if self.endpoints_in_lab and (url := self.lab.hub()) is not None:
            found = environment(url) | found
        if self.in_lab and self.lab.hub() is not None:
            found.setdefault("LLM_LAB_ADDRESSES", str(self.lab.addresses))
        # Empty is what a pipeline makes of a secret that it does not have.
        if self.derived and not (found.get("PULUMI_CONFIG_PASSPHRASE_FILE") or found.get("PULUMI_CONFIG_PASSPHRASE")):
            found["PULUMI_CONFIG_PASSPHRASE"] = PUBLIC_PASSPHRASE
        return found

    @property
    def resources(self) -> list[Resource] | None:
        """What the stack has by its state; None when that is not kept in files."""
        return read_resources(self.backend, self.name)

    @property
    def endpoints(self) -> list[Endpoint]:
        """Its endpoints by its state; none when that is not kept in files."""
        return read_endpoints(self.backend, self.name)

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
        if self.backend.startswith("file://"):
            Path(self.backend.removeprefix("file://")).expanduser().mkdir(parents=True, exist_ok=True)
        if self.engine == "pulumi":
            command = ["pulumi", "stack", "select", "--create", "--stack", self.name]
            # What it says is no part of what the command after it prints, which may be JSON.
            done = subprocess.run(command, cwd=self.root, env=self.environment, check=False, stdout=sys.stderr)
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
    left_out = _derive(root / f"Pulumi.{DERIVED}.yaml", root / f"Pulumi.{name}.yaml", context)
    return Target(name, chosen, root, context, left_out)


def _derive(source: Path, destination: Path, context: str) -> tuple[str, ...]:
    """The dev description for another context. It follows dev at every run; nobody edits it.

    Gives the models that are left out: an endpoint is on no cluster, so there it would be dev's a second time.
    """
    whole = yaml.safe_load(source.read_text())
    sections = {key.partition(":")[2]: value for key, value in whole["config"].items() if isinstance(value, dict)}
    if "cluster" not in sections:
        raise LabError(f"{source.name} has no cluster, so there is nothing to run on CONTEXT={context}.")
    sections["cluster"] |= {"context": context, "id": context}
    models = sections.get("models", {})
    left_out = tuple(name for name, model in models.items() if model.get("target") == "endpoint")
    for name in left_out:
        del models[name]
    sections.get("huggingface", {}).pop("api", None)  # of endpoints alone; lab is refused beside another cluster
    header = f"# Made from {source.name} for CONTEXT={context}; edit that one.\n"
    destination.write_text(header + yaml.safe_dump(whole, sort_keys=False))
    return left_out
