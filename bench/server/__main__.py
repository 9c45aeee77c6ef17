"""Our server against a blocking one, `transformers serve` and its own engine without HTTP: see docs/server.md.

All have the same model, dtype and threads, and run one after the other in every round. Prints, and never fails on time.
"""

import argparse
import itertools
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from bench.server.asking import ANSWER_TOKENS
from bench.server.contestants import CONTESTANTS, PYTHON, ROOT, direct, environment
from bench.server.report import DIRECT, Results, report

# One is left to HTTP and to the clients, which share the machine with the model.
THREADS = max(1, (os.cpu_count() or 2) - 1)


def main() -> None:
    """Measure, and print medians with their spread, and ratios."""
    parser = argparse.ArgumentParser(prog="python -m bench.server")
    parser.add_argument("--streams", type=int, nargs="+", default=[1, 8, 32, 64])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--warm", type=float, default=4, help="seconds of load before it is measured")
    parser.add_argument("--seconds", type=float, default=20, help="seconds of load that are measured")
    parser.add_argument("--threads", type=int, default=THREADS, help="of each model")
    parser.add_argument(
        "--model", choices=["tiny", "small", "medium"], default="medium", help="3, 29 or 111 million parameters"
    )
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="bfloat16", help="as the model is stored")
    given = parser.parse_args()
    times = {"warm": given.warm, "seconds": given.seconds}
    loads = [f"{load:.1f}" for load in os.getloadavg()]
    results: Results = {}
    texts: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / given.model
        made = [PYTHON, ROOT / "lab/tiny_model.py", model, given.dtype, "never", given.model]
        subprocess.run(made, check=True, capture_output=True, env=environment(given.threads))
        for number in range(given.rounds):
            print(f"round {number + 1} of {given.rounds}", flush=True)
            for each, streams in itertools.product(CONTESTANTS, given.streams):
                # Afresh for each: the blocked one would still work for clients that are gone.
                with each.running(model, given.threads, Path(folder) / "log") as url:
                    texts[each.name] = each.text(url, model)
                    measured = each.measure(url, model, streams, **times)
                results.setdefault(streams, {}).setdefault(each.name, []).append(measured)
            alone = direct(model, given.streams, given.threads, **times)
            texts[DIRECT] = alone["text"]
            for streams, measured in zip(given.streams, alone["measured"], strict=True):
                results[streams].setdefault(DIRECT, []).append(measured)
    about: dict[str, Any] = {"cores": os.cpu_count(), "load average at the start": " ".join(loads), **alone["about"]}
    about |= {"tokens of an answer": ANSWER_TOKENS, "rounds": given.rounds, "seconds": given.seconds}
    about["texts"] = "the same from all" if len(set(texts.values())) == 1 else "DIFFERENT"
    report(results, about)


if __name__ == "__main__":
    main()
