"""`llm dashboards`: the dashboards as files, for a Grafana that no sidecar feeds."""

from collections.abc import Mapping
from pathlib import Path

import click

from blueprint.monitoring.dashboards import dashboards
from blueprint.monitoring.dashboards.picture import picture
from ops.project import Project

PICTURES = Path("docs/dashboards")


@click.command()
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder for the files, which a file provider of Grafana reads or a person imports.",
)
@click.option("--stack", help="Stack whose budget is drawn.")
def command(out: Path, stack: str | None) -> None:
    """Write each dashboard as a JSON file.

    They stand in no Grafana yet: put the folder where its provider looks (provisioning/dashboards), or import them.
    """
    monthly_usd = Project.find().resolve(stack).monthly_usd if stack else None
    out.mkdir(parents=True, exist_ok=True)
    for dashboard in dashboards(monthly_usd):
        path = out / f"{dashboard.uid}.json"
        path.write_text(dashboard.text())
        click.echo(f"wrote {path}")


def pictures() -> Mapping[Path, str]:
    """The layout of each dashboard, by path below the project's root."""
    return {PICTURES / f"{dashboard.uid}.svg": picture(dashboard.model()) for dashboard in dashboards()}
