"""Where a Helm chart comes from."""

from pydantic import Field

from blueprint.settings.base import SettingsModel


class HelmChart(SettingsModel):
    """Where a chart comes from, and which version of it."""

    repository: str | None = Field(
        default=None,
        pattern=r"^(https|oci)://[A-Za-z0-9][A-Za-z0-9._:/-]*$",
        max_length=512,
        description="Address of the chart repository: https://... or oci://...; its makers' when absent.",
    )
    version: str | None = Field(
        default=None,
        min_length=1,
        max_length=64,
        description="Version of the chart, as its repository writes it; the newest known one when absent.",
    )
    path: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$",
        max_length=512,
        description="A folder or archive with the chart, below the project's folder, instead of a repository. Not "
        "absolute: the state must mean the same on every machine.",
    )
