"""`make up` and its kin: the Pulumi CLI where it is there, the lab's engine where it is not, on the same files."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from lab import own_server
from lab.containers import programs
from lab.errors import LabError
from lab.target import DERIVED, STATE, Target, target

_stack = click.option("--stack", default="dev", help="The stack (dev).")
_context = click.option("--context", default="", help="Run the dev description on this kubeconfig context.")
_engine = click.option("--engine", type=click.Choice(["pulumi", "lab", ""]), default="", help="Which engine to use.")


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
    if found.engine == "lab" and not found.derived and not os.environ.get("PULUMI_BACKEND_URL"):
        raise LabError(
            f"The state of {found.name} must not live in {STATE} alone. Set PULUMI_BACKEND_URL=file://PATH, or "
            "install the Pulumi CLI; docs/state.md says more."
        )
    if found.engine == "lab" and not found.in_lab and found.built_images:
        raise LabError(
            f"{found.name} builds {', '.join(found.built_images)}, which the lab's engine pushes to the "
            "lab's own registry alone: other clusters would not find it. Install the Pulumi CLI, or take `build` out "
            "of `images` and pin what somebody has pushed (`llm lock`)."
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
@click.option("--json", "as_json", is_flag=True, help="Print Pulumi's JSON digest alone on standard output.")
@click.option("--refresh", "refreshed", is_flag=True, help="Compare with what is really there, not with the state.")
def preview(stack: str, context: str, engine: str, *, diff: bool, as_json: bool, refreshed: bool) -> None:
    """Show what up would do; a cluster that is not there is named, and what could not be checked."""
    found = _begin(stack, context, engine, words_to_stderr=as_json)
    given = {"--diff": diff, "--json": as_json, "--refresh": refreshed}
    sys.exit(found.run("preview", "--policy-pack", "policy", *(option for option, asked in given.items() if asked)))


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
    resources, in_lab = found.resources, found.uses_lab
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
    if in_lab:
        found.lab.stop()
        click.echo("The lab is down. `make up` brings everything back.")


@cli.command()
@_stack
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def run(stack: str, command: tuple[str, ...]) -> None:
    """Run a command (after --) with what the stack's engine gets: where its state and the lab's endpoints are."""
    found = target(Path.cwd(), stack, "", "")
    if found.endpoints_in_lab and found.lab.hub() is None:
        raise LabError(f"The endpoints of {found.name} are the lab's, which does not run. `make lab` starts it.")
    environment = found.environment
    programs = os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", os.defpath)])
    os.execvpe(command[0], command, environment | {"PATH": programs})  # noqa: S606  no shell on purpose


def _begin(stack: str, context: str, engine: str, *, words_to_stderr: bool = False) -> Target:
    found = target(Path.cwd(), stack, context, engine)
    _ = found.config  # refused before anything is started
    chosen = "the Pulumi CLI" if found.engine == "pulumi" else "the lab's engine"
    why = "" if engine or found.engine == "pulumi" else " (there is no pulumi on PATH)"
    click.echo(f"Stack {found.name}, by {chosen}{why}.", err=words_to_stderr)
    if found.left_out:
        left_out = ", ".join(found.left_out)
        click.echo(
            f"Not on {context}, since they are on no cluster: {left_out}; they stay with dev.", err=words_to_stderr
        )
    found.prepare()
    return found


def _options(found: Target) -> list[str]:
    # Nobody asks twice on the lab; elsewhere the engine asks before it changes anything.
    return ["--yes"] if found.derived or not sys.stdin.isatty() else []


def _start_lab(found: Target) -> None:
    if found.uses_lab:
        found.lab.start()


def _tell(found: Target) -> None:
    """What exists now, and what to try next."""
    resources = found.resources
    if resources is None:
        return
    click.echo(f"\nStack {found.name} has {len(resources)} resources. Its models:")
    for item in resources:
        if item.serves:
            click.echo(f"  {item.name:<24} {item.ready}/{item.replicas} replicas ready, in namespace {item.namespace}")
    endpoints = found.endpoints
    for endpoint in endpoints:
        seen = f"{endpoint.state} at {endpoint.url}" if endpoint.url else endpoint.state
        click.echo(f"  {endpoint.model:<24} endpoint, {seen or 'not seen ready yet'}")
    _tell_what_is_simulated(found)
    click.echo("Try next:")
    stack = found.words
    description = f"Pulumi.{DERIVED}.yaml" if found.context else found.file.name
    namespace = next((item.namespace for item in resources if item.serves), "llm")
    click.echo(f"  change maxModelLen in {description}, then: make preview{stack}, make up{stack}")
    if "cluster" in found.config:
        kubectl = ".lab/kubectl" if found.in_lab else f"kubectl --context {found.config['cluster']['context']}"
        click.echo(f"  {kubectl} get deployments,pods,services --namespace {namespace}")
    asked = "" if found.name == DERIVED else f" STACK={found.name}"
    for model in _one_of_each(found):
        click.echo(f'  make chat{asked} MODEL={model} PROMPT="Why is the sky blue?"')
    if found.in_lab and (found.config.get("monitoring") or {}).get("mode") == "standalone":
        click.echo(f"  make metrics{stack}")
    if endpoints:
        click.echo(f"  make endpoints{stack}")
    click.echo(f"  make down{stack}")


def _tell_what_is_simulated(found: Target) -> None:
    if found.in_lab:
        click.echo("The lab's pods are simulated: scheduling, rollouts and requests are real, the answers are made up.")
    if any(endpoint.api == "lab" for endpoint in found.endpoints):
        click.echo("The lab's endpoints are simulated: the API behaves like the real one, the answers are made up.")
    monitoring = found.config.get("monitoring") or {}
    if found.in_lab and (monitoring.get("mode") == "standalone" or monitoring.get("collector")):
        click.echo(f"Behind its Prometheus and its collector: {programs.behind()}.")
    models = [name for name, settings in (found.config.get("models") or {}).items() if _may_be_the_server(settings)]
    if found.uses_lab and models:
        settings = found.lab.settings()
        behind = own_server.behind(wanted=settings is None or settings.server)
        click.echo(f"Behind {', '.join(models)}: {behind}.")


def _may_be_the_server(settings: Mapping[str, Any]) -> bool:
    """Whether a model's container keeps to what the server is told. An endpoint's is told by its settings alone."""
    custom = (settings.get("engine") or {}).get("name") == own_server.ENGINE
    return custom and (settings.get("target") == "kubernetes" or "MODEL_ID" in (settings.get("environment") or {}))


def _one_of_each(found: Target) -> list[str]:
    """A model on the cluster, and an endpoint, that can be asked."""
    models = found.config.get("models") or {}
    on_cluster = [name for name, settings in models.items() if settings.get("target") == "kubernetes"]
    return [*on_cluster[:1], *[endpoint.model for endpoint in found.endpoints if endpoint.url][:1]]


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
