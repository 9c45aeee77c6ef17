"""A deployment as JSON: the digest that `pulumi preview --json` prints, in one piece at the end.

For up, refresh and destroy the CLI prints its engine events instead, one JSON object per line, which are made of parts
that this engine does not have. Here it is the same digest for all, with what came of it: `result` (succeeded, failed or
interrupted), a `status` in each step (succeeded, failed or unfinished) and `newState` as it is at the end. Unlike the
CLI's, the digest has `policyViolations` and the stack's `outputs`.
"""

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import IO, Any

from lab.engine.display.diff import veiled
from lab.engine.display.text import SECRET_TEXT, Redactor
from lab.engine.events import (
    ComponentOutputs,
    Diagnostic,
    Event,
    Failed,
    Finished,
    Op,
    Severity,
    Started,
    Step,
    Summary,
    Violation,
)
from lab.engine.resources import STACK_TYPE, ResourceState, urn_type
from lab.engine.values import UNKNOWN, UNKNOWN_MARK, Secret

Json = dict[str, Any]

_ALWAYS = ("urn", "custom", "type")
# Parts of a replacement, which stands there as a whole.
_PARTS = (Op.CREATE_REPLACEMENT, Op.DELETE_REPLACED)


class JsonDisplay:
    """Gathers the digest and prints it at the end.

    config: the stack's configuration as text by full key, None for a secret. preview: nothing is done.
    """

    def __init__(self, stream: IO[str], *, config: Mapping[str, str | None], preview: bool):
        self._stream = stream
        self._preview = preview
        self._redactor = Redactor()
        self._digest: Json = {
            "config": {key: SECRET_TEXT if value is None else value for key, value in sorted(config.items())}
        }
        self._steps: dict[tuple[str, Op, bool], Json] = {}
        self._diagnostics: list[Diagnostic] = []
        self._violations: list[Violation] = []
        self._finished: Json = {}

    def show(self, event: Event) -> None:
        """Take in an event."""
        match event:
            case Started(step):
                self._record(step, "unfinished")
            case Finished(step):
                self._record(step, "succeeded")
            case Failed(step):
                self._record(step, "failed")
            case Diagnostic(ephemeral=False) if event.severity is not Severity.DEBUG:
                self._diagnostics.append(event)
            case Violation():
                self._violations.append(event)
            case ComponentOutputs(urn):
                self._redactor.learn(dict(event.outputs))
                if urn_type(urn) == STACK_TYPE:
                    self._finished["outputs"] = shown(dict(event.outputs))
            case Summary():
                self._finished |= {
                    "duration": int(event.seconds * 1e9),
                    "changeSummary": dict(event.changes),
                    "result": event.result,
                }

    def close(self) -> None:
        """Print the digest."""
        digest = self._digest | {
            "steps": list(self._steps.values()),
            "diagnostics": [_without_nothing(self._told(item)) for item in self._diagnostics],
            "policyViolations": [self._violation(item) for item in self._violations],
            **self._finished,
        }
        always = {key: value for key, value in digest.items() if value or key in ("duration", "changeSummary")}
        self._stream.write(json.dumps(always, indent=4, ensure_ascii=False) + "\n")
        self._stream.flush()

    def _record(self, step: Step, status: str) -> None:
        for state in (step.old, step.new):
            if state is not None:
                self._redactor.learn(state.inputs)
                self._redactor.learn(state.outputs)
        key = (step.urn, step.op, step.old is not None and step.old.delete)
        if step.op in _PARTS or (step.op is Op.SAME and urn_type(step.urn) != STACK_TYPE):
            return
        if step.op is Op.REFRESH and status == "succeeded" and step.refreshed in (None, Op.SAME):
            self._steps.pop(key, None)
            return
        # The end of a step that leaves nothing, or of a replacement as a whole, says nothing new of the resource.
        before = self._steps.get(key, {})
        self._steps[key] = before | _step(step) | ({} if self._preview else {"status": status})

    def _told(self, item: Diagnostic) -> Json:
        prefix = "" if item.severity is Severity.INFO else f"{item.severity}: "
        message = prefix + self._redactor.clean(item.text).rstrip("\n") + "\n"
        return {"urn": item.urn, "message": message, "severity": str(item.severity)}

    def _violation(self, item: Violation) -> Json:
        return {
            "urn": item.urn,
            "policyPack": item.pack,
            "policy": item.policy,
            "enforcementLevel": item.level,
            "message": self._redactor.clean(item.text),
        }


def _step(step: Step) -> Json:
    state = step.new or step.old
    detailed = {path: {"kind": str(found.kind), "inputDiff": found.input_diff} for path, found in step.detailed.items()}
    found = {
        "op": str(step.refreshed or step.op),
        "urn": step.urn,
        "provider": state.provider if state else "",
        "oldState": step.old and serialized(step.old),
        "newState": step.new and serialized(step.new),
        "diffReasons": list(step.changed),
        "replaceReasons": list(step.replaces),
    }
    return _without_nothing(found) | {"detailedDiff": detailed or None}


def serialized(state: ResourceState) -> Json:
    """The state with the checkpoint's names, and words in the place of secrets."""
    found: Json = dict(state.rest)
    for item in fields(state):
        value = getattr(state, item.name)
        if item.name in ("inputs", "outputs"):
            value = shown(veiled(value, [state.inputs, state.outputs]))
        if item.name != "rest" and (value or item.name in _ALWAYS):
            found[_camel_case(item.name)] = value
    return found


def shown(value: Any) -> Any:
    """The value as JSON, secrets as the word for them, unknowns as Pulumi's mark."""
    if isinstance(value, Secret):
        return SECRET_TEXT
    if value is UNKNOWN:
        return UNKNOWN_MARK
    if isinstance(value, dict):
        return {key: shown(item) for key, item in value.items()}
    return [shown(item) for item in value] if isinstance(value, list) else value


def _camel_case(attribute: str) -> str:
    first, *others = attribute.split("_")
    return first + "".join("ID" if attribute == "import_id" else word.capitalize() for word in others)


def _without_nothing(found: Json) -> Json:
    return {key: value for key, value in found.items() if value}
