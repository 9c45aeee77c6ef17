"""Settings of a canary: another revision or other flags of a model beside it, with a share of its requests."""

from typing import Any

from pydantic import Field

from blueprint.settings.base import HubRevision, SettingsModel
from blueprint.settings.exposure import Share
from blueprint.settings.images import ProjectPath


class Canary(SettingsModel):
    """What is tried beside the model, as a workload of its own, with a share of the model's requests."""

    share: Share = Field(description="Per cent of the requests of the model's public host, 0 to 100.")
    revision: HubRevision | None = Field(
        default=None, description="Branch, tag or commit to try; default the model's own."
    )
    # As raw as it stands there: laid over the model's engine, the whole is read as any engine is.
    engine: dict[str, Any] = Field(
        default_factory=dict,
        description="Keys of engine to try, each in place of the model's own. Not name, and not servedName.",
    )
    replicas: int = Field(default=1, ge=1, le=1000, description="Replicas of the canary. Nothing scales it.")
    golden: ProjectPath | None = Field(
        default=None,
        description="File with prompts and what their answers have to contain, which `llm canary judge` asks of both.",
    )
