"""A preview with the policies' verdicts as Markdown, for the comment of a pull request."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ops.pipeline.planned import Change, Planned

LIMIT = 65536
"""Characters of a comment on GitHub; it refuses more."""

_VERBS = {"delete": "deleted", "replace": "replaced", "update": "updated", "create": "created", "import": "imported"}
_LOUD = ("delete", "replace")
_DIFFERENCES = 12  # of one resource: more are counted


@dataclass(frozen=True)
class Judged:
    """What the policies say. refused and told: lines. asked: how much was judged. failure: why nobody could judge."""

    refused: Sequence[str] = ()
    told: Sequence[str] = ()
    asked: str = ""
    failure: str = ""


def section(stack: str, planned: Planned, judged: Judged, *, foresight: Sequence[str] = (), limit: int = LIMIT) -> str:
    """The report of one stack, of at most limit characters: what does not fit is counted.

    foresight: parts of `llm plan`.
    """
    # A preview that the policies end says so in events that the CLI's JSON leaves out; here they are told anyway.
    failed = bool(planned.failure) and not (judged.refused and not planned.errors)
    head = [f"## Stack {code(stack)}: {_headline(planned, judged, failed=failed)}"]
    if failed:
        head += ["", "The preview failed:", *_fenced("\n".join(planned.errors) or planned.failure)]
    if judged.refused:
        head += ["", "**Refused by the policies**", "", *(f"* {code(line)}" for line in judged.refused)]
    if judged.asked:
        head += ["", f"{judged.asked}: {len(judged.refused)} refused, {len(judged.told)} told."]
    if judged.failure and not failed:
        head += ["", "The policies could not judge:", *_fenced(judged.failure)]
    parts = [
        *_listed("Warnings of the stack", planned.warnings),
        *_listed("Told by the policies", judged.told),
        *foresight,
        *_details(planned.changes),
    ]
    return _cut("\n".join(head), parts, limit)


def _headline(planned: Planned, judged: Judged, *, failed: bool) -> str:
    found = [f"{count} to be {_VERBS[kind]}" for kind, count in planned.counts.items()]
    found = [f"**{text}**" if kind in _LOUD else text for kind, text in zip(planned.counts, found, strict=True)]
    if failed:
        found = ["**the preview failed**"]
    elif not found:
        found = [f"nothing changes ({planned.unchanged} resources)"]
    if judged.refused:
        found.append(f"**{len(judged.refused)} refused by the policies**")
    return ", ".join(found)


def _listed(title: str, lines: Sequence[str]) -> list[str]:
    if not lines:
        return []
    return [f"\n\n**{title}**\n", *(f"\n* {code(line)}" for line in lines)]


def _details(changes: Iterable[Change]) -> list[str]:
    order = list(_VERBS)
    ordered = sorted(changes, key=lambda change: order.index(change.kind))
    if not ordered:
        return []
    return ["\n\n**Resources**\n", *map(_resource, ordered)]


def _resource(change: Change) -> str:
    word = f"**{change.kind}**" if change.kind in _LOUD else change.kind
    lines = [f"\n* {word} {code(change.name)} ({change.type.rpartition(':')[2] or change.type})"]
    if change.replaces:
        lines[0] += f", because of {', '.join(map(code, change.replaces))}"
    for difference in change.differences[:_DIFFERENCES]:
        arrow = f"{code(difference.before or 'nothing')} → {code(difference.after or 'nothing')}"
        lines.append(f"  * {code(difference.path)}: {arrow}")
    left = len(change.differences) - _DIFFERENCES
    if left > 0:
        lines.append(f"  * and {left} more")
    return "\n".join(lines)


def _cut(head: str, parts: Sequence[str], limit: int) -> str:
    note = "\n\n*{} more lines did not fit; `make preview STACK=...` has all.*\n"
    room = limit - len(note) - len(str(len(parts)))
    if len(head) > room:
        # An open fence would swallow the note.
        return head[: room - 5] + "\n```" + note.format("Some")
    text = head
    for index, part in enumerate(parts):
        if len(text) + len(part) > room:
            return text + note.format(len(parts) - index)
        text += part
    return text + "\n"


def code(text: str) -> str:
    """Text that others wrote, which can be nothing but text: no link, no name that calls somebody, no markup."""
    return _between(" ".join(text.split()) or " ", "`", lambda fence, inner: f"{fence}{inner}{fence}")


def _fenced(text: str) -> list[str]:
    return [_between(text, "```", lambda fence, inner: f"{fence}text\n{inner}\n{fence}")]


def _between(text: str, least: str, form: Callable[[str, str], str]) -> str:
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(len(least), longest + 1)
    padded = f" {text} " if least == "`" and ("`" in (text[:1] + text[-1:])) else text
    return form(fence, padded)
