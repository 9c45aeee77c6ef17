"""YAML as this project reads it: plain values, and no key twice."""

from collections.abc import Hashable
from typing import Any

import yaml

from blueprint.issues import mask


class TextError(Exception):
    """A text is not YAML, or says something twice."""


class _Loader(yaml.SafeLoader):
    """A second key of the same name would silently win: a whole model could vanish."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable) or key in seen:
                line = key_node.start_mark.line + 1
                raise TextError(f"line {line}: the key {key} stands twice in the same mapping. Remove one.")
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


def load(text: str) -> Any:
    """The values of a YAML text; None when it is empty.

    Raises TextError, on one line and without tokens.
    """
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506  a SafeLoader
    except yaml.YAMLError as error:
        raise TextError(mask(f"this is not YAML: {' '.join(str(error).split())}")) from None
    except TextError as error:
        raise TextError(mask(str(error))) from None
