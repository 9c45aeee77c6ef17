"""A run in words: a line when something changes, and at the end what changed, why, and what is wrong."""

import json
import sys
from collections.abc import Mapping
from typing import Any, Protocol, TextIO

from lab.engine import paths
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
from lab.engine.provider import DiffKind
from lab.engine.resources import STACK_TYPE, urn_name, urn_type
from lab.engine.values import UNKNOWN, Secret

_MARKS = {
    Op.CREATE: "+",
    Op.UPDATE: "~",
    Op.DELETE: "-",
    Op.REPLACE: "+-",
    Op.CREATE_REPLACEMENT: "++",
    Op.DELETE_REPLACED: "--",
    Op.READ: ">",
    Op.READ_REPLACEMENT: ">",
    Op.IMPORT: "=",
    Op.IMPORT_REPLACEMENT: "=",
    Op.DISCARD: "<",
    Op.DISCARD_REPLACED: "<",
    Op.REMOVE_PENDING_REPLACE: "-",
}
# While it is done, before, after.
_VERBS = {
    Op.CREATE: ("creating", "create", "created"),
    Op.UPDATE: ("updating", "update", "updated"),
    Op.DELETE: ("deleting", "delete", "deleted"),
    Op.REPLACE: ("replacing", "replace", "replaced"),
    Op.CREATE_REPLACEMENT: ("creating its replacement", "create", "replacement created"),
    Op.DELETE_REPLACED: ("deleting the replaced", "delete", "replaced one deleted"),
    Op.READ: ("reading", "read", "read"),
    Op.READ_REPLACEMENT: ("reading", "read", "read"),
    Op.IMPORT: ("importing", "import", "imported"),
    Op.IMPORT_REPLACEMENT: ("importing", "import", "imported"),
    Op.DISCARD: ("letting go", "let go", "let go"),
    Op.DISCARD_REPLACED: ("letting go", "let go", "let go"),
    Op.REMOVE_PENDING_REPLACE: ("forgetting", "forget", "forgotten"),
    Op.SAME: ("", "", "unchanged"),
}
_MOST = 6
_WIDTH = 100  # of a shown value
_LOST = {
    "PersistentVolumeClaim": "the data on it is deleted",
    "PersistentVolume": "the data on it is deleted",
    "Namespace": "everything in it is deleted",
    "Service": "its address changes, and it answers nobody in between",
    "Deployment": "its pods end, and nothing serves in between",
    "StatefulSet": "its pods end, and nothing serves in between",
}


class Display(Protocol):
    """Shows a run."""

    def show(self, event: Event) -> None:
        """Show one event."""

    def close(self) -> None:
        """The run is over."""


class TextDisplay:
    """For people. preview: nothing is done, so verbs are of the future. diff: every changed property."""

    def __init__(self, kind: str, stack: str, *, preview: bool, diff: bool, out: TextIO = sys.stdout):
        self._preview = preview
        self._diff = diff
        self._out = out
        self._said: dict[str, str] = {}
        self._diagnostics: list[Diagnostic] = []
        self._violations: list[Violation] = []
        self._packs: list[PolicyPack] = []
        self._outputs: ComponentOutputs | None = None
        title = (
            f"Previewing {kind}" if preview else {"update": "Updating", "refresh": "Refreshing"}.get(kind, "Destroying")
        )
        self._line(f"{title} ({stack}):")

    def show(self, event: Event) -> None:
        """Show one event."""
        match event:
            case Started(step) if not self._preview and step.op not in (Op.SAME, Op.REPLACE, Op.REFRESH):
                self._line(f" {_mark(step)} {_named(step)} {_VERBS[step.op][0]}")
            case Finished(step, seconds):
                self._finished(step, seconds)
            case Failed(step, seconds):
                self._line(f" ! {_named(step)} failed ({seconds:.0f} s)")
            case Status(urn, text) if self._said.get(urn) != text:
                self._said[urn] = text
                self._line(f"   {urn_type(urn)} {urn_name(urn)}: {text}")
            case Diagnostic() if event.severity is not Severity.DEBUG and not event.ephemeral:
                self._diagnostics.append(event)
            case Violation():
                self._violations.append(event)
            case PolicyPack():
                self._packs.append(event)
            case ComponentOutputs() if urn_type(event.urn) == STACK_TYPE:
                self._outputs = event
            case Summary():
                self._summary(event)

    def close(self) -> None:
        """Nothing is left to show."""

    def _finished(self, step: Step, seconds: float) -> None:
        op = step.refreshed or step.op
        if op is Op.SAME or (step.op is Op.REPLACE and not self._preview):
            return
        if self._preview and op in (Op.CREATE_REPLACEMENT, Op.DELETE_REPLACED):
            return
        took = "" if self._preview else f" ({seconds:.1f} s)"
        verb = f"to {_VERBS[op][1]}" if self._preview else _VERBS[op][2]
        self._line(f" {_MARKS.get(op, '~')} {_named(step)} {verb}{took}")
        if self._preview or step.refreshed:
            self._why(step)

    def _why(self, step: Step) -> None:
        if step.reason:
            self._line(f"       because {step.reason}")
        kind = urn_type(step.urn).rpartition(":")[2]
        if step.op in (Op.REPLACE, Op.DELETE) and kind in _LOST:
            self._line(f"       lost: {_LOST[kind]}")
        if step.op is Op.DELETE and not step.reason:
            self._line("       because the program no longer has it")
        old = step.old.inputs if step.old else {}
        new = step.new.inputs if step.new else {}
        changes = list(step.detailed.items())
        for path, found in changes if self._diff else changes[:_MOST]:
            was, is_ = (_short(paths.get(side, paths.parse(path))) for side in (old, new))
            forced = " (replaces it)" if found.kind.endswith("replace") else ""
            if found.kind in (DiffKind.ADD, DiffKind.ADD_REPLACE):
                self._line(f"       + {path}: {is_}{forced}")
            elif found.kind in (DiffKind.DELETE, DiffKind.DELETE_REPLACE):
                self._line(f"       - {path}: {was}{forced}")
            else:
                self._line(f"       ~ {path}: {was} => {is_}{forced}")
        if len(changes) > _MOST and not self._diff:
            self._line(f"         and {len(changes) - _MOST} more, see --diff")

    def _summary(self, summary: Summary) -> None:
        if self._diagnostics:
            self._line("Diagnostics:")
        for urn, found in _by_urn(self._diagnostics).items():
            self._line(f"  {urn_type(urn)} {urn_name(urn)}:" if urn else "  stack:")
            for severity, text in found:
                indented = text.replace("\n", "\n      ")
                self._line(f"    {'' if severity is Severity.INFO else severity.value + ': '}{indented}")
        for pack in self._packs:
            self._line(f"Policies: {pack.name} {pack.version} ({len(self._violations)} violations)")
        for violation in self._violations:
            indented = violation.text.replace("\n", "\n      ")
            self._line(
                f"  [{violation.level}] {violation.policy} ({urn_name(violation.urn) if violation.urn else 'stack'})"
            )
            self._line(f"      {indented}")
        self._show_outputs()
        self._counts(summary)

    def _show_outputs(self) -> None:
        if self._outputs is None or not self._outputs.outputs:
            return
        self._line("Outputs:")
        before = self._outputs.old or {}
        for key, value in sorted(self._outputs.outputs.items()):
            mark = " " if before.get(key) == value else "~" if key in before else "+"
            self._line(f"  {mark} {key}: {_short(value, whole=True)}")

    def _counts(self, summary: Summary) -> None:
        self._line("Resources:")
        for name, count in sorted(summary.changes.items(), key=lambda item: item[0] == "same"):
            mark = {str(op): mark for op, mark in _MARKS.items()}.get(name, " ")
            verb = f"to {_VERBS[Op(name)][1]}" if self._preview and name != "same" else _VERBS[Op(name)][2]
            self._line(f"  {mark:>2} {count} {verb}")
        if not summary.changes.keys() - {"same"} and summary.result == "succeeded":
            self._line("  nothing changes" if self._preview else "  nothing has changed")
        self._line(f"Duration: {summary.seconds:.1f} s{'' if summary.result == 'succeeded' else ', ' + summary.result}")
        self._line("")

    def _line(self, text: str) -> None:
        print(text, file=self._out, flush=True)


class JsonDisplay:
    """One document as `pulumi preview --json` prints: steps, diagnostics, changeSummary."""

    def __init__(self, *, show: bool, out: TextIO = sys.stdout):
        self._shown = show
        self._out = out
        self._steps: list[dict[str, Any]] = []
        self._diagnostics: list[dict[str, Any]] = []

    def show(self, event: Event) -> None:
        """Note one event; the document follows the last."""
        match event:
            case Finished(step, _):
                self._steps.append(_step(step))
            case Diagnostic() if event.severity is not Severity.DEBUG:
                self._diagnostics.append({"urn": event.urn, "message": event.text, "severity": event.severity.value})
            case Violation():
                self._diagnostics.append(
                    {"urn": event.urn, "message": f"[{event.level}] {event.policy}: {event.text}", "severity": "error"}
                )
            case Summary() if self._shown:
                whole = {
                    "steps": self._steps,
                    "diagnostics": self._diagnostics,
                    "duration": int(event.seconds * 1e9),
                    "changeSummary": dict(event.changes),
                    "result": event.result,
                }
                print(json.dumps(whole, indent=4, ensure_ascii=False), file=self._out)

    def close(self) -> None:
        """Nothing is left to show."""


def _step(step: Step) -> dict[str, Any]:
    found: dict[str, Any] = {"op": str(step.refreshed or step.op), "urn": step.urn}
    for name, state in (("oldState", step.old), ("newState", step.new)):
        if state is not None:
            found[name] = {
                "urn": state.urn,
                "type": state.type,
                "custom": state.custom,
                "id": state.id,
                "inputs": hidden(state.inputs),
                "outputs": hidden(state.outputs),
                "parent": state.parent,
                "provider": state.provider,
            }
    if step.detailed:
        found["detailedDiff"] = {
            path: {"kind": str(item.kind), "inputDiff": item.input_diff} for path, item in step.detailed.items()
        }
    if step.replaces:
        found["replaceReasons"] = list(step.replaces)
    return found


def _by_urn(diagnostics: list[Diagnostic]) -> dict[str, list[tuple[Severity, str]]]:
    found: dict[str, list[tuple[Severity, str]]] = {}
    for item in diagnostics:
        said = found.setdefault(item.urn, [])
        if (item.severity, item.text) not in said:
            said.append((item.severity, item.text))
    return found


def _mark(step: Step) -> str:
    return _MARKS.get(step.op, " ")


def _named(step: Step) -> str:
    return f"{urn_type(step.urn)} {urn_name(step.urn)}"


def hidden(value: Any) -> Any:
    """The value as a screen or a document may have it."""
    if isinstance(value, Secret):
        return "[secret]"
    if value is UNKNOWN:
        return "[unknown]"
    if isinstance(value, Mapping):
        return {key: hidden(item) for key, item in value.items()}
    if isinstance(value, list):
        return [hidden(item) for item in value]
    return value


def _short(value: Any, *, whole: bool = False) -> str:
    text = json.dumps(hidden(value), ensure_ascii=False)
    return text if whole or len(text) <= _WIDTH else f"{text[:_WIDTH]}..."
