"""A picture of a dashboard's layout, as SVG, drawn from what Grafana reads."""

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

_COLUMN = 40  # pixels
_LINE = 22
_GAP = 3
_WIDTH = 24 * _COLUMN
_LETTER = 5.6  # pixels, the mean at 10 pixels' size
_HEAD = 34

_STYLE = (
    "text{font-family:sans-serif;fill:#d8d9da}"
    ".name{font-size:15px;font-weight:bold}.row{font-size:12px;font-weight:bold}"
    ".title{font-size:11px}.kind{font-size:10px;fill:#8e9399}"
    "rect{fill:#181b1f;stroke:#2c3235}"
)


def picture(model: Mapping[str, Any]) -> str:
    """Where each panel stands, with its title, type and unit; its description shows under the pointer."""
    lines = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in model["panels"])
    height = _HEAD + lines * _LINE + _GAP
    body = "\n".join(line for panel in model["panels"] for line in _drawn(panel))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}">\n'
        f"<style>{_STYLE}</style>\n"
        f'<rect width="{_WIDTH}" height="{height}" style="fill:#111217"/>\n'
        f'<text class="name" x="10" y="22">{escape(model["title"])}</text>\n'
        f"{body}\n"
        "</svg>\n"
    )


def _drawn(panel: Mapping[str, Any]) -> Iterator[str]:
    at = panel["gridPos"]
    x, y = at["x"] * _COLUMN + _GAP, _HEAD + at["y"] * _LINE + _GAP
    if panel["type"] == "row":
        yield f'<text class="row" x="{x + 5}" y="{y + 13}">{escape(panel["title"])}</text>'
        return
    width, height = at["w"] * _COLUMN - 2 * _GAP, at["h"] * _LINE - 2 * _GAP
    yield f"<g><title>{escape(panel['description'])}</title>"
    yield f'<rect x="{x}" y="{y}" width="{width}" height="{height}"/>'
    yield f'<text class="title" x="{x + 8}" y="{y + 17}">{escape(panel["title"])}</text>'
    for number, line in enumerate(_lines(panel, int((width - 16) / _LETTER))):
        yield f'<text class="kind" x="{x + 8}" y="{y + 34 + 14 * number}">{escape(line)}</text>'
    yield "</g>"


def _lines(panel: Mapping[str, Any], letters: int) -> Iterator[str]:
    """Type and unit, or a table's columns, in lines that fit."""
    kind, unit = panel["type"], panel["fieldConfig"]["defaults"]["unit"]
    if kind != "table" or not panel["transformations"]:
        yield f"{kind}, {unit}" if unit != "none" else kind
        return
    line = "table:"
    for word in _columns(panel):
        if len(line) + len(word) > letters:
            yield line
            line = ""
        line = f"{line} {word}".strip()
    yield line


def _columns(panel: Mapping[str, Any]) -> list[str]:
    (order,) = (one["options"]["indexByName"] for one in panel["transformations"] if one["id"] == "organize")
    keys = [name for name in order if not name.startswith("Value")]
    names = [
        prop["value"]
        for override in panel["fieldConfig"]["overrides"]
        for prop in override["properties"]
        if prop["id"] == "displayName"
    ]
    return [f"{name} |" for name in (*keys, *names[:-1])] + names[-1:]
