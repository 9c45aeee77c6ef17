"""What schemathesis is told of the server, so that more of what it makes up reaches the model."""

from typing import Any

import schemathesis

TOKENS = ("max_tokens", "max_completion_tokens", "max_new_tokens")


@schemathesis.hook
def map_body(_: schemathesis.HookContext, body: Any) -> Any:
    """Ask for the model that is there, and for what fits it."""
    return _fitting(body)


def _fitting(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    fitting = {name: _fitting(inner) for name, inner in value.items()}
    if isinstance(value.get("model"), str):
        fitting["model"] = "tgi"
    for name in TOKENS:
        if type(value.get(name)) is int and value[name] > 0:
            fitting[name] = 1 + value[name] % 16
    return fitting
