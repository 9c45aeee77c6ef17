"""Settings of a model that llm-d's chart delivers, in place of this project's own Deployment."""

from pydantic import Field

from blueprint.settings.base import SettingsModel
from blueprint.settings.charts import HelmChart


class LlmD(SettingsModel):
    """llm-d delivers the model: a Helm release of llm-d-modelservice instead of a Deployment of this project."""

    chart: HelmChart = Field(default_factory=HelmChart, description="Of llm-d-modelservice.")
