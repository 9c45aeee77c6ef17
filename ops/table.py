"""Columns of text for people, lined up."""

from collections.abc import Collection, Iterable, Sequence


def table(rows: Iterable[Sequence[str]], *, right: Collection[int] = ()) -> list[str]:
    """Lines in which the columns of the rows stand below each other. right: columns of numbers."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if index in right else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]


def printable(text: str) -> str:
    """A text that others wrote, without what would move a terminal's cursor or change its colours."""
    return "".join(letter for letter in text if letter in "\n\t" or letter.isprintable())
