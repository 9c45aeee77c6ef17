"""What `llm smoke` is to check of a model: only what its engine can do."""

from collections.abc import Iterator

from blueprint.description import Description
from blueprint.issues import Issue

_STRUCTURED = ("vllm", "sglang")
"""Engines that hold an answer to response_format: {type: json_schema}:
https://docs.vllm.ai/en/stable/features/structured_outputs.html,
https://docs.sglang.ai/advanced_features/structured_outputs.html"""


def check(description: Description) -> Iterator[Issue]:
    """Mistakes of models.NAME.smoke."""
    for name, model in description.settings.models.items():
        if model.smoke.structured and model.engine.name not in _STRUCTURED:
            yield Issue(
                path=("models", name, "smoke", "structured"),
                problem=f"engine {model.engine.name} is not known to hold an answer to response_format: json_schema",
                remedy=f"Remove it, or use engine {' or '.join(_STRUCTURED)}.",
                reads=(("models", name, "engine", "name"),),
            )
