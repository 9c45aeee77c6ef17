"""A terminal in a few lines: what is on the screen after the sequences that the display uses."""

import re

_TOKENS = re.compile(r"\x1b\[\??([0-9;]*)([A-Za-z])|(\r)|(\n)|([^\x1b\r\n]+)")


class Screen:
    def __init__(self, columns: int):
        self.columns = columns
        self.lines: list[str] = [""]
        self.row = self.column = 0
        self.cursor_visible = True
        self.widest = self.tallest = 0

    def feed(self, text: str) -> None:
        for number, command, returned, newline, written in _TOKENS.findall(text):
            if written:
                self._write(written)
            elif returned:
                self.column = 0
            elif newline:
                self.row += 1
                self.lines += [""] * (self.row + 1 - len(self.lines))
                self.tallest = max(self.tallest, len(self.lines))
            else:
                self._obey(number, command)

    def _write(self, text: str) -> None:
        line = self.lines[self.row].ljust(self.column)
        self.lines[self.row] = line[: self.column] + text + line[self.column + len(text) :]
        self.column += len(text)
        self.widest = max(self.widest, self.column)

    def _obey(self, number: str, command: str) -> None:
        match command:
            case "A":
                assert self.row >= int(number), "above the first line"
                self.row -= int(number)
            case "J":
                del self.lines[self.row + 1 :]
                self.lines[self.row] = self.lines[self.row][: self.column]
            case "h" | "l":
                self.cursor_visible = command == "h"
            case _:
                assert command == "m", command
