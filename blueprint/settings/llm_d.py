"""Settings of a model that llm-d's chart delivers, in place of this project's own Deployment."""

from pydantic import Field

from blueprint.settings.base import SettingsModel


class ModelServiceChart(SettingsModel):
    """Where the chart llm-d-modelservice comes from, and which version of it."""

    repository: str | None = Field(
        default=None,
        pattern=r"^(https|oci)://[A-Za-z0-9][A-Za-z0-9._:/-]*$",
        max_length=512,
        description="Address of the chart repository: https://... or oci://...; llm-d's own when absent.",
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


class LlmD(SettingsModel):
    """llm-d delivers the model: a Helm release of llm-d-modelservice instead of a Deployment of this project."""

    chart: ModelServiceChart = Field(default_factory=ModelServiceChart)
