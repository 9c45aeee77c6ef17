"""`python -m lab.hub --port N --home DIR`: the lab's own stand-in, in real time, which keeps its endpoints in DIR."""

import argparse
import signal
import sys
from pathlib import Path

from lab.errors import LabError


def main() -> None:
    """Run it until a signal ends it."""
    parser = argparse.ArgumentParser(prog="python -m lab.hub", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="port of 127.0.0.1")
    parser.add_argument("--home", type=Path, required=True, help="directory that keeps the endpoints")
    parser.add_argument("--latency", type=float, default=3.0, help="seconds from creation to the first answer (3)")
    parser.add_argument(
        "--switch", action="append", default=[], metavar="NAME=VALUE", help="see lab/hub/switches.py; repeatable"
    )
    parser.add_argument(
        "--own-server",
        type=Path,
        nargs=2,
        metavar=("PYTHON", "HOME"),
        help="server/'s Python, and a directory for its processes: it answers where it can be an endpoint's container",
    )
    arguments = parser.parse_args()
    # Or else a terminated one would leave those processes behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    from lab.hub.server import serve  # noqa: PLC0415 - it takes half a second, which --help need not

    try:
        serve(
            port=arguments.port,
            home=arguments.home,
            latency=arguments.latency,
            switches=dict(item.partition("=")[::2] for item in arguments.switch),
            own_server=tuple(arguments.own_server) if arguments.own_server else None,
        )
    except (LabError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
