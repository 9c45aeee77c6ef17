"""A plan's section about time: how long a replica of each model takes to come, and when it is given up."""

from blueprint.timing.budget import DEFAULT_MINUTES, ready_minutes, startup_minutes
from blueprint.timing.start import duration
from ops.plan.section import Section, Subject

_HEAD = ("model", "likely", "best", "worst", "longest stage", "not known", "given up after")


def section(subject: Subject) -> Section:
    """Of each model its start, on a node that is there."""
    starts = dict(sorted(subject.stack.starts.items()))
    description = subject.description
    budgets = {
        **{name: startup_minutes(description, model) for name, model in description.kubernetes_models()},
        **{name: ready_minutes(description, model) for name, model in description.endpoint_models()},
    }
    rows = []
    for name, start in starts.items():
        span, dominant, unknown = start.replica, start.dominant, start.unknown
        least = ">= " if unknown else ""
        times = (f"{least}{duration(seconds)}" for seconds in (span.likely, span.best, span.worst))
        longest = "measured" if start.measured is not None else dominant.name if dominant else ""
        rows.append((name, *times, longest, ", ".join(one.name for one in unknown), f"{budgets[name].value} min"))
    remarks = ["From a replica's scheduling to its first answer, on a node that is there and lacks the image."] * bool(
        rows
    )
    remarks += [
        f"{name} is given up after {budget.value} min: {budget.why}."
        for name, budget in sorted(budgets.items())
        if budget.value != DEFAULT_MINUTES
    ]
    data = [
        {**start.data(), "model": name, "givenUp": {"minutes": budgets[name].value, "why": budgets[name].why}}
        for name, start in starts.items()
    ]
    return Section(
        key="starts",
        title="How long a start takes",
        data=data,
        head=_HEAD,
        rows=rows,
        right=(1, 2, 3, 6),
        remarks=remarks,
    )
