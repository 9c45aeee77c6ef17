"""`llm render`: the program's Kubernetes objects as YAML files, without a cluster and without the Pulumi CLI."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from blueprint.helm import RELEASE
from ops.manifests import differences, file_name, read_folder, to_yaml
from ops.policy import allowed_in, judged, level, money_in
from ops.program import BUILT_IMAGE, Registered, run_program, secrets_in
from ops.project import Project
from ops.releases import WithheldError, release_objects
from policy.charts import ChartError


@click.command()
@click.option("--stack", required=True, help="Stack whose objects are rendered.")
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder to write to.")
def command(stack: str, out: Path) -> None:
    """Write the stack's Kubernetes objects to a folder, one file each, and say what changed there.

    A Secret whose value comes from the configuration is named, not written: a file is no place for it.
    """
    project = Project.find()
    registered = run_program(project, stack)
    manifests, withheld = render(registered)
    charts, missing = render_charts(registered, project.root)
    for line in write({**manifests, **charts}, out):
        click.echo(line)
    for name in withheld:
        click.echo(f"not written: Secret {name} holds a secret of the configuration; `pulumi up` makes it")
    for line in missing:
        click.echo(f"not written: {line}")
    for image in (one.inputs["imageName"] for one in registered if one.type == BUILT_IMAGE):
        click.echo(f"{image} stands for a digest: `pulumi up` builds it, and puts the digest there")
    if broken := broken_rules(registered, project, stack):
        raise click.ClickException("\n".join(broken))


def render(registered: Iterable[Registered]) -> tuple[dict[str, Any], list[str]]:
    """The Kubernetes objects among the registered resources by file name, and the Secrets that are withheld."""
    manifests: dict[str, Any] = {}
    withheld: list[str] = []
    for resource in registered:
        if not resource.type.startswith("kubernetes:") or resource.type == RELEASE:
            continue
        manifest = resource.inputs
        if any(secrets_in(manifest)):
            withheld.append(f"{manifest['metadata'].get('namespace', '')}/{manifest['metadata']['name']}")
        else:
            manifests[file_name(manifest)] = manifest
    return manifests, withheld


def render_charts(registered: Iterable[Registered], root: Path) -> tuple[dict[str, Any], list[str]]:
    """The objects of the Helm releases by file name, and what is said of releases that cannot be rendered here.

    root: of the project, where paths of charts begin.
    """
    manifests: dict[str, Any] = {}
    missing: list[str] = []
    for resource in registered:
        if resource.type != RELEASE:
            continue
        name = f"{resource.inputs['namespace']}/{resource.inputs['name']}"
        try:
            found = release_objects(resource, root)
        except WithheldError:
            missing.append(f"release {name} holds a secret of the configuration; `pulumi up` installs it")
        except ChartError as error:
            missing.append(f"the objects of release {name}: {error}")
        else:
            manifests |= {file_name(manifest): manifest for manifest in found}
    return manifests, missing


def broken_rules(registered: Iterable[Registered], project: Project, stack: str) -> list[str]:
    """How the objects break the mandatory rules of the policy pack, one by one and together."""
    allowed = allowed_in(project, stack)
    found = judged(registered, project.root, allowed, money_in(project, stack)).found
    return [f"breaks {one.rule.name}: {one.told}" for _, one in found if level(one) == "refused"]


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
