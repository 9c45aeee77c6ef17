"""An option of an engine's parser, and the table of all of them that blueprint/engines/flags keeps."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Option:
    """As in a line of the table. values: those that the engine knows; empty: any."""

    names: Sequence[str]
    takes: str = "1"
    values: Sequence[str] = ()

    def line(self) -> str:
        known = f" = {' '.join(self.values)}" if self.values else ""
        return f"{self.takes} {' '.join(self.names)}{known}"


def table(options: Iterable[Option], source: str) -> str:
    """The table, as it is committed."""
    lines = sorted({option.line() for option in options}, key=lambda line: line.split()[1].lstrip("-"))
    return "\n".join([f"# {source}", "# Written by `python -m tests.engines.record`.", *lines]) + "\n"


def negated(names: Sequence[str], *, inverses: bool = False) -> list[str]:
    """The spellings of a switch that has an opposite. inverses: --disable-x for --enable-x, and the other way round."""
    opposite = [f"--no-{name[2:]}" for name in names if name.startswith("--")]
    pairs = {"--enable-": "--disable-", "--disable-": "--enable-"}
    swapped = [
        other + name.removeprefix(prefix)
        for name in names
        for prefix, other in pairs.items()
        if inverses and name.startswith(prefix)
    ]
    return [*names, *opposite, *swapped]
