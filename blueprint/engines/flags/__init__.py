"""The flags of each engine and version, as its own parser has them: read here, never written by hand.

`python -m tests.engines.record` writes a table from an engine's wheel or source. One line is one option::

    0 --enable-prefix-caching --no-enable-prefix-caching
    1 --dtype = auto bfloat16 float16

First how many values follow (0, 1, ?, + or *, as argparse has them), then every spelling, then, where the engine says
so, the values that it knows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Flag:
    """One option. names: its spellings, the usual one first. values: those that it knows; empty: any."""

    takes: str
    names: Sequence[str]
    values: Sequence[str] = ()


@dataclass(frozen=True)
class Flags:
    """All options of one version, by every spelling."""

    by_name: Mapping[str, Flag]

    def get(self, name: str) -> Flag | None:
        """The option that is spelt so."""
        return self.by_name.get(name)

    def starting(self, prefix: str) -> list[Flag]:
        """The options, each once, that an abbreviation may stand for."""
        found = {id(flag): flag for name, flag in self.by_name.items() if name.startswith(prefix)}
        return list(found.values())


@cache
def flags_of(engine: str, version: str) -> Flags:
    """The flags of a version that the registry knows."""
    return parse_table((_FOLDER / f"{engine}-{version}.txt").read_text())


def parse_table(text: str) -> Flags:
    """A table in the form above."""
    by_name: dict[str, Flag] = {}
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        spelt, _, values = line.partition(" = ")
        takes, *names = spelt.split()
        flag = Flag(takes, tuple(names), tuple(values.split()))
        by_name.update(dict.fromkeys(names, flag))
    return Flags(by_name)
