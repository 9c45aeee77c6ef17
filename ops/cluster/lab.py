"""Where the lab's Services are reached."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

ADDRESSES = "LLM_LAB_ADDRESSES"
"""Environment variable that names the file in which the lab's data plane keeps its addresses."""


def services() -> Mapping[str, str] | None:
    """URL of each Service, by NAMESPACE/NAME; None where nothing says which lab it is."""
    given = os.environ.get(ADDRESSES)
    if not given:
        return None
    try:
        found: Mapping[str, str] = json.loads(Path(given).read_text())["services"]
    except (OSError, ValueError, KeyError):
        return {}
    return found
