"""Where the lab's Services are reached."""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ADDRESSES = "LLM_LAB_ADDRESSES"
"""Environment variable that names the file in which the lab's data plane keeps its addresses."""


def services() -> Mapping[str, str] | None:
    """URL of each Service, by NAMESPACE/NAME; None where nothing says which lab it is."""
    found = _addresses()
    return found if found is None else found.get("services", {})


def gateway() -> str | None:
    """URL of the gateway, which knows the models' hosts; None where the lab has none."""
    return (_addresses() or {}).get("gateway")


def metrics_of(namespace: str, pods: str) -> str | None:
    """URL of the metrics of one of a workload's pods; None where none answers. pods: pattern of their names."""
    known: Mapping[str, str] = (_addresses() or {}).get("metrics", {})
    return next((url for pod, url in known.items() if re.fullmatch(f"{re.escape(namespace)}/{pods}", pod)), None)


def _addresses() -> Any:
    given = os.environ.get(ADDRESSES)
    if not given:
        return None
    try:
        found = json.loads(Path(given).read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
