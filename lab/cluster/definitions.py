"""Custom resource definitions, as the modules that own them write them."""

from pathlib import Path
from typing import Any

import yaml


class _Loader(yaml.CSafeLoader):
    """The C one: of the larger definitions the other would take seconds each.

    YAML 1.1 has a type of its own for a bare =, which is a text to everybody who writes definitions.
    """


_Loader.add_constructor("tag:yaml.org,2002:value", _Loader.construct_yaml_str)  # type: ignore[type-var]  # its stub's


def definition(path: Path) -> Any:
    """The object in a file, without descriptions."""
    return _without_descriptions(yaml.load(path.read_text(), Loader=_Loader))  # noqa: S506  a SafeLoader


def _without_descriptions(schema: Any) -> Any:
    """They are four fifths of the definition, and the API server works on all of it at every start."""
    if isinstance(schema, dict):
        # A property of that name is a mapping.
        kept = {key: value for key, value in schema.items() if key != "description" or isinstance(value, dict)}
        return {key: _without_descriptions(value) for key, value in kept.items()}
    return [_without_descriptions(item) for item in schema] if isinstance(schema, list) else schema
