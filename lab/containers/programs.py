"""Which programs of a stack's own monitoring are on this machine, and whether it can run them as containers."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from lab.tools.build import ToolSet, built
from lab.tools.sets import COLLECTOR, PROMETHEUS

PROGRAMS: Mapping[str, tuple[ToolSet, str]] = MappingProxyType(
    {"opentelemetry-collector": (COLLECTOR, "collector"), "prometheus": (PROMETHEUS, "prometheus")}
)
"""By app.kubernetes.io/name of a pod, the tool set and the program in it that stands behind its container."""

_INSIDE = Path(__file__).with_name("inside.py")


def installed() -> Mapping[str, Path]:
    """By app.kubernetes.io/name of a pod, the program of its container; empty where this machine runs none."""
    found = _built()
    return found if found and available() else {}


def behind() -> str:
    """What stands behind pods of Prometheus and the collector, for people."""
    found = _built()
    if found and not available():
        return "simulated; the real programs need namespaces, which this machine lets no user have"
    missing = sorted(PROGRAMS.keys() - found.keys())
    if not missing:
        return "the real programs"
    real = f"the real {' and '.join(sorted(found))}; {', '.join(missing)} " if found else ""
    return f"{real}simulated; `make monitoring-tools` builds the real ones"


def _built() -> Mapping[str, Path]:
    found = {name: (built(tool_set), program) for name, (tool_set, program) in PROGRAMS.items()}
    return {name: tools.program(program) for name, (tools, program) in found.items() if tools is not None}


def available() -> bool:
    """Whether this machine lets its users have namespaces: Linux does, unless its administrator forbids it."""
    tried = subprocess.run([sys.executable, "-I", str(_INSIDE), "--try"], check=False, capture_output=True)
    return tried.returncode == 0
