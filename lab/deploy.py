"""`make up` and its kin: the Pulumi CLI where it is there, the lab's engine where it is not, on the same files."""

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
_STATE = ".lab/state"
_DERIVED = "dev"

_stack = click.option("--stack", default="dev", help="The stack (dev).")
_context = click.option("--context", default="", help="Run the dev description on this kubeconfig context.")
_engine = click.option("--engine", type=click.Choice(["pulumi", "lab", ""]), default="", help="Which engine to use.")


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
        return "" if self.name == _DERIVED else f" STACK={self.name}"

    @property
    def derived(self) -> bool:
        """Whether it is dev, on the lab or elsewhere: it holds no secret, and its state belongs to this checkout."""
        return self.name == _DERIVED or self.name.startswith(f"{_DERIVED}-")

    @property
    def environment(self) -> dict[str, str]:
        """The environment for either engine: what the person has set wins."""
        found = dict(os.environ)
        found.pop("VIRTUAL_ENV", None)
        if self.derived or self.engine == "lab":
            found.setdefault("PULUMI_BACKEND_URL", f"file://{self.root / _STATE}")
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
    if stack != _DERIVED:
        raise LabError(
            f"CONTEXT runs the dev description elsewhere; STACK={stack} names its own context. Leave one out."
        )
    name = f"{_DERIVED}-{re.sub('[^a-zA-Z0-9_.-]', '-', context)}"
    found = Target(name, chosen, root, context)
    _derive(found.root / f"Pulumi.{_DERIVED}.yaml", found.file, context)
    return found


def _derive(source: Path, destination: Path, context: str) -> None:
    """The dev description for another context. It follows dev at every run; nobody edits it."""
    whole = yaml.safe_load(source.read_text())
    (key,) = [key for key in whole["config"] if key.endswith(":cluster")]
    whole["config"][key] |= {"context": context, "id": context}
    header = f"# Made from {source.name} for CONTEXT={context}; edit that one.\n"
    destination.write_text(header + yaml.safe_dump(whole, sort_keys=False))


@click.group()
def cli() -> None:
    """Bring a stack up, look, and take it down, with the Pulumi CLI or without."""


@cli.command()
@_stack
@_context
@_engine
def up(stack: str, context: str, engine: str) -> None:
    """Bring the stack up; on the lab, start that first."""
    found = _begin(stack, context, engine)
    if found.engine == "lab" and not found.derived and "PULUMI_BACKEND_URL" not in os.environ:
        raise LabError(
            f"The state of {found.name} must not live in {_STATE} alone. Set PULUMI_BACKEND_URL=file://PATH, or "
            "install the Pulumi CLI; docs/state.md says more."
        )
    _start_lab(found)
    code = found.run("up", *_options(found), "--policy-pack", "policy")
    if code:
        sys.exit(code)
    _tell(found)


@cli.command()
@_stack
@_context
@_engine
@click.option("--diff", is_flag=True, help="Show every changed property.")
def preview(stack: str, context: str, engine: str, *, diff: bool) -> None:
    """Show what up would do; a cluster that is not there is named, and what could not be checked."""
    found = _begin(stack, context, engine)
    sys.exit(found.run("preview", "--policy-pack", "policy", *(["--diff"] if diff else [])))


@cli.command()
@_stack
@_context
@_engine
def refresh(stack: str, context: str, engine: str) -> None:
    """Bring the state to what is really there."""
    found = _begin(stack, context, engine)
    _start_lab(found)
    sys.exit(found.run("refresh", *_options(found)))


@cli.command()
@_stack
@_context
@_engine
def down(stack: str, context: str, engine: str) -> None:
    """Delete all that the stack has; then stop the lab, if it lived there."""
    found = _begin(stack, context, engine)
    resources = found.resources
    protected = [item for item in resources or [] if item.protect]
    if protected:
        raise LabError(
            f"Stack {found.name} is protected ({', '.join(item.name for item in protected)}); nothing was touched. "
            f"To lift it: set `llm-inference:deletion: {{protect: false}}` in {found.file.name}, run "
            f"`make up STACK={found.name}`, then `make down STACK={found.name}` again."
        )
    if resources is None or resources:
        _start_lab(found)
        code = found.run("destroy", *_options(found))
        if code:
            sys.exit(code)
    if found.in_lab:
        found.lab.stop()
        click.echo("The lab is down. `make up` brings everything back.")


def _begin(stack: str, context: str, engine: str) -> Target:
    found = target(Path.cwd(), stack, context, engine)
    _ = found.config  # refused before anything is started
    chosen = "the Pulumi CLI" if found.engine == "pulumi" else "the lab's engine"
    why = "" if engine or found.engine == "pulumi" else " (there is no pulumi on PATH)"
    click.echo(f"Stack {found.name}, by {chosen}{why}.")
    found.prepare()
    return found


def _options(found: Target) -> list[str]:
    # Nobody asks twice on the lab; elsewhere the engine asks before it changes anything.
    return ["--yes"] if found.derived or not sys.stdin.isatty() else []


def _start_lab(found: Target) -> None:
    if found.in_lab:
        found.lab.start()


def _tell(found: Target) -> None:
    """What exists now, and what to try next."""
    resources = found.resources
    if resources is None:
        return
    click.echo(f"\nStack {found.name} has {len(resources)} resources. Its models:")
    for item in resources:
        if item.kind == "Deployment":
            click.echo(f"  {item.name:<24} {item.ready}/{item.replicas} replicas ready, in namespace {item.namespace}")
    if found.in_lab:
        click.echo("The lab's pods are simulated: scheduling and rollouts are real, serving is not.")
    click.echo("Try next:")
    stack = found.words
    description = f"Pulumi.{_DERIVED}.yaml" if found.context else found.file.name
    namespace = next((item.namespace for item in resources if item.kind == "Deployment"), "llm")
    click.echo(f"  change maxModelLen in {description}, then: make preview{stack}, make up{stack}")
    kubectl = ".lab/kubectl" if found.in_lab else f"kubectl --context {found.config['cluster']['context']}"
    click.echo(f"  {kubectl} get deployments,pods,services --namespace {namespace}")
    click.echo(f"  make down{stack}")


def main() -> None:
    """Run the command line; failures that are expected end in a sentence, not in a traceback."""
    try:
        cli.main(prog_name="python -m lab.deploy", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (LabError, OSError) as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(1)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        sys.exit(130)


if __name__ == "__main__":
    main()
