"""Settings of the exporter of Inference Endpoints."""

from pydantic import Field

from blueprint.settings.base import SecretName, SettingsModel
from blueprint.settings.images import ImageName


class WatchedEndpoints(SettingsModel):
    """An exporter that asks the control plane of Inference Endpoints what there is; it never calls an endpoint."""

    token: SecretName = Field(
        description="NAME of a secret: a token that sees endpoints (inference.endpoints.read) and may not manage them. "
        "`pulumi config set --secret llm-inference-secrets:NAME` stores the value."
    )
    image: ImageName = Field(
        default="endpoints-exporter", description="Name under images of the exporter's image: docs/endpoints.md."
    )
    # 60: Hugging Face bills by the minute; its rate limits are not published.
    poll_seconds: int = Field(default=60, ge=15, le=900, description="Seconds between two polls.")
    # 15: longer than the API's short outages, and no longer than anybody may believe an old state.
    keep_minutes: int = Field(
        default=15, ge=2, le=120, description="How long the last values are shown while polls fail, in minutes."
    )
