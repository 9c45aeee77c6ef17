"""The mistakes that people make with canaries, and what each is answered with."""

from collections.abc import Mapping
from typing import Any

from tests.blueprint.exposure_mistakes import INGRESS, SHARED
from tests.blueprint.mistakes import MISSING, Mistake, wrong
from tests.blueprint.stack_files import DELETE, ENDPOINTS, MODEL, edited

CANARY = "models.m.canary"

TRIED: Mapping[str, Any] = edited(
    SHARED, {"models.m.expose.split": DELETE, CANARY: {"share": 10, "engine": {"maxModelLen": 4096}}}
)
"""Published by a Gateway that others own, with a canary."""


def tried(key: str, value: Any, problem: str, remedy: str, **more: Any) -> Mistake:
    """A mistake in TRIED."""
    return wrong(key, value, problem, remedy, base=TRIED, **more)


CANARY_MISTAKES = {
    "canary as a list": tried(CANARY, [10], "[10] is not a mapping", "Give a mapping"),
    "canary without share": tried(f"{CANARY}.share", DELETE, MISSING, "Per cent of the requests"),
    "canary with more than everything": tried(f"{CANARY}.share", 101, "101 is above the largest", "at most 100"),
    "canary with everything and more": tried(
        "models.m.expose.split", {"other": 95}, "the shares sum up to 105 %", "at most 100 %"
    ),
    "canary with flags as text": tried(f"{CANARY}.engine", "--fast", "'--fast' is not a mapping", "Keys of engine"),
    "unknown key of a canary": tried(f"{CANARY}.shares", 1, "unknown key", "Did you mean share?"),
    "unknown flag of a canary": tried(f"{CANARY}.engine.maxModelLn", 1, "unknown key", "mean maxModelLen?"),
    "canary with a length with unit": tried(f"{CANARY}.engine.maxModelLen", "4k", "is not a whole number", "in tokens"),
    "canary with another engine": tried(f"{CANARY}.engine.name", "sglang", "cannot change it", "Remove it"),
    "canary under another name": tried(f"{CANARY}.engine.servedName", "next", "callers ask both", "Remove it"),
    "canary without replicas": tried(f"{CANARY}.replicas", 0, "0 is below the smallest", "at least 1"),
    "canary at an unresolved revision": tried(
        f"{CANARY}.revision", "next", "Instruct@next is unresolved", "llm lock Qwen/Qwen2.5-1.5B-Instruct@next"
    ),
    "canary beyond the GPUs": tried(
        "cluster.accelerators.nvidia-l4.available",
        4,
        "4 GPUs cannot hold all replicas at their maximum, 5 (m 2 x 1 + m-canary 1 x 1",
        "or remove the canary",
    ),
    "canary with a budget of its own": tried("budget.models.m-canary", 100, "no such model", "There are: m, other."),
    "canary beyond the budget": tried(
        "budget.monthlyUsd", 2500, "all replicas at their maximum cost 2,920 USD", "Raise the budget"
    ),
    "canary of a model without host": tried(
        "models.m.expose", DELETE, "the model has no public host", "Publish the model", at=CANARY
    ),
    "canary at an ingress": wrong(
        CANARY,
        {"share": 10, "engine": {"maxModelLen": 4096}},
        "an Ingress has no weights",
        "cluster.ingress is gone",
        base=INGRESS,
    ),
    "name of a canary": tried("models.m-canary", MODEL, "has the name that the canary", "Rename that model", at=CANARY),
    "golden prompts of one machine": tried(f"{CANARY}.golden", "/tmp/golden.yaml", "allowed form", "from the project"),
    "canary of an endpoint": wrong(
        "models.e.canary", {"share": 10}, "unknown key", "a second model with target: endpoint", base=ENDPOINTS
    ),
}
