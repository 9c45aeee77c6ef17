"""Rules about how many replicas there are."""

from policy.reading import get, number
from policy.rule import Found, Properties, Rule, of_kinds
from policy.settings import StackRules

_BOUNDS = {
    "HorizontalPodAutoscaler": ("minReplicas", "maxReplicas"),
    "ScaledObject": ("minReplicaCount", "maxReplicaCount"),
}


def _bounds(kind: str, properties: Properties, allowed: StackRules) -> Found:  # noqa: ARG001  what every judge gets
    if kind not in _BOUNDS:
        return
    least, most = (get(properties, "spec", key) for key in _BOUNDS[kind])
    if most is None:
        yield "it has no maximum"
    low, high = number(least), number(most)
    if low is not None and high is not None and low > high:
        yield f"its minimum of {low} is above its maximum of {high}"


@of_kinds("PodDisruptionBudget")
def _never(budget: Properties) -> Found:
    if get(budget, "spec", "maxUnavailable") in (0, "0", "0%") or get(budget, "spec", "minAvailable") == "100%":
        yield "it allows no pod to go"


RULES = (
    Rule(
        name="scaling-bounded",
        description="Scalers have a maximum, which is not below their minimum.",
        why="Without one, KEDA goes to 100 replicas, each with its GPUs.",
        remedy="Set scaling.max to what the budget pays for.",
        mandatory=True,
        of=_bounds,
    ),
    Rule(
        name="drains-possible",
        description="A PodDisruptionBudget lets a pod go.",
        why="A node with such a pod cannot be drained, and waits for somebody at night.",
        remedy="Use maxUnavailable: 1.",
        mandatory=True,
        of=_never,
    ),
)
