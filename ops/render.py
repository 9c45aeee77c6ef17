"""`llm render`: the program's Kubernetes objects as YAML files, without a cluster and without the Pulumi CLI."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from ops.manifests import differences, file_name, read_folder, to_yaml
from ops.program import Registered, run_program, secrets_in
from ops.project import Project


@click.command()
@click.option("--stack", required=True, help="Stack whose objects are rendered.")
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder to write to.")
def command(stack: str, out: Path) -> None:
    """Write the stack's Kubernetes objects to a folder, one file each, and say what changed there.

    A Secret whose value comes from the configuration is named, not written: a file is no place for it.
    """
    manifests, withheld = render(run_program(Project.find(), stack))
    for line in write(manifests, out):
        click.echo(line)
    for name in withheld:
        click.echo(f"not written: Secret {name} holds a secret of the configuration; `pulumi up` makes it")


def render(registered: Iterable[Registered]) -> tuple[dict[str, Any], list[str]]:
    """The Kubernetes objects among the registered resources by file name, and the Secrets that are withheld."""
    manifests: dict[str, Any] = {}
    withheld: list[str] = []
    for resource in registered:
        if not resource.type.startswith("kubernetes:"):
            continue
        manifest = resource.inputs
        if any(secrets_in(manifest)):
            withheld.append(f"{manifest['metadata'].get('namespace', '')}/{manifest['metadata']['name']}")
        else:
            manifests[file_name(manifest)] = manifest
    return manifests, withheld


def write(manifests: dict[str, Any], out: Path) -> list[str]:
    """Write the files, remove those of an earlier rendering that are gone; give one line per change."""
    before = read_folder(out)
    changes: list[str] = []
    out.mkdir(parents=True, exist_ok=True)
    for name, manifest in sorted(manifests.items()):
        (out / name).write_text(to_yaml(manifest))
        if name not in before:
            changes.append(f"new: {name}")
        else:
            changes += (f"changed: {name}: {line}" for line in differences(before[name], manifest))
    for name in sorted(before.keys() - manifests.keys()):
        (out / name).unlink()
        changes.append(f"gone: {name}")
    return changes or [f"unchanged: {len(manifests)} objects"]
