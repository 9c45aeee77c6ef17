"""Hypothesis strategies for how replicas come and go, and where they run."""

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from tests.strategies import object_names, some


def lifecycles(*, spot: bool) -> st.SearchStrategy[dict[str, Any]]:
    """What a spot node still lets finish, where the model may run on one."""
    return some(
        startupMinutes=st.integers(1, 240),
        loadSeconds=st.integers(1, 14_400),
        warmUp=st.booleans(),
        drainSeconds=st.integers(0, 75 if spot else 3600),
    )


@st.composite
def placed(draw: st.DrawFn, accelerators: Sequence[str]) -> dict[str, Any]:
    """The keys of a model that say where it runs, and how long it takes to come and go."""
    first, *others = draw(st.permutations(accelerators))
    accelerator: dict[str, Any] = {"type": first}
    if others and draw(st.booleans()):
        accelerator["alternatives"] = others[: draw(st.integers(1, len(others)))]
    spot = draw(st.booleans())
    model: dict[str, Any] = {"accelerator": accelerator}
    placement = draw(some(priorityClass=object_names()))
    if spot:
        # preStop, drain and the slowest engine's exit take 120 seconds at most.
        placement["spot"] = {"noticeSeconds": 120}
    if placement or draw(st.booleans()):
        model["placement"] = placement
    lifecycle = draw(lifecycles(spot=spot))
    # Without it, drainSeconds is 60.
    if lifecycle or draw(st.booleans()):
        model["lifecycle"] = lifecycle
    return model
