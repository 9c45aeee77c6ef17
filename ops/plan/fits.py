"""A plan's section about room: whether each model fits on its GPUs."""

from blueprint.checks.fit import judged, said
from ops.plan.section import Section, Subject


def section(subject: Subject) -> Section:
    """Of each model the verdict, as far as its facts and its engine are known."""
    found = {one.name: one for one in judged(subject.description)}
    data, rows = [], []
    for name in sorted(subject.description.settings.models):
        one = found.get(name)
        verdict = one.fitted.verdict if one else "unknown"
        why = said(one) if one else "no facts in models.lock.yaml (llm lock), or an engine that sizing does not know"
        data.append({"model": name, "accelerator": one.accelerator if one else None, "verdict": verdict, "why": why})
        rows.append((name, verdict, why))
    return Section(key="fit", title="Whether models fit", data=data, head=("model", "verdict", "why"), rows=rows)
