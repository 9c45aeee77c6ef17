"""The settings as JSON: variable, default, description."""

import json
import sys

from pydantic_core import PydanticUndefined

from server.settings import Settings


def shown(default: object) -> str:
    """A default as the table of docs/server.md has it."""
    if default is PydanticUndefined:
        return "needed"
    if default in (None, ""):
        return ""
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


sys.stdout.write(
    json.dumps(
        [
            [f"`{name.upper()}`", shown(field.default), field.description]
            for name, field in Settings.model_fields.items()
        ]
    )
)
