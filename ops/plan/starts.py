"""A plan's section about time: how long a replica of each model takes to come."""

from blueprint.timing.start import duration
from ops.plan.section import Section, Subject

_HEAD = ("model", "likely", "best", "worst", "longest stage", "not known")


def section(subject: Subject) -> Section:
    """Of each model its start, on a node that is there."""
    starts = dict(sorted(subject.stack.starts.items()))
    rows = []
    for name, start in starts.items():
        span, dominant, unknown = start.replica, start.dominant, start.unknown
        least = ">= " if unknown else ""
        times = (f"{least}{duration(seconds)}" for seconds in (span.likely, span.best, span.worst))
        longest = "measured" if start.measured is not None else dominant.name if dominant else ""
        rows.append((name, *times, longest, ", ".join(one.name for one in unknown)))
    remarks = ["From a replica's scheduling to its first answer, on a node that is there and lacks the image."] * bool(
        rows
    )
    return Section(
        key="starts",
        title="How long a start takes",
        data=[{"model": name, **start.data()} for name, start in starts.items()],
        head=_HEAD,
        rows=rows,
        right=(1, 2, 3),
        remarks=remarks,
    )
