"""The mistakes of where replicas run, and of how they come and go."""

from tests.blueprint.mistakes import MISSING, wrong
from tests.blueprint.stack_files import DELETE

A10G = {"cluster.accelerators.nvidia-a10g": {"available": 4, "hourlyUsd": 1.0}, "cluster.nodeLabels": "karpenter"}
ONE = {"models.m.scaling": {"min": 1, "max": 1}, "budget.monthlyUsd": 50_000}

LIFECYCLE_MISTAKES = {
    # Without a GPU.
    "engine that needs a GPU on processors": wrong(
        "models.m.accelerator", DELETE, "the image of vllm needs a GPU", "Give type and count, or use engine custom"
    ),
    # Several accelerators.
    "alternative not declared": wrong(
        "models.m.accelerator.alternatives",
        ["nvidia-h100"],
        "'nvidia-h100' is not declared",
        "or declare it there",
        at="models.m.accelerator.alternatives.0",
    ),
    "alternative twice": wrong(
        "models.m.accelerator.alternatives",
        ["nvidia-a10g", "nvidia-l4"],
        "nvidia-l4 is already among the accelerators",
        "each once",
        at="models.m.accelerator.alternatives.1",
        also=A10G,
    ),
    "alternatives that do not suffice together": wrong(
        "models.m.scaling",
        {"min": 13, "max": 13},
        "12 GPUs of nvidia-l4 and nvidia-a10g cannot hold all replicas at their maximum, 13 (m 13 x 1)",
        "Raise it to 9",
        at="cluster.accelerators.nvidia-l4.available",
        also={
            **A10G,
            "cluster.accelerators.nvidia-h100": {"available": 2, "hourlyUsd": 1.0},
            "models.other.accelerator.type": "nvidia-h100",
            "models.m.accelerator.alternatives": ["nvidia-a10g"],
            "budget.monthlyUsd": 50_000,
        },
    ),
    "another model's alternative may take all there is": wrong(
        "models.m.accelerator.alternatives",
        ["nvidia-a10g"],
        "4 GPUs cannot hold all replicas at their maximum, 6 (m 4 x 1 + other 2 x 1)",
        "Raise it to 6",
        at="cluster.accelerators.nvidia-l4.available",
        also={
            **A10G,
            "cluster.accelerators.nvidia-l4.available": 4,
            "models.m.scaling": {"min": 4, "max": 4},
            "budget.monthlyUsd": 50_000,
        },
    ),
    "halves of a replica on two types": wrong(
        "models.m.accelerator",
        {"type": "nvidia-l4", "alternatives": ["nvidia-a10g"], "count": 2},
        "1 replicas fit, since the 2 GPUs of a replica are of one type",
        "a multiple of 2",
        at="models.m.accelerator.alternatives",
        also={
            "cluster.nodeLabels": "karpenter",
            "cluster.accelerators": {
                "nvidia-l4": {"available": 3, "hourlyUsd": 1.0},
                "nvidia-a10g": {"available": 1, "hourlyUsd": 1.0},
                "nvidia-h100": {"available": 2, "hourlyUsd": 1.0},
            },
            "models.other.accelerator.type": "nvidia-h100",
            "budget.monthlyUsd": 50_000,
        },
    ),
    "alternative without price": wrong(
        "cluster.accelerators.nvidia-a10g",
        {"available": 4},
        f"{MISSING}, so the budget cannot",
        "costs per hour",
        at="cluster.accelerators.nvidia-a10g.hourlyUsd",
        also={"models.m.accelerator.alternatives": ["nvidia-a10g"], "cluster.nodeLabels": "karpenter"},
    ),
    # Spot nodes.
    "spot on nodes of any cloud": wrong(
        "models.m.placement",
        {"spot": {}},
        f"{MISSING}, and nodes labelled by gpuOperator are of any cloud",
        "120 on AWS",
        at="models.m.placement.spot.noticeSeconds",
    ),
    "drain longer than the notice": wrong(
        "models.m.placement",
        {"spot": {}},
        "leaves 120 s (what spot nodes of karpenter give by default) and a replica needs 130",
        "Use lifecycle.drainSeconds: 90 or less",
        at="models.m.placement.spot.noticeSeconds",
        also={"cluster.nodeLabels": "karpenter", "models.m.lifecycle": {"drainSeconds": 100}},
    ),
    "notice too short for any drain": wrong(
        "models.m.placement",
        {"spot": {}},
        "leaves 15 s (what spot nodes of gke give by default) and a replica needs 90 to stop",
        "Have the nodes give 90 and say so here",
        at="models.m.placement.spot.noticeSeconds",
        also={"cluster.nodeLabels": "gke"},
    ),
    "notice that no cloud gives": wrong(
        "models.m.placement",
        {"spot": {"noticeSeconds": 600}},
        "600 is above the largest",
        "at most 120",
        at="models.m.placement.spot.noticeSeconds",
    ),
    "priority class with blanks": wrong(
        "models.m.placement",
        {"priorityClass": "very high"},
        "'very high' does not have the allowed form",
        "existing Kubernetes object",
        at="models.m.placement.priorityClass",
    ),
    # Outages.
    "an outage in production": wrong(
        "cluster.accelerators.nvidia-l4.available",
        3,
        "without an answer for 1875 s (one replica and no spare GPU: preStop 15 s, drain 60 s, load 1800 s (at most,",
        "Declare a spare replica's GPUs (1) as available",
        at="models.m.lifecycle.allowOutage",
        also=ONE,
    ),
    "an outage in production, measured": wrong(
        "models.m.lifecycle",
        {"loadSeconds": 240},
        "without an answer for 315 s (one replica and no spare GPU: preStop 15 s, drain 60 s, load 240 s (measured:",
        "allowOutage: true",
        at="models.m.lifecycle.allowOutage",
        also={**ONE, "cluster.accelerators.nvidia-l4.available": 3},
    ),
    "an outage in production, by a claim of one node": wrong(
        "models.m.cache.accessMode",
        "ReadWriteOnce",
        "each rollout leaves callers without an answer",
        "Use a ReadWriteMany claim",
        at="models.m.lifecycle.allowOutage",
        also=ONE,
    ),
    "time with unit for the load": wrong(
        "models.m.lifecycle.loadSeconds", "4m", "'4m' is not a whole number", "in seconds"
    ),
    "name of another stack's policy": wrong(
        "models.m.formerly", ["llm-default-deny-x"], "the platform's network policy", "Use another name", at="models.m"
    ),
}
