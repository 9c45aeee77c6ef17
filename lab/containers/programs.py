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
_HOW = "`make monitoring-tools` builds the real ones"


def installed() -> Mapping[str, Path]:
    """By app.kubernetes.io/name of a pod, the program of its container; empty where this machine runs none."""
    found = {
        name: tools.program(program) for name, (tool_set, program) in PROGRAMS.items() if (tools := built(tool_set))
    }
    return found if found and available() else {}


def behind() -> str:
    """What stands behind pods of Prometheus and the collector, for people."""
    there = [name for name, (tool_set, _) in PROGRAMS.items() if built(tool_set)]
    missing = sorted(set(PROGRAMS) - set(there))
    if there and not available():
        return "nothing: this machine lets nobody have user namespaces, in which the programs would run"
    if missing:
        real = f"{', '.join(sorted(there))}: the real one; " if there else ""
        return f"{real}{', '.join(missing)}: nothing; {_HOW}"
    return "the real ones"


def available() -> bool:
    """Whether this machine lets its users have namespaces: Linux does, unless its administrator forbids it."""
    tried = subprocess.run([sys.executable, "-I", str(_INSIDE), "--try"], check=False, capture_output=True)
    return tried.returncode == 0
