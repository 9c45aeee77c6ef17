"""Rules about whose things are."""

from policy.pods import pods
from policy.reading import UNKNOWN, get
from policy.rule import Found, Properties, Rule
from policy.settings import StackRules

_OWNER = "llm-inference/owner"


def _nobodys(kind: str, properties: Properties, allowed: StackRules) -> Found:  # noqa: ARG001  what every judge gets
    if not any(pod.holds_gpus for pod in pods(kind, properties)):
        return
    # A chart has no labels of its own to give: llm-d's has annotations.
    said = [get(properties, "metadata", where, _OWNER) for where in ("labels", "annotations")]
    if not any(one is UNKNOWN or one for one in said) and get(properties, "metadata") is not UNKNOWN:
        yield "it holds GPUs, and no label says whose it is"


RULES = (
    Rule(
        name="owner-named",
        description="What holds GPUs has the label llm-inference/owner.",
        why="Its alerts find nobody, and its cost no budget.",
        remedy="Set owner.",
        mandatory=False,
        of=_nobodys,
    ),
)
