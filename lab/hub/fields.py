"""Reading a JSON body field by field, with complaints as the service words them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lab.hub.refusal import Refusal, invalid

_NAMES = {str: "a string", int: "an integer", dict: "a map", list: "a sequence"}


def parsed(content: bytes) -> Any:
    """The JSON of a body; None of an empty one. Raises ValueError, also for what cannot be written as JSON again."""

    def no_number(text: str) -> float:
        raise ValueError(text)  # NaN and Infinity, which Python would take

    try:
        value = json.loads(content or b"null", parse_constant=no_number)
        json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return value


class Reader:
    """An object of a body, and where it stands."""

    def __init__(self, value: Any, *, path: str = "", layout: str = "error"):
        self._path = path
        self._layout = layout
        if not isinstance(value, Mapping):
            raise invalid(path or "body", f"invalid type: expected {_NAMES[dict]}", layout)
        self._value = value

    def __contains__(self, name: str) -> bool:
        return name in self._value

    def __iter__(self) -> Iterator[str]:
        return iter(self._value)

    def mapping(self) -> dict[str, Any]:
        """All of it, unread."""
        return dict(self._value)

    def raw(self, name: str) -> Any:
        """A value, unread."""
        return self._value.get(name)

    def path(self, name: str) -> str:
        """Where a field stands."""
        return f"{self._path}.{name}" if self._path else name

    def wrong(self, name: str, problem: str) -> Refusal:
        """The refusal of a field's value."""
        return invalid(self.path(name), problem, self._layout)

    def text(self, name: str) -> str:
        """A string that must be there."""
        value = self._required(name)
        if not isinstance(value, str) or not value:
            raise self._not(name, str)
        return value

    def optional_text(self, name: str) -> str | None:
        """A string, or None when it is null or absent."""
        if self._value.get(name) is None:
            return None
        return self.text(name)

    def choice(self, name: str, allowed: Sequence[str]) -> str:
        """One of these strings."""
        value = self.text(name)
        if value not in allowed:
            quoted = ", ".join(f"`{item}`" for item in allowed)
            raise self.wrong(name, f"unknown variant `{value}`, expected one of {quoted}")
        return value

    def integer(self, name: str, default: int | None = None) -> int:
        """An integer; absent or null, the default, without which it must be there."""
        if self._value.get(name) is None and default is not None:
            return default
        value = self._required(name)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self._not(name, int)
        return value

    def optional_integer(self, name: str) -> int | None:
        """An integer, or None when it is null or absent."""
        return None if self._value.get(name) is None else self.integer(name)

    def object(self, name: str) -> "Reader":
        """An object that must be there."""
        value = self._required(name)
        if not isinstance(value, Mapping):
            raise self._not(name, dict)
        return Reader(value, path=self.path(name), layout=self._layout)

    def texts(self, name: str) -> dict[str, str]:
        """A mapping of strings; {} when it is null."""
        value = self._value.get(name)
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            raise self._not(name, dict)
        for key, item in value.items():
            if not isinstance(item, str):
                raise invalid(f"{self.path(name)}.{key}", f"invalid type: expected {_NAMES[str]}", self._layout)
        return dict(value)

    def strings(self, name: str) -> list[str]:
        """A list of strings; [] when it is null."""
        value = self._value.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self._not(name, list)
        for index, item in enumerate(value):
            if not isinstance(item, str):
                raise invalid(f"{self.path(name)}[{index}]", f"invalid type: expected {_NAMES[str]}", self._layout)
        return list(value)

    def _required(self, name: str) -> Any:
        if self._value.get(name) is None:
            # The missing field is named, and the place is the object that lacks it [G].
            raise invalid(self._path or "body", f"missing field `{name}`", self._layout)
        return self._value[name]

    def _not(self, name: str, wanted: type) -> Refusal:
        return self.wrong(name, f"invalid type: expected {_NAMES[wanted]}")
