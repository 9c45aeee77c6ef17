"""What a plan is made of: sections of plain data, each with a table and remarks, in a terminal and in Markdown."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from blueprint.description import Description
from blueprint.stack import Stack
from ops.pipeline.markdown import code
from ops.project import Project
from ops.table import printable, table


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is planned: a stack, as its file and the locks say now."""

    project: Project
    stack: Stack
    description: Description


@dataclass(frozen=True, kw_only=True)
class Section:
    """One concern of a plan.

    key: in the JSON, where data stands. rows: of the table, without its head. right: columns of numbers.
    remarks: sentences of this project's own, below the table. refused: whether `up` would be refused because of it.
    """

    key: str
    title: str
    data: Any
    head: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    right: Collection[int] = ()
    remarks: Sequence[str] = ()
    refused: bool = False

    def text(self) -> str:
        """For a terminal."""
        lines = table([tuple(map(str.upper, self.head)), *self.rows], right=self.right) if self.rows else []
        return "\n".join(map(printable, [self.title, *lines, *self.remarks]))

    def markdown(self) -> Sequence[str]:
        """For a comment, in parts that can be left out from the end."""
        parts = [f"\n\n**{self.title}**\n"]
        if self.rows:
            rule = ["--:" if index in self.right else "---" for index in range(len(self.head))]
            parts += [_row(self.head), _row(rule), *map(self._cells, self.rows), "\n"]
        return [*parts, *(f"\n* {remark}" for remark in self.remarks)]

    def _cells(self, row: Sequence[str]) -> str:
        return _row([cell if index in self.right else _cell(cell) for index, cell in enumerate(row)])


Maker = Callable[[Subject], Section]


def _row(cells: Sequence[str]) -> str:
    return f"\n| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    """Text that others may have written, which can be nothing but text; a bar would end the cell even in code."""
    return code(text).replace("|", "\\|") if text else ""
