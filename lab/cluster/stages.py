"""What kwok does to nodes and pods: the stages of its own module, with the lab's delays put in."""

import copy
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import yaml

from lab.dataplane import ANSWERS
from lab.dataplane.pods import PART_OF, PROJECT
from lab.own_server import ENGINE

Stage = dict[str, Any]


def stages(
    files: Iterable[Path], *, start_seconds: float, drain_seconds: float, monitoring: Collection[str] = ()
) -> str:
    """Give kwok's configuration file.

    files: kwok's stage files, pod-ready and pod-delete among them.
    start_seconds: a pod is Pending that long after its scheduling, then Ready. One of this project's server, whose
        process may take longer, is so from when that answers.
    monitoring: app.kubernetes.io/name of other pods whose process is here, and may take longer.
    drain_seconds: a deleted pod is Terminating that long, then gone.
    """
    shipped: dict[str, Stage] = {}
    for path in files:
        stage = yaml.safe_load(path.read_text())
        shipped[stage["metadata"]["name"]] = stage
    ready = shipped["pod-ready"]
    changed = {
        **shipped,
        "pod-ready": _delayed(_where(ready, _served_by_us("NotIn", monitoring)), start_seconds),
        "pod-ready-served": _delayed(_when_it_answers(ready, monitoring), start_seconds),
        "pod-ready-again": _ready_again(ready),
        "pod-delete": _delayed(shipped["pod-delete"], drain_seconds),
    }
    return yaml.safe_dump_all(changed.values(), sort_keys=False)


def _delayed(stage: Stage, seconds: float) -> Stage:
    delayed = copy.deepcopy(stage)
    delayed["spec"]["delay"] = {"durationMilliseconds": round(seconds * 1000)}
    return delayed


def _when_it_answers(ready: Stage, monitoring: Collection[str]) -> Stage:
    stage = _where(
        ready,
        _served_by_us("In", monitoring),
        {"key": f'.metadata.annotations["{ANSWERS}"]', "operator": "In", "values": ["true"]},
    )
    stage["metadata"]["name"] = "pod-ready-served"
    return stage


def _served_by_us(operator: str, monitoring: Collection[str]) -> dict[str, Any]:
    """Whether a pod has a process of ours: not somebody else's pod, and none of the custom engine's downloads."""
    name, part_of = (f'.metadata.labels["{label}"]' for label in ("app.kubernetes.io/name", PART_OF))
    served = f'({name} == "{ENGINE}" and any(.spec.containers[].ports[]?; .name == "http"))'
    real = [served, *(f'{name} == "{other}"' for other in sorted(monitoring))]
    key = f'if {part_of} == "{PROJECT}" and ({" or ".join(real)}) then "yes" else "no" end'
    return {"key": key, "operator": operator, "values": ["yes"]}


def _where(stage: Stage, *conditions: dict[str, Any]) -> Stage:
    narrower = copy.deepcopy(stage)
    narrower["spec"]["selector"]["matchExpressions"] += conditions
    return narrower


def _ready_again(ready: Stage) -> Stage:
    """Make a running pod Ready that a controller marked otherwise, as the kubelet does.

    When kwok was away for a minute, the node controller calls its nodes lost and their pods not ready. kwok's
    own stage looks at pending pods only, so these would stay so for ever.
    """
    again = copy.deepcopy(ready)
    again["metadata"]["name"] = "pod-ready-again"
    for expression in again["spec"]["selector"]["matchExpressions"]:
        if expression["key"] == ".status.phase":
            expression["values"] = ["Running"]
    again["spec"]["delay"] = {"durationMilliseconds": 1000}
    return again
