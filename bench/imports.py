"""How long the blueprint's import takes, against its libraries alone, in fresh processes taken in turn.

Run it: `make bench`. Compiled modules are kept, as in an installed environment.
"""

import os
import statistics
import subprocess
import sys
import tempfile

LIBRARIES = "import yaml, pydantic\nclass One(pydantic.BaseModel):\n    value: int\n"
PROGRAMS = {"libraries alone (baseline)": LIBRARIES, "blueprint": "import blueprint.stack\n"}
TIMED = "import time\nbefore = time.process_time()\n{}print(time.process_time() - before)\n"
RUNS = 15


def seconds(code: str, cache: str) -> float:
    """Processor time of one import in a fresh process."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-c", TIMED.format(code)]
    environment["PYTHONPYCACHEPREFIX"] = cache
    return float(subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout)


def main() -> None:
    """Print medians with their spread, and the ratio."""
    with tempfile.TemporaryDirectory() as cache:
        for code in PROGRAMS.values():
            seconds(code, cache)
        runs = {name: [] for name in PROGRAMS}
        for _ in range(RUNS):
            for name, code in PROGRAMS.items():
                runs[name].append(seconds(code, cache))
    for name, values in runs.items():
        print(f"{name:<28} median {statistics.median(values):.3f} s  ({min(values):.3f} to {max(values):.3f})")
    baseline, ours = (statistics.median(values) for values in runs.values())
    print(f"ratio {ours / baseline:.2f}")


if __name__ == "__main__":
    main()
