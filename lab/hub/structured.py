"""What a simulated model says when its answer has to keep to a JSON schema: the least that does."""

import json
from collections.abc import Mapping
from typing import Any

_MOST_ITEMS = 8


def wanted(body: Mapping[str, Any]) -> str | None:
    """The answer to a request with a response_format, as JSON; None where it asks for plain text.

    Raises ValueError, whose words are for the caller.
    """
    form = body.get("response_format")
    try:
        if form is None or form["type"] == "text":
            return None
        schema = {"type": "object"} if form["type"] == "json_object" else form["json_schema"]["schema"]
        return json.dumps(_instance(schema))
    except (TypeError, KeyError, IndexError, AttributeError, ValueError, RecursionError):
        raise ValueError("response_format: expected text, json_object, or json_schema with a simple schema") from None


def _instance(schema: Mapping[str, Any]) -> Any:
    for key in ("const", "default"):
        if key in schema:
            return schema[key]
    if "enum" in schema:
        return schema["enum"][0]
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return _instance(schema[key][0])
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        return {name: _instance(inner) for name, inner in schema.get("properties", {}).items()}
    if kind == "array":
        count = min(schema.get("minItems", 1), _MOST_ITEMS)
        return [_instance(schema.get("items", {"type": "string"})) for _ in range(count)]
    number = schema.get("minimum", 0)
    return {"string": "simulated", "integer": number, "number": number, "boolean": True, "null": None}[kind]
