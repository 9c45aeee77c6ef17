"""Text for terminals: values on one line, nothing secret, nothing that steers the terminal, nothing too wide."""

import json
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from lab.engine.values import UNKNOWN, Secret, parts

UNKNOWN_TEXT = "[unknown]"  # the CLI's word for a value that only the operation tells
SECRET_TEXT = "[secret]"  # noqa: S105  a word, not a secret

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?)")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_COLOURS = {"red": 31, "green": 32, "yellow": 33, "magenta": 35, "cyan": 36, "bold": 1, "faint": 2}
_COPY_OF_INPUTS = "__inputs"
_SHORTEST_REDACTED = 6  # a shorter secret is a word that harmless texts contain, and as a secret it is none


@dataclass(frozen=True)
class Span:
    """Text in one colour; empty for the terminal's own."""

    text: str
    style: str = ""


Line = list[Span]


def line(text: str, style: str = "") -> Line:
    """A line of one colour."""
    return [Span(text, style)]


def paint(spans: Iterable[Span], *, colour: bool) -> str:
    """The line for the terminal, without its end."""
    return "".join(
        f"\x1b[{_COLOURS[span.style]}m{span.text}\x1b[0m" if colour and span.style else span.text for span in spans
    )


def width(text: str) -> int:
    """How many columns of a terminal the text takes."""
    if text.isascii():
        return len(text)
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def cut(text: str, columns: int) -> str:
    """The text in at most so many columns; an ellipsis stands for what is left out."""
    if width(text) <= columns:
        return text
    kept, used = "", 1
    for character in text:
        used += _columns(character)
        if used > columns:
            break
        kept += character
    return kept + "…" if columns > 0 else ""


def fit(spans: Iterable[Span], columns: int) -> Line:
    """The line in at most so many columns."""
    fitted: Line = []
    for span in spans:
        text = cut(span.text, columns)
        if text:
            fitted.append(Span(text, span.style))
        if text != span.text:
            break
        columns -= width(text)
    return fitted


def clean(text: str) -> str:
    """The text without what would steer a terminal or turn its direction; line breaks stay."""
    text = _ESCAPES.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).expandtabs(4)
    return _CONTROLS.sub("�", text)


def plain(value: Any) -> Any:
    """The value as JSON can say it: secrets and unknowns are the words for them."""
    if isinstance(value, Secret):
        return SECRET_TEXT
    if value is UNKNOWN:
        return UNKNOWN_TEXT
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


def quoted(text: str) -> str:
    """A string in quotes, on one line."""
    return clean(json.dumps(text, ensure_ascii=False))


def compact(value: Any) -> str:
    """The value on one line."""
    if isinstance(value, Secret):
        return SECRET_TEXT
    if value is UNKNOWN:
        return UNKNOWN_TEXT
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name(key)}: {compact(item)}" for key, item in sorted(value.items())) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(compact, value)) + "]"
    return quoted(value) if isinstance(value, str) else json.dumps(value)


def name(key: str) -> str:
    """A key as it stands before its value; in quotes where it could be misread."""
    return key if re.fullmatch(r"[\w./@$-]+", key) and clean(key) == key else quoted(key)


def change(old: str, new: str, columns: int) -> tuple[str, str]:
    """Two texts, each in so many columns, beginning where they begin to differ when they are longer."""
    if width(old) <= columns and width(new) <= columns:
        return old, new
    alike = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(old, new, strict=False)))
    start = max(0, alike - columns // 4)
    mark = "…" if start else ""
    return cut(mark + old[start:], columns), cut(mark + new[start:], columns)


class Redactor:
    """Takes out of messages the secrets that the display has come to know: servers like to repeat what they refuse."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def learn(self, value: Any) -> None:
        """Remember the strings of all secrets in a value."""
        if isinstance(value, dict):
            # A Helm release's copy of its inputs is one secret as a whole; the inputs themselves tell which part is.
            value = {key: item for key, item in value.items() if key != _COPY_OF_INPUTS}
        found = {
            part
            for outer in parts(value)
            if isinstance(outer, Secret)
            for part in parts(outer.value)
            if isinstance(part, str) and len(part) >= _SHORTEST_REDACTED
        }
        if found - self._known:
            self._known |= found
            longest_first = sorted(self._known, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(re.escape, longest_first)))

    def clean(self, text: str) -> str:
        """The text without secrets and without control characters."""
        return clean(self._pattern.sub(SECRET_TEXT, text) if self._pattern else text)
