"""Wrong objectives: times that nobody measures, alerts that cannot fire, rules that nobody evaluates."""

from collections.abc import Mapping
from typing import Any

from tests.blueprint.image_mistakes import IMAGES
from tests.blueprint.mistakes import Mistake, wrong

AT = "models.m.objectives"
OTHER = "models.m-other.objectives"  # an image of somebody's own
UNMEASURED = "it is made of metrics that custom is not known to emit"


def objective(key: str, value: Any, problem: str, remedy: str, *, at: str) -> Mistake:
    return wrong(f"{AT}.{key}", value, problem, remedy, at=f"{AT}.{at}")


OBJECTIVES_MISTAKES: Mapping[str, Mistake] = {
    "time between two buckets": objective(
        "ttft",
        {"seconds": 2.0},
        "2 is no bucket of vllm:time_to_first_token_seconds",
        "Use 1 or 2.5",
        at="ttft.seconds",
    ),
    "time below the first bucket": objective(
        "itl", {"seconds": 0.005}, "0.005 is no bucket of vllm:inter_token", "Use 0.01", at="itl.seconds"
    ),
    "time above the last bucket": objective(
        "itl", {"seconds": 90.0}, "90 is no bucket of vllm:inter_token", "Use 80", at="itl.seconds"
    ),
    "share in percent": objective(
        "availability", {"share": 99.9}, "99.9 is not below 1", "between 0", at="availability.share"
    ),
    "everything good": objective(
        "availability", {"share": 1.0}, "1.0 is not below 1", "between 0", at="availability.share"
    ),
    "loose objective": objective(
        "ttft",
        {"share": 0.9},
        "14.4 cannot be reached with share 0.9: if all requests were bad, that would be 10 times",
        "Use at most 9.9, or a share above 0.9306",
        at="ttft.burnFactors.page",
    ),
    "factor that cannot fire": objective(
        "availability.burnFactors",
        {"slowPage": 100.0},
        "100 cannot be",
        "at most 99.9",
        at="availability.burnFactors.slowPage",
    ),
    "unknown objective": objective("latency", {"seconds": 5}, "unknown key", "Allowed here:", at="latency"),
    "objectives without rules": wrong(
        AT, {"itl": None}, "nothing watches them", "use monitoring.rules: true", also={"monitoring.rules": False}
    ),
    "objective of an unknown engine": wrong(
        OTHER, {"itl": {}}, UNMEASURED, "Remove it", at=f"{OTHER}.itl", base=IMAGES
    ),
    "latency of an unknown engine": wrong(
        OTHER, {"latencyP95Seconds": 5.0}, UNMEASURED, "Remove it", at=f"{OTHER}.latencyP95Seconds", base=IMAGES
    ),
    "address of pages with a password": wrong(
        "monitoring.runbooks", "https://me:word@example.com", "does not have the allowed", "no user, no password"
    ),
    "name of the stack's rules": wrong(
        "models.m.formerly", ["llm-stack"], "PrometheusRule has that name", "another name", at="models.m"
    ),
    "no floor": wrong("monitoring.trafficFloor", 0.0, "0.0 is not above 0", "Requests per second"),
}
