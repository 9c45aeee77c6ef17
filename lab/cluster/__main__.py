"""Command line of the lab: up, down, status."""

import signal
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

import click
from lightkube import ApiError
from lightkube.resources.core_v1 import Node

from lab import own_server
from lab.cluster.control import REPOSITORY, Lab
from lab.cluster.nodes import MANAGED_LABEL
from lab.containers import programs
from lab.errors import LabError
from lab.registry import Registry
from lab.tools.build import ensure
from lab.tools.sets import CLUSTER, COLLECTOR, CRDS, LWS, PROMETHEUS

_home = click.option(
    "--home",
    type=click.Path(file_okay=False, path_type=Path),
    default=REPOSITORY / ".lab",
    help="Directory that holds everything the lab writes (default: .lab of this repository).",
)


@click.group()
def cli() -> None:
    """Run a real Kubernetes control plane with simulated GPU nodes, on this machine alone."""


@cli.command()
@_home
@click.option(
    "--stacks",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=REPOSITORY,
    help="Directory whose Pulumi.*.yaml say which GPUs there are (default: this repository).",
)
@click.option("--start-seconds", type=float, help="From a pod's scheduling to Ready (at first 3).")
@click.option("--drain-seconds", type=float, help="How long a deleted pod keeps its GPUs (at first 2).")
@click.option("--taint/--no-taint", default=None, help="GKE's NoSchedule taint on GPU nodes (at first yes).")
@click.option("--gpus-per-node", type=int, help="Size of GPU nodes (at first 4, or what a replica needs).")
@click.option(
    "--server/--no-server",
    default=None,
    help="Whether server/ stands behind pods and endpoints that run it, where it is installed (at first yes).",
)
def up(home: Path, stacks: Path, **chosen: Any) -> None:
    """Start the lab, or mend it; harmless when it runs. Settings are remembered."""
    began = time.monotonic()
    lab = Lab(home, stacks=stacks, say=click.echo)
    changed = lab.start(**chosen)
    click.echo(f"The lab {'is up' if changed else 'was up already'} ({time.monotonic() - began:.1f} s).")
    _describe(lab)


@cli.command()
@_home
@click.option("--delete", is_flag=True, help="Remove the lab's directory too: all objects, token, ports.")
def down(home: Path, *, delete: bool) -> None:
    """Stop the lab. Objects stay for the next start."""
    lab = Lab(home, say=click.echo)
    stopped = lab.stop(delete=delete)
    text = "The lab is down" if stopped else "The lab was not running"
    click.echo(f"{text}; {lab.home} {'is removed' if delete else 'keeps its objects'}.")


@cli.command()
@click.option("--monitoring", is_flag=True, help="Prometheus and the collector alone, which `up` does not build.")
def build(*, monitoring: bool) -> None:
    """Build the lab's programs, once per version. `up` does it too when they are missing."""
    if monitoring:
        roots = [str(ensure(tool_set).root) for tool_set in (PROMETHEUS, COLLECTOR)]
        click.echo(f"Prometheus and the collector are in {' and '.join(roots)}; the next `make up` runs them.")
        return
    built = f"{ensure(CLUSTER).root} and {ensure(LWS).root}"
    click.echo(f"The lab's programs are in {built}; the definitions in {ensure(CRDS).root}.")


@cli.command()
@_home
def status(home: Path) -> None:
    """Say what runs. Exit code 1 when something does not."""
    lab = Lab(home)
    found = lab.status()
    for process in found:
        where = f"pid {process.pid}, {process.memory / 1e6:.0f} MB" if process.pid else ""
        click.echo(f"{process.name:<24} {process.problem or 'ready':<14} {where}".rstrip())
    if any(process.problem for process in found):
        sys.exit(1)
    _describe(lab)


def _describe(lab: Lab) -> None:
    with lab.client() as client:
        nodes = [node.to_dict() for node in client.list(Node, labels={MANAGED_LABEL: "true"})]
    sizes = {node["metadata"]["name"]: int(node["status"]["allocatable"].get("nvidia.com/gpu", "0")) for node in nodes}
    shown = ", ".join(f"{name} ({gpus} GPUs)" if gpus else name for name, gpus in sorted(sizes.items()))
    click.echo(f"{len(sizes)} nodes, {sum(sizes.values())} simulated GPUs: {shown}")
    click.echo(f"Hugging Face, simulated: {lab.hub()} (namespace lab-org, token lab-manage)")
    if address := Registry(lab.home).address:
        click.echo(f"Registry of images: http://{address}/v2/_catalog")
    settings = lab.settings()
    click.echo(f"Where server/ is to run: {own_server.behind(wanted=settings is None or settings.server)}")
    click.echo(f"Behind a stack's own Prometheus and collector: {programs.behind()}")
    click.echo(f"kubeconfig: {_near(lab.kubeconfig)} (context lab)")
    click.echo(f"try: {_near(lab.kubectl)} get pods -A")


def _near(path: Path) -> Path:
    """Give the path from here, where that is shorter to type."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _interrupt(_number: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


def main() -> None:
    """Run the command line; failures that are expected end in a sentence, not in a traceback."""
    # SIGINT too: whoever starts this in the background of a script hands it down ignored.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        cli.main(prog_name="python -m lab.cluster", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (LabError, ApiError, OSError) as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(1)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted; what was being started has been stopped", err=True)
        sys.exit(130)


if __name__ == "__main__":
    main()
