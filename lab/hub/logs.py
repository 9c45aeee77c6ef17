"""What an endpoint's logs answer, as text (v2) and as objects (v3)."""

from collections.abc import Mapping, Sequence
from typing import Any

from lab.hub.refusal import Refusal
from lab.hub.views import stamp
from lab.hub.world import Endpoint, LogLine

_LIMIT = 1000
_MOST = 5000


def text_logs(endpoint: Endpoint, query: Mapping[str, str]) -> str:
    """The lines with their moments; `tail` gives the last ones. They are there after scale-to-zero too [L]."""
    lines = endpoint.lines[-_count(query, "tail", _MOST) :]
    return "".join(f"{stamp(line.at)} {line.level} {line.line}\n" for line in lines)


def structured_logs(endpoint: Endpoint, query: Mapping[str, str]) -> Sequence[dict[str, Any]]:
    """The lines as objects, by level, text and number."""
    replica = f"{endpoint.id}-0"
    lines = [line for line in endpoint.lines if _wanted(line, query) and query.get("replica") in (None, replica)]
    lines = lines[-_count(query, "tail", _MOST) :][: _count(query, "limit", _LIMIT)]
    return [
        {
            "timestamp": stamp(line.at, 9),
            "line": line.line,
            "stream": "stderr" if line.level == "ERROR" else "stdout",
            "replica_id": replica,
            "level": line.level.lower(),
        }
        for line in lines
    ]


def _wanted(line: LogLine, query: Mapping[str, str]) -> bool:
    if query.get("level", line.level).lower() != line.level.lower():
        return False
    if query.get("search", "").lower() not in line.line.lower():
        return False
    moment = stamp(line.at, 9)
    return query.get("since", "") <= moment <= query.get("until", "~")


def _count(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not text.isdigit() or not 1 <= int(text) <= _MOST:
        raise Refusal(400, f"VALIDATION_FAILED: {name}: must be between 1 and {_MOST}")
    return int(text)
