"""`python -m endpoints.exporter --namespace NAME`: metrics of a namespace's Inference Endpoints, on loopback."""

import argparse
import sys

from endpoints.exporter.observation import Stack
from endpoints.exporter.serving import PORT, Settings, UnusableError, run

_INTERRUPTED = 130


def main() -> None:
    """Run it until a signal ends it."""
    parser = argparse.ArgumentParser(prog="python -m endpoints.exporter", description=__doc__)
    parser.add_argument("--namespace", required=True, help="organisation or user that owns the endpoints")
    parser.add_argument("--api", choices=("huggingface", "lab"), default="huggingface", help="whose endpoints")
    parser.add_argument("--tag", default="", help="tag of the stack's own endpoints, or how it begins")
    parser.add_argument(
        "--model",
        action="append",
        default=[],
        metavar="ENDPOINT=NAME",
        help="a model's name in the stack file; repeatable",
    )
    parser.add_argument("--poll-seconds", type=float, default=60.0, help="between two polls (60)")
    parser.add_argument("--keep-seconds", type=float, default=900.0, help="how long values outlive failing polls (900)")
    parser.add_argument("--listen", default="127.0.0.1", help="address to serve on (127.0.0.1)")
    parser.add_argument("--port", type=int, default=PORT, help=f"port to serve on ({PORT})")
    given = parser.parse_args()
    settings = Settings(
        api=given.api,
        namespace=given.namespace,
        stack=Stack(tag=given.tag, models=dict(one.partition("=")[::2] for one in given.model)),
        poll_seconds=given.poll_seconds,
        keep_seconds=given.keep_seconds,
        listen=given.listen,
        port=given.port,
    )
    try:
        run(settings)
    except UnusableError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)


if __name__ == "__main__":
    main()
