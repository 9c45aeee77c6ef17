"""Which operation a request is, and which endpoint it is about: what faults and the request log go by."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lab.hub.images import health_route
from lab.hub.log import Plane
from lab.hub.world import World

_ENDPOINT = r"/v2/endpoint/(?P<namespace>[^/]+)/(?P<name>[^/]+)"
_CONTROL: Sequence[tuple[str, str, str]] = (
    ("list", "GET", r"/v2/endpoint/[^/]+"),
    ("create", "POST", r"/v2/endpoint/[^/]+"),
    ("get", "GET", _ENDPOINT),
    ("update", "PUT", _ENDPOINT),
    ("delete", "DELETE", _ENDPOINT),
    ("pause", "POST", _ENDPOINT + "/pause"),
    ("resume", "POST", _ENDPOINT + "/resume"),
    ("scale-to-zero", "POST", _ENDPOINT + "/scale-to-zero"),
    ("replicas", "GET", _ENDPOINT + "/replica"),
    ("metrics", "GET", _ENDPOINT + "/open-metrics"),
    ("logs", "GET", _ENDPOINT.replace("v2", "v[23]") + "/logs(/sse)?"),
    ("quotas", "GET", r"/v2/provider/quotas/[^/]+"),
    ("hardware", "GET", r"/v2/provider(/[^/]+)?"),
    ("catalog-list", "GET", r"/api/v1/catalog/list"),
    ("catalog-deploy", "POST", r"/api/v1/catalog/.+/deploy"),
)
_HUB: Sequence[tuple[str, str, str]] = (
    ("whoami", "GET", r"/api/whoami-v2"),
    ("refs", "GET", r"/api/models/.+/refs"),
    ("tree", "GET", r"/api/models/.+/tree/.+"),
    ("paths-info", "POST", r"/api/models/.+/paths-info/.+"),
    ("model-info", "GET", r"/api/models/.+"),
    ("resolve", "(GET|HEAD)", r"/.+/resolve/.+"),
    ("download", "(GET|HEAD)", r"/_cdn/.+"),
)
_DATA: Sequence[tuple[str, str, str]] = (
    ("chat", "POST", r"/v1/chat/completions"),
    ("completions", "POST", r"/v1/completions"),
    ("generate", "POST", r"/(generate|generate_stream)?"),
    ("embed", "POST", r"/(embed|v1/embeddings)"),
    ("models", "GET", r"/v1/models"),
)
OPERATIONS = (*(row[0] for row in (*_CONTROL, *_HUB, *_DATA)), "health", "other")
"""Everything that a fault can hit by name."""
_DATA_PATH = re.compile(r"/e/(?P<id>[^/]+)(?P<rest>/.*)?")


@dataclass(frozen=True)
class Operation:
    """What a request is. `endpoint`: the name of the one it is about, if it is about one."""

    plane: Plane
    name: str
    endpoint: str | None


def operation(world: World, method: str, path: str, body: Any) -> Operation:
    """What a request is, whether or not it will be answered."""
    data = _DATA_PATH.fullmatch(path)
    if data:
        found = world.by_id(data["id"])
        rest = data["rest"] or "/"
        if found and method in ("GET", "HEAD") and rest == health_route(found.serving or found.config):
            return Operation("data", "health", found.name)
        return Operation("data", _name(_DATA, method, rest) or "other", found.name if found else None)
    for name, verb, pattern in _CONTROL:
        match = re.fullmatch(pattern, path)
        if match and verb == method:
            named = match.groupdict().get("name")
            if name == "create" and isinstance(body, dict):
                named = body.get("name")
            return Operation("control", name, named if isinstance(named, str) else None)
    if path.startswith(("/v2/", "/v3/", "/api/v1/catalog/")):
        return Operation("control", "other", None)
    return Operation("hub", _name(_HUB, method, path) or "other", None)


def _name(rows: Sequence[tuple[str, str, str]], method: str, path: str) -> str | None:
    for name, verb, pattern in rows:
        if re.fullmatch(verb, method) and re.fullmatch(pattern, path):
            return name
    return None
