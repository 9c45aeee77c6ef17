"""The display that fits where the output goes."""

import os
from collections.abc import Mapping
from typing import IO

from lab.engine.display.json_output import JsonDisplay
from lab.engine.display.progress import Display, LineDisplay, TreeDisplay, is_terminal

_HEADINGS = {
    ("update", True): "Previewing update",
    ("update", False): "Updating",
    ("refresh", True): "Previewing refresh",
    ("refresh", False): "Refreshing",
    ("destroy", True): "Previewing destroy",
    ("destroy", False): "Destroying",
}


def display_for(
    stream: IO[str],
    *,
    kind: str,
    stack: str,
    preview: bool,
    full: bool = False,
    as_json: bool = False,
    config: Mapping[str, str | None] | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Display:
    """A display for an operation on a stack.

    kind: update, refresh or destroy. full: `--diff`. as_json: `--json`, for which config is the stack's configuration
    as text by full key, None for a secret.
    """
    if as_json:
        return JsonDisplay(stream, config=config or {}, preview=preview)
    heading = f"{_HEADINGS[kind, preview]} ({stack}):"
    if is_terminal(stream, environment):
        colour = not environment.get("NO_COLOR")
        return TreeDisplay(stream, heading=heading, preview=preview, full=full, colour=colour)
    return LineDisplay(stream, heading=heading, preview=preview, full=full)
