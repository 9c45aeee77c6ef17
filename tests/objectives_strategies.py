"""Hypothesis strategies for what models promise: times that the engine measures, budgets that can burn too fast."""

from typing import Any

from hypothesis import strategies as st

from blueprint.checks.objectives import largest_factor
from blueprint.metrics import METRICS

LARGEST_SETTING = 1000
"""Of any factor; a share of 0.9999 could burn 10,000 times too fast."""

_FACTORS = ("page", "slowPage", "ticket", "slowTicket")


def objectives(engine: str) -> st.SearchStrategy[dict[str, Any]]:
    """Any that a model of an engine may have; of engines with several versions or none, what all of them measure."""
    if engine not in ("vllm", "sglang"):
        return st.fixed_dictionaries({}, optional=dict.fromkeys(("availability", "ttft", "itl"), st.none()))
    return st.fixed_dictionaries(
        {},
        optional={
            "availability": st.none(),
            "ttft": st.none() | _timed(_bounds(engine, "time_to_first_token")),
            "itl": st.none() | _timed(_bounds(engine, "inter_token_latency")),
            "latencyP95Seconds": st.floats(0.1, 7200),
        },
    )


def _bounds(engine: str, meaning: str) -> list[float]:
    found = [{*metric.buckets} for metric in METRICS[engine] if metric.meaning == meaning]
    return sorted(float(bound) for bound in set.intersection(*found))


@st.composite
def _timed(draw: st.DrawFn, bounds: list[float]) -> dict[str, Any]:
    share = draw(st.floats(0.5, 0.9999))
    factor = st.floats(0.1, min(LARGEST_SETTING, largest_factor(share)))
    factors = draw(st.fixed_dictionaries(dict.fromkeys(_FACTORS, factor)))
    return {"seconds": draw(st.sampled_from(bounds)), "share": share, "burnFactors": factors}
