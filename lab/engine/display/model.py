"""What the display knows of a deployment so far, gathered from the events."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto

from lab.engine.display import words
from lab.engine.display.text import Redactor, clean
from lab.engine.events import (
    ComponentOutputs,
    Diagnostic,
    Event,
    Failed,
    Finished,
    Op,
    PolicyPack,
    Severity,
    Started,
    Status,
    Step,
    Summary,
    Violation,
)
from lab.engine.resources import STACK_TYPE, urn_name, urn_type


class Phase(Enum):
    """How far a row is."""

    SEEN = auto()  # only as the parent of another
    RUNNING = auto()
    DONE = auto()
    FAILED = auto()


@dataclass
class Row:
    """A resource and the last step that was done with it. Times are the clock's, in seconds."""

    urn: str
    parent: str = ""
    phase: Phase = Phase.SEEN
    steps: dict[Op, Step] = field(default_factory=dict)  # by kind, in the order in which they began
    step: Step | None = None
    began: float = 0.0
    seconds: float = 0.0
    status: str = ""
    trouble: str = ""  # the first line of its last warning or error
    warnings: int = 0

    @property
    def changes(self) -> bool:
        """Whether something is done, not only looked at."""
        return any(op not in (Op.SAME, Op.READ, Op.REFRESH) or _drifted(step) for op, step in self.steps.items())

    @property
    def visible(self) -> bool:
        """Whether a person should see it: it changes, fails, or has something to say."""
        return self.changes or self.phase is Phase.FAILED or bool(self.trouble)

    @property
    def told(self) -> Step | None:
        """The step that stands for all: for a replacement the replacement as a whole."""
        for op in (Op.REPLACE, Op.CREATE_REPLACEMENT):
            if op in self.steps:
                return self.steps[op]
        return self.step


def _drifted(step: Step) -> bool:
    return step.op is Op.REFRESH and step.refreshed in (Op.UPDATE, Op.DELETE)


class Model:
    """Rows in the order in which they appeared, and everything that is told at the end.

    preview: nothing is done. clock: seconds, monotonic.
    """

    def __init__(self, *, preview: bool, clock: Callable[[], float]):
        self.preview = preview
        self.clock = clock
        self.rows: dict[str, Row] = {}
        self.redactor = Redactor()
        self.diagnostics: dict[str, Counter[tuple[Severity, str]]] = {}  # by URN; how often each was said
        self.packs: list[PolicyPack] = []
        self.violations: list[Violation] = []
        self.outputs: ComponentOutputs | None = None
        self.summary: Summary | None = None

    def take(self, event: Event) -> Row | None:
        """Learn from an event; the row that it is about, if there is one."""
        match event:
            case Started() | Finished() | Failed():
                return self._stepped(event)
            case Status(urn, text):
                return self._status(urn, text)
            case Diagnostic():
                return self._diagnosed(event)
            case _:
                self._noted(event)
                return None

    def _noted(self, event: Event) -> None:
        match event:
            case ComponentOutputs(urn):
                self.redactor.learn(dict(event.outputs))
                if urn_type(urn) == STACK_TYPE:
                    self.outputs = event
            case PolicyPack():
                self.packs.append(event)
            case Violation():
                self.violations.append(event)
            case Summary():
                self.summary = event

    def label(self, urn: str) -> str:
        """Type and name of a resource, or its URN where there is another such."""
        if not urn:
            root = next((row.urn for row in self.rows.values() if urn_type(row.urn) == STACK_TYPE), "")
            return self.label(root) if root else "the stack"
        names = (urn_type(urn), urn_name(urn))
        if any((urn_type(other), urn_name(other)) == names for other in self.rows if other != urn):
            return clean(urn)
        return clean(f"{names[0]} {names[1]}")

    def _row(self, urn: str) -> Row:
        return self.rows.setdefault(urn, Row(urn))

    def _stepped(self, event: Started | Finished | Failed) -> Row:
        row = self._row(event.step.urn)
        if event.step.op is Op.REPLACE and not self.preview and row.step is not None:
            row.steps.setdefault(Op.REPLACE, event.step)  # stands for the steps around it, which tell themselves
            return row
        self._learn(row, event.step)
        row.status = ""
        if isinstance(event, Started):
            row.phase, row.began, row.seconds = Phase.RUNNING, self.clock(), 0.0
        else:
            row.phase = Phase.FAILED if isinstance(event, Failed) else Phase.DONE
            row.seconds = event.seconds
        return row

    def _learn(self, row: Row, step: Step) -> None:
        if step.op is Op.REPLACE:
            step = row.steps.get(Op.REPLACE, step)  # its end has no state
        row.steps[step.op] = row.step = step
        for state in (step.old, step.new):
            if state is not None:
                row.parent = state.parent
                self.redactor.learn(state.inputs)
                self.redactor.learn(state.outputs)
        if row.parent:
            self._row(row.parent)

    def _status(self, urn: str, text: str) -> Row:
        row = self._row(urn)
        row.status = self.redactor.clean(text).strip().partition("\n")[0]
        return row

    def _diagnosed(self, event: Diagnostic) -> Row | None:
        if event.ephemeral:
            return self._status(event.urn, event.text) if event.urn else None
        if event.severity is Severity.DEBUG:
            return None
        text = self.redactor.clean(event.text).strip("\n")
        self.diagnostics.setdefault(event.urn, Counter())[event.severity, text] += 1
        if not event.urn or event.severity is Severity.INFO:
            return None
        row = self._row(event.urn)
        row.trouble = f"{event.severity}: {text.partition(chr(10))[0]}"
        row.warnings += event.severity is Severity.WARNING
        return row


def verb(row: Row, *, preview: bool, ended: bool) -> str:
    """What is, would be or was done with a row's resource."""
    step = row.step
    if step is None:
        return ""
    if step.op is Op.REFRESH and row.phase is Phase.DONE:
        return words.REFRESHED.get(step.refreshed or "", "")
    op = row.told.op if row.told is not None and (preview or ended) else step.op
    if op is Op.CREATE_REPLACEMENT and preview:
        op = Op.REPLACE
    if row.phase is Phase.FAILED:
        return f"{words.would(step.op) if preview else words.doing(step.op)} failed"
    if preview:
        return words.would(op)
    return words.doing(step.op) if row.phase is Phase.RUNNING else words.done(op)


def sign(row: Row, *, preview: bool, ended: bool) -> str:
    """The sign before a row."""
    step = row.step
    if step is None:
        return ""
    if step.op is Op.REFRESH:
        return words.SIGNS[step.refreshed or Op.SAME]
    told = row.told if row.told is not None and (preview or ended) else step
    return "+-" if told.op is Op.CREATE_REPLACEMENT and (preview or ended) else words.SIGNS[told.op]


def totals(changes: Mapping[str, int]) -> tuple[dict[str, int], int]:
    """Changes by operation in the order of the operations, and how many resources stay as they are."""
    ordered = {str(op): changes[op] for op in Op if op not in (Op.SAME, Op.READ) and changes.get(op)}
    return ordered, changes.get(Op.SAME, 0)
