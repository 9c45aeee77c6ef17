"""The live tree, on a real pseudo terminal."""

import asyncio
import fcntl
import io
import os
import pty
import struct
import termios
import threading
import time
from collections.abc import Iterable

from lab.engine.display.progress import LineDisplay, TreeDisplay
from lab.engine.events import Diagnostic, Event, Failed, Finished, Op, Severity, Started, Status
from tests.lab.engine.display.events import (
    CLAIM,
    ROOT,
    busy,
    component,
    end,
    resource,
    run,
    same,
    step,
    update,
)
from tests.lab.engine.display.screen import Screen

MODEL = component("qwen")
DEPLOYMENT = resource("qwen-deployment", {"spec": {"replicas": 1}}, parent=MODEL.urn)
CLAIM_STATE = resource("qwen-cache", {"spec": {"size": 1}}, type_=CLAIM, parent=MODEL.urn)


class Terminal:
    """A pseudo terminal and what it was sent."""

    def __init__(self, columns: int, rows: int):
        self._master, self._slave = pty.openpty()
        fcntl.ioctl(self._slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.stream = os.fdopen(self._slave, "w")
        self.sent = b""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._master, 65536)
            except OSError:  # Linux says so when the other end is closed
                return
            self.sent += data

    def close(self) -> str:
        self.stream.close()
        self._reader.join(10)
        os.close(self._master)
        return self.sent.decode().replace("\r\n", "\n\r")


class Clock:
    """Time that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def shown(events: Iterable[Event], *, columns: int = 100, rows: int = 40, preview: bool = False) -> Screen:
    """The screen after the events, a second between them."""
    terminal, clock, screen = Terminal(columns, rows), Clock(), Screen(columns)
    display = TreeDisplay(terminal.stream, heading="Updating (dev):", preview=preview, clock=clock)
    for event in events:
        display.show(event)
        clock.now += 1
    display.close()
    screen.feed(terminal.close())
    return screen


SCREEN = """\
Updating (dev):
   Type                                            Name             Status           Info
   pulumi:pulumi:Stack                             shop-dev
   └─ llm:index:GpuWorkload                        qwen
~     ├─ kubernetes:apps/v1:Deployment             qwen-deployment  updated (1m01s)  [diff: ~spec]
-     └─ kubernetes:core/v1:PersistentVolumeClaim  qwen-cache       deleted

Changes:
  ~  kubernetes:apps/v1:Deployment qwen-deployment  updated
      ~ spec.replicas: 1 => 2
  -  kubernetes:core/v1:PersistentVolumeClaim qwen-cache  deleted
      the program no longer has it; its data is deleted

Resources:
    ~ 1 updated
    - 1 deleted
    2 unchanged

Duration: 1m03s

"""


def test_the_screen_ends_with_one_tree_and_the_report():
    events = [
        *same(ROOT, MODEL),
        Started(update(DEPLOYMENT, {"spec": {"replicas": 2}}, "spec.replicas")),
        Status(DEPLOYMENT.urn, "1 of 2 pods are ready"),
        Finished(update(DEPLOYMENT, {"spec": {"replicas": 2}}, "spec.replicas"), 61.4),
        *run(step(Op.DELETE, CLAIM_STATE, None)),
        end("update", 63, update=1, delete=1, same=2),
    ]
    screen = shown(events)
    assert "\n".join(line.rstrip() for line in screen.lines) == SCREEN
    assert screen.cursor_visible


def test_a_running_step_shows_its_time_and_where_it_stands():
    terminal, clock, screen = Terminal(110, 40), Clock(), Screen(110)
    display = TreeDisplay(terminal.stream, heading="Updating (dev):", preview=False, clock=clock)
    for event in [*same(ROOT, MODEL), Started(step(Op.CREATE, None, DEPLOYMENT))]:
        display.show(event)
    clock.now += 72
    display.show(Status(DEPLOYMENT.urn, "0 of 1 pods are ready"))
    screen.feed(terminal.close())
    assert screen.lines[4].startswith(
        "+     └─ kubernetes:apps/v1:Deployment  qwen-deployment  creating (1m12s)  0 of 1"
    )
    assert not screen.cursor_visible


def test_no_line_is_wider_or_frame_higher_than_the_terminal():
    events = list(busy(60, 3))[:-1]
    for columns, rows in [(40, 10), (80, 24), (200, 12)]:
        terminal, clock, screen = Terminal(columns, rows), Clock(), Screen(columns)
        display = TreeDisplay(terminal.stream, heading="", preview=False, clock=clock)
        for event in events:
            display.show(event)
            clock.now += 1
        screen.feed(terminal.close())
        assert screen.tallest <= rows + 1  # the heading may have left
        assert screen.widest < columns
        assert any("and " in line and "more" in line for line in screen.lines)


def test_what_fails_is_on_the_screen_when_there_is_no_room_for_all():
    failing = resource("broken", {})
    events = list(busy(60, 1))[:-61]
    terminal, clock, screen = Terminal(100, 12), Clock(), Screen(100)
    display = TreeDisplay(terminal.stream, heading="", preview=False, clock=clock)
    for event in [
        Started(step(Op.CREATE, None, failing)),
        Failed(step(Op.CREATE, None, failing), 2),
        Diagnostic(Severity.ERROR, "no room\nfor it", failing.urn),
        *events,
    ]:
        display.show(event)
        clock.now += 1
    screen.feed(terminal.close())
    assert any(
        "broken" in line and "creating failed (2s)" in line and "error: no room" in line for line in screen.lines
    )


def test_time_passes_on_the_screen_without_events():
    async def wait() -> Screen:
        terminal, screen = Terminal(100, 40), Screen(100)
        display = TreeDisplay(terminal.stream, heading="", preview=False)
        for event in [*same(ROOT), Started(step(Op.CREATE, None, DEPLOYMENT))]:
            display.show(event)
        await asyncio.sleep(2.3)
        sent = terminal.sent.decode()
        display.close()
        terminal.close()
        screen.feed(sent.replace("\r\n", "\n\r"))
        return screen

    assert any("creating (2s)" in line or "creating (1s)" in line for line in asyncio.run(wait()).lines)


def test_an_abort_leaves_a_usable_terminal():
    screen = shown([*same(ROOT), Started(step(Op.CREATE, None, DEPLOYMENT))])
    assert screen.cursor_visible
    assert "Ended before all was done." in screen.lines


def test_many_resources_cost_little_time():
    """400 resources with 5 statuses each, as fast as they come."""
    terminal = Terminal(120, 50)
    displays = [
        TreeDisplay(terminal.stream, heading="", preview=False),
        LineDisplay(io.StringIO(), heading="", preview=False),
    ]
    events = list(busy(400, 5))
    for display in displays:
        began = time.process_time()
        for event in events:
            display.show(event)
        display.close()
        assert time.process_time() - began < 1
    terminal.close()
