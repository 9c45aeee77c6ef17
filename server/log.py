"""Logs: one JSON object a line on stdout. Of an exception its type and place: its text may quote a prompt."""

import json
import logging
import sys
import time
import traceback
from typing import Any

LOG = logging.getLogger("server")


class Lines(logging.Formatter):
    """Formats a record as one line of JSON. What is passed as extra={"fields": ...} stands beside the message."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, Any] = {
            "time": f"{moment}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[1] is not None:
            line |= described(record.exc_info[1])
        return json.dumps(line, default=str)


def described(error: BaseException) -> dict[str, Any]:
    """The type of an exception and where it came from."""
    frames = traceback.extract_tb(error.__traceback__)
    return {
        "exception": type(error).__name__,
        "frames": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-12:]],
    }


def set_up(level: str) -> None:
    """Send all logs of the process through one handler."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(Lines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(logging.WARNING, logging.getLevelName(level.upper())))
    LOG.setLevel(level.upper())
    logging.captureWarnings(True)


def take_over_transformers() -> None:
    """Send what transformers logs the same way, and let it draw no bars. It has to be imported by then."""
    from transformers.utils import logging as own  # noqa: PLC0415

    own.disable_progress_bar()
    own.disable_default_handler()
    own.enable_propagation()


def tell(level: int, message: str, **fields: Any) -> None:
    """Log a message with fields of its own."""
    LOG.log(level, message, extra={"fields": fields})
