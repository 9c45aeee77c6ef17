"""Settings of the test that `llm smoke` puts to a model."""

from typing import Literal

from pydantic import Field

from blueprint.settings.base import SettingsModel


class Smoke(SettingsModel):
    """How `llm smoke` asks the model. Nothing that is deployed depends on it."""

    ask: Literal["chat", "completion"] = Field(
        default="chat",
        description="chat: /v1/chat/completions. completion: /v1/completions, for models without a chat template.",
    )
    structured: bool = Field(
        default=False,
        description="Whether an answer must also keep to a JSON schema that the request names (response_format). "
        "Engines vllm and sglang.",
    )
