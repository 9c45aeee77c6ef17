"""Displays for people: a live tree on a terminal, plain lines elsewhere; the same report at the end of both."""

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from typing import IO, Protocol

from lab.engine.display import words
from lab.engine.display.model import Model, Phase, Row
from lab.engine.display.report import report
from lab.engine.display.text import Line, paint, width
from lab.engine.display.tree import tree
from lab.engine.events import Event, Failed, Finished, Op, Started, Status, Step

FRAME = 0.1  # seconds between two redraws
_TICK = 1.0  # seconds between two redraws while only time passes
STATUS_PAUSE = 5.0  # seconds between two lines about the same running step

_HIDE_CURSOR, _SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"


class Display(Protocol):
    """Shows a deployment. close comes once, at the end, however it ended."""

    def show(self, event: Event) -> None:
        """Take in an event, at once and without waiting."""

    def close(self) -> None:
        """Tell the rest."""


def is_terminal(stream: IO[str], environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the stream can redraw what it shows."""
    return stream.isatty() and environment.get("TERM") not in (None, "", "dumb")


class TreeDisplay:
    """For a terminal: the tree of resources, redrawn in place.

    heading: the first line. full: tell every changed property at the end. colour: paint. clock: seconds, monotonic.
    """

    def __init__(
        self,
        stream: IO[str],
        *,
        heading: str,
        preview: bool,
        full: bool = False,
        colour: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._stream = stream
        self._full = full
        self._colour = colour
        self._clock = clock
        self._model = Model(preview=preview, clock=clock)
        self._frame: list[int] = []  # the widths of the lines on the screen
        self._drawn = float("-inf")
        self._timer: asyncio.TimerHandle | None = None
        stream.write(f"{_HIDE_CURSOR}{heading}\n")
        stream.flush()

    def show(self, event: Event) -> None:
        """Take in an event; it is seen within a tenth of a second."""
        self._model.take(event)
        wait = self._drawn + FRAME - self._clock()
        if wait <= 0:
            self._draw()
        else:
            self._again_in(wait)

    def close(self) -> None:
        """Leave the tree as it ended, and tell the rest below it."""
        if self._timer is not None:
            self._timer.cancel()
        columns, _ = self._size()
        lines = tree(self._model, columns, ended=True)
        self._stream.write(self._erased(columns) + self._painted(lines) + "\n")
        self._stream.write(self._painted(list(report(self._model, full=self._full))) + _SHOW_CURSOR)
        self._stream.flush()
        self._frame = []

    def _draw(self) -> None:
        columns, rows = self._size()
        lines = tree(self._model, columns, rows, ended=False)
        self._stream.write(self._erased(columns) + self._painted(lines))
        self._stream.flush()
        self._frame = [sum(width(span.text) for span in line) for line in lines]
        self._drawn = self._clock()
        if any(row.phase is Phase.RUNNING for row in self._model.rows.values()):
            self._again_in(_TICK)

    def _again_in(self, seconds: float) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # shown from outside a loop, by a test or a tool: no time passes between events
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_later(seconds, self._draw)

    def _erased(self, columns: int) -> str:
        # A terminal that was made narrower has wrapped the lines.
        height = sum(max(1, -(-line // columns)) for line in self._frame)
        return f"\x1b[{height}A\r\x1b[J" if height else ""

    def _painted(self, lines: list[Line]) -> str:
        return "".join(paint(line, colour=self._colour) + "\n" for line in lines)

    def _size(self) -> tuple[int, int]:
        """Columns and rows that may be filled; the last of both stays free for the cursor."""
        try:
            size = os.get_terminal_size(self._stream.fileno())
        except OSError:
            return 79, 23
        return max(20, (size.columns or 80) - 1), max(4, (size.lines or 24) - 1)


class LineDisplay:
    """For logs: a line when a change begins and ends, and how it stands in between.

    heading: the first line. full: tell every changed property at the end. clock: seconds, monotonic.
    """

    def __init__(
        self,
        stream: IO[str],
        *,
        heading: str,
        preview: bool,
        full: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._stream = stream
        self._full = full
        self._clock = clock
        self._model = Model(preview=preview, clock=clock)
        self._told: dict[str, tuple[float, str]] = {}  # by URN: when there was a line about it, and its status
        self._timers: dict[str, asyncio.TimerHandle] = {}  # by URN: when there will be one
        self._write(heading)

    def show(self, event: Event) -> None:
        """Take in an event, and write a line if it is worth one."""
        row = self._model.take(event)
        if row is None:
            return
        match event:
            case Started(step) if not self._model.preview and step.op not in _QUIET:
                self._tell(row, step, words.doing(step.op))
            case Failed(step):
                doing = words.would(step.op) if self._model.preview else words.doing(step.op)
                self._tell(row, step, f"{doing} failed", row.seconds)
            case Finished(step) if self._is_told(step):
                self._tell(row, step, self._ending(step), row.seconds)
            case Status(urn):
                self._progress(urn, row)

    def close(self) -> None:
        """Tell what is told at the end."""
        for timer in self._timers.values():
            timer.cancel()
        self._write("")
        for line in report(self._model, full=self._full):
            self._write(paint(line, colour=False))

    def _is_told(self, step: Step) -> bool:
        if step.op is Op.REFRESH:
            return step.refreshed in (Op.UPDATE, Op.DELETE)
        if not self._model.preview:
            return step.op not in _QUIET
        # A plan names a replacement once, as a whole.
        leftover = step.op is Op.DELETE_REPLACED and step.old is not None and step.old.delete
        return step.op is Op.REPLACE or leftover or step.op not in _QUIET | words.REPLACING

    def _ending(self, step: Step) -> str:
        if step.op is Op.REFRESH:
            return words.REFRESHED[step.refreshed or ""]
        return words.would(step.op) if self._model.preview else words.done(step.op)

    def _tell(self, row: Row, step: Step, text: str, seconds: float = 0) -> None:
        self._told[row.urn] = (self._clock(), "")
        mark = words.SIGNS[step.refreshed or step.op]
        after = "" if self._model.preview or seconds < 1 else f" ({words.in_words(seconds)})"
        self._write(f" {mark:3}{self._model.label(row.urn)} {text}{after}")

    def _progress(self, urn: str, row: Row) -> None:
        if row.phase is not Phase.RUNNING or row.step is None or self._model.preview:
            return
        when, status = self._told.get(urn, (float("-inf"), ""))
        if not row.status or row.status == status:
            return
        wait = when + STATUS_PAUSE - self._clock()
        if wait > 0:
            self._again_in(wait, urn, row)
            return
        elapsed = words.in_words(self._clock() - row.began)
        self._write(f"    {self._model.label(urn)} {words.doing(row.step.op)} ({elapsed}): {row.status}")
        self._told[urn] = (self._clock(), row.status)

    def _again_in(self, seconds: float, urn: str, row: Row) -> None:
        """What came too soon after another line is told later: it may stay so for minutes, as a refusal does."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # shown from outside a loop, by a test or a tool: no time passes between events
            return
        if urn in self._timers:
            self._timers[urn].cancel()
        self._timers[urn] = loop.call_later(seconds, self._progress, urn, row)

    def _write(self, text: str) -> None:
        self._stream.write(f"{text}\n")
        self._stream.flush()


_QUIET = frozenset({Op.SAME, Op.READ, Op.REPLACE, Op.REFRESH})
