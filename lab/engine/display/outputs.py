"""A stack's outputs, as `pulumi stack output` prints them."""

import json
from typing import Any

from lab.engine.display.text import SECRET_TEXT, UNKNOWN_TEXT, clean, width
from lab.engine.values import UNKNOWN, PropertyMap, Secret
from lab.errors import LabError


def render(outputs: PropertyMap, *, name: str | None = None, as_json: bool = False, show_secrets: bool = False) -> str:
    """All outputs as a table or as JSON, or one alone: its bare text, for use in scripts. Without the last line end.

    Raises LabError for a name that is no output.
    """
    shown = {key: _shown(outputs[key], show_secrets=show_secrets) for key in sorted(outputs)}
    if name is not None:
        if name not in shown:
            known = f" It has {', '.join(shown)}." if shown else " It has none."
            raise LabError(f"The stack has no output {name!r}.{known}")
        return json.dumps(shown[name], indent=2, ensure_ascii=False) if as_json else _text(shown[name])
    if as_json:
        return json.dumps(shown, indent=2, ensure_ascii=False)
    if not shown:
        return "No output values currently in this stack"
    rows = [("OUTPUT", "VALUE"), *((clean(key), clean(_text(value))) for key, value in shown.items())]
    widest = max(width(key) for key, _ in rows)
    table = [f"    {key}{' ' * (widest - width(key))}  {value}" for key, value in rows]
    return "\n".join([f"Current stack outputs ({len(shown)}):", *table])


def _shown(value: Any, *, show_secrets: bool) -> Any:
    if isinstance(value, Secret):
        return _shown(value.value, show_secrets=True) if show_secrets else SECRET_TEXT
    if value is UNKNOWN:
        return UNKNOWN_TEXT
    if isinstance(value, dict):
        return {key: _shown(value[key], show_secrets=show_secrets) for key in sorted(value)}
    return [_shown(item, show_secrets=show_secrets) for item in value] if isinstance(value, list) else value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
