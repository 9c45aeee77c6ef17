"""A plan's section about interruption: what a change restarts, replaces, doubles or takes off line."""

from collections.abc import Iterator
from dataclasses import replace

from blueprint.stack import Stack
from blueprint.timing.changes import interruptions
from blueprint.timing.interruption import Interruption
from endpoints.body import replacing
from ops.plan.section import Section, Subject

_HEAD = ("model", "what", "off line", "takes", "more GPUs", "why")


def section(subject: Subject, before: Stack | None) -> Section:
    """What becomes of each model. before: the stack that runs; None for one that is new."""
    after = subject.stack
    old = before or replace(after, workloads=[], endpoints=[], starts={})
    found = interruptions(old, after, replacing=replacing)
    touched = [one for one in found if one.kind != "nothing"]
    return Section(
        key="interruption",
        title="What it interrupts",
        data=[one.data() for one in found],
        head=_HEAD,
        rows=[_row(one) for one in touched],
        right=(4,),
        remarks=[*(remark for one in touched for remark in _remarks(one)), *([] if touched else ["Nothing."])],
    )


def _row(one: Interruption) -> tuple[str, ...]:
    least = ">= " if one.at_least else ""
    if one.kind == "deleted":
        offline = "for good"
    elif one.offline is None:
        offline = "not known"
    else:
        offline = f"{least}{one.offline}" if one.offline.worst else "no"
    lasts = f"{least}{one.lasts}" if one.lasts.worst else ""
    what = f"{one.kind}, {one.order}" if one.order else one.kind
    return (one.model, what, offline, lasts, str(one.extra_gpus or ""), "; ".join(one.why))


def _remarks(one: Interruption) -> Iterator[str]:
    if one.waits != "no":
        word = "hangs" if one.waits == "yes" else "may hang"
        yield f"{one.model} {word} for want of a GPU: {one.waits_why}."
    if one.fails:
        yield f"{one.model}: `up` fails: {one.fails}."
    for note in (*(f"first {one}" for one in one.first), *one.notes):
        yield f"{one.model}: {note}."
    if one.extra_usd is not None:
        yield f"{one.model}: about {one.extra_usd:.2f} USD for {one.extra_gpus} more GPUs while it lasts."
