"""A plan's section about room: whether each model fits on its GPUs."""

from typing import Any

from blueprint.checks.fit import judged, said
from blueprint.sizing.constants import GIB
from blueprint.sizing.fit import Fit
from blueprint.sizing.memory import Band
from ops.plan.section import Section, Subject


def section(subject: Subject) -> Section:
    """Of each model the verdict, as far as its facts and its engine are known."""
    found = {one.name: one for one in judged(subject.description)}
    data, rows = [], []
    for name in sorted(subject.description.settings.models):
        one = found.get(name)
        verdict = one.fitted.verdict if one else "unknown"
        why = said(one) if one else "no facts in models.lock.yaml (llm lock), or an engine that sizing does not know"
        data.append(
            {
                "model": name,
                "accelerator": one.accelerator if one else None,
                "verdict": verdict,
                "why": why,
                "memory": _memory(one.fitted) if one else None,
            }
        )
        rows.append((name, verdict, why))
    return Section(key="fit", title="Whether models fit", data=data, head=("model", "verdict", "why"), rows=rows)


def _memory(fitted: Fit) -> dict[str, Any] | None:
    """What each GPU holds, in GiB; None where sizing does not know."""
    if fitted.terms is None or fitted.kv is None or fitted.budget is None or fitted.need is None:
        return None
    return {
        "gpus": fitted.run.gpus,
        "gpuGiB": fitted.run.memory,
        "engineGiB": _gib(fitted.budget),
        "termsGiB": {name: _gib(band) for name, band in fitted.terms.items()},
        "kvCacheGiB": _gib(fitted.kv),
        "requestGiB": round(fitted.need / GIB, 2),
    }


def _gib(band: Band) -> dict[str, float]:
    low, likely, high = (round(side / GIB, 2) for side in (band.low, band.likely, band.high))
    return {"low": low, "likely": likely, "high": high}
