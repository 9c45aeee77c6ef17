"""Runs a Pulumi program as it is, in a process of its own: `python -m lab.engine.program.child PROJECT_DIR`.

Where it belongs to is read from the environment, which other users cannot read: the configuration may have secrets.
"""

import asyncio
import json
import os
import runpy
import signal
import sys
import traceback
from pathlib import Path

import pulumi
from pulumi.runtime import Settings, configure, run_in_stack, set_all_config

SETTINGS = "LAB_ENGINE_PROGRAM"
CONFIG = "LAB_ENGINE_CONFIG"
REFUSED = 32  # the program has told what is wrong; nothing is to be added


def main() -> None:
    """Run the program to its end."""
    # The engine decides what an interrupt means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    root = Path(sys.argv[1])
    settings = json.loads(os.environ.pop(SETTINGS))
    config = json.loads(os.environ.pop(CONFIG))
    sys.argv = [str(root)]
    sys.path[0] = str(root)
    set_all_config(config["values"], config["secret_keys"])
    configure(Settings(**settings))
    sys.exit(_run(root))


def _run_main(root: Path) -> None:
    runpy.run_path(str(root), run_name="__main__")


def _run(root: Path) -> int:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(run_in_stack(lambda: _run_main(root)))
    except pulumi.RunError as error:
        pulumi.log.error(str(error))
    except Exception:  # noqa: BLE001  whatever the program raises is the person's to read
        pulumi.log.error(f"Program failed with an unhandled exception:\n{traceback.format_exc()}")
    else:
        return 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return REFUSED


if __name__ == "__main__":
    main()
