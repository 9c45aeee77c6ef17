"""The program on a stack of 100 models with the foresight and without it: what fit, cost and times add to a preview.

One process runs the unchanged program, without an engine, again and again: once as it is, once with the calls of the
foresight left out. What the foresight knows stands in the lock, for each model, in both: reading the lock is in neither
difference. Processor time, since a busy machine stretches what elapses.
"""

import argparse
import gc
import io
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from pathlib import Path
from types import MappingProxyType
from typing import Any
from unittest.mock import patch

import yaml

import blueprint.stack
from bench.engine import copy_project
from blueprint.checks import fit, load, timing
from blueprint.cost.load import LoadCost
from blueprint.cost.stack import StackCost
from blueprint.locks import MODELS_LOCK, ModelsLock
from blueprint.sizing.config import read_config
from lab.cluster.control import REPOSITORY
from ops.program import run_program
from ops.project import Project

_GPUS = {"nvidia-l4": 4, "nvidia-a100-80gb": 8, "nvidia-h100": 8}
"""Accelerators of the stack, and of how many GPUs a node of theirs is. All numbers of the stack are made up."""
_ENDPOINTS = 4
"""One of so many models is an endpoint."""


def main() -> None:
    """Measure, and print the difference of each pair, and the ratio, as medians with their spread."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--models", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        copy_project(Path(folder))
        project = Project(Path(folder))
        _write(project, given.models)
        known = project.resolve("dev")
        print(f"{given.models} models; {len(known.notes)} notes, {len(known.warnings)} warnings", flush=True)
        values, locks = project.values("dev"), (project.models_lock(), project.images_lock())
        works: dict[str, Callable[[], object]] = {
            "the program": lambda: run_program(project, "dev"),
            "settings to a resolved stack, in it": lambda: blueprint.stack.resolve_stack("dev", values, *locks),
        }
        for what, work in works.items():
            # The first of all pays for imports; who goes first alternates.
            _seconds(work)
            taken: dict[bool, list[float]] = {True: [], False: []}
            for number in range(given.rounds):
                for foreseen in (number % 2 == 0, number % 2 == 1):
                    with ExitStack() as without:
                        if not foreseen:
                            _leave_out(without, known.cost)
                        taken[foreseen].append(_seconds(work))
            _show(what, taken[True], taken[False])


def _seconds(work: Callable[[], object]) -> float:
    """Processor time of a piece of work, whose messages are made and not shown."""
    # What the run before left is none of this one's.
    gc.collect()
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        began = time.process_time()
        work()
        return time.process_time() - began


def _show(what: str, foreseen: list[float], without: list[float]) -> None:
    pairs = list(zip(foreseen, without, strict=True))
    print(f"{what}: with the foresight {_spread(foreseen, '.2f')} s, without {_spread(without, '.2f')} s")
    print(f"  difference of a pair: {_spread([one - other for one, other in pairs], '.3f')} s")
    print(f"  ratio of a pair: {_spread([one / other for one, other in pairs], '.3f')}", flush=True)


def _spread(values: list[float], form: str) -> str:
    return f"{statistics.median(values):{form}} ({min(values):{form}} to {max(values):{form}})"


class _Nothing(StackCost):
    """A cost that is known already, of which nothing is said."""

    line = ""
    loaded: Mapping[str, LoadCost] = MappingProxyType({})


def _leave_out(patches: ExitStack, cost: StackCost) -> None:
    """Patch away what the foresight does: fit, cost, starts, their warnings, lines and outputs."""
    # Endpoints are handed their cost, whoever reckons it.
    said = _Nothing(models=cost.models)
    for module, name, instead in (
        (blueprint.stack, "cost_of", _giving(said)),
        (blueprint.stack, "replica_starts", _giving({})),
        (blueprint.stack, "endpoint_starts", _giving({})),
        (blueprint.stack, "foresight", _giving({})),
        (fit, "judged", _giving(())),
        (fit, "advise", _giving(())),
        (timing, "advise", _giving(())),
        (load, "advise", _giving(())),
    ):
        patches.enter_context(patch.object(module, name, instead))


def _giving(result: object) -> Callable[..., object]:
    return lambda *_args, **_keywords: result


def _write(project: Project, count: int) -> None:
    """Make the dev stack one of mixed models, and the lock one that has the facts of all."""
    dimensions = yaml.safe_load((REPOSITORY / "bench/fit/models.yaml").read_text())
    names = sorted(dimensions)
    known = {"how": "resolved", "source": "made up for a bench", "date": "2026-11-30"}
    pins = {
        f"org/{name}@main": {
            "sha": "0" * 40,
            "known": known,
            "facts": read_config(dimensions[name]["config"]).model_dump(exclude_none=True),
        }
        for name in names
    }
    lock = ModelsLock.model_validate({"models": pins})
    (project.root / MODELS_LOCK).write_text(yaml.safe_dump(lock.model_dump(exclude_none=True, mode="json")))
    path = project.root / "Pulumi.dev.yaml"
    whole = yaml.safe_load(path.read_text())
    config = whole["config"]
    config["llm-inference:cluster"]["accelerators"] = {
        name: {"available": 10 * count, "hourlyUsd": 1.0 + at, "gpusPerNode": size}
        for at, (name, size) in enumerate(_GPUS.items())
    }
    config["llm-inference:huggingface"]["hourlyUsd"] = {"nvidia-l4/x1": 1.0}
    config["llm-inference:models"] = {f"m{number}": _model(names, number) for number in range(count)}
    path.write_text(yaml.safe_dump(whole, sort_keys=False))


def _model(names: list[str], number: int) -> dict[str, Any]:
    common = {"model": f"org/{names[number % len(names)]}", "owner": f"team-{number % 5}"}
    engine = {"name": "vllm", "maxModelLen": 8192}
    if number % _ENDPOINTS == 0:
        instance = {"vendor": "aws", "region": "us-east-1", "type": "nvidia-l4", "size": "x1"}
        return {**common, "target": "endpoint", "engine": engine, "instance": instance, "scaling": {"min": 0, "max": 2}}
    first, *others = sorted(_GPUS, key=lambda name: (list(_GPUS).index(name) + number) % len(_GPUS))
    return {
        **common,
        "target": "kubernetes",
        "engine": engine if number % 3 else {"name": "sglang", "maxModelLen": 8192},
        "accelerator": {
            "type": first,
            "count": 1 << number % 3,
            **({"alternatives": others[:1]} if number % 5 else {}),
        },
        "cache": {"mode": "shared", "accessMode": "ReadWriteMany", "sizeGiB": 200},
        "scaling": {"min": 1, "max": 1 + number % 3},
        **({"load": {"tokensPerSecond": 900, "replicaTokensPerSecond": 450}} if number % 2 else {}),
    }


if __name__ == "__main__":
    main()
