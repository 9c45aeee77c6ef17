"""Preview of 50 models with the policy pack and without, in pairs: what the rules cost."""

import argparse
import resource
import statistics
import sys
import tempfile
from pathlib import Path

from bench.engine import Engine, copy_project, show, write_stack
from lab.cluster.control import Lab


def main() -> None:
    """Measure, and print medians with their spread, and the ratio of each pair."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--models", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "project"
        copy_project(project)
        write_stack(project, given.models)
        lab = Lab(Path(folder) / "lab", stacks=project, say=lambda _text: None)
        lab.start(start_seconds=0.5, drain_seconds=0.0)
        try:
            _compare(Engine([sys.executable, "-m", "lab.engine"], project, lab), given.models, given.rounds)
        finally:
            lab.stop(delete=True)


def _compare(engine: Engine, models: int, rounds: int) -> None:
    taken: dict[tuple[str, bool], list[float]] = {}
    # The first of all pays for caches of files; who goes first alternates.
    engine.run("preview")
    for number in range(rounds):
        for judged in (number % 2 == 0, number % 2 == 1):
            before = _processor_seconds()
            elapsed = engine.run("preview", *(["--policy-pack", "policy"] if judged else []))
            taken.setdefault(("elapsed", judged), []).append(elapsed)
            # A busy machine stretches what elapses, and this hardly.
            taken.setdefault(("on processors", judged), []).append(_processor_seconds() - before)
    for what in ("elapsed", "on processors"):
        one, other = taken[what, True], taken[what, False]
        show(f"{models} models, preview, {what}", "with the policies", one, "without", other)
        ratios = [first / second for first, second in zip(one, other, strict=True)]
        print(
            f"  ratio of a pair: {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})", flush=True
        )


def _processor_seconds() -> float:
    """Of all programs that were started here and have ended, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
