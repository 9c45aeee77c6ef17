"""`llm dashboards`: the dashboards as files, for a Grafana that no sidecar feeds; or in the stack's own Grafana."""

from collections.abc import Mapping
from pathlib import Path

import click

from blueprint.monitoring.dashboards import dashboards
from blueprint.monitoring.dashboards.picture import picture
from blueprint.monitoring.stores import STORES
from ops.endpoints.outcome import UnusableError
from ops.grafana import opened
from ops.project import Project

PICTURES = Path("docs/dashboards")


@click.command()
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the files, which a file provider of Grafana reads or a person imports.",
)
@click.option("--open", "open_", is_flag=True, help="Lead to the stack's own Grafana until Ctrl-C.")
@click.option("--stack", help="Stack whose budget is drawn, or whose Grafana is opened; for the latter default dev.")
@click.option("--dashboard", metavar="UID", help="With --open: the dashboard to begin with, such as llm-model.")
def command(out: Path | None, open_: bool, stack: str | None, dashboard: str | None) -> None:
    """Write each dashboard as a JSON file, or open the stack's Grafana.

    The files stand in no Grafana yet: put them where its provider looks (provisioning/dashboards), or import them.
    """
    if (out is None) != open_:
        raise UnusableError("Say either --out DIR, which writes files, or --open, which leads to the stack's Grafana.")
    if dashboard is not None and not open_:
        raise UnusableError("--dashboard goes with --open.")
    if out is None:
        opened(Project.find().resolve(stack or "dev"), dashboard)
        return
    monthly_usd = Project.find().resolve(stack).monthly_usd if stack else None
    out.mkdir(parents=True, exist_ok=True)
    for one in dashboards(monthly_usd, STORES):
        path = out / f"{one.uid}.json"
        path.write_text(one.text())
        click.echo(f"wrote {path}")


def pictures() -> Mapping[Path, str]:
    """The layout of each dashboard, by path below the project's root."""
    return {PICTURES / f"{one.uid}.svg": picture(one.model()) for one in dashboards(stores=STORES)}
