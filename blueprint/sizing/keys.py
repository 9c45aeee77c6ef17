"""Numbers of a config.json, under any of the names that they have."""

from collections.abc import Mapping
from typing import Any

from blueprint.sizing.facts import UnknownModelError

_MOST = 10**15
"""Larger than any count of a model; what is above is no config.json."""


class Keys:
    """Reads whole numbers, and says which one is missing."""

    def __init__(self, config: Mapping[str, Any], *, where: str = ""):
        self.config = config
        self._where = where

    def has(self, *names: str) -> bool:
        """Whether every name is there, and is not null."""
        return all(self.config.get(name) is not None for name in names)

    def number(self, *names: str, default: int | None = None) -> int:
        """The first of the names that is there; default where none is.

        Raises UnknownModelError when it is no whole number, and when it is absent or 0 without a default.
        """
        for name in names:
            value = self.config.get(name)
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MOST:
                raise UnknownModelError(f"{self._where}{name} of config.json is no whole number")
            if value == 0 and default is None:
                raise UnknownModelError(f"{self._where}{name} of config.json is 0")
            return value
        if default is None:
            raise UnknownModelError(f"config.json has no {self._where}{names[0]}")
        return default

    def optional(self, *names: str) -> int | None:
        """As number; None where none of the names is there, or where it is 0."""
        return self.number(*names, default=0) or None

    def words(self, name: str) -> list[str] | None:
        """A list of words; None where there is none.

        Raises UnknownModelError when it is anything else.
        """
        value = self.config.get(name)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
            raise UnknownModelError(f"{self._where}{name} of config.json is no list of words")
        return value
