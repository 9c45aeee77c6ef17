"""What a preview of a stack says, read from Pulumi's JSON digest, which both engines print."""

import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

from ops.project import Project

_KINDS = {
    "create": "create",
    "update": "update",
    "replace": "replace",
    "create-replacement": "replace",
    "delete-replaced": "replace",
    "delete": "delete",
    "import": "import",
}
_STACK_TYPE = "pulumi:pulumi:Stack"
_TOKEN = re.compile(r'\["((?:\\"|[^"])*)"\]|\[(\d+)\]|([^.\[\]]+)')
_LONGEST = 120  # characters of a value: a line of a table
_LAST_LINES = 20
_ABSENT = object()


@dataclass(frozen=True)
class Difference:
    """A property that changes. before and after: as text, cut; secrets are a word; "" where there is nothing."""

    path: str
    before: str
    after: str


@dataclass(frozen=True)
class Change:
    """What would happen to a resource. kind: create, update, replace, delete or import. replaces: what forces that."""

    kind: str
    type: str
    name: str
    differences: Sequence[Difference] = ()
    replaces: Sequence[str] = ()


@dataclass(frozen=True)
class Planned:
    """A preview. failure: why there is none, "" when it went well. unchanged: number of resources."""

    changes: Sequence[Change] = ()
    warnings: Sequence[str] = ()
    errors: Sequence[str] = ()
    unchanged: int = 0
    failure: str = ""

    @property
    def counts(self) -> dict[str, int]:
        """Changes by kind, in the order in which a reviewer wants to know them."""
        order = ("delete", "replace", "update", "create", "import")
        found = {kind: sum(change.kind == kind for change in self.changes) for kind in order}
        return {kind: count for kind, count in found.items() if count}


def plan(project: Project, stack: str, *, engine: str = "", refresh: bool = False) -> Planned:
    """Preview a stack as `make preview` does. refresh: against what is really there."""
    options = [*(["--engine", engine] if engine else []), *(["--refresh"] if refresh else [])]
    done = subprocess.run(
        [sys.executable, "-m", "lab.deploy", "preview", "--stack", stack, "--json", *options],
        cwd=project.root,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.stderr:
        click.echo(done.stderr.rstrip(), err=True)
    try:
        # Pulumi's plugins may say something before and after.
        digest = json.loads(done.stdout[done.stdout.find("{") : done.stdout.rfind("}") + 1])
    except ValueError:
        last = "\n".join(done.stderr.strip().splitlines()[-_LAST_LINES:])
        return Planned(failure=last or f"it printed no JSON; exit code {done.returncode}")
    return read(digest, failed=done.returncode != 0)


def read(digest: Mapping[str, Any], *, failed: bool = False) -> Planned:
    """A digest as `pulumi preview --json` prints it, or the lab's engine."""
    told = {severity: _told(digest, severity) for severity in ("warning", "error")}
    errors = told["error"]
    failure = ("see the errors" if errors else "It told no error.") if failed else ""
    return Planned(
        changes=_changes(digest.get("steps") or ()),
        warnings=told["warning"],
        errors=errors,
        unchanged=int((digest.get("changeSummary") or {}).get("same", 0)),
        failure=failure,
    )


def _told(digest: Mapping[str, Any], severity: str) -> list[str]:
    found = []
    for item in digest.get("diagnostics") or ():
        if item.get("severity") == severity:
            name = str(item.get("urn") or "").rpartition("::")[2]
            text = str(item["message"]).strip().removeprefix(f"{severity}: ")
            found.append(f"{name}: {text}" if name else text)
    return list(dict.fromkeys(found))


def _changes(steps: Sequence[Mapping[str, Any]]) -> list[Change]:
    found: dict[str, Change] = {}
    for step in steps:
        kind = _KINDS.get(step["op"])
        state = step.get("newState") or step.get("oldState") or {}
        urn = step["urn"]
        type_ = urn.split("::")[2].rpartition("$")[2]
        # A component is what its children are; of a replacement the first step says all.
        if kind is None or urn in found or type_ == _STACK_TYPE or not state.get("custom", True):
            continue
        found[urn] = Change(
            kind, type_, urn.rpartition("::")[2], _differences(step), list(step.get("replaceReasons") or ())
        )
    return list(found.values())


def _differences(step: Mapping[str, Any]) -> list[Difference]:
    paths = step.get("detailedDiff") or {key: {} for key in step.get("diffReasons") or ()}
    found = []
    for path, detail in paths.items():
        if path.startswith("__"):
            continue  # a dynamic provider's own code
        section = "inputs" if detail.get("inputDiff", True) else "outputs"
        before = _at(step, "oldState", (section, "outputs", "inputs"), path)
        after = _at(step, "newState", ("inputs", "outputs"), path)
        found.append(Difference(path, _text(before), _text(after)))
    return found


def _at(step: Mapping[str, Any], side: str, sections: Sequence[str], path: str) -> Any:
    for section in sections:
        value = (step.get(side) or {}).get(section)
        for quoted, index, bare in _TOKEN.findall(path):
            value = _child(value, int(index) if index else quoted.replace('\\"', '"') or bare)
        if value is not _ABSENT:
            return value
    return _ABSENT


def _child(value: Any, key: str | int) -> Any:
    if isinstance(value, list) and isinstance(key, int) and key < len(value):
        return value[key]
    return value.get(key, _ABSENT) if isinstance(value, Mapping) else _ABSENT


def _text(value: Any) -> str:
    if value is _ABSENT:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
