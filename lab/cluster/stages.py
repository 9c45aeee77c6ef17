"""What kwok does to nodes and pods: the stages of its own module, with the lab's delays put in."""

import copy
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import yaml

from blueprint.monitoring.parts import PORTS
from lab.dataplane import ANSWERS
from lab.dataplane.pods import PART_OF, PROJECT

Stage = dict[str, Any]


def stages(
    files: Iterable[Path], *, start_seconds: float, drain_seconds: float, monitoring: Collection[str] = ()
) -> str:
    """Give kwok's configuration file.

    files: kwok's stage files, pod-ready and pod-delete among them.
    start_seconds: a pod is Pending that long after its scheduling, then Ready. One with a process here is Ready when
        the data plane says so: no earlier, and not before the process answers.
    monitoring: app.kubernetes.io/name of pods of the monitoring whose process is here.
    drain_seconds: a deleted pod is Terminating that long, then gone.
    """
    shipped: dict[str, Stage] = {}
    for path in files:
        stage = yaml.safe_load(path.read_text())
        shipped[stage["metadata"]["name"]] = stage
    ready = shipped["pod-ready"]
    changed = {
        **shipped,
        "pod-ready": _delayed(_where(ready, _has_process("NotIn", monitoring)), start_seconds),
        "pod-ready-served": _when_it_answers(ready, monitoring),
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
        _has_process("In", monitoring),
        {"key": f'.metadata.annotations["{ANSWERS}"]', "operator": "In", "values": ["true"]},
    )
    stage["metadata"]["name"] = "pod-ready-served"
    return stage


def _has_process(operator: str, monitoring: Collection[str]) -> dict[str, Any]:
    """Whether a pod has a process here, as pods.has_engine says it of engines."""
    name, part_of = (f'.metadata.labels["{label}"]' for label in ("app.kubernetes.io/name", PART_OF))
    engine = [f'{name} != "{part}"' for part in PORTS] + ['any(.spec.containers[].ports[]?; .name == "http")']
    real = [f"({' and '.join(engine)})", *(f'{name} == "{other}"' for other in sorted(monitoring))]
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
