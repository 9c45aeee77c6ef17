"""Write what a Prometheus would keep of a simulated model: `python -m lab.simulator --help`."""

import argparse
import time
from pathlib import Path

from blueprint.metrics import METRICS, emitted
from lab.simulator.model import Model
from lab.simulator.recording import record
from lab.simulator.traces import read

_SCRAPE_SECONDS = 15


def main() -> None:
    """Write a file for `promtool tsdb create-blocks-from openmetrics`. Its last moment is now."""
    parser = argparse.ArgumentParser(prog="lab.simulator", description=__doc__)
    parser.add_argument("--engine", required=True, choices=sorted(METRICS))
    parser.add_argument("--engine-version", required=True)
    parser.add_argument("--trace", required=True, type=Path, help="arrival_s,prompt_tokens,output_tokens; asked again.")
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--out", required=True, type=Path)
    given = parser.parse_args()
    if not emitted(given.engine, given.engine_version):
        known = dict.fromkeys(version for metric in METRICS[given.engine] for version in metric.versions)
        parser.error(f"--engine-version {given.engine_version}: the metrics are known of {', '.join(known)}")
    try:
        trace = read(given.trace)
    except (OSError, ValueError) as error:
        parser.error(f"--trace: {error}")
    model = Model(name="m", engine=given.engine, version=given.engine_version, trace=trace)
    recording = record([model], seconds=given.hours * 3600, every=_SCRAPE_SECONDS)
    with given.out.open("w") as file:
        file.writelines(recording.open_metrics(time.time()))
    print(f"{given.out}: {len(recording.series)} series, {recording.scrapes} scrapes")


if __name__ == "__main__":
    main()
