"""Configuration files of the programs that watch, as text."""

from typing import Any

import yaml


def written(value: Any) -> str:
    """A file's content, a statement a line. The same value gives the same bytes."""
    return str(yaml.safe_dump(value, sort_keys=False, width=float("inf")))
