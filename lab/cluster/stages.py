"""What kwok does to nodes and pods: the stages of its own module, with the lab's delays put in."""

import copy
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

Stage = dict[str, Any]


def stages(files: Iterable[Path], *, start_seconds: float, drain_seconds: float) -> str:
    """Give kwok's configuration file.

    files: kwok's stage files, pod-ready and pod-delete among them.
    start_seconds: a pod is Pending that long after its scheduling, then Ready.
    drain_seconds: a deleted pod is Terminating that long, then gone.
    """
    shipped: dict[str, Stage] = {}
    for path in files:
        stage = yaml.safe_load(path.read_text())
        shipped[stage["metadata"]["name"]] = stage
    ready = shipped["pod-ready"]
    changed = {
        **shipped,
        "pod-ready": _delayed(ready, start_seconds),
        "pod-ready-again": _ready_again(ready),
        "pod-delete": _delayed(shipped["pod-delete"], drain_seconds),
    }
    return yaml.safe_dump_all(changed.values(), sort_keys=False)


def _delayed(stage: Stage, seconds: float) -> Stage:
    delayed = copy.deepcopy(stage)
    delayed["spec"]["delay"] = {"durationMilliseconds": round(seconds * 1000)}
    return delayed


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
